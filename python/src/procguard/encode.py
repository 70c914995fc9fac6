"""Values as JSON text with binary parts."""

from __future__ import annotations

import json.encoder

from .array import to_number, to_wire
from .errors import Unsendable
from .walk import walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable


class Encoder:
    """Encodes one value at a time; each thread has its own."""

    def __init__(self) -> None:
        self.parts: list[Any] = []
        self.kept: list[Any] = []
        self.markers: dict[int, dict[str, Any]] = {}
        self.dump = compiled_dump(self.replace)

    def encode(self, value: Any) -> tuple[str, list[Any]]:
        """The JSON text and the binary parts of value; with parts or a `"$` in the text, it is marked."""
        if self.parts or self.markers:
            self.clear()
        try:
            text = self.dump(value)
            if '"$' not in text or text.count('"$') == self.marker_count():
                return text, self.parts
        except (TypeError, ValueError, RecursionError):
            pass  # a value that needs the walk, or can't be sent: the walk tells which
        return self.encode_by_walk(value)

    def encode_by_walk(self, value: Any) -> tuple[str, list[Any]]:
        self.clear()
        plain = walk(value, self.mark)
        try:
            return self.dump(plain), self.parts
        except (TypeError, ValueError, RecursionError) as error:
            raise Unsendable("unserializable", f"The value can't be sent: {error}.") from None

    def clear(self) -> None:
        self.parts = []
        self.kept = []
        self.markers = {}
        self.uses = 0

    uses = 0

    def marker_count(self) -> int:
        return self.uses

    def mark(self, value: Any) -> Any:
        """The marker for a binary value, a number for a numpy scalar; None when it is neither."""
        known = self.markers.get(id(value))
        if known is None:
            known = self.new_marker(value)
            if known is None:
                return to_number(value)
            self.markers[id(value)] = known
            self.kept.append(value)  # else its id may be that of another value later on
        self.uses += 1
        return known

    def new_marker(self, value: Any) -> dict[str, Any] | None:
        if isinstance(value, (bytes, bytearray)):
            return {"$bytes": self.add_part(value)}
        if isinstance(value, memoryview):
            return {"$bytes": self.add_part(value if value.c_contiguous else value.tobytes())}
        array = to_wire(value)
        if array is None:
            return None
        dtype, shape, data = array
        return {"$array": {"part": self.add_part(data), "dtype": dtype, "shape": shape}}

    def add_part(self, data: Any) -> int:
        self.parts.append(data if isinstance(data, bytes) else as_bytes_view(data))
        return len(self.parts) - 1

    def replace(self, value: Any) -> Any:
        marker = self.mark(value)
        if marker is None:
            raise TypeError(type(value).__name__)
        return marker


def as_bytes_view(data: Any) -> Any:
    view = memoryview(data)
    # cast() refuses a view that has a 0 in its shape.
    return view.cast("B") if view.nbytes else b""


def compiled_dump(default: Callable[[Any], Any]) -> Callable[[Any], str]:
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return json.JSONEncoder(
            ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":"), default=default
        ).encode
    # JSONEncoder.encode builds this anew for each value, which takes longer than to encode a small one.
    chunks = make(None, default, json.encoder.encode_basestring, None, ":", ",", False, False, False)
    join = "".join

    def dump(value: Any) -> str:
        return join(chunks(value, 0))

    return dump
