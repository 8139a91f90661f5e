"""Servers that enforce a limit a minute: strictly by a sliding window, or by a bucket that fills drop by drop.

They say nothing of their limits in headers, so that a client has to know them or to learn them from 429s.
"""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MINUTE = 60.0
INPUT, OUTPUT = 10, 40


class Sliding:
    """So many requests and tokens in any minute. `most`: a request counts for all it may take until it is answered."""

    def __init__(self, requests=None, tokens=None, most=False, output=OUTPUT):
        self.requests, self.tokens, self.most, self.output, self.entries = requests, tokens, most, output, []

    def enter(self, now, max_tokens):
        self.entries = [entry for entry in self.entries if entry[0] > now - MINUTE]
        cost = INPUT + (max_tokens if self.most else self.output)
        if self.requests and len(self.entries) >= self.requests:
            return None
        if self.tokens and sum(entry[1] for entry in self.entries) + cost > self.tokens:
            return None
        self.entries.append([now, cost])
        return self.entries[-1]

    def answered(self, entry):
        entry[1] = INPUT + self.output


class Bucket:
    """So many requests at once, and then one for each drop."""

    def __init__(self, requests, capacity):
        self.rate, self.capacity, self.level, self.at = requests / MINUTE, capacity, capacity, None

    def enter(self, now, max_tokens):
        self.level = min(self.capacity, self.level + self.rate * (now - (self.at or now)))
        self.at = now
        if self.level < 1:
            return None
        self.level -= 1
        return [now, 0]

    def answered(self, entry):
        pass


def event(kind, **fields):
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n"


def answer(output):
    return "".join([
        event("message_start", message={"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
                                        "usage": {"input_tokens": INPUT, "output_tokens": 1}}),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": "ok"}),
        event("content_block_stop", index=0),
        event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": output}),
        event("message_stop"),
    ]).encode()  # fmt: skip


REFUSAL = json.dumps({"type": "error", "error": {"type": "rate_limit_error", "message": "too many"}}).encode()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, limit, host="127.0.0.1"):
        super().__init__((host, 0), Handler)
        self.limit, self.lock, self.let_in, self.refused = limit, threading.Lock(), [], []
        self.answer = answer(getattr(limit, "output", OUTPUT))
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def base_url(self):
        return f"http://{self.server_address[0]}:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        server = self.server
        with server.lock:
            now = time.monotonic()
            entry = server.limit.enter(now, body["max_tokens"])
            (server.let_in if entry else server.refused).append(now)
        if entry:
            time.sleep(0.02)
            with server.lock:
                server.limit.answered(entry)
        self.send_response(200 if entry else 429)
        self.send_header("content-type", "text/event-stream" if entry else "application/json")
        body = server.answer if entry else REFUSAL
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass
