"""The data channel's requests, as the main thread waits for them."""

from __future__ import annotations

import os

from .decode import decode
from .ending import broken_protocol
from .errors import ProtocolError
from .frames import FrameReader, split_parts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .ending import Ending
    from .outbox import Outbox
    from .requests import Request, Requests


class Intake:
    def __init__(self, descriptor: int, requests: Requests, outbox: Outbox, ending: Ending) -> None:
        self.descriptor = descriptor
        self.requests = requests
        self.outbox = outbox
        self.ending = ending
        self.frames = FrameReader(descriptor)
        self.poll = None
        if os.name != "nt":
            import select

            self.poll = select.poll()
            self.poll.register(descriptor, select.POLLIN)
            self.poll.register(ending.wake_reader, select.POLLIN)

    def next(self) -> Request | None:
        """The next request, waited for; None when this worker should take no more."""
        while not self.ending.stopping:
            request = self.next_in_memory()
            if request is not None:
                return request
            if not self.wait() or not self.frames.fill():
                return None
            self.ending.idle = False
        return None

    def next_in_memory(self) -> Request | None:
        """The next request of those that were read; the rest of a large one is read. Flushes when there is none."""
        try:
            frames = self.frames
            frame = frames.next()
            if frame is None:
                # Nothing may wait for its answer while this one arrives.
                self.outbox.flush()
                if frames.position == len(frames.buffer):
                    return None
                frame = frames.next_large()
                if frame is None:
                    return None
            header, body = frame
            args = header.get("args")
            if header.get("marked") is True:
                args = decode(args, split_parts(header, body))
            return self.requests.take(header, args)  # type: ignore[arg-type]
        except ProtocolError as error:
            broken_protocol(f"{error} ({error.code})")

    def wait(self) -> bool:
        """Wait until there is something to read; False when the worker is to end instead."""
        if self.poll is None:
            self.ending.idle = True
            return True
        ending = self.ending
        if ending.draining:
            # What was sent before the drain is still taken; poll() tells of it at once.
            return (
                any(descriptor == self.descriptor for descriptor, _ in self.poll.poll(0))
                and not ending.stopping
            )
        while True:
            for descriptor, _ in self.poll.poll():
                if descriptor == self.descriptor:
                    return not ending.stopping
            if ending.stopping or ending.draining:
                return self.wait_again()

    def wait_again(self) -> bool:
        assert self.poll is not None
        return not self.ending.stopping and any(
            descriptor == self.descriptor for descriptor, _ in self.poll.poll(0)
        )
