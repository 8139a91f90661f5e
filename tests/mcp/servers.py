"""The reference servers: their tools are listed and called, and the scripted endpoint calls one of each server."""

import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

PROGRAM, DIRECTORY = sys.argv[1], Path(sys.argv[2])


class Page(http.server.BaseHTTPRequestHandler):
    """A page on loopback, for the server that fetches."""

    def do_GET(self):
        body = b"<html><body><p>the fetched page</p></body></html>"
        self.send_response(404 if self.path == "/robots.txt" else 200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    with tempfile.TemporaryDirectory() as home:
        home = Path(home)
        (home / "notes.txt").write_text("a note\n")
        subprocess.run(["git", "init", "--quiet", home / "repository"], check=True)
        web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        threading.Thread(target=web.serve_forever, daemon=True).start()
        check(home, f"http://127.0.0.1:{web.server_port}/")


def check(home, page):
    npm, python = DIRECTORY / "node_modules/.bin", DIRECTORY / "python/bin"
    # Each with how it is started, the least number of its tools, and a call with a part of its result.
    servers = {
        "everything": ([npm / "mcp-server-everything"], 10, "echo", {"message": "hello"}, "hello"),
        "filesystem": ([npm / "mcp-server-filesystem", home], 10, "read_text_file", {"path": str(home / "notes.txt")}, "a note"),
        "memory": ([npm / "mcp-server-memory"], 5, "read_graph", {}, "entities"),
        "thinking": (
            [npm / "mcp-server-sequential-thinking"], 1, "sequentialthinking",
            {"thought": "so", "nextThoughtNeeded": False, "thoughtNumber": 1, "totalThoughts": 1}, "thoughtNumber",
        ),
        "git": ([python / "mcp-server-git"], 5, "git_status", {"repo_path": str(home / "repository")}, "Repository status"),
        "time": ([python / "mcp-server-time"], 2, "get_current_time", {"timezone": "Asia/Tokyo"}, "Asia/Tokyo"),
        "fetch": ([python / "mcp-server-fetch", "--ignore-robots-txt", "--allow-private-ips"], 1, "fetch", {"url": page}, "the fetched page"),
    }
    env = {"HOME": str(home), "PATH": os.environ["PATH"]}

    def run(*args):
        done = subprocess.run([PROGRAM, *args], cwd=home, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            sys.exit(f"mcp: {args} exited with {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    for name, (command, least, tool, call, part) in servers.items():
        words = [str(word) for word in command]
        # Python takes its time on a busy machine.
        server = {"command": words[0], "args": words[1:], "env": {"MEMORY_FILE_PATH": str(home / "memory")}, "timeout": "60s"}
        file = home / f"{name}.json"
        file.write_text(json.dumps({"mcpServers": {name: server}}))
        listed = json.loads(run("mcp", "tools", str(file), "--json").stdout)
        assert len(listed) >= least, f"{name}: {len(listed)} tools"
        printed = run("mcp", "call", str(file), tool, json.dumps(call)).stdout
        assert part in printed, f"{name}: {printed}"
        # The scripted endpoint calls the tool with an input that it makes up. This model accepts a choice.
        forced = ("--demo", "tool-run", "-m", "claude-haiku-4-5-20251001")
        choice = f"{name}__{tool}"
        events = run(*forced, "--mcp", str(file), "--allow-tool", f"{name}__*", "--tool-choice", choice, "--jsonl", "-n", "Go.")
        results = [json.loads(line) for line in events.stdout.splitlines()]
        results = [event for event in results if event.get("type") == "tool_result"]
        assert results and results[0]["name"] == choice, f"{name}: {events.stdout}"
        print(f"mcp: {name}: {len(listed)} tools")


main()
