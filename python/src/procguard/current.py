"""Which request each thread works on."""

from __future__ import annotations

from _thread import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .requests import Request

by_thread: dict[int, Request | None] = {}


def cancelled() -> bool:
    """True when the request that this thread works on was cancelled: nobody waits for its answer any more.

    A sync handler that runs long asks this now and then, and returns. In an async handler asyncio.CancelledError is raised
    instead. Outside of a handler it is False.
    """
    request = by_thread.get(get_ident())
    return request is not None and request.cancelled
