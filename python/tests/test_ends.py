"""Pings, prints, and all the ways in which a worker ends."""

import json
import signal
import subprocess
import sys
import time
import unittest

from harness import DEADLINE_SECONDS, Worker, frame

ECHO = """
import os, sys, time
@procguard.handler
def echo(value):
    return value
@procguard.handler
def spin(seconds):
    procguard.log.info("started")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    return "done"
@procguard.handler
def sleep(seconds):
    procguard.log.info("started")
    time.sleep(seconds)
    return "done"
@procguard.handler
def say(text):
    print(text)
    return "said"
@procguard.handler
def write(text):
    sys.stdout.write(text)
@procguard.handler
def fork():
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
        os._exit(1)
    os.kill(pid, 15)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
@procguard.handler
def held():
    import subprocess
    return subprocess.check_output([sys.executable, "-c", "import os\\nfor n in (3, 4):\\n try: os.fstat(n); print('open')\\n except OSError: print('closed')"], close_fds=False).decode().split()
"""
ASYNC = (
    ECHO
    + """
import asyncio
@procguard.handler
async def sleep_async(seconds):
    procguard.log.info("started")
    await asyncio.sleep(seconds)
    return "done"
"""
)
PROGRAMS = (
    ("sync", ECHO, "procguard.serve()"),
    ("async", ASYNC, "procguard.serve()"),
    ("threads", ECHO, "procguard.serve(threads=3)"),
)


def nothing_more(worker):
    """True when a worker that has ended sent no frame that wasn't received. What it didn't read resets the connection."""
    try:
        return worker.data.recv(1) == b""
    except ConnectionResetError:
        return True


class Control(unittest.TestCase):
    def test_pings_are_answered_while_a_handler_is_busy(self):
        for name, program, serve in PROGRAMS:
            with self.subTest(name), Worker(program, serve=serve) as worker:
                worker.call(1, "spin", 60)
                self.assertEqual(worker.message()["message"], "started")
                for seq in range(10):
                    started = time.monotonic()
                    worker.tell(type="ping", seq=seq)
                    self.assertEqual(worker.message(), {"type": "pong", "seq": seq})
                    self.assertLess(time.monotonic() - started, 1.0)
                self.assertTrue(worker.silent(0), "the handler was still busy")

    def test_log_lines_go_over_control(self):
        with Worker(
            "@procguard.handler\ndef log(): procguard.log.warn('odd', at=object, n=1); procguard.log.error('x' * 100000)"
        ) as worker:
            worker.call(1, "log")
            message = worker.message()
            self.assertEqual(
                (message["type"], message["level"], message["message"], message["fields"]["n"]),
                ("log", "warn", "odd", 1),
            )
            self.assertLess(len(json.dumps(worker.message())), 65536)

    def test_unknown_messages_are_ignored(self):
        with Worker(ECHO) as worker:
            worker.tell(type="later", x=1)
            self.assertEqual(worker.result(1, "echo", 1), 1)

    def test_prints_never_disturb_the_protocol(self):
        with Worker(ECHO) as worker:
            self.assertEqual(worker.result(1, "say", "hello"), "said")
            self.assertEqual(worker.line(), "hello\n")

    def test_a_control_line_at_its_limits_is_read(self):
        with Worker(ECHO) as worker:
            for line in (
                b'{"type":"ping","seq":1,"a":"' + b"x" * (65536 - 31) + b'"}\n',
                b'{"type":"ping","seq":1,"a":' + b"[" * 99 + b"]" * 99 + b"}\n",
            ):
                self.assertLessEqual(len(line), 65536)
                worker.control.sendall(line)
                self.assertEqual(worker.message(), {"type": "pong", "seq": 1})

    def test_what_c_code_and_children_print_never_disturbs_the_protocol(self):
        program = """
        import ctypes, os, subprocess, sys
        @procguard.handler
        def print_all():
            libc = ctypes.CDLL(None)
            libc.printf(b'{"type":"from C"}\\n')
            libc.fflush(None)
            os.write(1, b"from os.write\\n")
            subprocess.run(["echo", "from a child"])
            os.system("echo from a shell")
            sys.__stdout__.write("from the original\\n")
            return "printed"
        """
        with Worker(program) as worker:
            self.assertEqual(worker.result(1, "print_all"), "printed")
            lines = {worker.line() for _ in range(5)}
            self.assertEqual(
                lines,
                {
                    '{"type":"from C"}\n',
                    "from os.write\n",
                    "from a child\n",
                    "from a shell\n",
                    "from the original\n",
                },
            )

    def test_a_stdout_that_nobody_reads_holds_up_the_handler_and_no_ping(self):
        program = """
        @procguard.handler
        def flood():
            for _ in range(100000):
                print("x" * 100)
            return "printed"
        """
        with Worker(program) as worker:
            worker.call(1, "flood")
            self.assertTrue(worker.silent())
            worker.tell(type="ping", seq=1)
            self.assertEqual(worker.message(), {"type": "pong", "seq": 1})
            for _ in range(100000):
                worker.line()
            self.assertEqual(worker.receive()["value"], "printed")

    def test_children_hold_no_channel(self):
        with Worker(ECHO) as worker:
            self.assertEqual(worker.result(1, "held"), ["closed", "closed"])

    def test_the_end_of_a_forked_child_is_not_the_workers(self):
        with Worker(ECHO) as worker:
            self.assertEqual(worker.result(1, "fork"), -15)
            self.assertEqual(worker.result(2, "echo", 1), 1)


