"""Ways to run a command: each gives the seconds it took, or what it was asked for."""

import fcntl
import os
import pty
import re
import statistics
import struct
import subprocess
import sys
import termios
import time

from clients import ENVIRONMENT

# Rendering needs a terminal with a name.
RENDERING = {**ENVIRONMENT, "TERM": "xterm-256color"}
STAMP = re.compile(rb"(?<![0-9a-f])[0-9a-f]{16}(?![0-9a-f])")


def spawn(command, stdout, stderr=2, environment=None):
    actions = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_DUP2, stdout, 1),
               (os.POSIX_SPAWN_DUP2, stderr, 2)]  # fmt: skip
    return os.posix_spawnp(command[0], command, environment or ENVIRONMENT, file_actions=actions)


def succeed(command, pid):
    _, status = os.waitpid(pid, 0)
    if status:
        sys.exit(f"cost: status {status} of {' '.join(command)[:300]}")


def read_all(fd, take=lambda data: None):
    total = 0
    while True:
        try:
            data = os.read(fd, 65536)
        except OSError:  # A terminal whose other end was closed.
            data = b""
        if not data:
            return total
        take(data)
        total += len(data)


def to_pipe(command, take=lambda data: None):
    reader, writer = os.pipe()
    begun = time.perf_counter()
    pid = spawn(command, writer)
    os.close(writer)
    total = read_all(reader, take)
    succeed(command, pid)
    took = time.perf_counter() - begun
    os.close(reader)
    if not total:
        sys.exit(f"cost: no output of {' '.join(command)[:300]}")
    return took


def to_terminal(command, take=lambda data: None, environment=None):
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    begun = time.perf_counter()
    pid = spawn(command, theirs, environment=environment)
    os.close(theirs)
    read_all(ours, take)
    succeed(command, pid)
    took = time.perf_counter() - begun
    os.close(ours)
    return took


def to_rendering(command, take=lambda data: None):
    """A terminal on which Markdown is rendered."""
    return to_terminal(command, take, RENDERING)


def memory(command):
    """Peak memory in megabytes of 2^20 bytes; of a pipeline, that of the largest part. The median of a few runs: how many pages
    of a file the kernel maps at once differs from run to run."""

    def once():
        result = subprocess.run(
            ["/usr/bin/time", "-f", "%M", *command], env=ENVIRONMENT, capture_output=True, stdin=subprocess.DEVNULL
        )
        if result.returncode:
            sys.exit(f"cost: {result.stderr.decode()}")
        return int(result.stderr.split()[-1]) / 1024

    return statistics.median(once() for _ in range(5))


def instructions(command):
    result = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command],
        env=ENVIRONMENT, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    found = re.search(r"Collected : (\d+)", result.stderr)
    if result.returncode or not found:
        sys.exit(f"cost: valgrind {' '.join(command)[:300]}\n{result.stderr}")
    return int(found[1])


def in_turn(run, one, other, times):
    """Runs the one and the other in turn, and gives the median seconds of both and of their ratios."""
    for command in (one, other):
        run(command)
    pairs = [(run(one), run(other)) for _ in range(times)]
    return [statistics.median(column) for column in zip(*[(a, b, a / b) for a, b in pairs])]


def delays(command, run=to_pipe):
    """Microseconds from the sending of each delta to its first arrival here: a terminal may get a line more than once."""
    found = {}

    def take(data):
        now = time.monotonic_ns()
        for stamp in STAMP.findall(data):
            found.setdefault(stamp, (now - int(stamp, 16)) / 1000)

    run(command, take)
    if len(found) < 400:
        sys.exit(f"cost: {len(found)} deltas came of {' '.join(command)[:200]}")
    return list(found.values())
