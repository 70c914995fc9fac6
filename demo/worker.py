"""A worker of the demo: it counts, and so do three child processes of its own.

usage: worker.py <folder> <number> <bytes of a record>
"""

import os
import subprocess
import sys

import counting

GRANDCHILD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "grandchild.py")

folder, number, record_bytes = sys.argv[1:]


def start(layer, *options, **how):
    command = [sys.executable, GRANDCHILD, folder, layer + "-" + number, record_bytes, *options]
    return subprocess.Popen(command, pass_fds=[counting.START], **how)


children = [start("plain"), start("setsid", start_new_session=True), start("double", "--daemonize")]
counting.count(folder, "child-" + number, int(record_bytes))
sys.exit(max(child.wait() for child in children))
