"""The slow way through a value: finds what plain JSON doesn't have, and where it is."""

from __future__ import annotations

from .errors import Unsendable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

MAX_DEPTH = 100


def walk(value: Any, mark: Callable[[Any], Any]) -> Any:
    """A copy of value as plain JSON: markers for what JSON doesn't have. Raises Unsendable with the place in the value."""
    return Walk(mark).visit(value)


class Walk:
    def __init__(self, mark: Callable[[Any], Any]) -> None:
        self.mark = mark
        self.path: list[Any] = []

    def visit(self, value: Any) -> Any:
        if value is None or isinstance(value, (str, bool, int)):
            return value
        if isinstance(value, float):
            return self.number(value)
        if isinstance(value, (list, tuple)):
            return [self.inside(index, item) for index, item in enumerate(value)]
        if isinstance(value, dict):
            return self.members(value)
        marker = self.mark(value)
        if marker is None:
            raise Unsendable(
                "unserializable",
                f"A value of type {type_name(value)} can't be sent{self.place()}{remedy(value)}",
            )
        return self.number(marker) if isinstance(marker, float) else marker

    def inside(self, step: Any, value: Any) -> Any:
        if len(self.path) >= MAX_DEPTH:
            raise Unsendable(
                "unserializable",
                f"The value is nested deeper than {MAX_DEPTH} levels, or contains itself: send a flatter one.",
            )
        self.path.append(step)
        result = self.visit(value)
        self.path.pop()
        return result

    def number(self, value: float) -> Any:
        if value != value:
            return {"$number": "nan"}
        if value in (float("inf"), float("-inf")):
            return {"$number": "inf" if value > 0 else "-inf"}
        return value

    def members(self, value: dict[Any, Any]) -> Any:
        result = {}
        reserved = False
        for key, item in value.items():
            if isinstance(key, str):
                reserved = reserved or key.startswith("$")
            elif key is not None and not isinstance(key, (bool, int, float)):
                raise Unsendable(
                    "unserializable",
                    f"A key of type {type_name(key)} can't be sent{self.place()}: make it a string.",
                )
            result[key] = self.inside(key, item)
        return {"$object": result} if reserved else result

    def place(self) -> str:
        if not self.path:
            return ""
        return " (at value" + "".join(f"[{step!r}]" for step in self.path) + ")"


def type_name(value: Any) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def remedy(value: Any) -> str:
    if isinstance(value, (set, frozenset)):
        return ": make it a list."
    if hasattr(value, "dtype") and hasattr(value, "filled"):
        return ": send its filled(), or its data and its mask."
    if hasattr(value, "dtype"):
        return f": its dtype {value.dtype} is not one of plain numbers. Send astype() of one that is, or tolist()."
    return ": send JSON values, bytes or arrays of numbers."
