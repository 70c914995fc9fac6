"""Frames on the data channel: read from it, and made for it."""

from __future__ import annotations

import io
import json
import re
from struct import Struct

from .errors import ProtocolError
from .pipes import open_reader, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

MAX_HEADER_BYTES = 1 << 26
MAX_BODY_BYTES = 1 << 30
MAX_DEPTH = 100
# No JSON of this length is nested deeper.
SHALLOW_BYTES = 2 * MAX_DEPTH
READ_BYTES = 1 << 18
# What a read asks for is allocated first, and 256 KiB cost more than all else that a small request takes.
SMALL_READ_BYTES = 1 << 14

PREFIX = Struct(">II")


def refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


decoder = json.JSONDecoder(parse_constant=refuse_constant)
scan: Callable[[str, int], tuple[Any, int]] = decoder.scan_once  # type: ignore[attr-defined]


class FrameReader:
    """Reads the frames of one descriptor. next() takes one from memory, fill() reads more."""

    def __init__(self, descriptor: int) -> None:
        self.raw = open_reader(descriptor)
        # With a buffer of one byte read(n) goes straight into its result, without a copy and without reading beyond it.
        self.file = io.BufferedReader(self.raw, 1)
        self.buffer = b""
        self.position = 0
        self.read_bytes = SMALL_READ_BYTES

    def next(self) -> tuple[dict[str, Any], bytes] | None:
        """Header and body of the next frame; None when it isn't all in memory."""
        buffer = self.buffer
        start = self.position + 8
        if len(buffer) < start:
            return None
        header_bytes, body_bytes = PREFIX.unpack_from(buffer, start - 8)
        check_lengths(header_bytes, body_bytes)
        middle = start + header_bytes
        end = middle + body_bytes
        if len(buffer) < end:
            return None
        self.position = end
        return parse_header(buffer[start:middle], body_bytes), buffer[middle:end]

    def fill(self) -> bool:
        """Wait for more bytes and read them; False at the end of the stream."""
        buffer = self.buffer = self.buffer[self.position :]
        self.position = 0
        if len(buffer) >= 8:
            header_bytes, body_bytes = PREFIX.unpack_from(buffer)
            if header_bytes + body_bytes > READ_BYTES and len(buffer) < 8 + header_bytes:
                more = self.file.read(8 + header_bytes - len(buffer))
                self.buffer = buffer + more
                return bool(more)
        more = read(self.raw.fileno(), self.read_bytes)
        self.read_bytes = READ_BYTES if len(more) == self.read_bytes else SMALL_READ_BYTES
        self.buffer = buffer + more if buffer else more
        return bool(more)

    def next_large(self) -> tuple[dict[str, Any], bytes] | None:
        """Read the rest of the frame that has begun, when it is large; None when it isn't, or at the end of the stream."""
        buffer = self.buffer
        start = self.position + 8
        if len(buffer) < start:
            return None
        header_bytes, body_bytes = PREFIX.unpack_from(buffer, start - 8)
        middle = start + header_bytes
        if body_bytes <= READ_BYTES or len(buffer) < middle:
            return None
        header = parse_header(buffer[start:middle], body_bytes)
        self.buffer = b""
        self.position = 0
        body = self.read_body(buffer[middle:], body_bytes)
        return None if body is None else (header, body)

    def read_body(self, begun: bytes, body_bytes: int) -> bytes | None:
        body = io.BufferedReader(Rest(begun, self.raw), 1).read(body_bytes)
        return body if len(body) == body_bytes else None


class Rest(io.RawIOBase):
    """What has been read of a body, followed by what will be."""

    def __init__(self, begun: bytes, raw: io.RawIOBase) -> None:
        self.begun = begun
        self.raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, view: Any) -> int | None:
        if not self.begun:
            return self.raw.readinto(view)
        count = min(len(view), len(self.begun))
        view[:count] = self.begun[:count]
        self.begun = self.begun[count:]
        return count


def check_lengths(header_bytes: int, body_bytes: int) -> None:
    if header_bytes > MAX_HEADER_BYTES:
        raise ProtocolError(
            "header_too_large", f"a header of {header_bytes} bytes; the limit is {MAX_HEADER_BYTES}"
        )
    if body_bytes > MAX_BODY_BYTES:
        raise ProtocolError("body_too_large", f"a body of {body_bytes} bytes; the limit is {MAX_BODY_BYTES}")
    if header_bytes < 2:
        raise ProtocolError("header_too_small", f"a header of {header_bytes} bytes; the least is 2")


def parse_header(raw: bytes, body_bytes: int) -> dict[str, Any]:
    if len(raw) > SHALLOW_BYTES and too_deep(raw):
        raise ProtocolError("too_deep", f"a header nested deeper than {MAX_DEPTH} levels")
    try:
        text = raw.decode()
        try:
            header, end = scan(text, 0)
        except StopIteration:
            end = -1
        if end != len(text):
            header = decoder.decode(text)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("not_json", f"a header that isn't JSON: {error}") from None
    if type(header) is not dict:
        raise ProtocolError("not_object", "a header that isn't a JSON object")
    if body_bytes or "parts" in header:
        check_parts(header, body_bytes)
    return header


def check_parts(header: dict[str, Any], body_bytes: int) -> None:
    parts: Any = header.get("parts")
    whole = isinstance(parts, list) and all(type(length) is int and length >= 0 for length in parts)
    if not whole or sum(parts) != body_bytes:
        raise ProtocolError("parts_mismatch", f"the parts don't make up the body of {body_bytes} bytes")


def split_parts(header: dict[str, Any], body: bytes) -> list[bytes]:
    """The binary parts of a frame, each as bytes; the only one is the body itself."""
    lengths = header.get("parts", ())
    if len(lengths) == 1:
        return [body]
    parts = []
    view = memoryview(body)
    position = 0
    for length in lengths:
        parts.append(bytes(view[position : position + length]))
        position += length
    return parts


STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
BRACKETS = bytes.maketrans(b"{}", b"[]")
NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def too_deep(raw: bytes) -> bool:
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return False
    # Each round takes the innermost level away, all of it at once.
    brackets = STRINGS.sub(b"", raw).translate(BRACKETS, NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)
