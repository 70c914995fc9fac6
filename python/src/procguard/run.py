"""One request from its handler's call to its last answer, for sync handlers."""

from __future__ import annotations

from _thread import get_ident
from types import AsyncGeneratorType, CoroutineType, GeneratorType

from .current import by_thread
from .ending import end_if_stdout_is_broken
from .errors import Unsendable
from .failure import describe
from .handlers import registered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .answers import Answers
    from .handlers import Handler
    from .requests import Request, Requests

CANCELLED = {"code": "cancelled", "type": "CancelledError", "message": "The request was cancelled."}


class Cancelled(BaseException):
    """Ends the run of a cancelled request; no handler ever sees it."""


class SyncRunner:
    """Runs requests in the thread that made it."""

    def __init__(self, requests: Requests, answers: Answers) -> None:
        self.requests = requests
        self.answers = answers
        self.thread = get_ident()

    def run(self, request: Request, handler: Handler) -> None:
        by_thread[self.thread] = request
        try:
            if request.cancelled:
                raise Cancelled
            value = handler.function(*request.args)
            if request.streams or type(value) in MADE_LATER:
                self.answer_slowly(request, value)
            elif request.cancelled:
                raise Cancelled
            else:
                self.answers.answer("result", request.id, value)
        except BaseException as error:
            answer_failure(self.answers, request, error)
        by_thread[self.thread] = None
        self.requests.in_hand.pop(request.id, None)

    def answer_slowly(self, request: Request, value: Any) -> None:
        if type(value) is GeneratorType:
            try:
                self.answer_items(request, value)
            finally:
                value.close()
        elif type(value) in MADE_LATER:
            if isinstance(value, CoroutineType):
                value.close()
            raise TypeError(
                f'The handler "{request.method}" returned an async {type(value).__name__}: define it with "async def".'
            )
        else:
            self.send_item(request, value)
            self.answers.end(request.id)

    def answer_items(self, request: Request, items: Any) -> None:
        if not request.streams:
            gathered = []
            for item in items:
                if request.cancelled:
                    raise Cancelled
                gathered.append(item)
            self.answers.result(request.id, gathered)
            return
        for item in items:
            self.send_item(request, item)
        self.answers.end(request.id)

    def send_item(self, request: Request, item: Any) -> None:
        if not request.cancelled and not self.requests.spend_credit(request):
            self.answers.outbox.flush()
            self.requests.wait_for_credit(request)
            if not request.cancelled:
                self.requests.spend_credit(request)
        if request.cancelled:
            raise Cancelled
        self.answers.item(request.id, item)
        # The handler may take any time for the next one.
        self.answers.outbox.flush()


MADE_LATER = frozenset({GeneratorType, CoroutineType, AsyncGeneratorType})


def answer_failure(answers: Answers, request: Request, error: BaseException) -> None:
    if isinstance(error, BrokenPipeError):
        end_if_stdout_is_broken()
    if request.cancelled:
        answers.error(request.id, CANCELLED)
    elif isinstance(error, Unsendable):
        answers.error(request.id, {"code": error.code, "type": "TypeError", "message": str(error)})
    else:
        answers.error(request.id, describe(error))


def answer_unknown(answers: Answers, request: Request) -> None:
    offered = ", ".join(sorted(registered)) or "none"
    answers.error(
        request.id,
        {
            "code": "unknown_method",
            "type": "LookupError",
            "message": f'There is no handler "{request.method}" in this worker. It offers: {offered}.',
        },
    )
