"""The prompt of `chat` under random keys, pastes, sizes and signals."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from pathlib import Path

from child import PATIENCE, SLACK

KEYS = [
    b"\r", b"\n", b"\t", b"\x01", b"\x05", b"\x0b", b"\x0e", b"\x10", b"\x12", b"\x15", b"\x17", b"\x19", b"\x7f", b"\x1b", b"\x1b[A",
    b"\x1b[B", b"\x1b[C", b"\x1b[D", b"\x1b[3~", b"\x1b[200~pasted\ntext\x1b[201~", b"\x1b[200~", b"hello", b"/help\r", b"/model\r",
    b"/undo\r", b"/retry\r", b"/system x\r", b"/attach /etc/hostname\r", b"/foo\r", b"\xff\xfe", "世界🙂\u0301".encode(), b"\x00",
    b"x" * 3000, b"/", b"\\\r", b"```\r", b"y", b"n",
]


def peak(pid):
    """The most memory of a process in MB, 0 if it has ended. What wait4 reports has the memory of this interpreter in it, from
    between the fork and the exec."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1000 if found else 0


def talk(child, keys, pause):
    """Types the keys and hangs up; it has to be gone soon after."""
    args = child.command(["--demo", "chat"])
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(child.home)
        os.execve(args[0], args, child.environment())
    printed = b""

    def read(seconds):
        nonlocal printed
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and select.select([terminal], [], [], left)[0]:
            try:
                more = os.read(terminal, 65536)
            except OSError:
                return
            printed = (printed + more)[-100_000:]
            if not more:
                return

    read(0.3)
    for key in keys:
        if isinstance(key, tuple):
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *key, 0, 0))
        else:
            try:
                os.write(terminal, key)
            except OSError:
                break
        read(pause)
    memory = peak(pid)
    os.kill(pid, signal.SIGTERM)
    read(0.2)
    os.close(terminal)
    began = time.monotonic()
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        if time.monotonic() - began > PATIENCE * SLACK:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            child.fail(["chat"], f"it does not end: {keys!r}", printed[-2000:].decode(errors="replace"))
        time.sleep(0.01)
    code = os.waitstatus_to_exitcode(status)
    if code in (-signal.SIGTERM, -signal.SIGHUP, -signal.SIGINT):
        code = 0
    child.check(["chat", repr(keys)], code, printed.decode(errors="replace"), memory, time.monotonic() - began, 64)


def fixed(child):
    talk(child, KEYS, 0.02)
    talk(child, [(1, 1), b"hello world\r", (2, 3), b"/help\r", (500, 1), b"Markdown\r", (0, 0), b"\x12a"], 0.1)


def at_random(child, chance):
    sizes = [(1, 1), (24, 80), (3, 7), (300, 500)]
    keys = [chance.choice(sizes) if chance.random() < 0.1 else chance.choice(KEYS) for _ in range(chance.randrange(5, 40))]
    talk(child, keys, 0.01)
