"""Asks a real model through `langdock send`, and checks that what comes back is an answer, piece by piece.

    ask.py PROGRAM BASE_URL KEY DIRECTORY
"""

import http.client
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
from pathlib import Path

PROGRAM, BASE_URL, KEY, DIRECTORY = sys.argv[1:]
DIRECTORY = Path(DIRECTORY)
ENVIRONMENT = {
    "PATH": f"{Path(PROGRAM).parent}:{os.environ['PATH']}",
    "HOME": str(DIRECTORY),
    "LANG": "C.UTF-8",
    "LANGDOCK_API_KEY": KEY,
    "LANGDOCK_BASE_URL": BASE_URL,
    "LANGDOCK_MODEL": "claude-3-haiku-20240307",
}
DEADLINE_S = 120
# The maximum length of file content that fits into the model.
MOST_BYTES = 16_000


def check(holds, what, *evidence):
    if not holds:
        sys.exit(f"real-model: {what}\n" + "\n".join(map(str, evidence)))


def start(script, **variables):
    return subprocess.Popen(
        ["sh", "-c", script if "|" in script else f"exec {script}"],
        env=ENVIRONMENT | variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def finish(process, took=b""):
    out, err = process.communicate(timeout=DEADLINE_S)
    return took + out, err.decode(), process.returncode


def streams(what, script):
    """An answer comes in pieces, the first of them long before the last."""
    process = start(script)
    began, pieces = time.monotonic(), []
    while piece := os.read(process.stdout.fileno(), 65536):
        pieces.append((time.monotonic() - began, piece))
    _, err, code = finish(process)
    text = b"".join(piece for _, piece in pieces).decode()
    check(code == 0, f"{what}: exit {code}", text, err)
    check(len(text.strip()) >= 20, f"{what}: no answer", text, err)
    check(len(pieces) >= 5, f"{what}: it came in {len(pieces)} pieces", pieces)
    first, last = pieces[0][0], pieces[-1][0]
    check(last - first >= 0.05, f"{what}: it came all at once", pieces)
    print(f"{what}: {len(pieces)} pieces, the first after {first:.2f} s, the last after {last:.2f} s")
    print(f"    {' '.join(text.split())[:100]}")


def message_object():
    out, err, code = finish(start("langdock send --json --max-tokens 30 --allow-truncated 'Say hello.'"))
    check(code == 0, f"--json: exit {code}", out, err)
    message = json.loads(out)
    check("".join(block.get("text", "") for block in message["content"]).strip(), "--json: no text", message)
    usage = message["usage"]
    check(usage["input_tokens"] > 0 and usage["output_tokens"] > 0, "--json: no usage", message)
    check(message["langdock"]["complete"] is True, "--json: not complete", message)
    print(f"--json: {usage['input_tokens']} tokens in, {usage['output_tokens']} out, {message['stop_reason']}")


def wrong_key():
    key = "sk-ld-wrong-0123456789"
    out, err, code = finish(start("langdock send 'Say hello.'", LANGDOCK_API_KEY=key))
    check((code, out) == (4, b""), f"a wrong key: exit {code}, expected 4", out, err)
    check("hint:" in err and key not in err, "a wrong key: what stderr says", err)
    print("a wrong key: exit 4")


LONG = "--max-tokens 400 'Write a long story about a lighthouse, with many chapters.'"


def interrupted():
    process = start(f"langdock send {LONG}")
    text = os.read(process.stdout.fileno(), 65536)
    check(process.poll() is None, "SIGINT: the answer was over at once", text)
    process.send_signal(signal.SIGINT)
    text, err, code = finish(process, text)
    check(code == -signal.SIGINT, f"SIGINT: status {code}, expected death by SIGINT", text, err)
    check(text.strip(), "SIGINT: nothing on stdout", err)
    print(f"SIGINT in mid-answer: died of it, with {len(text)} bytes on stdout")


def interrupted_file():
    file, part = DIRECTORY / "answer.txt", DIRECTORY / "answer.txt.part"
    for left in (file, part):
        left.unlink(missing_ok=True)
    process = start(f"langdock send -o '{file}' {LONG}")
    until = time.monotonic() + DEADLINE_S
    while not (part.exists() and part.stat().st_size):
        check(process.poll() is None and time.monotonic() < until, "-o: nothing was written before its end")
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    out, err, code = finish(process)
    check(code == -signal.SIGINT, f"-o: status {code}, expected death by SIGINT", out, err)
    check(not file.exists() and part.stat().st_size > 0, "-o: not just FILE.part is left", *DIRECTORY.iterdir())
    check(str(part) in err and not out, "-o: FILE.part is not named, or stdout is not empty", out, err)
    print(f"SIGINT in mid-answer with -o: FILE.part alone, {part.stat().st_size} bytes")


class Recorder(http.server.BaseHTTPRequestHandler):
    """Hands requests on to the model, and keeps their bodies."""

    bodies: list[dict] = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.bodies.append(json.loads(body))
        model = http.client.HTTPConnection(urllib.parse.urlsplit(BASE_URL).netloc, timeout=DEADLINE_S)
        kept = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        model.request("POST", self.path, body, kept)
        answer = model.getresponse()
        self.send_response(answer.status)
        self.send_header("content-type", answer.headers["content-type"])
        self.send_header("connection", "close")
        self.end_headers()
        shutil.copyfileobj(answer, self.wfile)
        model.close()

    def log_message(self, *_):
        pass


# The message, how the answer is made to begin, and its maximum number of tokens. The model is too small to answer a question
# about a name, but it can repeat the first message.
FIVE_TURNS = [
    ("Hello! My name is {0}. My name is {0}.", "Hello", 6),
    ("What is two plus two?", "Two plus two is", 4),
    ("Which colour is the sky?", "The sky is", 4),
    ("Is a cat an animal?", "A cat is", 4),
    ("Repeat my first message.", "Hello! My name is", 8),
]


def remembers():
    """The last of five turns, each a process of its own, knows what was said in the first."""
    recorder = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=recorder.serve_forever, daemon=True).start()
    way = urllib.parse.urlsplit(BASE_URL).path
    base_url = f"http://127.0.0.1:{recorder.server_address[1]}{way}"
    for name in ("Zebulon", "Hannah", "Oscar"):
        session = f"{name}-{os.getpid()}"
        send = f"langdock send --session {session} -q --temperature 0 --allow-truncated"
        said = []
        for words, beginning, tokens in FIVE_TURNS:
            words = words.format(name)
            command = f"{send} --max-tokens {tokens} --prefill '{beginning}' '{words}'"
            out, err, code = finish(start(command, LANGDOCK_BASE_URL=base_url))
            check(code == 0 and not err, f"five turns: exit {code}", command, out, err)
            sent = Recorder.bodies.pop()
            earlier = [(message["role"], text_of(message["content"])) for message in sent["messages"][:-1]]
            expected = [*said, ("user", words)]
            check(earlier == expected, "five turns: not all that was said went along", earlier, expected)
            answer = out.decode().removesuffix("\n")
            said = [*expected, ("assistant", beginning + answer)]
        check(name in answer, f"five turns: {name} is forgotten", *said)
        out, err, code = finish(start(f"langdock session show --json {session}"))
        kept = [(turn["role"], text_of(turn["content"])) for turn in json.loads(out)["turns"]]
        check(merged(kept) == said, "five turns: what is kept is not what was said", kept, said)
        finish(start(f"langdock session rm {session}"))
        print(f"five turns: the last knows the first: {FIVE_TURNS[-1][1]}{answer}")
    recorder.shutdown()


