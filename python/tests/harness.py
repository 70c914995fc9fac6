"""Runs a worker program as the pool does, and speaks to it."""

import json
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import textwrap
import time

SOURCE = os.path.join(os.path.dirname(__file__), "..", "src")
DEADLINE_SECONDS = 15.0
MAX_LINE_BYTES = 1 << 16

# Moves the two descriptors to 3 and 4 and becomes the worker, under the same pid.
STARTER = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
os.dup2(ends[0], 3)
os.dup2(ends[1], 4)
os.closerange(5, 64)
os.execvp(sys.argv[3], sys.argv[3:])
"""


class Worker:
    def __init__(
        self, program, host_pid=None, wrap=None, serve="procguard.serve()", welcome=True, environment=None
    ):
        self.control, control = socket.socketpair()
        self.data, data = socket.socketpair()
        for end in (self.control, self.data):
            end.settimeout(DEADLINE_SECONDS)
        self.folder = tempfile.TemporaryDirectory()
        path = os.path.join(self.folder.name, "worker.py")
        with open(path, "w") as file:
            file.write("import procguard\n" + textwrap.dedent(program) + "\n" + serve + "\n")
        env = {
            **os.environ,
            "PYTHONPATH": SOURCE,
            "PROCGUARD_PROTOCOL": "1",
            "PROCGUARD_HOST_PID": str(host_pid or os.getpid()),
            **(environment or {}),
        }
        command = [sys.executable, path] if wrap is None else wrap([sys.executable, path])
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-E", "-c", STARTER, str(control.fileno()), str(data.fileno()), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(control.fileno(), data.fileno()),
            env=env,
            start_new_session=True,
        )
        control.close()
        data.close()
        self.unread = b""
        self.hello = None
        if welcome:
            self.hello = self.message()
            self.tell(type="welcome", protocol=1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            try:
                os.killpg(self.process.pid, 9)
            except ProcessLookupError:
                pass
        self.process.wait(DEADLINE_SECONDS)
        for end in (self.control, self.data, self.process.stdout, self.process.stderr):
            end.close()
        self.folder.cleanup()

    def tell(self, **message):
        self.control.sendall(json.dumps(message).encode() + b"\n")

    def message(self):
        while b"\n" not in self.unread:
            more = self.control.recv(65536)
            if not more:
                raise EOFError(self.process.stderr.read().decode())
            self.unread += more
        line, self.unread = self.unread.split(b"\n", 1)
        assert len(line) < MAX_LINE_BYTES, len(line)
        return json.loads(line)

    def send(self, header, parts=()):
        if parts:
            header = {**header, "parts": [len(part) for part in parts]}
        self.data.sendall(frame(header, parts))

    def call(self, id, method, *args, parts=(), **more):
        self.send({"type": "call", "id": id, "method": method, "args": args, **more}, parts)

    def stream(self, id, method, *args, credit=16):
        self.send({"type": "stream", "id": id, "method": method, "args": args, "credit": credit})

    def receive_all(self, count):
        chunks = bytearray()
        while len(chunks) < count:
            more = self.data.recv(min(count - len(chunks), 1 << 20))
            if not more:
                raise EOFError("data ended")
            chunks += more
        return bytes(chunks)

    def receive(self):
        header_bytes, body_bytes = struct.unpack(">II", self.receive_all(8))
        header = json.loads(self.receive_all(header_bytes))
        body = self.receive_all(body_bytes)
        if "parts" in header:
            parts = []
            for length in header["parts"]:
                parts.append(body[:length])
                body = body[length:]
            header["parts"] = parts
        return header

    def silent(self, seconds=0.2):
        """True when nothing comes on data for this long: the absence of a frame can't be observed otherwise."""
        return not select.select([self.data], [], [], seconds)[0]

    def result(self, *args, **more):
        self.call(*args, **more)
        return self.receive()["value"]

    def line(self):
        return self.process.stdout.readline().decode()

    def wait(self, seconds=DEADLINE_SECONDS):
        started = time.monotonic()
        code = self.process.wait(seconds)
        self.seconds = time.monotonic() - started
        return code


def frame(header, parts=()):
    encoded = json.dumps(header).encode()
    body = b"".join(parts)
    return struct.pack(">II", len(encoded), len(body)) + encoded + body
