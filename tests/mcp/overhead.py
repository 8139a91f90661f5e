"""What langdock adds to the time of a server itself: a call by `langdock mcp call`, beside a bare client of the same server that
starts it, sends the same messages, and closes its input. The times of the real servers vary by more than langdock takes, so what
it adds is measured with a stand-in that starts at once and gives the answers of the real one."""

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
# The most that our time may be with the real server, in parts of that of the bare client. A server takes 200 ms or more: this is
# twice the aim or more, and far below what one more start or a second's wait would add.
MOST = 1.2
ROUNDS, STAND_IN_ROUNDS = 15, 40

INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bare", "version": "1"}}

# Answers each request with the next result of the real server.
STAND_IN = """
import json, sys
results = iter(open(sys.argv[1]).read().splitlines())
for line in sys.stdin:
    if (number := json.loads(line).get("id")) is not None:
        print('{"jsonrpc":"2.0","id":%d,"result":%s}' % (number, next(results)), flush=True)
"""


def bare_client(command, tool, call, env):
    """Does by pipes what `langdock mcp call` does, and nothing else; the interpreter is running already. Returns the results."""
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

    results = [ask(1, "initialize", INITIALIZE)]
    send(method="notifications/initialized")
    results += [ask(2, "tools/list", {}), ask(3, "tools/call", {"name": tool, "arguments": call})]
    server.stdin.close()
    server.wait()
    assert results[-1]["content"]
    return results


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
    results = Path(home) / f"{name}.results"
    results.write_text("".join(json.dumps(result) + "\n" for result in bare_client(words, tool, call, env)))
    script = Path(home) / "stand_in.py"
    script.write_text(STAND_IN)
    stand_in = [sys.executable, "-I", "-S", str(script), str(results)]

    pairs = in_turn(home, env, stand_in, tool, call, STAND_IN_ROUNDS)
    added = statistics.median(ours - theirs for ours, theirs in pairs)
    pairs = in_turn(home, env, words, tool, call, ROUNDS)
    ours, theirs = (statistics.median(times) for times in zip(*pairs))
    # What else the machine does may befall one of a pair more than the other: what langdock adds shows in the median and the minimum.
    shortest = min(times[0] for times in pairs) / min(times[1] for times in pairs)
    ratio = min(shortest, ours / theirs)
    print(
        f"mcp: {name}: langdock adds {added:.1f} ms to a stand-in (aim: {AIM} ms); {ours:.0f} ms with langdock and the server itself, "
        f"{theirs:.0f} ms with a bare client, {ratio:.2f} times as long (gate: {MOST})"
    )
    return ratio <= MOST


def in_turn(home, env, words, tool, call, rounds):
    """The milliseconds of a call by langdock and by the bare client, in turn, so that whatever else the machine does befalls both."""
    file = Path(home) / "servers.json"
    file.write_text(json.dumps({"mcpServers": {"server": {"command": words[0], "args": words[1:], "timeout": "60s"}}}))

    def langdock():
        command = [PROGRAM, "mcp", "call", str(file), tool, json.dumps(call)]
        done = subprocess.run(command, env=env, cwd=home, stdin=subprocess.DEVNULL, capture_output=True)
        assert done.returncode == 0, done.stderr

    def timed(work):
        started = time.perf_counter()
        work()
        return (time.perf_counter() - started) * 1000

    # The first round warms the caches.
    return [(timed(langdock), timed(lambda: bare_client(words, tool, call, env))) for _ in range(rounds + 1)][1:]


main()
