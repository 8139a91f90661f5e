"""The endpoint that the cost of a request is measured against: it answers on loopback with bytes made beforehand.

    server.py [CERTIFICATE KEY]

It prints one line, `PORT` or `PORT TLS_PORT`, and serves until its standard input ends. The first part of the path says
what the answer is:

    /short    an answer of a few words
    /many     20,000 deltas of 8 bytes, each sent on its own, as fast as they are taken
    /burst    the same, sent in one piece
    /paced    500 deltas, one every two milliseconds, each with the time at which it was sent as its text
    /marked   20,000 deltas of 8 bytes of Markdown, each sent on its own: headings, lists, tables, code and the rest
    /pmarked  as /paced, with Markdown around the times
"""

import json
import os
import socket
import ssl
import sys
import threading
import time

HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
    b"request-id: req_cost\r\ntransfer-encoding: chunked\r\n\r\n"
)
LAST_CHUNK = b"0\r\n\r\n"
MANY = 20_000
PACED = 500
PAUSE_S = 0.002
STAMP = "0123456789abcdef"  # where the time goes


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(kind, **fields):
    data = json.dumps({"type": kind, **fields}, separators=(",", ":"))
    return chunk(f"event: {kind}\ndata: {data}\n\n".encode())


def delta(text):
    return event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})


MESSAGE = {
    "id": "msg_cost",
    "type": "message",
    "role": "assistant",
    "model": "claude-3-haiku-20240307",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {"input_tokens": 12, "output_tokens": 1},
}
OPENING = (
    event("message_start", message=MESSAGE)
    + event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    + event("ping")
)
CLOSING = (
    event("content_block_stop", index=0)
    + event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 9})
    + event("message_stop")
    + LAST_CHUNK
)
SHORT = HEAD + OPENING + delta("A short ") + delta("answer ") + delta("is this.") + CLOSING
DELTAS = [delta(f"word{n:04}"[:8]) for n in range(MANY)]
DOCUMENT = """\
## A heading of part {n}

Some **bold** words, some `code` with *emphasis*, and a [link](https://example.com/{n}) in a paragraph that is as long as
paragraphs are, so that it has to be broken where a row of the terminal ends.

- an item of a list
  - with one within, and **something bold** in it
1. a numbered one, ~~not~~ with `code`

| name | figure | note |
|:-----|-------:|------|
| one  | {n}    | a cell with *emphasis* |
| two  | 2      | and `code` in another |

```rust
fn part_{n}(words: &[&str]) -> usize {{
    words.iter().map(|word| word.len()).sum() // of part {n}
}}
```

> A quotation at the end.

"""
MARKDOWN = "".join(DOCUMENT.format(n=n) for n in range(MANY * 8 // len(DOCUMENT) + 1))
MARKED_DELTAS = [delta(MARKDOWN[n * 8 : n * 8 + 8]) for n in range(MANY)]
# The text around a timestamp, which ends with its delta, in a paragraph, a list and a heading.
MARKS = ["{} ", "**{}** ", "`{}`: ", "*{}*, ", "[{}](https://example.com) ", "and\n- {} ", "\n\n# {}\n\n", "> {} ", "\n\n"]
BURST = HEAD + OPENING + b"".join(DELTAS) + CLOSING


def send_paced(connection, marks):
    connection.sendall(HEAD + OPENING)
    for n in range(PACED):
        parts = delta(marks[n % len(marks)].format(STAMP)).split(STAMP.encode())
        time.sleep(PAUSE_S)
        connection.sendall((b"%016x" % time.monotonic_ns()).join(parts))
    connection.sendall(CLOSING)


def answer(connection, path):
    if path.startswith("/short/"):
        connection.sendall(SHORT)
    elif path.startswith("/many/"):
        connection.sendall(HEAD + OPENING)
        for one in DELTAS:
            connection.sendall(one)
        connection.sendall(CLOSING)
    elif path.startswith("/marked/"):
        connection.sendall(HEAD + OPENING)
        for one in MARKED_DELTAS:
            connection.sendall(one)
        connection.sendall(CLOSING)
    elif path.startswith("/burst/"):
        connection.sendall(BURST)
    elif path.startswith("/paced/"):
        send_paced(connection, ["{}"])
    elif path.startswith("/pmarked/"):
        send_paced(connection, MARKS)
    else:
        connection.sendall(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")


def take_request(connection, received):
    """Reads one request and gives its path, and what came after it; no path once the client has hung up."""
    while b"\r\n\r\n" not in received:
        more = connection.recv(65536)
        if not more:
            return None, b""
        received += more
    head, received = received.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
    if headers.get("expect") == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    missing = int(headers.get("content-length", 0)) - len(received)
    buffer = bytearray(min(max(missing, 1), 1 << 20))
    while missing > 0:
        taken = connection.recv_into(buffer, min(missing, len(buffer)))
        if not taken:
            return None, b""
        missing -= taken
    return lines[0].split(" ")[1], b""


def serve(connection, context):
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            connection = context.wrap_socket(connection, server_side=True)
        received = b""
        while True:
            path, received = take_request(connection, received)
            if path is None:
                return
            answer(connection, path)
    except OSError:
        pass  # The client has gone, as clients do.
    finally:
        connection.close()


def accept(listener, context):
    while True:
        serve(listener.accept()[0], context)


def main():
    contexts = [None]
    if len(sys.argv) == 3:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
        contexts.append(context)
    ports = []
    for context in contexts:
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        ports.append(str(listener.getsockname()[1]))
        # Threads are started in advance, because starting one per connection would affect the time of a short answer.
        for _ in range(4):
            threading.Thread(target=accept, args=(listener, context), daemon=True).start()
    print(" ".join(ports), flush=True)
    sys.stdin.buffer.read()
    os._exit(0)


main()
