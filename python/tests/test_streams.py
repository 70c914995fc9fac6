"""Streams, credit and cancellation."""

import unittest

from harness import Worker

PROGRAM = """
import asyncio
made = 0
closed = []
@procguard.handler
def count(n):
    global made
    try:
        for i in range(n):
            made += 1
            yield i
    finally:
        procguard.log.info("closed")
@procguard.handler
async def count_later(n):
    global made
    try:
        for i in range(n):
            made += 1
            yield i
    finally:
        procguard.log.info("closed")
@procguard.handler
def plain():
    return b"one"
@procguard.handler
def so_far():
    return made
@procguard.handler
def breaks():
    yield 1
    raise ValueError("broken")
@procguard.handler
async def forever():
    procguard.log.info("started")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        procguard.log.info("stopped")
        raise
"""
SYNC_ONLY = PROGRAM.replace("async def", "def").replace("await asyncio.Event().wait()", "pass")
LOOP = """
@procguard.handler
def loop():
    procguard.log.info("started")
    n = 0
    while not procguard.cancelled():
        n += 1
    return n
@procguard.handler
def free():
    return procguard.cancelled()
"""


class Streams(unittest.TestCase):
    def test_items_come_one_by_one_and_then_the_end(self):
        for program, method in ((SYNC_ONLY, "count"), (PROGRAM, "count"), (PROGRAM, "count_later")):
            with self.subTest(method), Worker(program) as worker:
                worker.stream(1, method, 3)
                frames = [worker.receive() for _ in range(4)]
                self.assertEqual([frame.get("value") for frame in frames], [0, 1, 2, None])
                self.assertEqual(frames[3], {"type": "end", "id": 1})

    def test_a_call_of_a_stream_gets_its_list_and_a_stream_of_a_value_one_item(self):
        for program in (SYNC_ONLY, PROGRAM):
            with Worker(program) as worker:
                self.assertEqual(worker.result(1, "count", 3), [0, 1, 2])
                self.assertEqual(worker.result(2, "count_later", 3), [0, 1, 2])
                worker.stream(3, "plain", credit=1)
                self.assertEqual(worker.receive()["parts"], [b"one"])
                self.assertEqual(worker.receive()["type"], "end")

    def test_no_more_items_than_credit(self):
        for program, method in ((SYNC_ONLY, "count"), (PROGRAM, "count"), (PROGRAM, "count_later")):
            with self.subTest(method), Worker(program) as worker:
                worker.stream(1, method, 10, credit=2)
                self.assertEqual([worker.receive()["value"] for _ in range(2)], [0, 1])
                self.assertTrue(worker.silent())
                worker.tell(type="credit", id=1, items=3)
                self.assertEqual([worker.receive()["value"] for _ in range(3)], [2, 3, 4])
                self.assertTrue(worker.silent())
                worker.tell(type="credit", id=1, items=100)
                self.assertEqual([worker.receive().get("value") for _ in range(6)], [5, 6, 7, 8, 9, None])
                if program is PROGRAM:
                    self.assertEqual(worker.result(2, "so_far"), 10)

    def test_a_stream_without_credit_leaves_async_workers_free_and_makes_one_item_ahead(self):
        with Worker(PROGRAM) as worker:
            for id, method in ((1, "count"), (2, "count_later")):
                worker.stream(id, method, 10, credit=0)
            self.assertTrue(worker.silent())
            self.assertEqual(worker.result(3, "so_far"), 2)

    def test_a_stream_that_breaks_ends_with_its_error(self):
        for program in (SYNC_ONLY, PROGRAM):
            with Worker(program) as worker:
                worker.stream(1, "breaks")
                self.assertEqual(worker.receive()["value"], 1)
                self.assertEqual(worker.receive()["error"]["message"], "broken")

    def test_a_cancelled_stream_is_closed(self):
        for program, method in ((SYNC_ONLY, "count"), (PROGRAM, "count"), (PROGRAM, "count_later")):
            with self.subTest(method), Worker(program) as worker:
                worker.stream(1, method, 10, credit=1)
                worker.receive()
                worker.tell(type="cancel", id=1)
                self.assertEqual(worker.receive()["error"]["code"], "cancelled")
                self.assertEqual(worker.message()["message"], "closed")


class Cancellation(unittest.TestCase):
    def test_a_sync_handler_sees_that_it_was_cancelled(self):
        for serve in ("procguard.serve()", "procguard.serve(threads=2)"):
            with self.subTest(serve), Worker(LOOP, serve=serve) as worker:
                worker.call(1, "loop")
                self.assertEqual(worker.message()["message"], "started")
                worker.tell(type="cancel", id=1)
                self.assertEqual(worker.receive()["error"]["code"], "cancelled")
                self.assertIs(worker.result(2, "free"), False)

    def test_an_async_handler_is_cancelled(self):
        with Worker(PROGRAM) as worker:
            worker.call(1, "forever")
            self.assertEqual(worker.message()["message"], "started")
            worker.tell(type="cancel", id=1)
            self.assertEqual(worker.message()["message"], "stopped")
            self.assertEqual(worker.receive()["error"]["code"], "cancelled")

    def test_a_cancel_that_overtakes_its_request_counts(self):
        for program in (SYNC_ONLY, PROGRAM):
            with Worker(program) as worker:
                worker.tell(type="cancel", id=1)
                worker.tell(type="ping", seq=1)
                worker.message()
                worker.call(1, "plain")
                self.assertEqual(worker.receive()["error"]["code"], "cancelled")

    def test_a_cancel_of_what_was_answered_is_ignored(self):
        with Worker(PROGRAM) as worker:
            worker.result(1, "so_far")
            worker.tell(type="cancel", id=1)
            self.assertEqual(worker.result(2, "so_far"), 0)


if __name__ == "__main__":
    unittest.main()
