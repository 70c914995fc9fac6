"""The stacks of all threads, for a host that asks for them by a signal.

The answer comes from faulthandler's C code, which needs no GIL, and goes to a file in memory that the host reads.
"""

from __future__ import annotations

import os
import sys

NAME = "procguard-stacks"


def offer_stacks() -> dict[str, int] | None:
    """What the hello says of it; None where there is no such file or no signal that is free."""
    if sys.platform != "linux":
        return None
    descriptor = None
    try:
        import faulthandler

        number = free_signal()
        if number is None:
            return None
        descriptor = os.memfd_create(NAME)
        faulthandler.register(number, file=descriptor, all_threads=True)
    except (ImportError, AttributeError, OSError, RuntimeError, ValueError):
        if descriptor is not None:
            os.close(descriptor)
        return None  # a worker without this is a worker
    return {"signal": number, "descriptor": descriptor}


def free_signal() -> int | None:
    """A real-time signal that the program neither handles nor ignores nor blocks: SIGUSR1 and SIGUSR2 are its own."""
    import signal

    taken = taken_signals()
    for number in range(signal.SIGRTMAX - 1, signal.SIGRTMIN, -1):
        if not taken >> (number - 1) & 1 and signal.getsignal(number) is signal.SIG_DFL:
            return number
    return None


def taken_signals() -> int:
    """A bit for each. The signal module knows of what Python has set; this knows of C libraries, too."""
    taken = 0
    with open("/proc/self/status", "rb", buffering=0) as file:
        for line in file.read(1 << 14).split(b"\n"):
            if line.startswith((b"SigBlk:", b"SigIgn:", b"SigCgt:")):
                taken |= int(line[7:], 16)
    return taken
