"""Answers as frames."""

from __future__ import annotations

from .encode import Encoder
from .errors import Unsendable
from .frames import MAX_BODY_BYTES, MAX_HEADER_BYTES, PREFIX, SHALLOW_BYTES, too_deep
from .outbox import JOIN_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .outbox import Outbox

pack = PREFIX.pack


class Answers:
    """Puts answers into the outbox. Each thread has its own."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.add = outbox.pending.append
        self.encoder = Encoder()
        self.encode = self.encoder.encode

    def result(self, id: int, value: Any) -> None:
        """Raises Unsendable."""
        self.answer("result", id, value)

    def item(self, id: int, value: Any) -> None:
        """Raises Unsendable."""
        self.answer("item", id, value)

    def end(self, id: int) -> None:
        self.put(f'{{"type":"end","id":{id}}}'.encode())

    def error(self, id: int, error: dict[str, Any]) -> None:
        text, _ = self.encode(error)
        self.put(f'{{"type":"error","id":{id},"error":{text}}}'.encode("utf-8", "backslashreplace"))

    def answer(self, kind: str, id: int, value: Any) -> None:
        text, parts = self.encode(value)
        if parts or '"$' in text:
            return self.answer_marked(kind, id, text, parts)
        try:
            header = f'{{"type":"{kind}","id":{id},"value":{text}}}'.encode()
        except UnicodeEncodeError:
            # What backslashreplace writes for half of a surrogate pair is just how JSON escapes it.
            header = f'{{"type":"{kind}","id":{id},"value":{text}}}'.encode("utf-8", "backslashreplace")
        check(header)
        self.add(pack(len(header), 0) + header)

    def answer_marked(self, kind: str, id: int, text: str, parts: list[Any]) -> None:
        lengths = [len(part) for part in parts]
        listed = f',"parts":{lengths}' if parts else ""
        header = f'{{"type":"{kind}","id":{id},"marked":true{listed},"value":{text}}}'.encode(
            "utf-8", "backslashreplace"
        )
        check(header)
        body_bytes = sum(lengths)
        if body_bytes > MAX_BODY_BYTES:
            raise Unsendable(
                "too_large",
                f"The binary parts of the value have {body_bytes} bytes; the limit is {MAX_BODY_BYTES}: send it in pieces, as a stream.",
            )
        start = pack(len(header), body_bytes) + header
        if body_bytes <= JOIN_BYTES:
            self.add(b"".join([start, *parts]))
        else:
            self.outbox.send([start, *parts])
        self.encoder.clear()

    def put(self, header: bytes) -> None:
        self.add(pack(len(header), 0) + header)


def check(header: bytes) -> None:
    if len(header) > MAX_HEADER_BYTES:
        raise Unsendable(
            "too_large",
            f"The value has {len(header)} bytes as JSON; the limit is {MAX_HEADER_BYTES}: "
            "send it as bytes, as an array of numbers, or as a stream.",
        )
    if len(header) > SHALLOW_BYTES and too_deep(header):
        raise Unsendable("unserializable", "The value is nested deeper than 100 levels: send a flatter one.")
