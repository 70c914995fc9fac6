"""The stacks of all threads, for a host that asks for them: by a message, or by a signal where the GIL is never free.

The answer to a signal comes from faulthandler's C code, which needs no GIL, and goes to a file in memory that the host reads. It does
not stop the other threads: where they run Python code, it may read what is there no more, and end the process.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

NAME = "procguard-stacks"
MAX_THREADS = 100
MAX_FRAMES = 100
# What a socket takes at once of a host that doesn't read just now.
MAX_CHARACTERS = 100_000


def offer_stacks() -> dict[str, int] | None:
    """What the hello says of it; None: it can't be asked.

    Where there is no GIL, the frames of threads that run may not be looked at from another.
    """
    has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    return {**({"message": True} if has_gil else {}), **(take_signal() or {})} or None


def say_stacks() -> str:
    """As faulthandler prints them, its limits included, the main thread last."""
    try:
        frames = list(sys._current_frames().items())
        stacks = [say_stack(ident, frame) for ident, frame in frames[-MAX_THREADS:]]
        if len(frames) > MAX_THREADS:
            stacks.insert(0, "...\n")
        text = "\n".join(stacks)
        if len(text) > MAX_CHARACTERS:
            text = text[: MAX_CHARACTERS - len(stacks[-1])] + "\n...\n\n" + stacks[-1]
        return text
    except Exception as error:  # such as MemoryError; whoever asks must not end the worker by it
        return f"Its stacks can't be told: {error!r}"


def say_stack(ident: int, frame: FrameType | None) -> str:
    lines = [f"Thread 0x{ident:016x} (most recent call first):"]
    while frame is not None and len(lines) <= MAX_FRAMES:
        code = frame.f_code
        lines.append(f'  File "{code.co_filename}", line {frame.f_lineno} in {code.co_name}')
        frame = frame.f_back
    if frame is not None:
        lines.append("  ...")
    return "\n".join(lines) + "\n"


def take_signal() -> dict[str, int] | None:
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
