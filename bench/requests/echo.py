"""Echoes JSON lines: the hand-written worker of `npm run bench -- requests`. Bytes are base64 strings."""

import base64
import json
import sys


def echo(value):
    return value


def echo_bytes(text):
    data = base64.b64decode(text)
    return base64.b64encode(echo(data)).decode("ascii")


answer = echo_bytes if sys.argv[1] == "bytes" else echo
for line in sys.stdin.buffer:
    sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
    sys.stdout.flush()
