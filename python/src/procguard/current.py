"""Which request each thread, and each task of the event loop, works on."""

from __future__ import annotations

from _thread import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextvars import ContextVar

    from .requests import Request

by_thread: dict[int, Request | None] = {}
# Made where handlers run in an event loop: tasks share a thread.
by_task: ContextVar[Request | None] | None = None


def cancelled() -> bool:
    """True when the request that this thread works on was cancelled: nobody waits for its answer any more.

    A sync handler that runs long asks this now and then, and returns. In an async handler asyncio.CancelledError is raised
    instead. Outside of a handler it is False.
    """
    request = by_thread.get(get_ident())
    return request is not None and request.cancelled


def trace_context() -> dict[str, str] | None:
    """Where the request that is worked on belongs in a distributed trace: traceparent, and tracestate if there is one.

    They are as the headers of W3C Trace Context have them, in the form that a propagator reads. None outside of a
    handler, and when the host is not traced.

    Example:
        context = opentelemetry.propagate.extract(procguard.trace_context() or {})
    """
    request = by_thread.get(get_ident())
    if request is None and by_task is not None:
        request = by_task.get()
    return None if request is None or request.trace is None else dict(request.trace)
