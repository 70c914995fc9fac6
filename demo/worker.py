"""A worker of the demo's pools: it counts the words of files, together with three child processes of its own.

usage: worker.py <folder>
"""

import json
import os
import subprocess
import sys
from collections import Counter

import counting
import procguard

GRANDCHILD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "grandchild.py")

folder = sys.argv[1]


def start(layer, *options, **how):
    command = [sys.executable, GRANDCHILD, folder, f"{layer}-{os.getpid()}", str(files.descriptor), *options]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, pass_fds=[files.descriptor], **pipes, **how)


def count_together(paths, words):
    """Adds the words of all files to `words`, and yields how far this process and its children are."""
    files.add(paths)
    for child in children:
        print("count", file=child.stdin, flush=True)
    for more in counting.count_each(files, lock):
        words.update(more)
        yield files.share_claimed()
    for child in children:
        words.update(json.loads(child.stdout.readline()))


@procguard.handler
def count(call, paths):
    """How often each word occurs in the files. Notes in the ledger that this call runs here."""
    os.write(ledger, b"%d %d\n" % (call, os.getpid()))
    words = Counter()
    for _ in count_together(paths, words):
        pass
    return words


@procguard.handler
def progress(paths):
    """Counts too, and streams how far it is."""
    yield from count_together(paths, Counter())


descriptor = os.open(os.path.join(folder, f"files-{os.getpid()}"), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
files = counting.Files(descriptor)
children = [start("plain"), start("setsid", start_new_session=True), start("double", "--daemonize")]
lock = counting.Lock(folder, f"worker-{os.getpid()}")
# What is appended in one write stays whole, whoever else writes.
ledger = os.open(os.path.join(folder, "ledger.txt"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
for child in children:
    child.stdout.readline()
procguard.serve()

# The pool has drained this worker. `wait` does not wait for a double-forked child; the end of its stdout does.
for child in children:
    child.stdin.close()
for child in children:
    child.stdout.read()
    child.wait()
lock.leave()
