"""SIGTERM and SIGINT."""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .ending import Ending


def catch_signals(ending: Ending) -> int:
    """Direct signals to a descriptor, which the control thread reads: it hears of one even while C code runs."""
    reader, writer = os.pipe()
    if os.name != "nt":
        os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def stop(number: int, frame: Any) -> None:
        ending.stop()

    signal.signal(signal.SIGTERM, stop)
    if hasattr(signal, "SIGBREAK"):
        signal.signal(signal.SIGBREAK, stop)
    # Ctrl-C goes to the host, which drains. SIG_IGN would be inherited by the worker's children.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    return reader
