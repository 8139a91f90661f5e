"""1,000 runs with a server that starts a process of its own, 100 of them killed at a random moment: no process is left."""

import concurrent.futures
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM = sys.argv[1]
RUNS, KILLED, AT_A_TIME = 1000, 100, 4

SERVER = r"""
(setsid sh -c 'exec sleep 1000' MARK </dev/null >/dev/null 2>&1 &)
while IFS= read -r line; do
    id=${line#*\"id\":}; id=${id%%,*}
    case $line in
        *'"initialize"'*) result='{"protocolVersion":"2025-11-25","capabilities":{}}' ;;
        *'"tools/list"'*) result='{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}' ;;
        *'"tools/call"'*) result='{"content":[{"type":"text","text":"called"}]}' ;;
        *) continue ;;
    esac
    printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result"
done
"""


def left(mark):
    """Returns the processes whose environment has the mark."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes():
                found.append(process.name)
        except OSError:
            pass
    return found


def main():
    with tempfile.TemporaryDirectory() as home:
        home, mark = Path(home), f"mcp-killed-{os.getpid()}"
        (home / "server.sh").write_text(SERVER)
        server = {"command": "sh", "args": ["server.sh"], "cwd": ".", "env": {"MARK": mark}, "timeout": "60s"}
        (home / "s.json").write_text(json.dumps({"mcpServers": {"s": server}}))
        chance = random.Random(7)
        killed = set(chance.sample(range(RUNS), KILLED))
        moments = {number: chance.random() * 0.06 for number in killed}

        def run(number):
            command = [PROGRAM, "mcp", "call", "./s.json", "echo"]
            env = {"HOME": str(home), "PATH": os.environ["PATH"]}
            process = subprocess.Popen(command, cwd=home, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            if number in killed:
                time.sleep(moments[number])
                process.send_signal(signal.SIGKILL)
            out, err = process.communicate(timeout=120)
            if number not in killed and (process.returncode, out) != (0, b"called\n"):
                return f"run {number}: {process.returncode} {out} {err}"
            return None

        with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as runs:
            failed = [why for why in runs.map(run, range(RUNS)) if why]
        # The guard of a run that was killed may still be at work.
        until = time.monotonic() + 10
        while (processes := left(mark.encode())) and time.monotonic() < until:
            time.sleep(0.1)
        if failed or processes:
            sys.exit(f"mcp: {len(failed)} runs failed, {len(processes)} processes are left: {failed[:3]} {processes[:3]}")
        print(f"mcp: {RUNS} runs, {KILLED} of them killed: no process is left")


main()
