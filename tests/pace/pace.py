"""Runs many sends side by side against servers with limits, each in a home of its own and all at the same time.

    pace.py PROGRAM DIRECTORY
"""

import os
import random
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

from limited import Bucket, Server, Sliding

PROGRAM, DIRECTORY = sys.argv[1], Path(sys.argv[2])
PROCESSES = 20
HOUR = 3600
failures = []


class Run:
    """A home with limits in its config file, and a server."""

    def __init__(self, name, limit, config):
        self.name, self.server = name, Server(limit)
        home = DIRECTORY / name.replace(" ", "-")
        settings = home / "config" / "langdock"
        settings.mkdir(parents=True)
        (settings / "config.toml").write_text(
            f'model = "m"\nbase_url = "{self.server.base_url}"\n[limits.m]\n{config}\n'
        )
        self.environment = {
            "PATH": "/usr/bin:/bin", "HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_STATE_HOME": str(home / "state"), "LANGDOCK_API_KEY": "sk-ld-pace",
        }  # fmt: skip

    def many(self, count, *flags, processes=PROCESSES):
        """Sends so many prompts by xargs; gives the seconds from the first request to the last."""
        numbers = "\n".join(map(str, range(count)))
        command = ["xargs", "-P", str(processes), "-I{}", PROGRAM, "send", "-q", *flags, "number {}"]
        done = subprocess.run(command, env=self.environment, input=numbers, text=True, capture_output=True)
        self.check(done.returncode == 0, f"exit {done.returncode}: {done.stderr[-500:]}")
        self.check(len(self.server.let_in) == count, f"{len(self.server.let_in)} of {count} were answered")
        return self.server.let_in[-1] - self.server.let_in[0]

    def check(self, holds, what):
        if not holds:
            failures.append(f"{self.name}: {what}")

    def tell(self, took, least=None):
        of_least = f", {took / least:.3f} of the least" if least else ""
        print(f"{self.name}: {len(self.server.refused)} 429s, {took:.1f} s{of_least}", flush=True)

    def foreseen(self, count, least, *flags, processes=PROCESSES):
        took = self.many(count, *flags, processes=processes)
        self.tell(took, least)
        self.check(not self.server.refused, f"{len(self.server.refused)} 429s")
        self.check(took <= 1.1 * least, f"{took:.1f} s, the least is {least} s")


def requests():
    Run("80 requests", Sliding(requests=80), "rpm = 80").foreseen(170, 120)


def tokens():
    # Each request may use 4096 tokens but uses 40, which the ledger learns.
    Run("4000 tokens", Sliding(tokens=4000), "tpm = 4000").foreseen(170, 120)


def most():
    run = Run("4000 tokens at the most", Sliding(tokens=4000, most=True), "tpm = 4000")
    run.foreseen(170, 120, "--max-tokens", "40")


def bucket():
    Run("500 requests of a bucket", Bucket(500, 50), "rpm = 500").foreseen(500, 54, processes=16)


def small_bucket():
    Run("60 requests of a bucket", Bucket(60, 5), "rpm = 60").foreseen(60, 55, processes=16)


def half():
    run = Run("half of what was said", Sliding(requests=40), "rpm = 80")
    took = run.many(70)
    run.tell(took)
    refused = run.server.refused
    run.check(0 < len(refused) < PROCESSES, f"{len(refused)} 429s")
    run.check(refused[-1] - refused[0] < 10, "429s after they told the limit")


def killed():
    run = Run("half are killed", Sliding(requests=20), "rpm = 20")
    command = [PROGRAM, "send", "-q", "Hi"]
    sends = [subprocess.Popen(command, env=run.environment, stdout=subprocess.DEVNULL) for _ in range(30)]
    begun = time.monotonic()
    dice = random.Random(time.time_ns())
    for victim in dice.sample(sends, 15):
        time.sleep(dice.uniform(0, 0.4))
        victim.kill()
    codes = [send.wait() for send in sends]
    took = time.monotonic() - begun
    run.tell(took)
    run.check(all(code in (0, -9) for code in codes), f"exit codes {codes}")
    run.check(not run.server.refused, f"{len(run.server.refused)} 429s")
    # The 15 remaining requests and those sent before their process was killed: 20 per minute, with at most one window lost.
    run.check(took < 75, f"{took:.1f} s")


def progress():
    """Where nobody watches a batch, it says every half minute how far it is."""
    run = Run("a batch without a terminal", Sliding(requests=60), "rpm = 60")
    lines = "".join(f"item {number}\n" for number in range(45))
    done = subprocess.run([PROGRAM, "batch", "{text}"], env=run.environment, input=lines, capture_output=True, text=True)
    run.check(done.returncode == 0 and done.stdout.count("\n") == 45, f"exit {done.returncode}")
    run.check(not run.server.refused, f"{len(run.server.refused)} 429s")
    state = r"langdock: [\d,]+ done, 0 failed, [\d,]+ per minute, [\d,]+ tokens in the last minute"
    told = re.findall(state, done.stderr)
    run.check(len(told) == 1, f"it said {done.stderr!r}")
    print(f"{run.name}: {told}", flush=True)


def clock():
    """A clock that is set while requests are sent, and while one waits: nobody waits for a time that never comes."""
    run = Run("a clock that jumps", Sliding(), "rpm = 1")
    clock = DIRECTORY / "clock"
    shown = subprocess.run(["faketime", "-f", "+0", "env"], capture_output=True, text=True, check=True).stdout
    run.environment |= {
        "LD_PRELOAD": re.search("^LD_PRELOAD=(.*)$", shown, re.MULTILINE)[1], "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip

    def turn(offset):
        part = clock.with_suffix(".part")
        part.write_text(f"{offset:+d}\n")
        os.replace(part, clock)

    def send(*flags):
        command = [PROGRAM, "send", "Hi", *flags]
        return subprocess.Popen(command, env=run.environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)

    def expect(sending, what, code, said):
        begun = time.monotonic()
        told = sending.communicate()[1]
        took = time.monotonic() - begun
        run.check(sending.returncode == code and took < 20, f"{what}: exit {sending.returncode} after {took:.1f} s: {told}")
        run.check(said in told if said else not told, f"{what}: it said {told!r}")

    back = "the clock was set back; starting a new rate-limit ledger"
    for offset, said in [(0, ""), (-HOUR, back), (0, ""), (HOUR, ""), (0, back)]:
        turn(offset)
        expect(send(), f"at {offset} s", 0, said)
        expect(send("--timeout", "200ms"), f"a second one at {offset} s", 6, "within 1 request per minute")
    for offset, said in [(-HOUR, back), (0, "")]:
        waiting = send()
        first = waiting.stderr.readline()
        run.check("within 1 request per minute" in first, f"it said {first!r}")
        turn(offset)
        expect(waiting, f"one that waits at {offset} s", 0, said)
    print(f"{run.name}: nobody waited for it", flush=True)


def main():
    def guarded(scenario):
        try:
            scenario()
        except Exception as error:
            failures.append(f"{scenario.__name__}: {error!r}")

    scenarios = (requests, tokens, most, bucket, small_bucket, half, killed, progress, clock)
    threads = [threading.Thread(target=guarded, args=[run]) for run in scenarios]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        sys.exit("pace: " + "; ".join(failures))


main()
