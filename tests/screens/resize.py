"""Resizes the window of tmux, which wraps its rows again, while `langdock chat` runs in it, and checks that nothing above the prompt
changes: while a message is typed, while an answer comes, at the line that says what is awaited, and at a question for approval.

    resize.py LANGDOCK
"""

import atexit
import os
import re
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.abspath(sys.argv[1])
SIZES = [(60, 130), (100, 60), (80, 30), (30, 80)]
PATIENCE = 30.0  # Seconds for something to appear; only a failure waits for so long.
ANSWER = "This is a scripted answer instead of one from `claude-3-haiku-20240307`; no model was asked. You asked: “What is Rust?”"
LONG = "some words that are typed here, and some more of them, which take more than one row of the window in any case"

# Words of the scripted answer to "Show me Markdown", from its table and its code.
MARKDOWN = [
    "waterway", "countries", "Labe",
    'LENGTHS = {"Danube": 2850, "Rhine": 1230, "Elbe": 1090}', "def longest(lengths: dict[str, int]) -> str:",
    "Returns the name of the longest one.", "return max(lengths, key=lengths.get)", 'print(f"The longest is the {longest(LENGTHS)}.")',
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


def while_markdown_comes(home, begin, end):
    """Resizes the window again and again while code and a table come: each of their words is there once in the end."""
    name = f"markdown-{begin}-{end}"
    server, window = with_server(home, name, begin, "--rate", "60")
    try:
        window.type("Show me Markdown", "Enter")
        deadline = time.monotonic() + PATIENCE
        while "Thatisall" not in letters(window.lines()) and time.monotonic() < deadline:
            for columns in [end, begin]:
                window.resize_and_tell(columns)
        window.resize_and_tell(end)
        lines = window.wait("answer", lambda lines: lines[-1] == ">" and count(lines, "That is all") == 1)
        for words in MARKDOWN:
            check(name, f"`{words}` is there {count(lines, words)} times", count(lines, words) == 1, lines)
    finally:
        window.close()
        server.kill()
        server.wait()


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
