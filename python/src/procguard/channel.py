"""The worker's half of the control channel: messages to the host."""

from __future__ import annotations

import json
import os
import threading

from .ending import host_is_gone
from .pipes import write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_LINE_BYTES = 1 << 16
MAX_LOG_BYTES = 60_000
# No character takes more than 6 bytes as JSON, or 12 for those beyond 0xffff, which count once in Python.
MAX_PIECE = MAX_LOG_BYTES // 12 - 100
LEAVING_SECONDS = 0.1


class ControlChannel:
    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.lock = threading.Lock()

    def hello(self, sdk: str, handlers: list[str], stacks: dict[str, int] | None) -> None:
        hello: dict[str, Any] = {
            "type": "hello",
            "protocol": 1,
            "sdk": sdk,
            "pid": os.getpid(),
            "handlers": handlers,
        }
        if stacks is not None:
            hello["stacks"] = stacks
        self.send(hello)

    def pong(self, seq: Any) -> None:
        self.send({"type": "pong", "seq": seq})

    def leaving(self, last: int) -> None:
        # A thread that holds the lock for long writes to a host that doesn't read, and this worker has a deadline.
        if self.lock.acquire(timeout=LEAVING_SECONDS):
            self.lock.release()
            self.send({"type": "leaving", "last": last})

    def stacks(self, id: Any, text: str) -> None:
        pieces = [text[start : start + MAX_PIECE] for start in range(0, len(text), MAX_PIECE)]
        for number, piece in enumerate(pieces, 1):
            self.send({"type": "stacks", "id": id, "text": piece, "more": number < len(pieces)})

    def log(self, level: str, message: str, fields: dict[str, Any]) -> None:
        line: dict[str, Any] = {"type": "log", "level": level, "message": message}
        if fields:
            line["fields"] = {name: plain(value) for name, value in fields.items()}
        encoded = encode(line)
        if len(encoded) > MAX_LOG_BYTES:
            encoded = encode({"type": "log", "level": level, "message": message[:MAX_PIECE] + " (cut)"})
        self.write(encoded)

    def send(self, message: dict[str, Any]) -> None:
        self.write(encode(message))

    def write(self, line: bytes) -> None:
        view = memoryview(line)
        try:
            with self.lock:
                while view:
                    view = view[write(self.descriptor, view) :]
        except OSError:
            host_is_gone()


def encode(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def plain(value: Any) -> Any:
    """The value when it is JSON, else its text: a log line never fails."""
    try:
        json.dumps(value, allow_nan=False)
        return value
    except (TypeError, ValueError, RecursionError):
        return str(value)
