"""Sync handlers, several at a time, in threads."""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue

from .answers import Answers
from .handlers import registered
from .leaving import last_before
from .run import SyncRunner, answer_unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .intake import Intake
    from .leaving import Leaving
    from .outbox import Outbox
    from .requests import Request, Requests


class HandlerThreads:
    def __init__(self, count: int, requests: Requests, outbox: Outbox) -> None:
        self.requests = requests
        self.outbox = outbox
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
            if request is None:
                return
            runner.run(request, registered[request.method])
            del request  # its arguments may be large, and the wait for the next one long
            self.outbox.flush()

    def submit(self, request: Request) -> None:
        self.queue.put(request)

    def give_back(self) -> list[int]:
        """The ids of those that no thread will begin. Those before the last that went past the threads stay."""
        passed = self.requests.passed
        waiting = []
        try:
            while True:
                request = self.queue.get_nowait()
                if request is not None:
                    waiting.append(request)
        except Empty:
            pass
        for request in waiting:
            if request.id < passed:
                self.queue.put(request)
        return [request.id for request in waiting if request.id > passed]

    def finish(self) -> None:
        """Wait until all requests that were submitted, and not given back, are answered."""
        for _ in self.threads:
            self.queue.put(None)
        for thread in self.threads:
            thread.join()


def serve_threaded(
    intake: Intake, requests: Requests, answers: Answers, threads: HandlerThreads, leaving: Leaving
) -> None:
    def close() -> int:
        taken = requests.close()
        return last_before(threads.give_back(), taken)

    leaving.let(close)
    while True:
        request = intake.next()
        if request is None:
            break
        if request.method in registered:
            threads.submit(request)
        else:
            requests.passed = request.id
            answer_unknown(answers, request)
            requests.done(request)
    if intake.ending.stopping:
        leaving.tell()
    threads.finish()
