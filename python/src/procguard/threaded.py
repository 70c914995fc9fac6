"""Sync handlers, several at a time, in threads."""

from __future__ import annotations

import threading
from queue import SimpleQueue

from .answers import Answers
from .handlers import registered
from .run import SyncRunner, answer_unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .ending import Ending
    from .intake import Intake
    from .outbox import Outbox
    from .requests import Request, Requests


class HandlerThreads:
    def __init__(self, count: int, requests: Requests, outbox: Outbox, ending: Ending) -> None:
        self.requests = requests
        self.outbox = outbox
        self.ending = ending
        self.queue: SimpleQueue[Request | None] = SimpleQueue()
        self.threads = [
            threading.Thread(target=self.work, name=f"procguard-handler-{number}", daemon=True)
            for number in range(count)
        ]
        for thread in self.threads:
            thread.start()

    def work(self) -> None:
        answers = Answers(self.outbox)
        runner = SyncRunner(self.requests, answers)
        while True:
            request = self.queue.get()
            if request is None or self.ending.stopping:
                return
            runner.run(request, registered[request.method])
            del request  # its arguments may be large, and the wait for the next one long
            self.outbox.flush()

    def submit(self, request: Request) -> None:
        self.queue.put(request)

    def finish(self) -> None:
        """Wait until all requests that were submitted are answered; after a SIGTERM, those that have begun."""
        for _ in self.threads:
            self.queue.put(None)
        for thread in self.threads:
            thread.join()


def serve_threaded(intake: Intake, requests: Requests, answers: Answers, threads: HandlerThreads) -> None:
    while True:
        request = intake.next()
        if request is None:
            break
        if request.method in registered:
            threads.submit(request)
        else:
            answer_unknown(answers, request)
            requests.done(request)
    threads.finish()
