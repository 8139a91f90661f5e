"""The client under test of the conformance suite: lists the tools of the server at a URL, and calls each of them once."""

import json
import os
import subprocess
import sys
import tempfile

INPUTS = {"add_numbers": {"a": 5, "b": 3}}


def main():
    program, url = sys.argv[1], sys.argv[-1]
    with tempfile.TemporaryDirectory() as home:
        with open(f"{home}/s.json", "w") as file:
            json.dump({"mcpServers": {"s": {"url": url}}}, file)

        def langdock(*args):
            env = {"HOME": home, "PATH": os.environ["PATH"]}
            return subprocess.run([program, "mcp", *args], cwd=home, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

        listed = langdock("tools", "./s.json", "--json")
        if listed.returncode != 0:
            sys.exit(listed.returncode)
        for tool in json.loads(listed.stdout):
            name = tool["tool"]
            called = langdock("call", "./s.json", name, json.dumps(INPUTS.get(name, {})))
            print(called.stdout)
            if called.returncode != 0:
                sys.exit(called.returncode)


main()
