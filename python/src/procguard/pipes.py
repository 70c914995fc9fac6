"""Reads and writes of the two channels, by several threads at the same time."""

from __future__ import annotations

import io
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

read: Callable[[int, int], bytes] = os.read
write: Callable[[int, Any], int] = os.write

if sys.platform == "win32":
    # The C runtime waits for its reads and writes on the pipe itself, so that the end of a write would look like the end
    # of a read of another thread. Here each has an event of its own.
    import _winapi
    import msvcrt

    ERROR_BROKEN_PIPE = 109
    WRITE_BYTES = 1 << 20

    def read_overlapped(descriptor: int, size: int) -> bytes:
        try:
            operation, _ = _winapi.ReadFile(msvcrt.get_osfhandle(descriptor), size, overlapped=True)
            count, _ = operation.GetOverlappedResult(True)
        except OSError as error:
            if error.winerror == ERROR_BROKEN_PIPE:
                return b""
            raise
        buffer = operation.getbuffer()
        return bytes(buffer[:count]) if buffer is not None else b""

    def write_overlapped(descriptor: int, data: Any) -> int:
        piece = memoryview(data).cast("B")[:WRITE_BYTES]
        operation, _ = _winapi.WriteFile(msvcrt.get_osfhandle(descriptor), piece, overlapped=True)
        count, _ = operation.GetOverlappedResult(True)
        return int(count)

    read = read_overlapped
    write = write_overlapped


class PipeFile(io.RawIOBase):
    """Such a descriptor as a file to read from, where the C runtime's own can't be used."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def fileno(self) -> int:
        return self.descriptor

    def readable(self) -> bool:
        return True

    def readinto(self, view: Any) -> int:
        data = read(self.descriptor, len(view))
        view[: len(data)] = data
        return len(data)


def open_reader(descriptor: int) -> io.RawIOBase:
    return PipeFile(descriptor) if os.name == "nt" else io.FileIO(descriptor, "rb", closefd=False)
