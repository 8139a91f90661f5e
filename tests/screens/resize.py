"""Resizes the window of tmux, which wraps its rows again, while `langdock chat` runs in it, and checks that nothing above the prompt
changes: while a message is typed, while an answer comes (prose, code and a table), at the line that says what is awaited, and at a question for approval.

    resize.py LANGDOCK
"""

import atexit
import http.server
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

PROGRAM = os.path.abspath(sys.argv[1])
SIZES = [(60, 130), (100, 60), (80, 30), (30, 80)]
PATIENCE = 30.0  # Seconds for something to appear; only a failure waits for so long.
ANSWER = "This is a scripted answer instead of one from `claude-3-haiku-20240307`; no model was asked. You asked: “What is Rust?”"
LONG = "some words that are typed here, and some more of them, which take more than one row of the window in any case"

# An answer that stops in the middle of a row of code, behind one that fills the window, in a table, and behind the code. Each
# of its numbered words is there once.
MARKDOWN_PARTS = [
    "Code:\n\n```python\nn01n = n02n + n03n + n04n  # a comment that is longer than most of these windows are wide: n05n, and then there is n06n",
    ", n07n\nn08n = n09n\nn10n = n11n + n12n + n13n + n14n + n15n + n16n",
    " + n17n + n18n\nn19n = True\n```\n\n| Name | Place |\n|---|---|\n| n20n | a row of the table that is a long one: n21n",
    " n22n |\n| n23n | n24n",
    " |\n\nAnd this is n25n at the end.",
]

TOOL = """[[tool]]
name = "shout"
description = "Prints its input in capitals"
command = ["tr", "a-z", "A-Z"]
input_schema = { type = "object", properties = { text = { type = "string" } }, required = ["text"] }
"""


class Window:
    """A window of a tmux server of its own."""

    def __init__(self, home, name, columns):
        self.socket = os.path.join(home, name)
        self.environment = {
            "HOME": home,
            "PATH": f"{os.path.dirname(PROGRAM)}:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "PS1": "$ ",
        }
        config = os.path.join(home, "tmux.conf")
        with open(config, "w") as file:
            file.write("set -g default-terminal tmux-256color\nset -g status off\nset -g escape-time 0\n")
        atexit.register(self.close)
        self.tmux("-f", config, "new-session", "-d", "-x", str(columns), "-y", "24", "bash --norc --noprofile")
        self.tmux("set", "-g", "window-size", "manual")
        self.resize(columns)
        # Where rows are empty below, tmux moves those above into its history, where nobody can clear them.
        self.type("seq 30", "Enter")

    def tmux(self, *words):
        command = ["tmux", "-S", self.socket, *words]
        return subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True).stdout

    def type(self, *keys):
        self.tmux("send-keys", *keys)

    def resize(self, columns):
        self.tmux("resize-window", "-x", str(columns), "-y", "24")

    def resize_and_tell(self, columns):
        """The same, and waits until the programs in the window know it: tmux puts that off by a quarter of a second."""
        self.resize(columns)
        terminal = os.open(self.tmux("display-message", "-p", "#{pane_tty}").strip(), os.O_RDONLY | os.O_NOCTTY)
        deadline = time.monotonic() + PATIENCE
        while os.get_terminal_size(terminal).columns != columns and time.monotonic() < deadline:
            time.sleep(0.02)
        os.close(terminal)

    def lines(self):
        """Returns the lines since the last command of the shell; what is wrapped is one line."""
        lines = [line.rstrip() for line in self.tmux("capture-pane", "-p", "-J", "-S", "-").split("\n")]
        begin = max((place for place, line in enumerate(lines) if line.startswith("$ ")), default=0)
        return [line for line in lines[begin:] if line]

    def wait(self, what, is_there):
        """Waits until the lines are as wanted and stay so, and returns them."""
        deadline = time.monotonic() + PATIENCE
        before = None
        while True:
            lines = self.lines()
            if lines == before and is_there(lines):
                return lines
            if time.monotonic() > deadline:
                sys.exit(f"screens: {self.socket}: no {what}:\n" + "\n".join(lines))
            before = lines
            time.sleep(0.25)

    def wait_for(self, text):
        return self.wait(f"`{text}`", lambda lines: text in letters(lines))

    def close(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True, check=False)


