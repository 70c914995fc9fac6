"""The requests that this worker has taken and not yet answered."""

from __future__ import annotations

import threading

from .errors import ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

MAX_EARLY = 4096
CLOSED = 0  # no request has this id


class Request:
    __slots__ = ("id", "method", "args", "streams", "credit", "cancelled", "task", "waiter", "trace")

    def __init__(self, id: int, method: str, args: list[Any], streams: bool, credit: int) -> None:
        self.id = id
        self.method = method
        self.args = args
        self.streams = streams
        self.credit = credit
        self.cancelled = False
        self.task: Any = None
        self.waiter: Any = None
        self.trace: dict[str, str] | None = None


class Requests:
    """Shared by the threads that work on requests and the control thread, which cancels them and gives them credit."""

    def __init__(self) -> None:
        self.in_hand: dict[int, Request] = {}
        # A cancel may overtake its request: they come on two channels. Those of answered requests end up here as well.
        self.early: dict[int, None] = {}
        # The id of the request that was taken last.
        self.last = 0
        # Of the last that doesn't wait for a thread while others do.
        self.passed = 0
        self.limit: int | None = None
        self.closing = threading.Lock()
        self.changed = threading.Condition()
        self.on_change: Callable[[Request], None] | None = None

    def take(self, header: dict[str, Any], args: list[Any]) -> Request | None:
        """None when no more is taken."""
        kind = header.get("type")
        id = header.get("id")
        method = header.get("method")
        credit = header.get("credit", 0)
        if (
            type(id) is not int
            or id < 1
            or type(method) is not str
            or type(args) is not list
            or type(credit) is not int
        ):
            raise ProtocolError("bad_request", "a request with a wrong or missing id, method, args or credit")
        if kind != "call" and kind != "stream":
            raise ProtocolError("bad_type", f"a frame of type {kind!r}")
        request = Request(id, method, args, kind == "stream", credit)
        if "trace" in header:
            request.trace = read_trace(header["trace"])
        self.in_hand[id] = request
        self.last = id
        # After both were noted: the control thread looks there before and after it notes an early cancel, and after it notes
        # that no more is taken.
        if self.early:
            if CLOSED in self.early and self.is_over(id):
                self.done(request)
                return None
            if id in self.early:
                self.early.pop(id, None)
                request.cancelled = True
        return request

    def close(self) -> int:
        """Takes no more, also while another thread is about to; returns the id of the last that was taken."""
        with self.closing:
            if self.limit is None:
                self.early[CLOSED] = None
                self.limit = self.last
            return self.limit

    def is_over(self, id: int) -> bool:
        with self.closing:
            return self.limit is not None and id > self.limit

    def done(self, request: Request) -> None:
        self.in_hand.pop(request.id, None)

    def cancel(self, id: Any) -> None:
        if type(id) is not int:
            return
        request = self.in_hand.get(id)
        if request is None:
            self.note_early(id)
            request = self.in_hand.get(id)
        if request is not None:
            request.cancelled = True
            self.tell(request)

    def note_early(self, id: int) -> None:
        self.early[id] = None
        if len(self.early) > MAX_EARLY and self.limit is None:
            self.early.pop(next(iter(self.early)), None)

    def give_credit(self, id: Any, items: Any) -> None:
        request = self.in_hand.get(id) if type(id) is int else None
        if request is not None and type(items) is int and items > 0:
            with self.changed:
                request.credit += items
            self.tell(request)

    def tell(self, request: Request) -> None:
        with self.changed:
            self.changed.notify_all()
        if self.on_change is not None:
            self.on_change(request)

    def spend_credit(self, request: Request) -> bool:
        """Take one item's credit, if there is some."""
        with self.changed:
            if request.credit < 1:
                return False
            request.credit -= 1
            return True

    def wait_for_credit(self, request: Request) -> None:
        """Wait until there is credit or the request is cancelled; the end of the worker ends the wait."""
        with self.changed:
            while request.credit < 1 and not request.cancelled:
                self.changed.wait()


def read_trace(trace: Any) -> dict[str, str]:
    if type(trace) is not dict or type(trace.get("traceparent")) is not str:
        raise ProtocolError("bad_request", "a request with a trace that has no traceparent")
    if type(trace.get("tracestate", "")) is not str:
        raise ProtocolError("bad_request", "a request with a tracestate that is no text")
    return {key: trace[key] for key in ("traceparent", "tracestate") if key in trace}
