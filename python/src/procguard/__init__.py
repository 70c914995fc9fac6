"""Makes a Python program a worker of a procguard Pool.

Example:
    import procguard

    @procguard.handler
    def embed(text):
        return [0.1, 0.2]

    procguard.serve()
"""

from __future__ import annotations

from . import log
from .array import Array
from .current import cancelled, trace_context
from .errors import Error
from .handlers import handler

__all__ = ["Array", "Error", "cancelled", "handler", "log", "serve", "trace_context"]
__version__ = "0.1.0"


def serve(threads: int = 1) -> None:
    """Serve requests until the pool drains this worker or ends it.

    threads is how many sync handlers run at a time, 1 or more. With 1 they run in the main thread. Call it in the main
    thread, once, when all handlers are registered. It returns after a drain or a SIGTERM.

    Raises Error: ERR_PROCGUARD_NOT_IN_POOL when no pool started this program, ERR_PROCGUARD_USAGE for a wrong call.
    """
    # What serving needs is imported here: a program that only imports its handlers doesn't pay for it.
    from .worker import run_worker

    run_worker(threads)
