"""The stacks that a host asks for by a message or by a signal."""

import os
import signal
import sys
import time
import unittest

from harness import DEADLINE_SECONDS, Worker

HANGS = """
import re, time
BACKTRACKS = re.compile(r"(a+)+$")
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
    BACKTRACKS.match("a" * 60 + "b")
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
    settle(worker)
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


def settle(worker):
    """Wait until each thread waits, or has computed for long in C: the handler reads stacks without stopping who goes on."""
    first = look_at_threads(worker)
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        now = look_at_threads(worker)
        if all(
            state == "S" or ticks >= first.get(thread, (None, ticks))[1] + 5
            for thread, (state, ticks) in now.items()
        ):
            return
        time.sleep(0.005)
    raise TimeoutError(f"its threads did not come to rest: {look_at_threads(worker)}")


def look_at_threads(worker):
    """The state of each, and for how many ticks it has computed."""
    found = {}
    tasks = f"/proc/{worker.process.pid}/task"
    for thread in os.listdir(tasks):
        with open(f"{tasks}/{thread}/stat") as file:
            fields = file.read().rpartition(") ")[2].split()
        found[thread] = fields[0], int(fields[11])
    return found


def say(worker, id=1):
    """Ask it by a message."""
    worker.tell(type="stacks", id=id)
    text = ""
    while True:
        message = worker.message()
        assert (message["type"], message["id"]) == ("stacks", id), message
        text += message["text"]
        if not message["more"]:
            return text


class SaidStacks(unittest.TestCase):
    def test_a_handler_that_waits_is_seen(self):
        for serve in ("procguard.serve()", "procguard.serve(threads=2)"):
            with self.subTest(serve=serve), Worker(HANGS, serve=serve) as worker:
                worker.call(1, "sleep")
                self.assertEqual(worker.message()["message"], "started")
                stacks = say(worker, 7).split("\n\n")
                self.assertIn(" in sleep\n", "".join(stacks))
                for stack in stacks:
                    self.assertRegex(stack, r"^Thread 0x[0-9a-f]{16} \(most recent call first\):\n  File ")
                self.assertRegex(stacks[-1], r'worker.py", line \d+ in <module>\n$')

    def test_threads_that_run_python_go_on(self):
        program = HANGS + (
            "@procguard.handler\ndef descend(depth):\n"
            "    return depth and descend(depth - 1)\n"
            "@procguard.handler\ndef keep_going():\n    procguard.log.info('started')\n    while True:\n        descend(50)\n"
        )
        with Worker(program, serve="procguard.serve(threads=3)") as worker:
            for id in (1, 2):
                worker.call(id, "keep_going")
                self.assertEqual(worker.message()["message"], "started")
            for id in range(100):
                stacks = say(worker, id)
                self.assertEqual(stacks.count(" in keep_going\n"), 2)
                self.assertRegex(stacks, r'worker.py", line \d+ in <module>\n$')
            self.assertEqual(worker.result(3, "echo", 1), 1)

    def test_more_than_a_message_holds_comes_in_several(self):
        program = HANGS + (
            "import sys\nsys.setrecursionlimit(5000)\n"
            "def deep(depth):\n"
            "    if depth: return deep(depth - 1)\n"
            "    procguard.log.info('started')\n"
            "    time.sleep(1000)\n"
            "@procguard.handler\ndef descend():\n    deep(2000)\n"
        )
        with Worker(program) as worker:
            worker.call(1, "descend")
            self.assertEqual(worker.message()["message"], "started")
            stacks = say(worker)
            main = stacks.rsplit("\n\n", 1)[-1]
            self.assertEqual((main.count("  File "), main.count("  ...\n")), (100, 1))
            self.assertGreater(len(main), 5000)

    def test_the_main_thread_is_told_of_however_many_there_are(self):
        program = HANGS + (
            "import threading\n"
            "deep_down = threading.Semaphore(0)\n"
            "def deep(depth):\n"
            "    if depth: return deep(depth - 1)\n"
            "    deep_down.release()\n"
            "    time.sleep(1000)\n"
            "@procguard.handler\ndef start(count):\n"
            "    for _ in range(count): threading.Thread(target=deep, args=(120,), daemon=True).start()\n"
            "    for _ in range(count): deep_down.acquire()\n"
            "    procguard.log.info('started')\n"
            "    time.sleep(1000)\n"
        )
        for count in (50, 120):
            with self.subTest(count), Worker(program) as worker:
                worker.call(1, "start", count)
                self.assertEqual(worker.message()["message"], "started")
                stacks = say(worker)
                self.assertLess(len(stacks), 101_000)
                others, main = stacks.rsplit("\n\n", 1)
                self.assertTrue(others.endswith("\n..."), others[-100:])
                self.assertIn(" in start\n", main)
                self.assertTrue(main.endswith(" in <module>\n"), main[-100:])

    def test_a_failure_is_told_and_ends_nothing(self):
        program = HANGS + "import sys\ndef fail(): raise MemoryError('full')\nsys._current_frames = fail\n"
        with Worker(program) as worker:
            self.assertEqual(say(worker), "Its stacks can't be told: MemoryError('full')")
            self.assertEqual(worker.result(1, "echo", 1), 1)

    def test_without_a_gil_no_message_is_offered(self):
        with Worker(HANGS + "import sys\nsys._is_gil_enabled = lambda: False\n") as worker:
            self.assertNotIn("message", worker.hello.get("stacks", {}))


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

    def test_where_there_is_no_file_in_memory_or_no_free_signal_only_the_message_is_offered(self):
        for program in (
            "import os\ndel os.memfd_create",
            "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nsignal.pthread_sigmask(signal.SIG_UNBLOCK, [15])",
            "import sys\nsys.modules['faulthandler'] = None",
        ):
            with self.subTest(program), Worker(HANGS + program) as worker:
                self.assertEqual(worker.hello["stacks"], {"message": True})
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
