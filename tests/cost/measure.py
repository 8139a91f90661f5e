"""Measures what `langdock` costs, beside curl in the same run, and fails where it costs more than it may.

    measure.py PROGRAM FOLDER

Instructions are counted by callgrind: they do not depend on what else the machine does, and so are gates. Peak memory
has a gate with some room. Times are medians of runs of the one and the other in turn; their ratio is printed with
its goal, and a gate stands far above the goal, where only a mistake gets.
"""

import fcntl
import json
import os
import pty
import re
import statistics
import struct
import subprocess
import sys
import termios
import time
import zlib
from pathlib import Path

from certificate import certificate

HERE = Path(__file__).parent
PROGRAM, FOLDER = sys.argv[1], Path(sys.argv[2])
MODEL = "claude-3-haiku-20240307"
# Its context window is not known: 5 MB of text are estimated, and not refused.
ROOMY_MODEL = "claude-roomy"
KEY = "sk-ld-cost"
# The same surroundings wherever it runs: the length of an environment shows in the count of instructions.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": str(FOLDER), "LANG": "C.UTF-8", "LANGDOCK_API_KEY": KEY}
# A terminal that can do something is one that has a name.
RENDERING = {**ENVIRONMENT, "TERM": "xterm-256color"}
STAMP = re.compile(rb"(?<![0-9a-f])[0-9a-f]{16}(?![0-9a-f])")
MEGABYTE = 1_000_000
# What is resident of the program itself is in the hands of the kernel, which maps around what is used.
MEMORY_ROOM = 1.25


def langdock(base, *args):
    return [PROGRAM, "send", "--base-url", base, "-m", MODEL, *args]


def curl(base, *args):
    return [
        "curl", "-sN", f"{base}/v1/messages",
        "-H", f"Authorization: Bearer {KEY}", "-H", "anthropic-version: 2023-06-01",
        "-H", "content-type: application/json", *args,
    ]  # fmt: skip


QUESTION = ["-d", json.dumps({"model": MODEL, "max_tokens": 4096, "stream": True,
                              "messages": [{"role": "user", "content": "Say it."}]})]  # fmt: skip


def shell(script, *words):
    return ["sh", "-c", script, "sh", *map(str, words)]


# Ways to run a command: each gives the seconds it took, or what it was asked for.


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
    """Peak memory in megabytes of 2^20 bytes; of a pipeline, that of the largest part."""
    result = subprocess.run(
        ["/usr/bin/time", "-f", "%M", *command], env=ENVIRONMENT, capture_output=True, stdin=subprocess.DEVNULL
    )
    if result.returncode:
        sys.exit(f"cost: {result.stderr.decode()}")
    return int(result.stderr.split()[-1]) / 1024


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


class Table:
    def __init__(self):
        self.rows, self.failed = [], []

    def add(self, what, ours, theirs, ratio, goal, met, gate=""):
        self.rows.append((what, ours, theirs, ratio, goal, {True: "yes", False: "NO", None: ""}[met], gate))

    def count(self, what, value, goal):
        met = value <= goal * 1e6
        self.add(what, f"{value / 1e6:.2f} M", "", "", f"<= {goal} M", met, "gate")
        if not met:
            self.failed.append(what)

    def megabytes(self, what, ours, theirs, goal):
        limit = round(goal * MEMORY_ROOM, 1)
        cells = (f"{ours:.1f} MB", f"{theirs:.1f} MB" if theirs else "", "")
        self.add(what, *cells, f"<= {goal} MB", ours <= goal, f"gate {limit}")
        if ours > limit:
            self.failed.append(what)

    def times(self, what, measured, goal, limit):
        ours, theirs, ratio = measured
        cells = (f"{ours * 1e3:.2f} ms", f"{theirs * 1e3:.2f} ms", f"{ratio:.2f}")
        if goal is None:
            self.add(what, *cells, "", None)
            return
        self.add(what, *cells, f"<= {goal}", ratio <= goal, f"gate {limit}")
        if ratio > limit:
            self.failed.append(what)

    def extra(self, what, milliseconds, goal, limit):
        """What something adds to a run; beside other work the median of some differences is a little off."""
        self.add(what, f"{milliseconds:.2f} ms", "", "", f"<= {goal} ms", milliseconds <= goal, f"gate {limit}")
        if milliseconds > limit:
            self.failed.append(what)

    def delay(self, what, ours, theirs, goal):
        """The goal is a share of curl's: how long a waking takes is the machine's."""
        ratio = ours / theirs
        self.add(what, f"{ours:.0f} us", f"{theirs:.0f} us", f"{ratio:.2f}", f"<= {goal}", ratio <= goal)

    def show(self):
        rows = [("", "langdock", "curl", "ratio", "goal", "met", ""), *self.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(7)]
        for row in rows:
            cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
            print("  ".join(cells).rstrip())


