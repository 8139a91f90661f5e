"""Text that is made to be slow to render: 1 MB in under 2 seconds, and Ctrl-C within 0.2, both of the processor's time."""

import os
import signal
import subprocess
import time

from child import SLACK, processor_seconds

from . import events
from .server import Server

PARTS = [
    "[](()", "[a](b", '[](")', "[](<)", "[", "![a](", "*a", "**a _b ", "~~a", "`a", "``", "&a;", "&", "<a", "<a>", "\\", "> ", "> a\n", "- ",
    "- a\n", "1. ", "#", "# a #", "|", "|a", "|a|\n", "|a|b|\n|-|-|\n", "---\n", "=\n", "```\n", "```rust\n{", "```js\n((((", "    a\n",
    "\u0301", "a\u0301", " ", "a ", "\t", "世", "https://a/", "http://a.b/c?d ", "<https://a> ", "[a](https://b) ", "x\n", "\n", "(", "_",
]

# The goals for the program as it is shipped.
MOST_SECONDS = 2
MOST_TO_END = 0.2

# What waits takes no processor time, and is seen on a clock.
MOST_TO_WAIT = 5


def answer(text):
    """The text in pieces of 64 KB."""
    raw = text.encode()

    def body():
        yield events.start() + events.text_block()
        for at in range(0, len(raw), 65536):
            yield events.text_delta(raw[at : at + 65536].decode(errors="ignore"))
        yield events.event("content_block_stop", index=0) + events.stop()

    return body


def flags(server):
    return ["send", "-m", "m", "-n", "--base-url", server.url, "--allow-http", "--markdown", "hello"]


def fixed(child):
    nested = "- " * 100 + "```\n" + "a\n" * 500_000
    quoted = "```js\n" + "{" * 1_000_000
    for part in PARTS + [nested, quoted]:
        text = (part * (1 + 1_000_000 // len(part)))[:1_000_000]
        child.trying = f"1 MB of {part[:20]!r}"
        with Server(answer(text)) as server:
            child.run(flags(server), most_seconds=MOST_SECONDS, codes=[0])
    for part in ["[](()", "|a|b|\n|-|-|\n", "```js\n((((", "- a\n"]:
        interrupted(child, part)


def interrupted(child, part):
    """Ctrl-C while a long answer is rendered."""

    def endless():
        yield events.start() + events.text_block()
        while True:
            yield events.text_delta(part * (200_000 // len(part)))

    child.trying = f"Ctrl-C during {part!r}"
    with Server(endless) as server:
        process = subprocess.Popen(
            child.command(flags(server)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=child.environment(), cwd=child.home
        )
        process.stdout.read(1000)
        before, began = processor_seconds(process.pid), time.monotonic()
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        usage = os.wait4(process.pid, 0)[2]
        process.returncode = 0
        taken, passed = usage.ru_utime + usage.ru_stime - before, time.monotonic() - began
        child.runs += 1
        if taken > MOST_TO_END * SLACK or passed > MOST_TO_WAIT * SLACK:
            child.fail(flags(server), f"Ctrl-C takes {taken:.2f} s of the processor and {passed:.2f} s in all", "")


def at_random(child, chance):
    part = "".join(chance.choice(PARTS) for _ in range(chance.randrange(2, 6)))
    text = (part * (1 + 200_000 // len(part)))[:200_000]
    child.trying = f"200 KB of {part!r}"
    with Server(answer(text)) as server:
        child.run(flags(server), most_seconds=MOST_SECONDS, codes=[0])
