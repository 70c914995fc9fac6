"""The stacks that a host asks for by a signal."""

import os
import signal
import sys
import time
import unittest

from harness import DEADLINE_SECONDS, Worker

HANGS = """
import re, time
@procguard.handler
def echo(value):
    return value
@procguard.handler
def sleep():
    procguard.log.info("started")
    time.sleep(1000)
@procguard.handler
def hold_gil():
    procguard.log.info("started")
    re.match(r"(a+)+$", "a" * 60 + "b")
@procguard.handler
def fork():
    import os, signal
    pid = os.fork()
    if pid == 0:
        time.sleep(1000)
    os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]
"""


def offer(worker):
    return worker.hello["stacks"]["signal"], worker.hello["stacks"]["descriptor"]


def ask(worker, end):
    """Signal it, and wait for stacks that end so."""
    number, descriptor = offer(worker)
    with open(f"/proc/{worker.process.pid}/fd/{descriptor}", "rb", buffering=0) as file:
        os.kill(worker.process.pid, number)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            text = os.pread(file.fileno(), 1 << 20, 0).decode()
            if text.endswith(end):
                return text
            time.sleep(0.005)
    raise TimeoutError(f"no stacks that end in {end!r}: {text!r}")


@unittest.skipUnless(sys.platform == "linux", "only Linux has such a file and such signals")
class Stacks(unittest.TestCase):
    def test_a_handler_that_hangs_is_seen_also_with_the_gil(self):
        for method in ("sleep", "hold_gil"):
            for serve in ("procguard.serve()", "procguard.serve(threads=2)"):
                with self.subTest(method, serve=serve), Worker(HANGS, serve=serve) as worker:
                    worker.call(1, method)
                    self.assertEqual(worker.message()["message"], "started")
                    self.assertIn(f" in {method}\n", ask(worker, "in <module>\n"))

    def test_an_idle_worker_answers_and_goes_on(self):
        with Worker(HANGS) as worker:
            ask(worker, "in <module>\n")
            self.assertEqual(worker.result(1, "echo", 1), 1)

    def test_nothing_is_printed(self):
        with Worker(HANGS) as worker:
            ask(worker, "in <module>\n")
            worker.tell(type="drain")
            self.assertEqual(worker.wait(), 0)
            self.assertEqual((worker.process.stdout.read(), worker.process.stderr.read()), (b"", b""))

    def test_a_signal_that_the_program_handles_ignores_or_blocks_is_left_to_it(self):
        last = signal.SIGRTMAX - 1
        program = (
            HANGS
            + f"""
import ctypes, signal
signal.signal({last}, lambda number, frame: None)
signal.signal({last - 1}, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [{last - 2}])
CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_int)(lambda number: None)
ctypes.CDLL(None).signal({last - 3}, CALLBACK)
"""
        )
        with Worker(program) as worker:
            self.assertEqual(offer(worker)[0], last - 4)

    def test_programs_keep_their_own_faulthandler(self):
        program = HANGS + "import faulthandler, signal, sys\nfaulthandler.register(signal.SIGUSR1)\n"
        with Worker(program) as worker:
            ask(worker, "in <module>\n")
            os.kill(worker.process.pid, signal.SIGUSR1)
            self.assertIn("most recent call first", worker.process.stderr.readline().decode())

    def test_a_forked_child_is_no_trouble(self):
        with Worker(HANGS) as worker:
            self.assertEqual(worker.result(1, "fork"), signal.SIGKILL)
            ask(worker, "in <module>\n")

    def test_where_there_is_no_file_in_memory_or_no_free_signal_nothing_is_offered(self):
        for program in (
            "import os\ndel os.memfd_create",
            "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nsignal.pthread_sigmask(signal.SIG_UNBLOCK, [15])",
            "import sys\nsys.modules['faulthandler'] = None",
        ):
            with self.subTest(program), Worker(HANGS + program) as worker:
                self.assertNotIn("stacks", worker.hello)
                self.assertEqual(worker.result(1, "echo", 1), 1)

    def test_no_child_gets_the_file(self):
        program = HANGS + (
            "@procguard.handler\ndef held():\n    import subprocess\n"
            "    return subprocess.check_output(['ls', '-l', '/proc/self/fd'], close_fds=False).decode()\n"
        )
        with Worker(program) as worker:
            self.assertNotIn("procguard-stacks", worker.result(1, "held"))


if __name__ == "__main__":
    unittest.main()