def png(path, side):
    """Writes a picture of noise, which does not get smaller by packing."""

    def part(kind, data):
        return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)

    rows = b"".join(b"\0" + os.urandom(side * 3) for _ in range(side))
    head = side.to_bytes(4) + side.to_bytes(4) + b"\x08\x02\0\0\0"
    packed = zlib.compress(rows, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", packed) + part(b"IEND", b""))


def main():
    ca, leaf, leaf_key = certificate(FOLDER)
    text, image = FOLDER / "text.txt", FOLDER / "noise.png"
    line = 'The 3rd "quoted" word\tof a line \\ with ümläuts, and so on to its end.\n'.encode()
    text.write_bytes((line * (5 * MEGABYTE // len(line) + 1))[: 5 * MEGABYTE - 1] + b"\n")
    png(image, 1140)
    server = subprocess.Popen(
        [sys.executable, HERE / "server.py", leaf, leaf_key],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        port, tls_port = server.stdout.readline().split()
        table = Table()
        measure(table, f"http://127.0.0.1:{port}", f"https://127.0.0.1:{tls_port}", ca, text, image)
    finally:
        server.stdin.close()
        server.wait(10)
    table.show()
    if table.failed:
        sys.exit("cost: over the gate: " + "; ".join(table.failed))


def compare_delays(table, where, run, one, other, goals):
    ours, theirs = [], []
    for _ in range(4):
        ours += delays(one, run)
        theirs += delays(other, run)
    for (name, share), goal in zip((("median", 0.5), ("p99", 0.99)), goals):
        at = [sorted(found)[int(len(found) * share)] for found in (ours, theirs)]
        table.delay(f"delay of a delta {where}, {name}", *at, goal)


def measure(table, http, https, ca, text, image):
    version = [PROGRAM, "--version"]
    short, curl_short = langdock(f"{http}/short", "Say it."), curl(f"{http}/short", *QUESTION)
    # No issuer that the bundled roots know is to be had on loopback. The certificate's own stands for them: by default no
    # file is read either. What curl reads by default is the system's bundle, and so it gets that, with the issuer added.
    bundle = FOLDER / "bundle.pem"
    bundle.write_bytes(Path("/etc/ssl/certs/ca-certificates.crt").read_bytes() + ca.read_bytes())
    secure = langdock(f"{https}/short", "--cacert", str(ca), "Say it.")
    curl_secure = curl(f"{https}/short", "--cacert", str(bundle), *QUESTION)
    many, curl_many = langdock(f"{http}/many", "Say it."), curl(f"{http}/many", *QUESTION)
    burst, curl_burst = langdock(f"{http}/burst", "Say it."), curl(f"{http}/burst", *QUESTION)
    paced, curl_paced = langdock(f"{http}/paced", "Say it."), curl(f"{http}/paced", *QUESTION)

    table.count("--version, instructions", instructions(version), 0.8)
    table.count("short answer, http, instructions", instructions(short), 1.5)
    table.count("short answer, https, instructions", instructions(secure), 5)
    table.count("20,000 deltas to a pipe, instructions", instructions(many), 140)

    table.times("--version", in_turn(to_pipe, version, ["curl", "--version"], 40), 0.2, 0.8)
    table.times("short answer, http", in_turn(to_pipe, short, curl_short, 40), 0.3, 1)
    table.megabytes("short answer, http, memory", memory(short), memory(curl_short), 7)
    table.times("short answer, https", in_turn(to_pipe, secure, curl_secure, 20), 0.12, 0.5)
    table.times("20,000 deltas to a pipe", in_turn(to_pipe, many, curl_many, 10), 1.3, 5)
    table.times("20,000 deltas on a terminal", in_turn(to_terminal, many, curl_many, 10), 1.3, 5)
    table.times("the same to a pipe, sent in one piece", in_turn(to_pipe, burst, curl_burst, 10), None, None)

    # Limits that are never reached: what the shared book adds to a request that waits for nothing.
    config = FOLDER / ".config" / "langdock" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'[limits."{MODEL}"]\nrpm = 1000000\ntpm = 1000000000\n')
    unpaced = [*short, "--no-pace"]
    table.count("a paced request, more instructions", instructions(short) - instructions(unpaced), 0.1)
    pairs = [(to_pipe(short), to_pipe(unpaced)) for _ in range(60)]
    table.extra("a paced request, more time", 1000 * statistics.median(one - other for one, other in pairs), 0.5, 2)
    config.unlink()

    marked, curl_marked = langdock(f"{http}/marked", "Say it."), curl(f"{http}/marked", *QUESTION)
    table.times("20,000 deltas of Markdown, rendered", in_turn(to_rendering, marked, curl_marked, 7), 5, 20)

    compare_delays(table, "to a pipe", to_pipe, paced, curl_paced, (0.83, 1.13))
    marked, curl_marked = langdock(f"{http}/pmarked", "Say it."), curl(f"{http}/pmarked", *QUESTION)
    # 200 and 1,000 us where curl's, not rendered, are 102 and 730.
    compare_delays(table, "on a terminal, rendered", to_rendering, marked, curl_marked, (1.96, 1.37))

    piped = shell('cat "$1" | "$2" send --base-url "$3" -m "$4"', text, PROGRAM, f"{http}/short", ROOMY_MODEL)
    curl_piped = shell(
        'cat "$1" | jq -Rs \'{model: $m, max_tokens: 4096, stream: true, messages: [{role: "user", content: .}]}\' '
        '--arg m "$2" | curl -sN "$3/v1/messages" -H "Authorization: Bearer $4" -H "anthropic-version: 2023-06-01" '
        '-H "content-type: application/json" --data-binary @-',
        text, MODEL, f"{http}/short", KEY,
    )  # fmt: skip
    table.times("5 MB of text on stdin", in_turn(to_pipe, piped, curl_piped, 7), 0.25, 1)
    table.megabytes("5 MB of text on stdin, memory", memory(piped), None, 18)
    huge = FOLDER / "huge.txt"
    with huge.open("wb") as file:
        for _ in range(6):
            file.write(text.read_bytes())
    piped_huge = shell(
        'cat "$1" | "$2" send --no-check --base-url "$3" -m "$4"', huge, PROGRAM, f"{http}/short", MODEL
    )
    table.megabytes("30 MB of text on stdin with --no-check, memory", memory(piped_huge), None, 75)

    shown = langdock(f"{http}/short", "-f", str(image), "What is it?")
    curl_shown = shell(
        'base64 -w0 "$1" | jq -Rs \'{model: $m, max_tokens: 4096, stream: true, messages: [{role: "user", content: ['
        '{type: "image", source: {type: "base64", media_type: "image/png", data: .}}, '
        '{type: "text", text: "What is it?"}]}]}\' --arg m "$2" | '
        'curl -sN "$3/v1/messages" -H "Authorization: Bearer $4" -H "anthropic-version: 2023-06-01" '
        '-H "content-type: application/json" --data-binary @-',
        image, MODEL, f"{http}/short", KEY,
    )  # fmt: skip
    table.times("3.9 MB image", in_turn(to_pipe, shown, curl_shown, 7), 0.2, 0.8)
    table.megabytes("3.9 MB image, memory", memory(shown), None, 18)


main()
