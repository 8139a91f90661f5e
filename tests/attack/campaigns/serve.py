"""`langdock serve` under many connections, half requests, large bodies and no descriptors: it stays small, and answers others."""

import json
import re
import resource
import signal
import socket
import subprocess
import time

from child import MOST_MB, PATIENCE, SLACK, processor_seconds

HEAD = "POST /anthropic/eu/v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: k\r\ncontent-type: application/json\r\n"


class Served:
    """A server of its own, ended at the end."""

    def __init__(self, child, args=(), descriptors=None):
        self.child = child
        limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))) if descriptors else None
        self.process = subprocess.Popen(
            child.command(["serve", "--port", "0", *args]), stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=limit,
            env=child.environment(), cwd=child.home,
        )
        self.port = int(re.search(rb":(\d+)/", self.process.stdout.readline()).group(1))

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE * SLACK)
        return connection

    def ask(self, body, connection=None):
        """Sends a request, and returns the status."""
        connection = connection or self.connect()
        connection.sendall(f"{HEAD}connection: close\r\ncontent-length: {len(body)}\r\n\r\n".encode())
        connection.sendall(body)
        answer = b""
        while more := connection.recv(65536):
            answer = (answer + more)[:100_000]
        connection.close()
        return int(answer.split(b" ")[1])

    def memory_mb(self):
        status = open(f"/proc/{self.process.pid}/status").read()
        return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) / 1000

    def end(self):
        """It still answers, and took little memory; then it ends by the first signal or the second."""
        if self.ask(request("Hello")) != 200:
            self.child.fail(["serve"], "it no longer answers", "")
        peak = self.memory_mb()
        self.child.peak_mb = max(self.child.peak_mb, peak)
        self.child.runs += 1
        if peak > MOST_MB:
            self.child.fail(["serve"], f"it took {peak:.0f} MB", "")
        began = time.monotonic()
        while self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            time.sleep(0.05)
            if time.monotonic() - began > PATIENCE * SLACK:
                self.process.kill()
                self.child.fail(["serve"], "a second SIGTERM does not end it", "")
        errors = self.process.stderr.read().decode(errors="replace")
        if self.process.returncode != -signal.SIGTERM or "panicked" in errors:
            self.child.fail(["serve"], f"it ended with {self.process.returncode}", errors)


def request(text, **fields):
    body = {"model": "claude-3-haiku-20240307", "max_tokens": 50, "messages": [{"role": "user", "content": text}], **fields}
    return json.dumps(body).encode()


def fixed(child):
    large = request("word " * 3_800_000)
    assert 18_000_000 < len(large) < 20 * 1024 * 1024

    served = Served(child)
    for body in [large, b"[" + b"1," * 9_000_000 + b"1]", b"[" * 19_000_000, b"{" + b'"a":{},' * 2_000_000 + b'"b":1}', b"x" * 25_000_000]:
        served.ask(body)
    served.end()

    # Sixty large bodies at once, half of each.
    served = Served(child)
    halves = [served.connect() for _ in range(60)]
    for connection in halves:
        connection.settimeout(0.05)
        try:
            connection.sendall(f"{HEAD}content-length: {len(large)}\r\n\r\n".encode())
            connection.sendall(large[: len(large) // 2])
        except TimeoutError:
            pass  # It takes no more, as it should.
    for connection in halves:
        connection.close()
    served.end()

    # Many connections that say nothing, or half a head, and clients that do not read their answers.
    served = Served(child)
    silent = [served.connect() for _ in range(200)]
    for connection in silent[100:]:
        connection.sendall(HEAD.encode())
    body = request("Show me Markdown " * 50, stream=True, max_tokens=4000)
    for connection in silent[:50]:
        for _ in range(20):
            connection.sendall(f"{HEAD}content-length: {len(body)}\r\n\r\n".encode() + body)
    served.end()

    # No descriptors left: it waits, and does not spin.
    served = Served(child, descriptors=24)
    more = [served.connect() for _ in range(60)]
    time.sleep(2)
    if (taken := processor_seconds(served.process.pid)) > 0.5:
        child.fail(["serve"], f"it spins without descriptors: {taken} s of 2", "")
    for connection in more:
        connection.close()
    served.end()

    # Any word is a key where none was set.
    served = Served(child, ["--rpm", "100000", "--tpm", "1000000000"])
    for number in range(300):
        with served.connect() as connection:
            head = HEAD.replace("x-api-key: k", f"x-api-key: {number}{'k' * 8000}")
            body = request("Hello")
            connection.sendall(f"{head}connection: close\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
            connection.recv(100)
    served.end()


def at_random(child, chance):
    served = Served(child)
    for _ in range(chance.randrange(20, 60)):
        sent = bytearray(f"{HEAD}content-length: {chance.choice([0, 10, 100, 10**9, -1])}\r\n\r\n".encode() + request("Hello"))
        for _ in range(chance.randrange(5)):
            place = chance.randrange(len(sent))
            sent[place : place + chance.choice([0, 1, 5])] = bytes(chance.randrange(256) for _ in range(chance.choice([0, 1, 5, 5000])))
        with served.connect() as connection:
            connection.settimeout(0.02)
            try:
                connection.sendall(bytes(sent))
                connection.recv(1000)
            except OSError:
                pass  # Half a request is waited for, and others are answered at once.
    served.end()
