"""Runs the campaigns one after the other: python3 attack.py PROGRAM SECONDS SEED [CAMPAIGN...]. Each has a fixed part, and a random part that shares
the time with those of the others."""

import os
import random
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import campaigns  # noqa: E402
from child import Child  # noqa: E402


def main():
    program, seconds, seed = os.path.abspath(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    chosen = [campaign for campaign in campaigns.ALL if not sys.argv[4:] or campaign.__name__.split(".")[-1] in sys.argv[4:]]
    share = seconds / len(chosen)
    for campaign in chosen:
        began, chance = time.monotonic(), random.Random(f"{campaign.__name__} {seed}")
        with tempfile.TemporaryDirectory() as home:
            child = Child(program, home)
            campaign.fixed(child)
            rounds, until = 0, began + share
            while time.monotonic() < until:
                campaign.at_random(child, chance)
                rounds += 1
        print(
            f"{campaign.__name__.split('.')[-1]}: {child.runs} runs, {rounds} of them at random (seed {seed}); "
            f"at most {child.peak_mb:.0f} MB and {child.slowest:.1f} s; {time.monotonic() - began:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
