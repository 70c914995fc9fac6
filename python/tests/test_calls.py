"""Calls: what handlers get, what they answer, and how they fail."""

import os
import subprocess
import sys
import unittest

from harness import SOURCE, Worker, frame

try:
    import numpy
except ImportError:
    numpy = None

HANDLERS = """
import os, sys
@procguard.handler
def echo(value):
    return value
@procguard.handler("renamed")
def original(*args):
    return len(args)
@procguard.handler
async def later(value):
    return value
@procguard.handler
def kind(value):
    return type(value).__name__
"""


class Calls(unittest.TestCase):
    def test_the_hello_names_version_pid_and_handlers(self):
        with Worker(HANDLERS) as worker:
            self.assertEqual(worker.hello["type"], "hello")
            self.assertEqual(worker.hello["protocol"], 1)
            self.assertEqual(worker.hello["pid"], worker.process.pid)
            self.assertEqual(worker.hello["handlers"], ["echo", "kind", "later", "renamed"])

    def test_sync_and_async_handlers_answer_in_one_worker(self):
        with Worker(HANDLERS) as worker:
            self.assertEqual(worker.result(1, "echo", {"a": [1, "é😀", None]}), {"a": [1, "é😀", None]})
            self.assertEqual(worker.result(2, "renamed", 1, 2, 3), 3)
            self.assertEqual(worker.result(3, "later", 5), 5)

    def test_many_pipelined_calls_are_all_answered(self):
        for program in (
            "@procguard.handler\ndef echo(x): return x",
            "@procguard.handler\nasync def echo(x): return x",
        ):
            with self.subTest(program), Worker(program) as worker:
                worker.data.sendall(
                    b"".join(
                        frame({"type": "call", "id": id, "method": "echo", "args": [id]})
                        for id in range(1, 501)
                    )
                )
                answers = [worker.receive() for _ in range(500)]
                self.assertEqual(
                    {answer["id"]: answer["value"] for answer in answers}, {id: id for id in range(1, 501)}
                )

    def test_a_frame_that_comes_byte_by_byte_is_understood(self):
        with Worker(HANDLERS) as worker:
            for byte in frame({"type": "call", "id": 1, "method": "echo", "args": ["slow"]}):
                worker.data.sendall(bytes([byte]))
            self.assertEqual(worker.receive()["value"], "slow")

    def test_no_answer_waits_for_a_slow_handler_behind_it(self):
        program = HANDLERS + "\nimport time\n@procguard.handler\ndef slow():\n    time.sleep(60)\n"
        with Worker(program.replace("async def later", "def later")) as worker:
            for id in range(1, 200):
                worker.result(id, "echo", 1)
            worker.data.sendall(
                frame({"type": "call", "id": 200, "method": "echo", "args": [2]})
                + frame({"type": "call", "id": 201, "method": "slow", "args": []})
            )
            self.assertEqual(worker.receive()["id"], 200)

    def test_threads_run_sync_handlers_side_by_side(self):
        program = """
        import threading
        both = threading.Barrier(2)
        @procguard.handler
        def meet():
            both.wait(10)
            return "met"
        """
        with Worker(program, serve="procguard.serve(threads=2)") as worker:
            worker.call(1, "meet")
            worker.call(2, "meet")
            self.assertEqual([worker.receive()["value"] for _ in range(2)], ["met", "met"])
            worker.call(3, "nope")
            self.assertEqual(worker.receive()["error"]["code"], "unknown_method")
            worker.tell(type="drain")
            self.assertEqual(worker.wait(), 0)

    def test_async_handlers_run_side_by_side(self):
        program = """
        import asyncio
        first = asyncio.Event()
        @procguard.handler
        async def wait():
            await first.wait()
            return "waited"
        @procguard.handler
        async def go():
            first.set()
        """
        with Worker(program) as worker:
            worker.call(1, "wait")
            worker.call(2, "go")
            self.assertEqual({worker.receive()["id"] for _ in range(2)}, {1, 2})


class Traces(unittest.TestCase):
    PROGRAM = """
@procguard.handler
def trace():
    return procguard.trace_context()
@procguard.handler
async def later():
    import asyncio
    await asyncio.sleep(0)
    return procguard.trace_context()
"""

    def test_a_handler_sees_the_trace_of_its_own_request_only(self):
        trace = {
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "tracestate": "a=b",
        }
        with Worker(self.PROGRAM) as worker:
            for id, method in ((1, "trace"), (3, "later")):
                sent = {**trace, "unknown": 1}
                self.assertEqual(worker.result(id, method, trace=sent), trace)
                self.assertIsNone(worker.result(id + 1, method))

    def test_a_trace_of_another_type_breaks_the_protocol(self):
        for trace in (None, [], {}, {"traceparent": 1}, {"traceparent": "00", "tracestate": 1}):
            with self.subTest(trace=trace), Worker(self.PROGRAM) as worker:
                worker.call(1, "trace", trace=trace)
                self.assertEqual(worker.wait(), 70)

    def test_outside_of_a_handler_there_is_no_trace(self):
        with Worker("print(procguard.trace_context(), flush=True)\n" + self.PROGRAM) as worker:
            self.assertEqual(worker.line(), "None\n")


