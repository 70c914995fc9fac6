"""What markers in received JSON stand for."""

from __future__ import annotations

from .array import from_wire
from .errors import ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Sequence

NUMBERS = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}


def decode(value: Any, parts: Sequence[bytes]) -> Any:
    """The value that a marked JSON value means, with these binary parts."""
    return Decoder(parts).value(value)


class Decoder:
    def __init__(self, parts: Sequence[bytes]) -> None:
        self.parts = parts
        self.arrays: dict[tuple[int, str, tuple[int, ...]], Any] = {}

    def value(self, value: Any) -> Any:
        if type(value) is list:
            return [self.value(item) for item in value]
        if type(value) is not dict:
            return value
        for key in value:
            if key.startswith("$"):
                return self.marked(value, key)
        return {key: self.value(item) for key, item in value.items()}

    def marked(self, value: dict[str, Any], key: str) -> Any:
        if len(value) != 1:
            raise ProtocolError("bad_marker", f"the marker {key} is not alone in its object")
        content = value[key]
        if key == "$bytes":
            return self.part(content)
        if key == "$array":
            return self.array(content)
        if key == "$number" and isinstance(content, str) and content in NUMBERS:
            return NUMBERS[content]
        if key == "$object" and type(content) is dict:
            return {name: self.value(item) for name, item in content.items()}
        raise ProtocolError("bad_marker", f"unknown marker {key}, or a wrong value for it")

    def part(self, index: Any) -> bytes:
        if type(index) is not int or not 0 <= index < len(self.parts):
            raise ProtocolError("bad_marker", f"there is no binary part {index!r}")
        return self.parts[index]

    def array(self, content: Any) -> Any:
        try:
            index, dtype, shape = content["part"], content["dtype"], content["shape"]
            if type(shape) is not list:
                raise TypeError("its shape is not a list")
            data = self.part(index)
            known = (index, dtype, tuple(shape))
            if known not in self.arrays:
                self.arrays[known] = from_wire(dtype, shape, data)
            return self.arrays[known]
        except (KeyError, TypeError, ValueError) as error:
            raise ProtocolError("bad_marker", f"bad $array: {error}") from None
