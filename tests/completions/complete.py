"""Types unfinished command lines into bash, zsh and fish, and looks at what the Tab key makes of them.

The shells find a `langdock` that prints the arguments it is called with, and lets the real one answer the completion scripts: so
what was inserted is seen as the shell passes it on, quotes and all.
"""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PATIENCE = 20.0  # Seconds for a shell to answer; only a failure waits for so long.
MOST_MILLISECONDS = 30.0

WRAPPER = """#!/bin/sh
if [ -n "$_LANGDOCK_COMPLETE" ]; then exec "$REAL_LANGDOCK" "$@"; fi
exec python3 -c 'import json, sys; print("GOT" + json.dumps(sys.argv[1:]) + "END")' "$@"
"""

# What is typed, and the arguments that the shell passes on after Tab and Enter.
INSERTED = [
    ("langdock templ\t", ["template"]),
    ("langdock send --reg\teu\t q", ["send", "--region", "eu", "q"]),
    ("langdock send --region gl\t q", ["send", "--region", "global", "q"]),
    ("langdock send --region=gl\t q", ["send", "--region=global", "q"]),
    ("langdock send -m claude-son\t q", ["send", "-m", "claude-sonnet-4-5-20250929", "q"]),
    ("langdock send -m hai\t q", ["send", "-m", "haiku", "q"]),
    ("langdock --profile wo\t send q", ["--profile", "work", "send", "q"]),
    ("langdock session show bud\t", ["session", "show", "budget"]),
    ("langdock session show my\t", ["session", "show", "my plan"]),
    # What these two have in common has a space in it.
    ("langdock session show old\to\t", ["session", "show", "old notes one"]),
    ("langdock chat --session bud\t", ["chat", "--session", "budget"]),
    ("langdock send -t rev\t q", ["send", "-t", "review", "q"]),
    ("langdock template show rev\t", ["template", "show", "review"]),
    ("langdock tool-run -T wea\t q", ["tool-run", "-T", "weather", "q"]),
    ("langdock tool-run -T weather --allow-tool look\t q",
     ["tool-run", "-T", "weather", "--allow-tool", "look_up", "q"]),
    ("langdock tool-run --mcp sea\t q", ["tool-run", "--mcp", "search", "q"]),
    ("langdock mcp call sea\t x", ["mcp", "call", "search", "x"]),
    ("langdock mcp tools search fi\t", ["mcp", "tools", "search", "filesystem"]),
    ("langdock mcp tools ./too\t", ["mcp", "tools", "./tools.toml"]),
    ("langdock tool-run -T ./too\t q", ["tool-run", "-T", "./tools.toml", "q"]),
    ("langdock config set tempe\t0.5", ["config", "set", "temperature", "0.5"]),
    ("langdock config set cache o\t", ["config", "set", "cache", "off"]),
    ("langdock help exi\t", ["help", "exit-codes"]),
    ("langdock send -x --lang pyt\t q", ["send", "-x", "--lang", "python", "q"]),
    ("langdock send --effort xh\t q", ["send", "--effort", "xhigh", "q"]),
    ("langdock send -f my\t q", ["send", "-f", "my notes.txt", "q"]),
    ("langdock send --file=my\t q", ["send", "--file=my notes.txt", "q"]),
    ("langdock send -s @my\t q", ["send", "-s", "@my notes.txt", "q"]),
    ("langdock send -f sub/in\t q", ["send", "-f", "sub/inner.txt", "q"]),
    # No file is inserted where none is meant.
    ("langdock session show no\t", ["session", "show", "no"]),
    ("langdock help no\t", ["help", "no"]),
    ("langdock config get no\t", ["config", "get", "no"]),
    ("langdock send no\t", ["send", "no"]),
]

# The same where the word is replaced. fish inserts only what begins with the word.
REPLACED = [
    ("langdock tool-run -T too\t q", ["tool-run", "-T", "./tools.toml", "q"]),
    ("langdock tool-run --tool=too\t q", ["tool-run", "--tool=./tools.toml", "q"]),
]

