"""Async handlers, side by side, in an event loop of the main thread."""

from __future__ import annotations

import asyncio
import os
import threading
from contextvars import ContextVar
from types import AsyncGeneratorType, CoroutineType, GeneratorType

from . import current
from .current import by_thread
from .handlers import registered
from .leaving import last_before
from .run import Cancelled, answer_failure, answer_unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, AsyncGenerator

    from .answers import Answers
    from .handlers import Handler
    from .intake import Intake
    from .leaving import Leaving
    from .requests import Request, Requests
    from .threaded import HandlerThreads


def serve_concurrently(
    intake: Intake,
    requests: Requests,
    answers: Answers,
    threads: HandlerThreads | None,
    leaving: Leaving,
) -> None:
    current.by_task = ContextVar("procguard_request", default=None)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(Server(loop, intake, requests, answers, threads, leaving).serve())
        loop.run_until_complete(cancel_others())
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    if threads is not None:
        threads.finish()


async def cancel_others() -> None:
    """End what handlers have left in the loop, as asyncio.run() does: its finally blocks run."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class Server:
    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        intake: Intake,
        requests: Requests,
        answers: Answers,
        threads: HandlerThreads | None,
        leaving: Leaving,
    ) -> None:
        self.loop = loop
        self.intake = intake
        self.requests = requests
        self.answers = answers
        self.threads = threads
        self.leaving = leaving
        self.ending = intake.ending
        self.tasks: set[asyncio.Task[None]] = set()
        self.ended = loop.create_future()
        self.flush_is_due = False
        self.thread = threading.get_ident()

    async def serve(self) -> None:
        self.requests.on_change = self.tell_loop
        self.leaving.let(self.close)
        if os.name == "nt":
            threading.Thread(target=self.read_in_thread, name="procguard-reader", daemon=True).start()
        else:
            self.loop.add_reader(self.intake.descriptor, self.read)
            self.loop.add_reader(self.intake.ending.wake_reader, self.wake)
        await self.ended
        if os.name != "nt":
            self.loop.remove_reader(self.intake.descriptor)
            self.loop.remove_reader(self.intake.ending.wake_reader)
        if self.ending.stopping:
            self.leaving.tell()
        while self.tasks:
            await asyncio.wait(self.tasks)
        self.answers.outbox.flush()

    def read(self) -> None:
        """The descriptor is readable: take what is there, without waiting for more."""
        more = self.intake.frames.fill()
        while not self.intake.ending.stopping:
            request = self.intake.next_in_memory()
            if request is None:
                break
            self.start(request)
        if not more:
            self.end()

    def wake(self) -> None:
        while not self.intake.ending.stopping and self.intake.wait_again():
            self.read()
            if self.ended.done():
                return
        self.end()

    def read_in_thread(self) -> None:
        while True:
            request = self.intake.next()
            if request is None:
                self.loop.call_soon_threadsafe(self.end)
                return
            self.loop.call_soon_threadsafe(self.start, request)

    def end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def start(self, request: Request) -> None:
        handler = registered.get(request.method)
        if handler is not None and not handler.is_async:
            if self.threads is not None:
                return self.threads.submit(request)
            self.answers.outbox.flush()
        self.requests.passed = request.id
        task = self.loop.create_task(self.refuse(request) if handler is None else self.run(request, handler))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def close(self) -> int:
        """Takes no more, and returns the id of the last request that was begun."""
        taken = self.requests.close()
        if self.threads is not None:
            return last_before(self.threads.give_back(), taken)
        # Those that run does not begin any more; tasks take their first step in the order in which they were made.
        unbegun = [id for id, request in list(self.requests.in_hand.items()) if request.task is None]
        return last_before(unbegun, taken)

    async def refuse(self, request: Request) -> None:
        """There is no such handler. A task like the others: what is answered must have begun in its turn."""
        if self.ending.stopping and self.threads is None:
            return
        request.task = asyncio.current_task()
        answer_unknown(self.answers, request)
        self.requests.done(request)
        self.flush_soon()

    async def run(self, request: Request, handler: Handler) -> None:
        if self.ending.stopping and self.threads is None:
            return
        # Known from here on only: a task that is cancelled before its first step would never answer.
        request.task = asyncio.current_task()
        if request.trace is not None and current.by_task is not None:
            current.by_task.set(request)
        try:
            if request.cancelled:
                raise Cancelled
            value = self.call(request, handler.function, *request.args)
            if isinstance(value, CoroutineType) or (handler.is_async and hasattr(value, "__await__")):
                value = await value
            await self.answer(request, value)
        except BaseException as error:
            answer_failure(self.answers, request, error)
        self.requests.done(request)
        self.flush_soon()

    def call(self, request: Request, function: Any, *args: Any) -> Any:
        """Call what may be sync code, in which cancelled() is asked."""
        by_thread[self.thread] = request
        try:
            return function(*args)
        finally:
            by_thread[self.thread] = None

    async def answer(self, request: Request, value: Any) -> None:
        if isinstance(value, GeneratorType):
            items: AsyncGenerator[Any, None] = self.step(request, value)
        elif isinstance(value, AsyncGeneratorType):
            items = value
        elif request.streams:
            await self.send_item(request, value)
            return self.answers.end(request.id)
        elif request.cancelled:
            raise Cancelled
        else:
            return self.answers.result(request.id, value)
        try:
            if request.streams:
                async for item in items:
                    await self.send_item(request, item)
                self.answers.end(request.id)
            else:
                gathered = [item async for item in items]
                self.answers.result(request.id, gathered)
        finally:
            await items.aclose()

    async def step(self, request: Request, generator: Any) -> AsyncGenerator[Any, None]:
        """A sync generator's items, with a turn for the others after each."""
        done = object()
        try:
            while True:
                item = self.call(request, next, generator, done)
                if item is done:
                    return
                yield item
                await asyncio.sleep(0)
        finally:
            generator.close()

    async def send_item(self, request: Request, item: Any) -> None:
        while not self.requests.spend_credit(request):
            request.waiter = self.loop.create_future()
            # The control thread may have given some between the two lines above.
            if request.credit < 1:
                await request.waiter
            request.waiter = None
        if request.cancelled:
            raise Cancelled
        self.answers.item(request.id, item)
        self.flush_soon()

    def tell_loop(self, request: Request) -> None:
        try:
            self.loop.call_soon_threadsafe(self.change, request)
        except RuntimeError:
            pass  # the loop has ended

    def change(self, request: Request) -> None:
        if request.cancelled and request.task is not None:
            request.task.cancel()
        elif request.waiter is not None and not request.waiter.done():
            request.waiter.set_result(None)

    def flush_soon(self) -> None:
        if not self.flush_is_due:
            self.flush_is_due = True
            self.loop.call_soon(self.flush)

    def flush(self) -> None:
        self.flush_is_due = False
        self.answers.outbox.flush()
