"""Compares the list price of typical courses with and without the prompt cache, and checks the table in the README.

Usage: measure.py PROGRAM DIRECTORY README
"""

import json
import os
import pathlib
import subprocess
import sys

MODEL = "claude-sonnet-5-default"
BEGIN, END = "<!-- cache table -->", "<!-- end of the cache table -->"
TOOLS = """[[tool]]
name = "look_up"
description = "Looks something up."
input_schema = { type = "object", properties = { word = { type = "string" } } }
shell = "echo found"
"""


class Endpoint:
    """The scripted endpoint, which has a prompt cache of its own for each key."""

    def __init__(self, program, directory):
        self.program, self.directory, self.runs = program, directory, 0
        self.server = subprocess.Popen([program, "serve"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = self.server.stdout.readline().strip()

    def close(self):
        self.server.terminate()
        self.server.wait()

    def home(self):
        """Returns the environment of a user with a key and a home of their own."""
        self.runs += 1
        home = self.directory / f"home-{self.runs}"
        home.mkdir()
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LANGDOCK_API_KEY": f"key-{self.runs}",
            "LANGDOCK_BASE_URL": self.url,
            "LANGDOCK_MODEL": MODEL,
        }

    def run(self, home, *arguments, stdin=""):
        command = [self.program, *arguments]
        done = subprocess.run(command, env=home, cwd=self.directory, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{command}: exit code {done.returncode}: {done.stderr}")
        return done.stdout

    def total(self, home):
        return json.loads(self.run(home, "usage", "--json"))["total"]

    def write_file(self, name, tokens):
        """Writes a text that the endpoint counts as about so many tokens."""
        def text(words):
            return "".join(f"word {number} of the text\n" for number in range(words))

        sample, home = 2000, self.home()
        (self.directory / name).write_text(text(sample))
        self.run(home, "send", "-q", "-f", name, "Hi")
        counted = self.total(home)["in"]
        (self.directory / name).write_text(text(sample * tokens // counted))


def chat(endpoint, home, mode):
    turns = "".join(f"Question {number}: and then?\n" for number in range(2, 21))
    endpoint.run(home, "chat", "--cache", mode, "-f", "long.txt", "Question 1: what is it about?", stdin=turns)


def tool_run(endpoint, home, mode):
    for turn in range(5):
        files = ["-f", "long.txt"] if turn == 0 else []
        flags = ["-T", "./tools.toml", "-y", "-I", "--session", "s", "-q", "--cache", mode]
        endpoint.run(home, "tool-run", *flags, *files, f"Look up word {turn}.")


def batch(endpoint, home, mode):
    items = "".join(f"item {number}\n" for number in range(100))
    flags = ["-f", "shared.txt", "--cache", mode, "-o", f"answers-{endpoint.runs}.jsonl"]
    endpoint.run(home, "batch", *flags, "Answer briefly: {text}", stdin=items)


def send(endpoint, home, mode):
    endpoint.run(home, "send", "-q", "-I", "--cache", mode, "-f", "long.txt", "What is it about?")


# What is run, how many requests that takes, and the most that it may cost, as a part of what it costs without the cache.
COURSES = [
    ("`chat`: 20 turns about a file of 50,000 tokens", chat, 20, 1 / 5),
    ("`tool-run`: 10 turns about a file of 50,000 tokens", tool_run, 10, 1 / 3),
    ("`batch`: 100 items that share 20,000 tokens", batch, 100, 1 / 6),
    ("`send`: one prompt of 50,000 tokens", send, 1, 1),
]


def measured(endpoint, course, requests):
    """Returns the list prices with `--cache off` and `auto`."""
    costs = []
    for mode in ("off", "auto"):
        home = endpoint.home()
        course(endpoint, home, mode)
        total = endpoint.total(home)
        if total["requests"] != requests or total["failed"]:
            sys.exit(f"{course.__name__}, {mode}: {total}")
        costs.append(total["cost"]["list_price"])
    return costs


def check_send(endpoint):
    """A prompt that is sent once is the same with and without the cache."""
    home = endpoint.home()
    bodies = {endpoint.run(home, "send", "-I", "--dry-run", "--cache", mode, "-f", "long.txt", "Hi") for mode in ("off", "auto")}
    if len(bodies) != 1:
        sys.exit("one prompt is sent in two ways")


def check_readme(path, table):
    text = path.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    expected = f"{before}{BEGIN}\n{table}{END}{after}"
    if os.environ.get("UPDATE_README"):
        path.write_text(expected)
    elif text != expected:
        sys.exit("the table in the README is out of date: UPDATE_README=1 tests/cache/run")


def main():
    program, directory, readme = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    endpoint = Endpoint(program, directory)
    try:
        endpoint.write_file("long.txt", 50_000)
        endpoint.write_file("shared.txt", 20_000)
        (directory / "tools.toml").write_text(TOOLS)
        rows = ["| workload | `--cache off` | `--cache auto` | `auto` : `off` |\n|---|---:|---:|---:|\n"]
        for name, course, requests, most in COURSES:
            off, auto = measured(endpoint, course, requests)
            rows.append(f"| {name} | ${off:.2f} | ${auto:.2f} | {auto / off:.0%} |\n")
            if auto > off * most:
                sys.exit(f"{name}: {auto} is more than {most:.2f} of {off}")
        check_send(endpoint)
    finally:
        endpoint.close()
    table = "".join(rows)
    print(table, end="")
    check_readme(readme, table)


main()