class Ends(unittest.TestCase):
    def test_the_end_of_control_ends_it_at_once_idle_or_busy(self):
        for name, program, serve in PROGRAMS:
            for busy in (False, True):
                with self.subTest(name, busy=busy), Worker(program, serve=serve) as worker:
                    if busy:
                        worker.call(1, "sleep", 60)
                        worker.message()
                    worker.control.close()
                    self.assertEqual(worker.wait(), 0)
                    self.assertLess(worker.seconds, 2)

    def test_the_end_of_control_ends_a_handler_that_never_waits(self):
        for name, program, serve in PROGRAMS:
            with self.subTest(name), Worker(program, serve=serve) as worker:
                worker.call(1, "spin", 60)
                worker.message()
                worker.control.close()
                self.assertEqual(worker.wait(), 0)
                self.assertLess(worker.seconds, 2)

    def test_the_end_of_control_ends_a_worker_that_nobody_reads_from(self):
        with Worker("@procguard.handler\ndef large(): return bytes(50_000_000)") as worker:
            worker.call(1, "large")
            worker.receive_all(8)
            worker.control.close()
            self.assertEqual(worker.wait(), 0)

    def test_sigterm_ends_a_worker_that_nobody_reads_from_within_3_seconds(self):
        program = """
        @procguard.handler
        def large():
            return bytes(50_000_000)
        @procguard.handler
        def items():
            while True:
                yield 1
        """
        for method, code in (("large", 143), ("items", 143)):
            with self.subTest(method), Worker(program) as worker:
                worker.stream(1, method, credit=1)
                worker.receive_all(8)
                worker.process.send_signal(signal.SIGTERM)
                self.assertEqual(worker.wait(), code)
                self.assertLess(worker.seconds, 3)

    def test_sigterm_ends_an_idle_worker(self):
        for name, program, serve in PROGRAMS:
            with self.subTest(name), Worker(program, serve=serve) as worker:
                self.assertEqual(worker.result(1, "echo", 1), 1)
                worker.process.send_signal(signal.SIGTERM)
                self.assertEqual(worker.wait(), 0)
                self.assertLess(worker.seconds, 2)

    def test_sigterm_lets_the_request_in_hand_finish_and_takes_no_more(self):
        for name, program, serve in PROGRAMS:
            if name == "threads":
                continue  # there the second request would be in hand as well
            method = "sleep_async" if name == "async" else "spin"
            with self.subTest(name), Worker(program, serve=serve) as worker:
                worker.call(1, method, 0.5)
                worker.message()
                worker.process.send_signal(signal.SIGTERM)
                if name == "sync":
                    worker.call(2, "echo", 1)
                self.assertEqual(worker.receive()["value"], "done")
                self.assertEqual(worker.wait(), 0)
                with self.assertRaises((EOFError, ConnectionResetError)):
                    worker.receive()

    def test_sigterm_makes_it_say_which_request_it_began_last(self):
        for name, program, serve in PROGRAMS:
            with self.subTest(name), Worker(program, serve=serve) as worker:
                begun = 3 if name == "threads" else 1
                for id in range(1, 7):
                    # As one after another, so that the threads have them in this order.
                    worker.call(id, "spin" if name == "sync" else "sleep", 0.7)
                    if id <= begun:
                        self.assertEqual(worker.message()["message"], "started")
                worker.process.send_signal(signal.SIGTERM)
                self.assertEqual(worker.message(), {"type": "leaving", "last": begun})
                worker.tell(type="drain")
                answered = {worker.receive()["id"] for _ in range(begun)}
                self.assertEqual(answered, set(range(1, begun + 1)))
                self.assertEqual(worker.wait(), 0)
                self.assertTrue(nothing_more(worker))

    def test_sigterm_in_a_sync_handler_makes_it_say_so_at_once(self):
        with Worker(ECHO) as worker:
            worker.call(7, "sleep", 60)
            worker.message()
            worker.process.send_signal(signal.SIGTERM)
            worker.control.settimeout(2)
            self.assertEqual(worker.message(), {"type": "leaving", "last": 7})

    def test_sigterm_that_finds_it_idle_or_at_its_start_makes_it_say_so_too(self):
        for name, program, serve in PROGRAMS:
            with self.subTest(name), Worker(program, serve=serve) as worker:
                worker.process.send_signal(signal.SIGTERM)
                self.assertEqual(worker.message(), {"type": "leaving", "last": 0})

    def test_a_request_that_is_sent_after_it_said_that_it_leaves_is_not_begun(self):
        for name, program, serve in PROGRAMS:
            with self.subTest(name), Worker(program, serve=serve) as worker:
                worker.call(1, "sleep", 0.5)
                worker.message()
                worker.process.send_signal(signal.SIGTERM)
                self.assertEqual(worker.message(), {"type": "leaving", "last": 1})
                worker.call(2, "sleep", 0)
                self.assertEqual(worker.receive()["id"], 1)
                self.assertEqual(worker.wait(), 0)
                self.assertTrue(nothing_more(worker))

    def test_a_leaving_worker_begins_what_came_before_a_request_that_it_has_answered(self):
        programs = (("threads", ECHO, "sleep"), ("both", ASYNC, "sleep"))
        for name, program, method in programs:
            with self.subTest(name), Worker(program, serve="procguard.serve(threads=2)") as worker:
                for id in (1, 2):
                    worker.call(id, method, 0.5)
                    worker.message()
                worker.call(3, method, 0)
                worker.call(4, "unheard of")
                self.assertEqual(worker.receive()["id"], 4)
                worker.call(5, method, 0)
                worker.process.send_signal(signal.SIGTERM)
                self.assertEqual(worker.message(), {"type": "leaving", "last": 4})
                self.assertEqual({worker.receive()["id"] for _ in range(3)}, {1, 2, 3})
                self.assertEqual(worker.wait(), 0)
                self.assertTrue(nothing_more(worker))

    def test_sigterm_ends_a_handler_that_takes_too_long_within_3_seconds(self):
        for name, program, serve in PROGRAMS:
            with self.subTest(name), Worker(program, serve=serve) as worker:
                worker.call(1, "spin" if name == "sync" else "sleep", 60)
                worker.message()
                worker.process.send_signal(signal.SIGTERM)
                self.assertEqual(worker.wait(), 143)
                self.assertLess(worker.seconds, 3)

    def test_sigint_is_ignored(self):
        for name, program, serve in PROGRAMS:
            with self.subTest(name), Worker(program, serve=serve) as worker:
                worker.call(1, "sleep", 0.3)
                worker.message()
                worker.process.send_signal(signal.SIGINT)
                self.assertEqual(worker.receive()["value"], "done")
                self.assertEqual(worker.result(2, "echo", 1), 1)

    def test_a_drain_finishes_all_that_was_sent(self):
        for name, program, serve in PROGRAMS:
            with self.subTest(name), Worker(program, serve=serve) as worker:
                worker.call(1, "sleep", 0.2)
                worker.message()
                worker.data.sendall(
                    b"".join(
                        frame({"type": "call", "id": id, "method": "echo", "args": [id]})
                        for id in range(2, 30)
                    )
                )
                worker.tell(type="drain")
                self.assertEqual({worker.receive()["id"] for _ in range(29)}, set(range(1, 30)))
                self.assertEqual(worker.wait(), 0)

    def test_a_drain_ends_an_idle_worker_and_runs_what_follows_serve(self):
        for name, program, serve in PROGRAMS:
            with self.subTest(name), Worker(program, serve=serve + "\nprint('bye')") as worker:
                worker.tell(type="drain")
                self.assertEqual(worker.wait(), 0)
                self.assertEqual(worker.line(), "bye\n")

    def test_a_drain_ends_what_handlers_left_in_the_loop(self):
        program = """
        import asyncio
        tasks = []
        async def poll():
            try:
                await asyncio.sleep(60)
            finally:
                print("closed")
        @procguard.handler
        async def start():
            tasks.append(asyncio.ensure_future(poll()))
            await asyncio.sleep(0)
        """
        with Worker(program) as worker:
            worker.result(1, "start")
            worker.tell(type="drain")
            self.assertEqual(worker.wait(), 0)
            self.assertEqual(worker.line(), "closed\n")

    def test_a_broken_stdout_ends_it_with_code_0(self):
        for name, program, serve in PROGRAMS:
            with self.subTest(name), Worker(program, serve=serve) as worker:
                worker.result(1, "write", "unflushed")
                worker.process.stdout.close()
                self.assertEqual(worker.wait(), 0)

    def test_a_print_to_a_broken_stdout_ends_it_with_code_0(self):
        program = (
            ECHO
            + """
@procguard.handler
def break_it():
    reader, writer = os.pipe()
    os.dup2(writer, 1)
    os.close(writer)
    os.close(reader)
    print("x")
"""
        )
        with Worker(program) as worker:
            worker.call(1, "break_it")
            self.assertEqual(worker.wait(), 0)

    def test_a_handler_that_closes_stdout_does_not_end_it(self):
        program = ECHO + "\n@procguard.handler\ndef close(): os.close(1)"
        with Worker(program) as worker:
            worker.result(1, "close")
            # Longer than the second after which it looks again.
            self.assertEqual(worker.result(2, "sleep", 1.5), "done")

    def test_another_broken_pipe_is_the_handlers_failure(self):
        with Worker("@procguard.handler\ndef other(): raise BrokenPipeError('mine')") as worker:
            worker.call(1, "other")
            self.assertEqual(worker.receive()["error"]["type"], "BrokenPipeError")

    def test_a_host_pid_that_is_gone_ends_it(self):
        host = subprocess.Popen(
            [sys.executable, "-S", "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
        )
        try:
            # The host isn't the parent here, as behind a wrapper.
            with Worker(ECHO, host_pid=host.pid) as worker:
                self.assertEqual(worker.result(1, "echo", 1), 1)
                host.stdin.close()
                host.wait(DEADLINE_SECONDS)
                self.assertEqual(worker.wait(), 0)
                self.assertLess(worker.seconds, 3)
        finally:
            host.kill()
            host.wait()

    def test_a_host_that_it_never_saw_does_not_end_it(self):
        # As in a pid namespace of its own.
        ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
        ended.wait(DEADLINE_SECONDS)
        with Worker(ECHO, host_pid=ended.pid) as worker:
            # Longer than the second after which it looks for its host.
            self.assertEqual(worker.result(1, "sleep", 1.5), "done")

    def test_a_parent_that_is_gone_ends_it(self):
        # sh stands for the host: it says its pid, and becomes the parent; its end leaves the channels open.
        def behind_sh(command):
            return [
                "/bin/sh",
                "-c",
                'PROCGUARD_HOST_PID=$$; export PROCGUARD_HOST_PID; "$@" & wait',
                "sh",
                *command,
            ]

        with Worker(ECHO, wrap=behind_sh) as worker:
            self.assertEqual(worker.result(1, "echo", 1), 1)
            worker.process.kill()
            worker.process.wait(DEADLINE_SECONDS)
            worker.data.settimeout(5)
            self.assertEqual(worker.data.recv(1), b"")

    def test_garbage_ends_it_with_code_70_and_one_line(self):
        garbage = {
            "a frame": lambda worker: worker.data.sendall(b"\xff" * 8),
            "a request without id": lambda worker: worker.send(
                {"type": "call", "method": "echo", "args": []}
            ),
            "a marker": lambda worker: worker.call(1, "echo", {"$what": 1}, marked=True),
            "control": lambda worker: worker.control.sendall(b"hello\n"),
            "an endless line": lambda worker: worker.control.sendall(b"x" * 70000),
            "a long line": lambda worker: worker.control.sendall(b'{"a":"' + b"x" * 65529 + b'"}\n'),
            "101 levels": lambda worker: worker.control.sendall(b'{"a":' + b"[" * 100 + b"]" * 100 + b"}\n"),
            "half a line, and then garbage": lambda worker: worker.control.sendall(b'{"type":"pi\nng"}\n'),
            "a header of 101 levels": lambda worker: worker.call(1, "echo", json.loads("[" * 99 + "]" * 99)),
        }
        for name, send in garbage.items():
            for program in (ECHO, ASYNC):
                with self.subTest(name), Worker(program) as worker:
                    send(worker)
                    self.assertEqual(worker.wait(), 70)
                    self.assertRegex(
                        worker.process.stderr.read().decode(),
                        r"\Aprocguard: the host broke the protocol: .*\n\Z",
                    )

    def test_a_refusal_is_printed(self):
        with Worker(ECHO, welcome=False) as worker:
            worker.message()
            worker.tell(type="refused", message="too new")
            self.assertEqual(worker.wait(), 70)
            self.assertIn(b"too new", worker.process.stderr.read())

    def test_the_end_of_data_ends_it(self):
        for name, program, serve in PROGRAMS:
            with self.subTest(name), Worker(program, serve=serve) as worker:
                worker.data.close()
                self.assertEqual(worker.wait(), 0)


if __name__ == "__main__":
    unittest.main()
