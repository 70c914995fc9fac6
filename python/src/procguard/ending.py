"""How a worker ends."""

from __future__ import annotations

import os
import sys
import threading
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

TERM_SECONDS = 2.7  # 3 at the very most, the exit itself included
EXIT_BROKEN_PROTOCOL = 70
EXIT_TERMINATED = 143


class Ending:
    """What the worker was told about its end. Set by the control thread, read by the one that takes requests."""

    def __init__(self) -> None:
        self.stopping = False  # SIGTERM: take no further request
        self.draining = False  # drain: take those that were sent, then end
        self.finished = False
        self.idle = False
        self.deadline: float | None = None
        self.woken = False
        self.drained = threading.Event()
        self.wake_reader, self.wake_writer = os.pipe()

    def stop(self) -> None:
        if self.deadline is None:
            self.deadline = monotonic() + TERM_SECONDS
        self.stopping = True
        self.wake()

    def drain(self) -> None:
        self.draining = True
        self.drained.set()
        self.wake()

    def wake(self) -> None:
        if not self.woken:
            self.woken = True
            os.write(self.wake_writer, b"\0")

    @property
    def is_overdue(self) -> bool:
        return self.deadline is not None and monotonic() >= self.deadline

    def give_up(self) -> NoReturn:
        os._exit(0 if self.finished else EXIT_TERMINATED)


def host_is_gone() -> NoReturn:
    """End at once. Nothing is flushed: there is nobody to read it, and a full pipe would block."""
    os._exit(0)


def broken_protocol(message: str) -> NoReturn:
    try:
        os.write(
            2, f"procguard: the host broke the protocol: {message}\n".encode("utf-8", "backslashreplace")
        )
    finally:
        os._exit(EXIT_BROKEN_PROTOCOL)


def refused(message: str) -> NoReturn:
    try:
        os.write(
            2, f"procguard: the host refused this worker: {message}\n".encode("utf-8", "backslashreplace")
        )
    finally:
        os._exit(EXIT_BROKEN_PROTOCOL)


def end_if_stdout_is_broken() -> None:
    """For a BrokenPipeError of unknown origin: end when it was stdout's."""
    if stdout_is_broken():
        host_is_gone()


def stdout_is_broken() -> bool:
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        return True
    except (OSError, ValueError):
        return os.name == "nt"  # where a broken pipe is EINVAL
    if os.name == "nt":
        return False
    import select

    poll = select.poll()
    poll.register(1, 0)
    return any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))
