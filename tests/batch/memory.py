"""Runs batches of few and of many items and compares their peak memory: memory.py LANGDOCK DIRECTORY

What a run holds must not grow with its items, but for the few bytes of each by which a file is put in order at the end. What
merging holds must not grow at all: a million records have to do with a fixed amount.
"""

import hashlib
import os
import subprocess
import sys
import time

FEW, MANY = 500, 3000
KEY = "sk-ld-batch-0123456789"
# The memory that an item may take, in bytes, on standard output and in a file; and the allocator's tolerance.
AN_ITEM = {"to standard output": 0, "to a file": 64, "found done": 64}
ROOM = 2_000_000
# Merging: the number of records and shards, and the maximum memory in bytes.
RECORDS, SHARDS, MERGE_MEMORY = 1_000_000, 3, 64_000_000

langdock, directory = os.path.abspath(sys.argv[1]), sys.argv[2]


def peak(environment, *command):
    """Peak memory of a run in bytes, and how long it took in seconds."""
    command = [langdock, *command]
    begun = time.monotonic()
    process = subprocess.Popen(command, env=environment, cwd=directory, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status:
        sys.exit(f"batch: status {status} of {' '.join(command)}")
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024), time.monotonic() - begun


def write_shards():
    """Writes an input of many lines, and shards whose records are in no order. Returns the size of the merged output."""
    size = 0
    names = [os.path.join(directory, f"part-{shard + 1}.jsonl") for shard in range(SHARDS)]
    files = [open(name, "w", encoding="utf-8") for name in names]
    with open(os.path.join(directory, "lines.txt"), "w", encoding="utf-8") as lines:
        lines.writelines(f"line {number}\n" for number in range(RECORDS))
    for place in range(RECORDS):
        # A different order than that of the lines, computed because a list of them would count: a program's peak memory is at
        # least its parent's.
        number = place * 7919 % RECORDS
        key = hashlib.sha256(f"line {number}".encode()).hexdigest()[:16]
        shard = int(key, 16) % SHARDS
        begin, end = f'{{"index":{number},"id":{number + 1}', f'"input_hash":"{key}{key}","text":"An answer.","usage":null}}\n'
        files[shard].write(f'{begin},"shard":"{shard + 1}/{SHARDS}","item_key":"{key}",{end}')
        size += len(begin) + 1 + len(end)
    for file in files:
        file.close()
    return [os.path.basename(name) for name in names], size


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
            batch = ["batch", "Say {text}", "--no-pace", "-m", "claude-3-haiku-20240307", "-J", "16", "-i", "lines.txt"]
            peaks[what, count], took = peak(environment, *batch, *flags)
            print(f"{count} items {what}: {peaks[what, count] / 1e6:.1f} MB, {took:.1f} s", flush=True)
    for what, an_item in AN_ITEM.items():
        more, most = peaks[what, MANY] - peaks[what, FEW], AN_ITEM[what] * MANY + ROOM
        if more > most:
            sys.exit(f"batch: {MANY} items {what} take {more} bytes more than {FEW}, and may take {most}")
    names, size = write_shards()
    for flags in [], ["-i", "lines.txt"]:
        used, took = peak(environment, "merge", *names, "-o", "merged.jsonl", *flags)
        print(f"{RECORDS} records merged {' '.join(flags) or 'without the input'}: {used / 1e6:.1f} MB, {took:.1f} s", flush=True)
        if os.path.getsize(os.path.join(directory, "merged.jsonl")) != size:
            sys.exit("batch: the merged output has another size than its records")
        if used > MERGE_MEMORY:
            sys.exit(f"batch: merging takes {used} bytes, and may take {MERGE_MEMORY}")
finally:
    serve.kill()
    serve.wait()
