"""Runs batches of few and of many items and compares their peak memory: memory.py LANGDOCK DIRECTORY

What a run holds must not grow with its items, but for the few bytes of each by which a file is put in order at the end.
"""

import os
import subprocess
import sys
import time

FEW, MANY = 500, 3000
KEY = "sk-ld-batch-0123456789"
# What an item may take, in bytes, on standard output and in a file; and what the allocator may do as it likes.
AN_ITEM = {"to standard output": 0, "to a file": 64, "found done": 64}
ROOM = 2_000_000

langdock, directory = os.path.abspath(sys.argv[1]), sys.argv[2]


def peak(environment, *flags):
    """Peak memory of a run in bytes."""
    command = [langdock, "batch", "Say {text}", "--no-pace", "-m", "claude-3-haiku-20240307", "-J", "16", *flags]
    begun = time.monotonic()
    process = subprocess.Popen(command, env=environment, cwd=directory, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status:
        sys.exit(f"batch: status {status} of {' '.join(command)}")
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024), time.monotonic() - begun


serve = subprocess.Popen([langdock, "serve", "--key", KEY], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
try:
    url = serve.stdout.readline().strip()
    environment = {"PATH": os.environ["PATH"], "HOME": directory, "LANGDOCK_API_KEY": KEY, "LANGDOCK_BASE_URL": url}
    peaks = {}
    for count in FEW, MANY:
        with open(os.path.join(directory, "lines.txt"), "w", encoding="utf-8") as file:
            file.writelines(f"line {number}\n" for number in range(count))
        output = ["-o", f"{count}.jsonl"]
        for what, flags in ("to standard output", []), ("to a file", output), ("found done", output):
            peaks[what, count], took = peak(environment, "-i", "lines.txt", *flags)
            print(f"{count} items {what}: {peaks[what, count] / 1e6:.1f} MB, {took:.1f} s", flush=True)
    for what, an_item in AN_ITEM.items():
        more, most = peaks[what, MANY] - peaks[what, FEW], AN_ITEM[what] * MANY + ROOM
        if more > most:
            sys.exit(f"batch: {MANY} items {what} take {more} bytes more than {FEW}, and may take {most}")
finally:
    serve.kill()
    serve.wait()
