"""The two channels' descriptors, and who may hold them."""

from __future__ import annotations

import os
import sys

from . import log
from .errors import Error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .ending import Ending

CONTROL = 3
DATA = 4


def take_descriptors() -> None:
    for descriptor in (CONTROL, DATA):
        try:
            os.fstat(descriptor)
        except OSError as error:
            raise Error(
                "ERR_PROCGUARD_NOT_IN_POOL",
                f"Descriptor {descriptor} of the pool is closed: a program between the pool and this one must pass 3 and 4 on.",
            ) from error
        # Held by a child of this worker, they would stay open after its end.
        os.set_inheritable(descriptor, False)
        if sys.platform == "win32":
            import msvcrt

            msvcrt.setmode(descriptor, os.O_BINARY)
        else:
            os.set_blocking(descriptor, True)


def leave_to_worker(ending: Ending, signals: int) -> None:
    """Take the channels away from children made by fork() alone, which inherit what exec would close."""
    if not hasattr(os, "register_at_fork"):
        return
    import signal
    from threading import get_ident

    masks: dict[int, set[signal.Signals]] = {}

    # The descriptor that tells of signals is shared: a SIGTERM to a child that has not left yet would end the worker.
    def hold() -> None:
        masks[get_ident()] = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})  # type: ignore[assignment]

    def release() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, masks.pop(get_ident()))

    def leave() -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        log.channel = None
        for descriptor in (CONTROL, DATA, signals, ending.wake_reader, ending.wake_writer):
            os.close(descriptor)
        release()

    os.register_at_fork(before=hold, after_in_parent=release, after_in_child=leave)
