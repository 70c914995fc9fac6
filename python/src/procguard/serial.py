"""Sync handlers, one at a time, in the main thread."""

from __future__ import annotations

from time import perf_counter

from .handlers import registered
from .run import SyncRunner, answer_unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .answers import Answers
    from .intake import Intake
    from .requests import Requests

# For how long an answer may be held back, so that it can be written together with the next ones. Longer, and the host has
# nothing to do while the worker works, and then the other way round.
HOLD_SECONDS = 0.0002
QUICK_SECONDS = 0.0001


def serve_serially(intake: Intake, requests: Requests, answers: Answers) -> None:
    runner = SyncRunner(requests, answers)
    outbox = answers.outbox
    while True:
        request = intake.next()
        if request is None:
            return
        handler = registered.get(request.method)
        if handler is None:
            answer_unknown(answers, request)
            requests.done(request)
            continue
        started = perf_counter()
        if outbox.pending and (
            not outbox.may_hold
            or handler.usual_seconds > QUICK_SECONDS
            or started - outbox.flushed_at > HOLD_SECONDS
        ):
            outbox.flush()
        runner.run(request, handler)
        del request  # its arguments may be large, and the wait for the next one long
        seconds = perf_counter() - started
        usual = handler.usual_seconds * 0.9
        handler.usual_seconds = seconds if seconds > usual else usual