class Binary(unittest.TestCase):
    def test_bytes_come_as_bytes_and_go_as_parts(self):
        with Worker(HANDLERS) as worker:
            worker.call(1, "kind", {"$bytes": 0}, marked=True, parts=[b"abc"])
            self.assertEqual(worker.receive()["value"], "bytes")
            worker.call(
                2, "echo", [{"$bytes": 0}, {"$bytes": 1}, {"$bytes": 0}], marked=True, parts=[b"a", b""]
            )
            answer = worker.receive()
            self.assertEqual(answer["value"], [{"$bytes": 0}, {"$bytes": 1}, {"$bytes": 0}])
            self.assertEqual(answer["parts"], [b"a", b""])

    def test_large_bytes_survive_both_ways(self):
        for size in (1 << 16, 300_000, 5_000_000, 50_000_001):
            data = os.urandom(1000) * (size // 1000 + 1)
            with self.subTest(size), Worker(
                "@procguard.handler\ndef turn(x): return [memoryview(x)[1:], bytearray(b'z')]"
            ) as worker:
                worker.call(1, "turn", {"$bytes": 0}, marked=True, parts=[data])
                self.assertEqual(worker.receive()["parts"], [data[1:], b"z"])

    def test_numbers_and_dollars_that_json_lacks_are_marked(self):
        program = """
        @procguard.handler
        def odd():
            return {"nan": float("nan"), "inf": [float("-inf"), 1.5], "dollar": {"$ref": b"x"}, "text": "$5"}
        """
        with Worker(program) as worker:
            worker.call(1, "odd")
            answer = worker.receive()
            self.assertTrue(answer["marked"])
            self.assertEqual(
                answer["value"],
                {
                    "nan": {"$number": "nan"},
                    "inf": [{"$number": "-inf"}, 1.5],
                    "dollar": {"$object": {"$ref": {"$bytes": 0}}},
                    "text": "$5",
                },
            )

    def test_arrays_without_numpy_are_arrays_of_the_sdk(self):
        program = """
        import sys
        sys.modules["numpy"] = None
        @procguard.handler
        def look(a):
            return [type(a).__name__, a.dtype, a.shape, a.data, a]
        """
        array = {"$array": {"part": 0, "dtype": "<f4", "shape": [1, 2]}}
        with Worker(program) as worker:
            worker.call(1, "look", array, marked=True, parts=[b"12345678"])
            answer = worker.receive()
            self.assertEqual(answer["value"][:3], ["Array", "<f4", [1, 2]])
            self.assertEqual(answer["value"][4]["$array"]["shape"], [1, 2])

    # numpy is optional, and there is none for the interpreter that most machines call python3.
    @unittest.skipIf(numpy is None, "numpy is not installed for this Python")
    def test_arrays_with_numpy_are_ndarrays(self):
        program = """
        import numpy
        @procguard.handler
        def double(a):
            assert isinstance(a, numpy.ndarray) and a.shape == (2, 3), a
            return {"twice": (a * 2).T, "sum": a.sum(), "arg": a.argmax(), "yes": numpy.bool_(True), "nan": numpy.float32("nan")}
        @procguard.handler
        def scalar(a):
            return type(a).__name__
        @procguard.handler
        def objects():
            return {"deep": [1, numpy.array([object()])]}
        """
        with Worker(program) as worker:
            data = numpy.arange(6, dtype="<f4")
            worker.call(
                1,
                "double",
                {"$array": {"part": 0, "dtype": "<f4", "shape": [2, 3]}},
                marked=True,
                parts=[data.tobytes()],
            )
            answer = worker.receive()
            marker = answer["value"]["twice"]["$array"]
            self.assertEqual((marker["dtype"], marker["shape"]), ("<f4", [3, 2]))
            twice = numpy.frombuffer(answer["parts"][0], "<f4").reshape(3, 2)
            self.assertTrue((twice == (data.reshape(2, 3) * 2).T).all())
            self.assertEqual(
                [answer["value"][key] for key in ("sum", "arg", "yes", "nan")],
                [15, 5, True, {"$number": "nan"}],
            )
            worker.call(
                2,
                "scalar",
                {"$array": {"part": 0, "dtype": "<f8", "shape": []}},
                marked=True,
                parts=[bytes(8)],
            )
            self.assertEqual(worker.receive()["value"], "float64")
            worker.call(3, "objects")
            self.assertIn("numpy.ndarray", worker.receive()["error"]["message"])


class Failures(unittest.TestCase):
    PROGRAM = (
        HANDLERS
        + """
@procguard.handler
def fail():
    raise ValueError("no good")
@procguard.handler
async def fail_later():
    raise KeyError("k")
@procguard.handler
def leave():
    sys.exit(3)
@procguard.handler
def interrupt():
    raise KeyboardInterrupt
@procguard.handler
def unsendable():
    return {"a": [1, {2, 3}]}
@procguard.handler
def key():
    return {(1, 2): 3}
@procguard.handler
def itself():
    loop = []
    loop.append(loop)
    return loop
@procguard.handler
def deep():
    value = 1
    for _ in range(int(150)):
        value = [value]
    return value
@procguard.handler
def recurse():
    return recurse()
@procguard.handler
def large():
    return "x" * (1 << 26)
@procguard.handler
def surrogate():
    return "\\ud800"
"""
    )

    def errors_of(self, *methods, **more):
        with Worker(self.PROGRAM, **more) as worker:
            for id, method in enumerate(methods, 1):
                worker.call(id, method)
                yield worker.receive()["error"]
            self.assertEqual(worker.result(99, "echo", 1), 1)

    def test_an_exception_is_told_with_the_programs_own_frames_only(self):
        for error, kind in zip(self.errors_of("fail", "fail_later"), ("ValueError", "KeyError")):
            self.assertEqual((error["code"], error["type"]), ("handler_failed", kind))
            self.assertIn("worker.py", error["traceback"])
            self.assertNotIn("procguard/", error["traceback"].replace("\\", "/"))

    def test_exits_and_interrupts_are_the_handlers_failure(self):
        self.assertEqual(
            [error["type"] for error in self.errors_of("leave", "interrupt")],
            ["SystemExit", "KeyboardInterrupt"],
        )

    def test_an_unserializable_value_is_told_with_its_place(self):
        found = list(self.errors_of("unsendable", "key", "itself", "deep"))
        self.assertEqual({error["code"] for error in found}, {"unserializable"})
        self.assertIn("set", found[0]["message"])
        self.assertIn("['a'][1]", found[0]["message"])
        self.assertIn("tuple", found[1]["message"])
        self.assertIn("levels", found[3]["message"])

    def test_recursion_without_end_is_an_error(self):
        self.assertEqual([error["type"] for error in self.errors_of("recurse")], ["RecursionError"])

    def test_a_value_over_the_limit_is_too_large(self):
        self.assertEqual([error["code"] for error in self.errors_of("large")], ["too_large"])

    def test_an_unknown_method_is_told_what_is_offered(self):
        (error,) = self.errors_of("nope")
        self.assertEqual(error["code"], "unknown_method")
        self.assertIn("echo", error["message"])

    def test_half_of_a_surrogate_pair_is_sent_escaped(self):
        with Worker(self.PROGRAM) as worker:
            self.assertEqual(worker.result(1, "surrogate"), "\ud800")


class WrongUse(unittest.TestCase):
    def run_program(self, program, **environment):
        env = {**os.environ, "PYTHONPATH": SOURCE, **environment}
        return subprocess.run(
            [sys.executable, "-c", program], env=env, capture_output=True, text=True, timeout=30
        )

    def test_serving_without_a_pool_says_how_to_start_one(self):
        done = self.run_program("import procguard; procguard.serve()")
        self.assertEqual(done.returncode, 1)
        self.assertIn("new Pool(", done.stderr)

    def test_closed_descriptors_are_told(self):
        done = self.run_program(
            "import procguard; procguard.serve()", PROCGUARD_PROTOCOL="1", PROCGUARD_HOST_PID="1"
        )
        self.assertIn("Descriptor 3", done.stderr)

    def test_two_handlers_of_one_name_are_refused(self):
        done = self.run_program(
            "import procguard\nprocguard.handler('a')(len)\ntry: procguard.handler('a')(max)\nexcept procguard.Error as e: print(e.code)"
        )
        self.assertEqual(done.stdout.strip(), "ERR_PROCGUARD_USAGE")

    def test_the_log_goes_to_stderr_outside_of_a_pool(self):
        done = self.run_program("import procguard; procguard.log.info('loaded', ms=120)")
        self.assertEqual(done.stderr, "info: loaded ms=120\n")

    def test_a_log_line_that_is_too_long_for_a_message_is_cut(self):
        for character in ("x", "\u00e4", "\U0001f40d"):
            program = f"@procguard.handler\ndef log():\n    procguard.log.info({character!r} * 70_000)"
            with self.subTest(character), Worker(program) as worker:
                worker.result(1, "log")
                message = worker.message()["message"]
                self.assertRegex(message, f"^{character}{{4000,}} \\(cut\\)$")

    def test_the_import_loads_nothing_slow(self):
        program = "import sys; before = set(sys.modules); import procguard; print(set(sys.modules) - before & {'asyncio', 'json', 'threading', 'traceback', 'typing', 'inspect'})"
        self.assertEqual(self.run_program(program).stdout.strip(), "set()")


if __name__ == "__main__":
    unittest.main()
