"""Arrays of numbers, with numpy and without it."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Sequence, Union

    Buffer = Union[bytes, bytearray, memoryview]


class Array:
    """An array of numbers as it travels: what an array becomes where numpy isn't installed.

    dtype is numpy's ('<f4': byte order, kind, bytes per number), shape the lengths of its dimensions, data the bytes in C order.
    Raises ValueError when the three don't fit together.

    Example: Array("<f4", [2], struct.pack("<2f", 0.5, 1.5))
    """

    __slots__ = ("dtype", "shape", "data")

    def __init__(self, dtype: str, shape: Sequence[int], data: Buffer) -> None:
        self.dtype = dtype
        self.shape = tuple(shape)
        self.data = data
        expected = item_bytes(dtype)
        for length in self.shape:
            if type(length) is not int or length < 0:
                raise ValueError(f"shape {list(shape)!r} must consist of whole numbers of 0 or more")
            expected *= length
        if memoryview(data).nbytes != expected:
            raise ValueError(
                f"dtype {dtype!r} and shape {list(self.shape)} need {expected} bytes of data, not {memoryview(data).nbytes}"
            )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Array):
            return NotImplemented  # Python's own answer: let the other operand decide
        return (self.dtype, self.shape, bytes(self.data)) == (other.dtype, other.shape, bytes(other.data))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"procguard.Array({self.dtype!r}, {list(self.shape)}, <{memoryview(self.data).nbytes} bytes>)"


ITEM_BYTES = {
    kind + str(size): size
    for kind, sizes in {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8), "c": (8, 16)}.items()
    for size in sizes
}


def item_bytes(dtype: str) -> int:
    size = ITEM_BYTES.get(dtype[1:]) if isinstance(dtype, str) else None
    if size is None or dtype[0] not in ("|" if size == 1 else "<>"):
        raise ValueError(f"dtype {dtype!r} must be one of numpy's for numbers, such as '<f4' or '|u1'")
    return size


def from_wire(dtype: str, shape: list[int], data: Buffer) -> Any:
    """The ndarray (a numpy scalar for shape []) over data, without a copy; an Array where there is no numpy."""
    array = Array(dtype, shape, data)
    numpy = find_numpy()
    if numpy is None:
        return array
    return numpy.ndarray(shape, dtype, data)[()]


numpy_module: Any = False


def find_numpy() -> Any:
    global numpy_module
    if numpy_module is False:
        try:
            import numpy as numpy_module  # type: ignore[import-not-found,unused-ignore]
        except ImportError:
            numpy_module = None
    return numpy_module


def to_wire(value: Any) -> tuple[str, list[int], Any] | None:
    """dtype, shape and data of an Array, an ndarray or a complex scalar; None for anything else, or without numbers."""
    if isinstance(value, Array):
        return value.dtype, list(value.shape), value.data
    numpy = sys.modules.get("numpy")
    if (
        numpy is None
        or not isinstance(value, (numpy.ndarray, numpy.complexfloating))
        or isinstance(value, numpy.ma.MaskedArray)  # its mask would be lost
        or value.dtype.str[1:] not in ITEM_BYTES
    ):
        return None
    shape = list(value.shape)  # before ascontiguousarray, which makes one dimension out of none
    return value.dtype.str, shape, numpy.ascontiguousarray(value).reshape(-1).view("u1").data


def to_number(value: Any) -> Any:
    """The plain number that a numpy scalar stands for; None for anything else, complex numbers included."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, (numpy.bool_, numpy.integer, numpy.floating)):
        number = value.item()
        return number if isinstance(number, (bool, int, float)) else float(value)
    return None