# What is typed, and what the list shows that follows.
LISTED = [
    ("langdock session show \t\t", ["budget", "my plan", "What is left of the budget"]),
    ("langdock send -m \t\t", ["opus", "sonnet", "haiku", "fable", "claude-sonnet-4-5-20250929"]),
    ("langdock send --cache \t\t", ["auto", "off", "5m", "1h"]),
    ("langdock help \t\t", ["exit-codes", "environment", "regions", "batch"]),
]

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source {completions}/langdock.bash; bind 'set bell-style none'; "
             "bind 'set completion-query-items 0'; bind 'set page-completions off'; PS1='READY> '"),
    "zsh": (["zsh", "-f", "-i"], "fpath=({completions} $fpath); autoload -Uz compinit; compinit -D -u; unsetopt beep; "
            "LISTMAX=1000; PROMPT='READY> '"),
    "fish": (["fish", "--no-config", "-i"], "set -g fish_greeting; set -g fish_autosuggestion_enabled 0; "
             "source {completions}/langdock.fish; function fish_prompt; echo -n 'READY> '; end"),
}


def fail(message):
    sys.exit(f"completions: {message}")


class Shell:
    """A shell on a terminal."""

    def __init__(self, name, home, environment):
        command, self.setup = SHELLS[name]
        self.name = name
        self.text = ""
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(home / "here")
            os.execvpe(command[0], command, environment)

    def set_up(self, completions):
        self.answers_queries()
        self.type(self.setup.format(completions=completions) + "\n")
        # The prompt that was set, not the line that sets it.
        self.wait(r"\nREADY> |\rREADY> |READY> \x1b|\x1bREADY> |m READY> |[^']READY> ")

    def answers_queries(self):
        """fish asks the terminal what it is, and waits for the answer."""
        self.queries = [(re.compile(r"\x1b\[0?c"), "\x1b[?62;22c")]

    def read(self, seconds):
        if not select.select([self.terminal], [], [], seconds)[0]:
            return False
        try:
            piece = os.read(self.terminal, 65536).decode(errors="replace")
        except OSError:
            return False
        for asked, answer in self.queries:
            if asked.search(piece):
                os.write(self.terminal, answer.encode())
        self.text += piece
        return bool(piece)

    def type(self, keys):
        os.write(self.terminal, keys.encode())

    def wait(self, pattern):
        end = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.text)):
            if time.monotonic() > end:
                fail(f"{self.name}: waited for {pattern!r} in {self.text!r}")
            self.read(0.1)
        return found

    def settle(self):
        """Reads until the shell has been silent for a moment."""
        end = time.monotonic() + PATIENCE
        while self.read(0.4):
            if time.monotonic() > end:
                fail(f"{self.name}: does not stop writing: {self.text[-1000:]!r}")

    def arguments_after(self, keys):
        """Returns the arguments of `langdock` after these keys and Enter."""
        self.text = ""
        for part in re.split(r"(\t)", keys):
            self.type(part)
            if part == "\t":
                self.settle()
        self.type("\n")
        found = self.wait(r"GOT(\[.*?\])END")
        self.settle()
        return json.loads(re.sub(r"[\r\n]", "", found.group(1)))

    def list_after(self, keys):
        """Returns what the screen shows after these keys."""
        self.text = ""
        for key in re.split(r"(\t)", keys):
            self.type(key)
            if key == "\t":
                self.settle()
        shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.text)
        self.type("\x03")
        self.settle()
        return shown

    def close(self):
        """Ends the shell, whatever state it is in: one that is only hung up may never end."""
        os.close(self.terminal)
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)


def turn(identity, parent, role, text):
    return {"type": "turn", "id": identity, "parent": parent, "role": role, "content": [{"type": "text", "text": text}]}