def text_of(content):
    return content if isinstance(content, str) else "".join(block["text"] for block in content)


def merged(turns):
    """How an answer was made to begin is a turn of its own in the file."""
    sides = []
    for role, text in turns:
        if sides and sides[-1][0] == role:
            text = sides.pop()[1] + text
        sides.append((role, text))
    return sides


def file_to_send():
    """A text that stays as it is, or what of it fits into the model."""
    path = Path("LICENSE-MIT")
    text = path.read_bytes()
    if len(text) <= MOST_BYTES:
        return path
    print(f"the text has {len(text)} bytes: its first {MOST_BYTES} are sent")
    shortened = DIRECTORY / "text.md"
    shortened.write_bytes(text[:MOST_BYTES].rsplit(b"\n", 1)[0] + b"\n")
    return shortened


def main():
    send = "langdock send --max-tokens 40 --allow-truncated"
    streams("words", f"{send} 'Name three rivers and say where each of them flows.'")
    # A clean tree has no diff, so one is made from an existing file.
    changed = subprocess.run(["git", "diff", "--quiet"]).returncode != 0
    diff = "git diff" if changed else "git diff --no-index /dev/null tests/need"
    streams(diff, f"{diff} | head -c {MOST_BYTES} | {send} 'Write a commit message for this change.'")
    streams("-f LICENSE-MIT", f"{send} -f '{file_to_send()}' 'What is this about?'")
    message_object()
    wrong_key()
    interrupted()
    interrupted_file()
    remembers()


main()
