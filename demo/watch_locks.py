"""Tells when file locks are released and when processes end, by blocking on them.

Reads one name a line, the path of a lock file or a pid. Answers `held`, tab, name if it is held now, or
`free`; and `released`, tab, name, tab, nanoseconds on the clock CLOCK_MONOTONIC, once it no longer is. An end
of stdin ends it.
"""

import fcntl
import os
import select
import sys
import threading
import time


def is_held(path):
    with open(path, "rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def wait_for_lock(path):
    with open(path, "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        say("released", path, time.monotonic_ns())


def wait_for_end(pidfd, name):
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    poll.poll()
    say("released", name, time.monotonic_ns())


def say(*words):
    os.write(1, ("\t".join(map(str, words)) + "\n").encode())


def watch(name):
    """Starts a thread that blocks until `name` is released."""
    if name.isdigit():
        held, target, arguments = True, wait_for_end, (os.pidfd_open(int(name)), name)
    else:
        held, target, arguments = is_held(name), wait_for_lock, (name,)
    say("held" if held else "free", name)
    threading.Thread(target=target, args=arguments, daemon=True).start()


say("ready")
for line in sys.stdin:
    watch(line.rstrip("\n"))
