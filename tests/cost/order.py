"""Writes `src/startup.ld`: the functions that a short answer runs, for the linker to put side by side.

    order.py PROGRAM FOLDER

PROGRAM is a release build that was not stripped. The functions are those that callgrind saw in a few everyday runs, those of
the first run first. Names go in without their hashes, and a module goes in whole where most of its code is used: so the file
holds through changes of the sources and of the compiler. Where it no longer does, the gate of memory in `measure.py` says so.
"""

import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from certificate import certificate

HERE = Path(__file__).parent
# A module, a type or a function of several instances goes in whole from this share of used code on.
MOST = 0.5
# Many instances of which next to none is used are left where they are: (bytes in all, share that is used).
MANY_BYTES, FEW = 20_000, 0.01

HEAD = """\
/* What a short answer runs, side by side. Written by tests/cost/order; `src/build.rs` says why. */
SECTIONS {
  .text.startup_path : {
"""
TAIL = """\
  }
} INSERT BEFORE .text;
"""


def symbols(program):
    """The functions of the program and how many bytes each has."""
    listed = subprocess.run(["nm", "-S", "--defined-only", program], check=True, capture_output=True, text=True)
    rows = (line.split() for line in listed.stdout.splitlines())
    return {row[3]: int(row[1], 16) for row in rows if len(row) == 4 and row[2] in "tTwW"}


def called(command, env, on_terminal, known):
    """The functions that a run of the command enters."""
    with tempfile.NamedTemporaryFile() as out:
        command = ["valgrind", "-q", "--tool=callgrind", "--demangle=no", f"--callgrind-out-file={out.name}", *command]
        if on_terminal:
            pid, ours = pty.fork()
            if pid == 0:
                os.execvpe(command[0], command, env)
            try:
                while os.read(ours, 65536):
                    pass
            except OSError:  # The other end was closed.
                pass
            os.waitpid(pid, 0)
        else:
            subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
        names = re.findall(r"^c?fn=\(\d+\) (\S+?)(?:'\d+)?$", Path(out.name).read_text(), re.MULTILINE)
    return [name for name in names if name in known]


def parts(name):
    """The path in a mangled name, or None where it is mangled in another way."""
    path = re.fullmatch(r"_ZN(.*)17h[0-9a-f]{16}E", name)
    found, rest = [], path and path[1]
    while rest:
        length = re.match(r"\d+", rest)
        if not length:
            return None
        end = length.end() + int(length[0])
        found.append(rest[:end])
        rest = rest[end:]
    return found or None


class Module:
    """A module, a type or a function: how much code it has, how much of that is used, and when first."""

    def __init__(self):
        self.bytes, self.used, self.first, self.inner = 0, 0, None, {}

    def add(self, size, turn):
        self.bytes += size
        if turn is not None:
            self.used += size
            self.first = turn if self.first is None else min(self.first, turn)

    def patterns(self, path):
        for name, inner in self.inner.items():
            is_function = name == ""
            if not inner.used:
                continue
            if is_function and inner.bytes > MANY_BYTES and inner.used < FEW * inner.bytes:
                continue
            if is_function or inner.used >= MOST * inner.bytes:
                yield inner.first, f"_ZN{path}{name}{'17h*E' if is_function else '*'}"
            else:
                yield from inner.patterns(path + name)


def main():
    program, folder = sys.argv[1], Path(sys.argv[2])
    issuer, leaf, key = certificate(folder)
    sizes = symbols(program)
    server = subprocess.Popen(
        [sys.executable, HERE / "server.py", leaf, key], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        port, tls_port = server.stdout.readline().split()
        with tempfile.TemporaryDirectory() as home:
            env = {"PATH": os.environ["PATH"], "HOME": home, "LANG": "C.UTF-8", "TERM": "xterm-256color",
                   "LANGDOCK_API_KEY": "sk-ld-cost", "LANGDOCK_MODEL": "claude-3-haiku-20240307"}  # fmt: skip
            http, https = f"http://127.0.0.1:{port}/short", f"https://127.0.0.1:{tls_port}/short"
            send = [program, "send", "--base-url"]
            turns = {}
            for command, on_terminal in (
                ([*send, http, "Say it."], False),
                ([program, "--version"], False),
                ([*send, https, "--cacert", str(issuer), "Say it."], False),
                ([*send, http, "-f", str(HERE / "server.py"), "--json", "Say it."], False),
                ([*send, http, "Say it."], True),
            ):
                for name in called(command, env, on_terminal, sizes):
                    turns.setdefault(name, len(turns))
    finally:
        server.stdin.close()
        server.wait(10)

    root, others = Module(), set()
    for name, size in sizes.items():
        path, turn = parts(name), turns.get(name)
        if path is None:
            if turn is not None:
                # The hash of a crate and a number of the linker's change with each compiler and each version.
                name = re.sub(r"Cs[0-9A-Za-z]+_(?=\d)", "Cs*_", name)
                others.add((turn, re.sub(r"\.\d+$", "*", name)))
            continue
        module = root
        for part in [*path, ""]:
            module = module.inner.setdefault(part, Module())
            module.add(size, turn)
    found = {}
    for turn, pattern in sorted([*root.patterns(""), *others]):
        found.setdefault(pattern, turn)
    # A function that is seldom used is in a section of another prefix.
    lines = [f"    *(.text*.{pattern})\n" for pattern in found]
    (HERE / "../../src/startup.ld").write_text(HEAD + "".join(lines) + TAIL)
    used = sum(size for name, size in sizes.items() if name in turns)
    print(f"{len(turns)} functions of {used:,} bytes, in {len(found)} lines")


main()
