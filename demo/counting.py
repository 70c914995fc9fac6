"""What every process of the demo does: hold a lock for as long as it lives, and count words."""

import fcntl
import os
import re
from collections import Counter

# "word_count", "wordCount" and "WordCount" are two words each.
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")

RECORD_BYTES = 512


def start_ticks():
    """The start time of this process, which together with its pid is its identity."""
    with open("/proc/self/stat", "rb") as stat:
        return int(stat.read().rpartition(b")")[2].split()[19])


class Lock:
    """The lock <folder>/<name>.lock, which only the end of this process releases. The file says whose it is."""

    def __init__(self, folder, name):
        self.descriptor = os.open(os.path.join(folder, name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        self.holder = (os.getpid(), start_ticks())
        self.files = 0
        self.record(b"working")

    def counted_one(self):
        self.files += 1
        self.record(b"working")

    def leave(self):
        """Writes that this process ends by itself: who is killed can't."""
        self.record(b"left")

    def record(self, state):
        os.pwrite(self.descriptor, b"%-10d %-20d %-10d %-7s\n" % (*self.holder, self.files, state), 0)


class Files:
    """The files to count: records in one open file, which a worker and its child processes share."""

    def __init__(self, descriptor):
        self.descriptor = descriptor
        self.begin = self.end = 0

    def add(self, paths):
        records = [os.fsencode(path).ljust(RECORD_BYTES, b"\0") for path in paths]
        if any(len(record) > RECORD_BYTES for record in records):
            raise ValueError(f"A path is longer than {RECORD_BYTES} bytes")
        self.begin = self.end
        # Unlike write, this leaves the position where it is.
        self.end += os.pwrite(self.descriptor, b"".join(records), self.end)

    def claim(self):
        """Yields files until there are none. To read a record is to claim it, since all share the position."""
        while record := os.read(self.descriptor, RECORD_BYTES):
            yield record.rstrip(b"\0")

    def share_claimed(self):
        """Which share of the files that were added last is claimed, by whomever."""
        return (os.lseek(self.descriptor, 0, os.SEEK_CUR) - self.begin) / (self.end - self.begin)


def count_each(files, lock):
    """Yields the words of one file after another, of those that this process gets hold of."""
    for path in files.claim():
        with open(path, encoding="latin-1", newline="") as source:
            words = Counter(word.lower() for word in WORD.findall(source.read()))
        lock.counted_one()
        yield words