def letters(lines):
    """Returns the text without what depends on the width."""
    return re.sub(r"\s+", "", "".join(lines))


def place_of_prompt(lines):
    """Returns the place of the status line of the last prompt."""
    return max(place for place, line in enumerate(lines) if " · " in line and "claude" in line)


def check(name, what, is_right, lines):
    if not is_right:
        sys.exit(f"screens: {name}: {what}:\n" + "\n".join(lines))


def count(lines, text):
    return letters(lines).count(letters([text]))


def while_typing(home, begin, end):
    for number, (typed, keys) in enumerate([("ab", []), (LONG, []), (LONG, ["Home"]), (LONG, ["Left", "Left"])]):
        name = f"typing-{begin}-{end}-{number}"
        window = Window(home, name, begin)
        window.type("langdock --demo chat -n -m claude-3-haiku-20240307", "Enter")
        window.wait("prompt", lambda lines: lines[-1] == ">")
        window.type("What is Rust?", "Enter")
        window.wait("answer", lambda lines: lines[-1] == ">" and count(lines, "You asked") == 1)
        window.type("-l", typed)
        if keys:
            window.type(*keys)
        before = window.wait("message", lambda lines: letters([typed]) in letters(lines))
        above = before[:place_of_prompt(before)]
        for columns in [end, begin, end]:
            window.resize_and_tell(columns)
            lines = window.wait("message", lambda lines: letters([typed]) in letters(lines))
            check(name, f"something has changed above the prompt at {columns} columns",
                  letters(lines[:place_of_prompt(lines)]) == letters(above), lines)
        # In many steps, as a mouse does it, they may come faster than the prompt is drawn.
        for columns in [*range(end, begin, 3 if begin > end else -3), begin]:
            window.resize(columns)
        lines = window.wait("message", lambda lines: letters([typed]) in letters(lines))
        check(name, "something is gone above the prompt", letters(lines).startswith(letters(above)), lines)
        window.close()


def with_server(home, name, columns, *flags):
    """Starts a server and, in a window, a conversation with it; returns both when the prompt is there."""
    server = subprocess.Popen([PROGRAM, "serve", *flags], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              env={"HOME": home, "PATH": "/usr/bin:/bin"})
    url = server.stdout.readline().strip()
    window = Window(home, name, columns)
    window.type(f"LANGDOCK_API_KEY=sk-test LANGDOCK_BASE_URL={url} langdock chat -n -m claude-3-haiku-20240307", "Enter")
    window.wait("prompt", lambda lines: lines[-1] == ">")
    return server, window


def answered(home, name, begin, end, flags, sign):
    """Resizes the window as soon as `sign` is there after a question, and checks what is there in the end."""
    server, window = with_server(home, name, begin, *flags)
    try:
        window.type("What is Rust?", "Enter")
        deadline = time.monotonic() + PATIENCE
        while sign not in letters(window.lines()) and time.monotonic() < deadline:
            time.sleep(0.02)
        for columns in [end, begin, end]:
            window.resize_and_tell(columns)
        lines = window.wait("answer", lambda lines: lines[-1] == ">" and count(lines, "You asked") == 1)
        above = letters(lines[:place_of_prompt(lines)])
        check(name, "the answer has changed", above.endswith(letters(["> What is Rust?", ANSWER])), lines)
        check(name, "something is left over", above.count(letters(["> What is Rust?"])) == 1, lines)
    finally:
        window.close()
        server.kill()
        server.wait()


def while_an_answer_comes(home, begin, end):
    answered(home, f"answer-{begin}-{end}", begin, end, ["--rate", "25"], "Thisisa")


