"""Frames on their way to the host."""

from __future__ import annotations

import os
import threading
from time import perf_counter

from .ending import host_is_gone
from .pipes import write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

JOIN_BYTES = 1 << 16
MAX_BUFFERS = 512  # IOV_MAX is 1024 on Linux and macOS


class Outbox:
    """Collects frames and writes them together. add() is for any thread, as is flush()."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.pending: list[bytes] = []
        self.lock = threading.Lock()
        self.flushed_at = 0.0
        # Whether the control thread looks often enough to write what is held back behind a slow handler.
        self.may_hold = False

    def add(self, frame: bytes) -> None:
        self.pending.append(frame)

    def flush(self) -> None:
        """Write what was added. Returns when the kernel has taken all of it."""
        if not self.pending:
            return
        with self.lock:
            self.write_pending()

    def write_pending(self) -> None:
        # Another thread may add a frame meanwhile: only those counted here are taken.
        pending = self.pending
        count = len(pending)
        if count == 1:
            data = pending.pop(0)
        elif count:
            data = b"".join(pending[:count])
            del pending[:count]
        else:
            return
        try:
            written = write(self.descriptor, data)
            if written < len(data):
                write_all(self.descriptor, [memoryview(data)[written:]])
        except OSError:
            host_is_gone()
        self.flushed_at = perf_counter()

    def send(self, buffers: list[Any]) -> None:
        """Write one frame in pieces, at once and uncopied: the caller may change its buffers afterwards."""
        with self.lock:
            self.write_pending()
            try:
                write_all(self.descriptor, [memoryview(buffer) for buffer in buffers])
            except OSError:
                host_is_gone()


def write_all(descriptor: int, views: list[memoryview]) -> None:
    views = [view for view in views if view.nbytes]
    while views:
        if hasattr(os, "writev"):
            written = os.writev(descriptor, views[:MAX_BUFFERS])
        else:
            written = write(descriptor, views[0][:WRITE_BYTES])
        while written:
            if written >= views[0].nbytes:
                written -= views[0].nbytes
                del views[0]
            else:
                views[0] = views[0][written:]
                written = 0


WRITE_BYTES = 1 << 20  # a pipe of Windows takes no more than its buffer at a time
