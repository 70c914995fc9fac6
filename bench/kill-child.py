"""kill-child.c again, as two Python processes: what the children of `npm run bench -- kill` usually are."""

import os
import sys


def serve(fd):
    os.write(fd, b"%d\n" % os.getpid())
    if os.read(fd, 1):
        os.write(fd, b".\n")
    sys.exit(0)


pid = os.fork()
if pid == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    os.close(3)
    serve(4)
os.close(4)
os.waitpid(pid, 0)
serve(3)