def make_home(home, program):
    """Makes what is completed: a config file, templates, tools, conversations, a model list, and files that must not appear."""
    config = home / "config" / "langdock"
    here = home / "here"
    for directory in [config / "templates", config / "tools", here / "sub", home / "bin", home / "state"]:
        directory.mkdir(parents=True)
    (config / "config.toml").write_text(
        "[profiles.work]\nregion = 'us'\n[profiles.home]\nregion = 'eu'\n"
        "[mcp.search]\nurl = 'https://mcp.example'\n[mcp.filesystem]\ncommand = 'true'\n")
    (config / "config.toml").chmod(0o600)
    (config / "templates" / "review.md").write_text("Review {{stdin}}\n")
    (config / "tools" / "weather.toml").write_text(
        "[[tool]]\nname = 'look_up'\ndescription = 'd'\ninput_schema = { type = 'object' }\ncommand = ['true']\n")
    shutil.copy(config / "tools" / "weather.toml", here / "tools.toml")
    for name in ["my notes.txt", "notes.txt", "other.txt"]:
        (here / name).write_text("x")
    (here / "sub" / "inner.txt").write_text("x")
    wrapper = home / "bin" / "langdock"
    wrapper.write_text(WRAPPER)
    wrapper.chmod(0o755)
    environment = {
        "HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"), "XDG_DATA_HOME": str(home / "data"),
        "XDG_STATE_HOME": str(home / "state"), "XDG_CACHE_HOME": str(home / "cache"), "TERM": "xterm-256color",
        "LANG": "C.UTF-8", "PATH": f"{home}/bin:{os.environ['PATH']}", "REAL_LANGDOCK": program, "COLUMNS": "100",
    }
    models = home / "state" / "langdock" / "models"
    models.mkdir(parents=True)
    listed = {"asked_at": 0, "data": [{"id": "claude-sonnet-4-5-20250929"}, {"id": "claude-3-haiku-20240307"}]}
    (models / "0.json").write_text(json.dumps(listed))
    for name, prompt in [("budget", "What is in it?"), ("my plan", "Plan"), ("old notes one", "1"), ("old notes two", "2"),
                         (None, "What is left of the budget")]:
        session = ["--session", name] if name else []
        subprocess.run([program, "--demo", "tool-run", "-I", *session, prompt], env=environment, check=True,
                       stdin=subprocess.DEVNULL, capture_output=True)
    # The demo keeps its conversations apart.
    data = home / "data" / "langdock"
    (data / "demo" / "sessions").rename(data / "sessions")
    return environment


def measure(program, home, environment):
    """Returns the milliseconds of the fastest of some completions among many conversations."""
    sessions = home / "data" / "langdock" / "sessions"
    sample = max(sessions.glob("*.jsonl"), key=lambda path: path.stat().st_size).read_text()
    identity = json.loads(sample.splitlines()[0])["id"]
    for number in range(1000):
        other = f"{number:04d}{identity[4:]}"
        (sessions / f"{other}.jsonl").write_text(sample.replace(identity, other))
    command = [program, "--", "3", "0", "langdock", "session", "show", ""]
    best = float("inf")
    for _ in range(20):
        start = time.monotonic()
        found = subprocess.run(command, env={**environment, "_LANGDOCK_COMPLETE": "zsh"}, capture_output=True, check=True)
        best = min(best, 1000 * (time.monotonic() - start))
    lines = found.stdout.decode().splitlines()
    if len(lines) != 101:
        fail(f"expected 100 conversations, got {len(lines) - 1}")
    return best


def try_shell(name, home, environment, completions):
    start = time.monotonic()
    with contextlib.closing(Shell(name, home, environment)) as shell:
        shell.set_up(completions)
        inserted = INSERTED if name == "fish" else INSERTED + REPLACED
        for keys, expected in inserted:
            got = shell.arguments_after(keys)
            if got != expected:
                fail(f"{name}: {keys!r} gave {got}, expected {expected}")
        for keys, expected in LISTED:
            shown = shell.list_after(keys)
            for text in expected:
                if text not in shown:
                    fail(f"{name}: {keys!r} does not list {text!r}: {shown!r}")
            if "notes.txt" in shown:
                fail(f"{name}: {keys!r} lists files: {shown!r}")
    return f"{name}: {len(inserted)} lines completed, {len(LISTED)} lists, in {time.monotonic() - start:.0f} s"


def main(program, completions):
    program = os.path.realpath(program)
    with tempfile.TemporaryDirectory() as directory:
        home = pathlib.Path(directory).resolve()
        environment = make_home(home, program)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for line in pool.map(lambda name: try_shell(name, home, environment, os.path.realpath(completions)), SHELLS):
                print(line)
        fastest = measure(program, home, environment)
        print(f"a completion among 1,000 conversations takes {fastest:.1f} ms (at most {MOST_MILLISECONDS:.0f})")
        if fastest > MOST_MILLISECONDS and "/release/" in program:
            fail("that is too slow")


main(*sys.argv[1:])
