"""A child process of a worker. With each line of stdin it begins to count, until no file is left.

usage: grandchild.py <folder> <name> <descriptor of the files> [--daemonize]

With --daemonize it double-forks first.
"""

import json
import os
import sys
from collections import Counter

import counting


def daemonize():
    """Leaves parent, session and group, as a daemon does."""
    if os.fork() > 0:
        os._exit(0)
    os.setsid()
    if os.fork() > 0:
        os._exit(0)


def answer(value):
    """Writes a line to the worker. False: nobody reads it any more."""
    try:
        print(json.dumps(value), flush=True)
    except BrokenPipeError:
        return False
    return True


if "--daemonize" in sys.argv:
    daemonize()
lock = counting.Lock(sys.argv[1], sys.argv[2])
files = counting.Files(int(sys.argv[3]))
answer("ready")
for _ in sys.stdin:
    words = Counter()
    for more in counting.count_each(files, lock):
        words.update(more)
    if not answer(words):
        break
lock.leave()
# Python's own exit would flush the line that nobody reads, and complain.
os._exit(0)