class HeldServer(http.server.ThreadingHTTPServer):
    """An endpoint that answers each message with some parts of a text, and sends a part only when it is told to."""

    def __init__(self, parts):
        super().__init__(("127.0.0.1", 0), HeldAnswer)
        self.parts = parts
        self.permits = threading.Semaphore(0)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/anthropic/eu"


class HeldAnswer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(404)

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-3-haiku-20240307", "content": [],
                   "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 9, "output_tokens": 1}}
        self.send("message_start", message=message)
        self.send("content_block_start", index=0, content_block={"type": "text", "text": ""})
        for part in self.server.parts:
            self.server.permits.acquire()
            self.send("content_block_delta", index=0, delta={"type": "text_delta", "text": part})
        self.send("content_block_stop", index=0)
        self.send("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 9})
        self.send("message_stop")

    def send(self, kind, **fields):
        self.wfile.write(f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode())
        self.wfile.flush()

    def log_message(self, *words):
        pass


def while_markdown_comes(home, begin, end):
    """Resizes the window in the middle of code and of a table: each of their words is there once in the end."""
    name = f"markdown-{begin}-{end}"
    server = HeldServer(MARKDOWN_PARTS)
    window = Window(home, name, begin)
    window.type(f"LANGDOCK_API_KEY=sk-test LANGDOCK_BASE_URL={server.url()} langdock chat -n -m claude-3-haiku-20240307", "Enter")
    window.wait("prompt", lambda lines: lines[-1] == ">")
    window.type("Show me.", "Enter")
    window.wait("message", lambda lines: count(lines, "Show me.") == 1)
    for place, part in enumerate(MARKDOWN_PARTS):
        server.permits.release()
        # Of a row of a table, only the beginning is seen before the table is complete.
        rows = part.rstrip("\n").split("\n")
        seen = re.findall(r"n[0-9]{2}n", rows[-1])[0 if "|" in rows[-1] else -1]
        window.wait(f"`{seen}`", lambda lines: seen in letters(lines))
        window.resize_and_tell([end, begin][place % 2])
    lines = window.wait("answer", lambda lines: lines[-1] == ">" and count(lines, "end.") == 1)
    for word in re.findall(r"n[0-9]{2}n", "".join(MARKDOWN_PARTS)):
        check(name, f"`{word}` is there {count(lines, word)} times", count(lines, word) == 1, lines)
    window.close()
    server.shutdown()


def at_the_status_line(home, begin, end):
    answered(home, f"status-{begin}-{end}", begin, end, ["--latency", "3s"], "swaiting")


def at_a_question(home, begin, end):
    name = f"question-{begin}-{end}"
    window = Window(home, name, begin)
    window.type(f"langdock --demo chat -n -T {home}/shout.toml -m claude-3-haiku-20240307", "Enter")
    window.wait("prompt", lambda lines: lines[-1] == ">")
    window.type("Shout hello.", "Enter")
    before = window.wait_for("[q]uit:")
    window.resize_and_tell(end)
    lines = window.wait_for("[q]uit:")
    check(name, "the question has changed", letters(lines) == letters(before), lines)
    window.type("y", "Enter")
    lines = window.wait("question", lambda lines: count(lines, "[q]uit:") == 2)
    check(name, "something above has changed", letters(lines).startswith(letters(before)), lines)
    window.type("y", "Enter")
    lines = window.wait("prompt", lambda lines: lines[-1] == ">")
    check(name, "something above has changed", letters(lines).startswith(letters(before)), lines)
    window.close()


def main():
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        with open(os.path.join(home, "shout.toml"), "w") as file:
            file.write(TOOL)
        for begin, end in SIZES:
            while_typing(home, begin, end)
            at_the_status_line(home, begin, end)
            while_an_answer_comes(home, begin, end)
            at_a_question(home, begin, end)
            while_markdown_comes(home, begin, end)


main()
