"""Measures what conversations cost that have become large or many, and fails where it is more than it may be.

    measure.py PROGRAM DIRECTORY

What is measured is the time of the processor, the least of several runs, so that a machine that does other things as well
tells the same. The endpoint is one of this process, which answers every request with a few words.
"""

import http.server
import json
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

PROGRAM, DIRECTORY = sys.argv[1], Path(sys.argv[2])
MODEL = "claude-3-haiku-20240307"
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin", "HOME": str(DIRECTORY), "LANG": "C.UTF-8", "XDG_DATA_HOME": str(DIRECTORY / "data"),
    "LANGDOCK_API_KEY": "sk-ld-session", "LANGDOCK_MODEL": "claude-roomy",
}  # fmt: skip
SESSIONS = DIRECTORY / "data/langdock/sessions"
TURNS, TURN_BYTES = 5000, 3800
MANY, MANY_TURNS = 10_000, 6
TIMES = 5
ID_LETTERS = "23456789bcdfghjkmnpqrstvwxyz"
WORDS = "the quick brown fox jumps over a lazy dog while rivers flow and lights burn in the harbour of a small town"


def text(place, length):
    words = WORDS.split()
    words = words[place % len(words) :] + words[: place % len(words)]
    sentence = f"{place} {' '.join(words)} "
    return (sentence * (length // len(sentence) + 1))[:length]


def write(id, turns, length, name=None):
    """Writes a conversation as langdock-session(1) has the format."""
    at = "2026-01-02T03:04:05Z"
    header = {"type": "langdock-session", "version": 1, "id": id, "at": at} | ({"name": name} if name else {})
    lines, parent = [header], {}
    for place in range(turns):
        turn = {"type": "turn", "id": f"{id}.{place}", **parent, "at": at}
        if place % 2:
            turn |= {"role": "assistant", "model": MODEL, "message_id": f"msg_{place}", "stop_reason": "end_turn",
                     "usage": {"input_tokens": 10, "output_tokens": 10}}  # fmt: skip
        else:
            turn["role"] = "user"
        lines.append(turn | {"content": [{"type": "text", "text": text(place, length)}]})
        parent = {"parent": turn["id"]}
    path = SESSIONS / f"{id}.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    if name:
        (SESSIONS / "names").mkdir(exist_ok=True)
        (SESSIONS / "names" / f"{name}.jsonl").symlink_to(f"../{path.name}")
    return path


def id_of(number):
    letters = ""
    for _ in range(9):
        number, letter = divmod(number, len(ID_LETTERS))
        letters += ID_LETTERS[letter]
    return "2" + letters


class Endpoint(http.server.BaseHTTPRequestHandler):
    """Answers with a few words."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        left = int(self.headers["content-length"])
        while left:
            left -= len(self.rfile.read(min(left, 1 << 20)))
        message = {"id": "msg_s", "type": "message", "role": "assistant", "model": MODEL, "stop_reason": "end_turn",
                   "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
                   "content": [{"type": "text", "text": "A few words."}]}  # fmt: skip
        body = json.dumps(message).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def run(*args, stdin="", base="http://127.0.0.1:9/anthropic/eu"):
    """Runs it, and gives the seconds of the processor, those on the clock, and its output."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    result = subprocess.run(
        [PROGRAM, *args], env=ENVIRONMENT | {"LANGDOCK_BASE_URL": base}, input=stdin, capture_output=True, text=True
    )
    took, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if result.returncode:
        sys.exit(f"session: exit {result.returncode} of {args}\n{result.stderr}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, took, result.stdout


def least(*args, **given):
    runs = [run(*args, **given) for _ in range(TIMES)]
    return min(run[0] for run in runs), min(run[1] for run in runs)


FAILED = []


def gate(what, found, most, unit="s"):
    print(f"{what}: {found:.3f} {unit}, at most {most} {unit}")
    if found > most:
        FAILED.append(what)


def opens():
    path = write(id_of(0), TURNS, TURN_BYTES, "large")
    megabytes = path.stat().st_size / 1e6
    processor, clock = least("chat", "--session", "large")
    nothing, _ = least("chat", "-n")
    print(f"a conversation of {TURNS} turns, {megabytes:.1f} MB: {clock:.3f} s on the clock to open it")
    gate("to open it, processor", processor - nothing, 0.1)


def goes_on():
    """Six turns, less one: what a turn costs beyond the first, in a conversation that is kept and in one that is not."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_address[1]}/anthropic/eu"
    path = SESSIONS / f"{id_of(0)}.jsonl"
    written = path.read_bytes()

    def a_turn(*flags):
        def lines(count):
            found = []
            for _ in range(3):
                path.write_bytes(written)
                args = ["chat", "--session", "large", "-S", "--no-check", "--no-pace", *flags]
                found.append(run(*args, stdin="More, please.\n" * count, base=base)[0])
            return min(found)

        return (-lines(1) + lines(6)) / 5

    kept, grown = a_turn(), path.stat().st_size - len(written)
    request = a_turn("-n")
    server.shutdown()
    print(f"a turn of it: {kept:.3f} s of the processor, {request:.3f} s where nothing is kept, {grown} bytes for six")
    gate("to keep a turn, processor", kept - request, 0.1)
    if grown > 6 * 2000:
        FAILED.append("what a turn adds to the file")


def searches():
    for number in range(1, MANY):
        write(id_of(number), MANY_TURNS, 600)
    write(id_of(MANY), MANY_TURNS, 600)
    last = SESSIONS / f"{id_of(MANY)}.jsonl"
    last.write_text(last.read_text().replace("harbour", "lighthouse"))
    for words, hits in ((["lighthouse"], 1), (["harbour", "quick"], None)):
        output = run("session", "search", *words)[2]
        if hits and len(output.splitlines()) != hits:
            sys.exit(f"session: {hits} expected, found:\n{output[:500]}")
        processor, clock = least("session", "search", *words)
        print(f"{MANY} conversations searched for {' '.join(words)}: {clock:.3f} s on the clock")
        gate(f"to search them for {' '.join(words)}, processor", processor, 0.5 if hits else 1.0)


def main():
    SESSIONS.mkdir(parents=True)
    opens()
    goes_on()
    searches()
    if FAILED:
        sys.exit("session: over the gate: " + "; ".join(FAILED))


main()
