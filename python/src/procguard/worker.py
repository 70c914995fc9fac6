"""serve(): from the program's start as a worker to its end."""

from __future__ import annotations

import os
import sys
import threading

from . import __version__, log
from .answers import Answers
from .channel import ControlChannel
from .control import ControlThread
from .descriptors import CONTROL, DATA, leave_to_worker, take_descriptors
from .ending import Ending, end_if_stdout_is_broken
from .errors import Error
from .handlers import registered
from .intake import Intake
from .leaving import DRAIN_SECONDS, Leaving
from .outbox import Outbox
from .requests import Requests
from .serial import serve_serially
from .signals import catch_signals
from .stacks import offer_stacks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .threaded import HandlerThreads


def run_worker(threads: int) -> None:
    check_use(threads)
    host_pid = host_pid_of_environment()
    take_descriptors()
    line_buffer_stdout()
    ending = Ending()
    requests = Requests()
    outbox = Outbox(DATA)
    channel = ControlChannel(CONTROL)
    signals = catch_signals(ending)
    leave_to_worker(ending, signals)
    channel.hello(f"python/{__version__}", sorted(registered), offer_stacks())
    log.channel = channel
    leaving = Leaving(channel, requests)
    ControlThread(channel, requests, outbox, ending, signals, leaving, host_pid).start()
    intake = Intake(DATA, requests, outbox, ending)
    serve_requests(threads, intake, requests, Answers(outbox), leaving)
    outbox.flush()
    end_if_stdout_is_broken()
    ending.finished = True
    if ending.stopping:
        leaving.tell()
        # The host says drain when it writes no more. One of another make that writes to a closed channel may lose
        # the answers that it hasn't read.
        ending.drained.wait(DRAIN_SECONDS)


def serve_requests(
    count: int, intake: Intake, requests: Requests, answers: Answers, leaving: Leaving
) -> None:
    threads: HandlerThreads | None = None
    if count > 1:
        from . import threaded

        threads = threaded.HandlerThreads(count, requests, answers.outbox)
    if any(handler.is_async for handler in registered.values()):
        from .concurrent import serve_concurrently

        serve_concurrently(intake, requests, answers, threads, leaving)
    elif threads is not None:
        threaded.serve_threaded(intake, requests, answers, threads, leaving)
    else:
        serve_serially(intake, requests, answers)


served = False


def check_use(threads: int) -> None:
    global served
    if type(threads) is not int or threads < 1:
        raise Error(
            "ERR_PROCGUARD_USAGE", f"serve(threads={threads!r}): threads must be a whole number of 1 or more."
        )
    if threading.current_thread() is not threading.main_thread():
        raise Error("ERR_PROCGUARD_USAGE", "serve() must be called in the main thread: signals arrive there.")
    if "PROCGUARD_PROTOCOL" in os.environ:
        if served:
            raise Error(
                "ERR_PROCGUARD_USAGE",
                "serve() was called twice: call it once, when all handlers are registered.",
            )
        served = True


def host_pid_of_environment() -> int:
    protocol = os.environ.get("PROCGUARD_PROTOCOL")
    program = os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] else "worker.py"
    if protocol is None:
        raise Error(
            "ERR_PROCGUARD_NOT_IN_POOL",
            "This program is a worker and was started without a pool. Start it from Node.js: "
            f"new Pool({{ command: 'python3', args: ['{program}'] }}), with Pool from 'procguard'.",
        )
    if protocol != "1":
        raise Error(
            "ERR_PROCGUARD_PROTOCOL",
            f"The pool speaks protocol {protocol}, this SDK only 1: use the same version of both.",
        )
    host_pid = os.environ.get("PROCGUARD_HOST_PID", "")
    if not (host_pid.isascii() and host_pid.isdigit() and int(host_pid) > 0):
        raise Error(
            "ERR_PROCGUARD_PROTOCOL",
            f"PROCGUARD_HOST_PID is {host_pid!r}, not a pid: start this program as a worker of a Pool.",
        )
    return int(host_pid)


def line_buffer_stdout() -> None:
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(line_buffering=True)
