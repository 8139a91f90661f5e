"""Compares merged shards with one run: shards.py LANGDOCK DIRECTORY

For 1 to 20 shards: each runs over some lines, one of them is killed, lines are added, and each runs again. What is merged then,
with the input and without it, has to be what one run writes, to the letter; some of the shards write without order.
"""

import os
import random
import signal
import subprocess
import sys

SHARDS = range(1, 21)
BEFORE, ADDED = 30, 20
MODEL = "claude-3-haiku-20240307"
KEY = "sk-ld-batch-0123456789"

langdock, directory = os.path.abspath(sys.argv[1]), os.path.join(sys.argv[2], "shards")
seed = random.randrange(1_000_000)
chance = random.Random(seed)
print(f"seed {seed}")


def fail(message):
    sys.exit(f"shards: {message}")


def write_lines(lines):
    with open("in.txt", "w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)


def read(name):
    with open(name, encoding="utf-8") as file:
        return file.read()


def start(*flags):
    return subprocess.Popen([langdock, "batch", "Say {text}", "-i", "in.txt", "-J", "4", "--no-pace", *flags], env=environment)


def expect_success(process):
    if process.wait() != 0:
        fail(f"a run ended with {process.returncode}")


def run_all(commands):
    """Starts a few at a time, and waits for all of them."""
    running = []
    for command in commands:
        running.append(start(*command))
        if len(running) == 4:
            expect_success(running.pop(0))
    for process in running:
        expect_success(process)


def line():
    # Few enough that some are equal; some are blank.
    return chance.choice(["", *(f"line {number}" for number in range(60))])


os.mkdir(directory)
os.chdir(directory)
serve = subprocess.Popen([langdock, "serve", "--key", KEY, "--latency", "2ms"], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True)
try:
    environment = {
        "PATH": os.environ["PATH"], "HOME": directory, "LANGDOCK_API_KEY": KEY, "LANGDOCK_MODEL": MODEL,
        "LANGDOCK_BASE_URL": serve.stdout.readline().strip()}
    for count in SHARDS:
        lines = [line() for _ in range(BEFORE)]
        write_lines(lines)
        commands = []
        for shard in range(1, count + 1):
            order = chance.choice([[], ["--unordered"]])
            commands.append(["--shard", f"{shard}/{count}", "-o", f"part-{shard}.jsonl", *order])
        killed = chance.randrange(count)
        run_all(command for number, command in enumerate(commands) if number != killed)
        process = start(*commands[killed])
        try:
            process.wait(chance.random() * 0.1)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        for _ in range(ADDED):
            lines.insert(chance.randrange(len(lines) + 1), line())
        write_lines(lines)
        run_all(commands)
        run_all([["-o", "whole.jsonl"]])
        whole = read("whole.jsonl")
        if whole.count("\n") != sum(1 for text in lines if text):
            fail(f"one run wrote {whole.count(chr(10))} records")
        parts = [f"part-{shard}.jsonl" for shard in range(1, count + 1)]
        chance.shuffle(parts)
        for flags in [], ["-i", "in.txt"]:
            merged = subprocess.run([langdock, "merge", *parts, *flags, "-o", "merged.jsonl"], env=environment)
            if merged.returncode != 0:
                fail(f"merging {count} shards with {flags} ended with {merged.returncode}")
            if read("merged.jsonl") != whole:
                fail(f"{count} shards merged with {flags} are not what one run writes")
        for name in [*parts, "whole.jsonl", "merged.jsonl"]:
            os.remove(name)
    print(f"shards: {SHARDS[0]} to {SHARDS[-1]} of them, merged, are what one run writes")
finally:
    serve.kill()
    serve.wait()
