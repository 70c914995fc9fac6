"""What every process of the demo does: hold a lock for as long as it lives, and count words."""

import fcntl
import json
import os
import re
from collections import Counter

# Everybody begins when the host closes its end of this socket: half of the work is half of everybody's.
START = 3

# "word_count", "wordCount" and "WordCount" are two words each.
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def start_ticks():
    """The start time of this process, which together with its pid is its identity."""
    with open("/proc/self/stat", "rb") as stat:
        return int(stat.read().rpartition(b")")[2].split()[19])


def hold_lock(folder, name):
    """Locks <folder>/<name>.lock and writes whose lock it is. Only the end of this process releases it."""
    lock = os.open(os.path.join(folder, name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    record(lock, 0)
    return lock


def record(lock, files):
    """Writes who holds the lock and how many files it has counted."""
    os.pwrite(lock, b"%-10d %-20d %-10d\n" % (os.getpid(), start_ticks(), files), 0)


def report(name, files):
    """Tells the host how far this process is."""
    try:
        os.write(1, b"%s %d\n" % (name.encode(), files))
    except OSError:
        # Nobody reads any more. This program, like many a real one, goes on working.
        pass


def claimed_files(record_bytes):
    """The files that this process counts.

    The list of all files is stdin, and all processes share one open file: to read a record is to claim it.
    """
    while line := os.read(0, record_bytes):
        yield line.rstrip()


def count(folder, name, record_bytes):
    """Counts the words of the files that it gets hold of, and writes the result to <folder>/<name>.json."""
    lock = hold_lock(folder, name)
    report(name, 0)
    os.read(START, 1)
    words = Counter()
    for files, path in enumerate(claimed_files(record_bytes), start=1):
        with open(path, encoding="latin-1", newline="") as source:
            for word in WORD.findall(source.read()):
                words[word.lower()] += 1
        record(lock, files)
        report(name, files)
    with open(os.path.join(folder, name + ".json"), "w", encoding="ascii") as result:
        json.dump(words, result)
