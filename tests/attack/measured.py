"""Runs a program and writes its peak memory in KiB and its processor time in seconds to a file: measured.py FILE PROGRAM [ARG...]. The
system counts the memory of the process that starts a program as the program's own, so that has to be a small one."""

import os
import signal
import sys

taken, *command = sys.argv[1:]
# Python ignores these signals, and a child would too.
pid = os.posix_spawn(command[0], command, os.environ, setsigdef=[signal.SIGPIPE, signal.SIGXFSZ])
_, status, usage = os.wait4(pid, 0)
with open(taken, "w") as file:
    file.write(f"{usage.ru_maxrss} {usage.ru_utime + usage.ru_stime}")
code = os.waitstatus_to_exitcode(status)
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
sys.exit(code)
