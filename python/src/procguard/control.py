"""The control thread: answers pings while handlers run, and watches over the host."""

from __future__ import annotations

import json
import os
import threading
from time import monotonic

from .channel import MAX_LINE_BYTES
from .ending import broken_protocol, host_is_gone, refused
from .frames import too_deep
from .pipes import read
from .stacks import say_stacks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .channel import ControlChannel
    from .ending import Ending
    from .leaving import Leaving
    from .outbox import Outbox
    from .requests import Requests

LOOK_SECONDS = 1.0
# While answers are written: how long one may be held back behind a handler that was taken for a quick one.
BUSY_LOOK_SECONDS = 0.02


class ControlThread:
    def __init__(
        self,
        channel: ControlChannel,
        requests: Requests,
        outbox: Outbox,
        ending: Ending,
        signals: int,
        leaving: Leaving,
        host_pid: int,
    ) -> None:
        self.channel = channel
        self.requests = requests
        self.outbox = outbox
        self.ending = ending
        self.signals = signals
        self.leaving = leaving
        self.host_pid = host_pid
        self.parent = os.getppid()
        # In a pid namespace of its own, as a sandbox makes, the worker can't see the host.
        self.watches_parent = self.parent == host_pid or not exists(host_pid)
        self.unread = b""

    def start(self) -> None:
        run = self.run_on_windows if os.name == "nt" else self.run
        threading.Thread(target=guarded(run), name="procguard-control", daemon=True).start()

    def run(self) -> None:
        import select

        self.ignore_signals()
        poll = select.poll()
        poll.register(self.channel.descriptor, select.POLLIN)
        poll.register(self.signals, select.POLLIN)
        if is_open(1):
            poll.register(1, 0)  # tells of POLLERR and POLLHUP only: nobody reads stdout any more
        look_at = monotonic() + LOOK_SECONDS
        seen_flush = self.outbox.flushed_at
        while True:
            wait = look_at if self.ending.deadline is None else min(look_at, self.ending.deadline)
            for descriptor, events in poll.poll(max(0.0, wait - monotonic()) * 1000 + 1):
                if descriptor == self.channel.descriptor:
                    self.read()
                elif descriptor == self.signals:
                    self.read_signals()
                elif events & select.POLLNVAL:
                    poll.unregister(1)  # the program itself has closed its stdout
                else:
                    host_is_gone()
            self.enforce_deadline()
            if monotonic() >= look_at:
                is_busy = self.outbox.flushed_at != seen_flush
                seen_flush = self.outbox.flushed_at
                self.outbox.may_hold = is_busy
                look_at = monotonic() + (BUSY_LOOK_SECONDS if is_busy else LOOK_SECONDS)
                self.look_at_host()
                # Answers are held back for a moment only, before handlers known to be quick. Should one of them take long, this sends them.
                if self.outbox.pending:
                    self.outbox.flush()

    def ignore_signals(self) -> None:
        import signal

        # The main thread has to be woken by a signal, so none may come to this one.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})

    def run_on_windows(self) -> None:
        # Pipes can't be polled there: one more thread waits for signals.
        threading.Thread(target=guarded(self.wait_for_signals), name="procguard-signals", daemon=True).start()
        while True:
            self.read()
            if self.ending.draining:
                self.end_when_idle()

    def wait_for_signals(self) -> None:
        import time

        while self.ending.deadline is None:
            self.read_signals()
        while True:
            if self.is_idle():
                os._exit(0)
            time.sleep(0.02)
            self.enforce_deadline()

    def is_idle(self) -> bool:
        return self.ending.idle and not self.requests.in_hand

    def end_when_idle(self) -> None:
        import time

        # The main thread's read can't be interrupted there.
        seen = 0
        while seen < 5:
            seen = seen + 1 if self.is_idle() else 0
            time.sleep(0.02)
        os._exit(0)

    def read_signals(self) -> None:
        import signal

        ending = {signal.SIGTERM, getattr(signal, "SIGBREAK", signal.SIGTERM)}
        if any(number in ending for number in os.read(self.signals, 64)):
            self.ending.stop()
            # The main thread may be in a handler for long.
            if self.leaving.is_prompt:
                self.leaving.tell()

    def enforce_deadline(self) -> None:
        if self.ending.is_overdue:
            self.leaving.tell()
            self.ending.give_up()

    def read(self) -> None:
        try:
            more = read(self.channel.descriptor, MAX_LINE_BYTES)
        except OSError:
            more = b""
        if not more:
            host_is_gone()
        lines = (self.unread + more).split(b"\n")
        self.unread = lines.pop()
        for line in lines:
            self.handle(line)
        if len(self.unread) >= MAX_LINE_BYTES:
            broken_protocol(f"a control message longer than {MAX_LINE_BYTES} bytes")

    def handle(self, line: bytes) -> None:
        if len(line) >= MAX_LINE_BYTES:
            broken_protocol(f"a control message longer than {MAX_LINE_BYTES} bytes")
        try:
            message = None if too_deep(line) else json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if type(message) is not dict:
            broken_protocol("a control message that isn't a JSON object of at most 100 levels")
        action = ACTIONS.get(str(message.get("type")))
        if action is not None:
            action(self, message)

    def look_at_host(self) -> None:
        if os.getppid() != self.parent if self.watches_parent else not exists(self.host_pid):
            host_is_gone()


def guarded(run: Callable[[], None]) -> Callable[[], None]:
    """A worker without its control thread would never notice the host's end: the thread's own failure ends the worker."""

    def guard() -> None:
        try:
            run()
        except BaseException as error:
            broken_protocol(f"the control thread failed with {error!r}")

    return guard


def exists(pid: int) -> bool:
    if os.name == "nt":
        return True  # kill() would send Ctrl-C
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it belongs to another user
    return True


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
        return True
    except OSError:
        return False


ACTIONS: dict[str, Callable[[ControlThread, dict[str, Any]], None]] = {
    "ping": lambda thread, message: thread.channel.pong(message.get("seq")),
    "cancel": lambda thread, message: thread.requests.cancel(message.get("id")),
    "credit": lambda thread, message: thread.requests.give_credit(message.get("id"), message.get("items")),
    "stacks": lambda thread, message: thread.channel.stacks(message.get("id"), say_stacks()),
    "drain": lambda thread, message: thread.ending.drain(),
    "refused": lambda thread, message: refused(str(message.get("message"))),
}
