"""Kills a batch again and again: kill.py LANGDOCK DIRECTORY

Each item has a length of its own, by which the log of the server tells them apart: it has no word of what was asked.
"""

import collections
import json
import os
import random
import subprocess
import sys
import time

ITEMS = 1000
KILLS = 10
JOBS = 16
MODEL = "claude-3-haiku-20240307"
KEY = "sk-ld-batch-0123456789"
FAULTS = "429:0.1,529:0.05,cut:0.02,error-event:0.02"

langdock, directory = os.path.abspath(sys.argv[1]), sys.argv[2]
log, output, items = (os.path.join(directory, name) for name in ("serve.log", "out.jsonl", "items.txt"))
seed = random.randrange(1_000_000)
chance = random.Random(seed)
print(f"seed {seed}")


def fail(message):
    sys.exit(f"batch: {message}")


def records():
    with open(output, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def done():
    try:
        with open(output, "rb") as file:
            return file.read().count(b"\n")
    except FileNotFoundError:
        return 0


def seen():
    """How often the server let each item in."""
    with open(log, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    return collections.Counter(line["bytes_in"] for line in lines if line["status"] == 200)


serve = subprocess.Popen(
    [langdock, "serve", "--key", KEY, "--fail", FAULTS, "--seed", str(seed), "--latency", "30ms", "--log", log],
    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
try:
    home = os.path.join(directory, "home")
    os.mkdir(home)
    environment = {
        "PATH": os.environ["PATH"], "HOME": home, "LANGDOCK_API_KEY": KEY, "LANGDOCK_MODEL": MODEL,
        "LANGDOCK_BASE_URL": serve.stdout.readline().strip()}
    with open(items, "w", encoding="utf-8") as file:
        file.writelines(f"{index:04} {'x' * index}\n" for index in range(ITEMS))
    # The 429s are random and do not mean a limit: with pacing, each of them would hold back all other requests.
    command = [langdock, "batch", "Say {text}", "-i", items, "-o", output, "-J", str(JOBS), "--no-pace"]

    def start(*more):
        return subprocess.Popen(command + list(more), env=environment, cwd=directory)

    kills = 0
    while kills < KILLS:
        batch = start()
        # A random point between the first new record and the end of this share of the items.
        wanted = done() + chance.randrange(1, ITEMS // KILLS)
        while batch.poll() is None and done() < wanted:
            time.sleep(0.001)
        time.sleep(chance.random() * 0.02)
        if batch.poll() is not None:
            fail(f"it ended with {batch.returncode} before kill {kills + 1}")
        batch.kill()
        batch.wait()
        kills += 1
        print(f"killed with {done()} records")
    code = start().wait()
    if code not in (0, 11):
        fail(f"it ended with {code}")
    answers = records()
    if [record["index"] for record in answers] != list(range(ITEMS)):
        fail("not each item has its record in its place")
    if [record["id"] for record in answers] != list(range(1, ITEMS + 1)):
        fail("a record is that of another item")
    failed = [record["error"]["kind"] for record in answers if "error" in record]
    if code != (11 if failed else 0) or set(failed) - {"incomplete", "rate_limit", "server"}:
        fail(f"exit code {code} with the failures {collections.Counter(failed)}")
    times = seen()
    again = sum(count - 1 for count in times.values())
    if len(times) < ITEMS - len(failed):
        fail(f"the server saw {len(times)} items only")
    if again > KILLS * JOBS:
        fail(f"{again} requests were sent again, and at most {KILLS * JOBS} can have been under way")
    print(f"{len(answers)} records, {len(failed)} of them failures; {again} requests were under way at a kill")

    for _ in range(10):
        code = start("--retry-failed").wait()
        if code == 0:
            break
    answers = records()
    if code != 0 or [record["index"] for record in answers] != list(range(ITEMS)):
        fail(f"asking the failed ones again ended with {code}")
    if any("text" not in record for record in answers):
        fail("a failure is left")
    print(f"{len(answers)} answers")
finally:
    serve.kill()
    serve.wait()
