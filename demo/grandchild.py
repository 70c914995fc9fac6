"""A child process of a worker, which counts too. With --daemonize it double-forks first.

usage: grandchild.py <folder> <name> <bytes of a record> [--daemonize]
"""

import os
import sys

import counting


def daemonize():
    """Leaves parent, session and group, as a daemon does."""
    if os.fork() > 0:
        os._exit(0)
    os.setsid()
    if os.fork() > 0:
        os._exit(0)


if "--daemonize" in sys.argv:
    daemonize()
counting.count(sys.argv[1], sys.argv[2], int(sys.argv[3]))
