"""What langdock adds to the time of a server itself: a call by `langdock mcp call`, beside a bare client of the same server that
starts it, sends the same messages, and closes its input."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM, DIRECTORY = sys.argv[1], Path(sys.argv[2])
# What langdock may add to start and call, in milliseconds. That is only printed: how long a millisecond's work takes depends on the
# machine, and on what else it does.
AIM = 20
# The most that our time may be, in parts of that of the bare client. A server takes 300 ms or more: this is three times the
# aim, and far below what one more start or a second's wait would add.
MOST = 1.2
ROUNDS = 15

INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bare", "version": "1"}}


def bare_client(command, tool, call, env):
    """Does by pipes what `langdock mcp call` does, and nothing else; the interpreter is running already."""
    server = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def send(**message):
        server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        server.stdin.flush()

    def ask(number, method, params):
        send(id=number, method=method, params=params)
        while True:
            message = json.loads(server.stdout.readline())
            if message.get("id") == number and "method" not in message:
                return message["result"]

    ask(1, "initialize", INITIALIZE)
    send(method="notifications/initialized")
    ask(2, "tools/list", {})
    result = ask(3, "tools/call", {"name": tool, "arguments": call})
    server.stdin.close()
    server.wait()
    return result


def main():
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "notes.txt").write_text("a note\n")
        env = {"HOME": home, "PATH": os.environ["PATH"]}
        npm, python = DIRECTORY / "node_modules/.bin", DIRECTORY / "python/bin"
        servers = {
            "filesystem": ([npm / "mcp-server-filesystem", home], "read_text_file", {"path": f"{home}/notes.txt"}),
            "everything": ([npm / "mcp-server-everything"], "echo", {"message": "hello"}),
            "time": ([python / "mcp-server-time"], "get_current_time", {"timezone": "Asia/Tokyo"}),
        }
        failed = [name for name, server in servers.items() if not measure(home, env, name, *server)]
        if failed:
            sys.exit(f"mcp: with langdock, it takes too much longer to start and call: {', '.join(failed)}")


def measure(home, env, name, command, tool, call):
    words = [str(word) for word in command]
    file = Path(home) / f"{name}.json"
    file.write_text(json.dumps({"mcpServers": {name: {"command": words[0], "args": words[1:], "timeout": "60s"}}}))

    def langdock():
        command = [PROGRAM, "mcp", "call", str(file), tool, json.dumps(call)]
        done = subprocess.run(command, env=env, cwd=home, stdin=subprocess.DEVNULL, capture_output=True)
        assert done.returncode == 0, done.stderr

    def bare():
        assert bare_client(words, tool, call, env)["content"]

    def timed(work):
        started = time.perf_counter()
        work()
        return (time.perf_counter() - started) * 1000

    # In turn, so that whatever else the machine does befalls both; the first round warms the caches.
    rounds = [(timed(langdock), timed(bare)) for _ in range(ROUNDS + 1)][1:]
    ours, theirs = (statistics.median(times) for times in zip(*rounds))
    # What else the machine does may befall one of a pair more than the other: what langdock adds shows in the median and the minimum.
    shortest = min(times[0] for times in rounds) / min(times[1] for times in rounds)
    ratio = min(shortest, ours / theirs)
    print(
        f"mcp: {name}: {ours:.0f} ms with langdock, {theirs:.0f} ms with a bare client: {ours - theirs:+.1f} ms (aim: {AIM} ms), "
        f"{ratio:.2f} times as long (gate: {MOST})"
    )
    return ratio <= MOST


main()
