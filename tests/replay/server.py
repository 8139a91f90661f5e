"""A server on loopback that plays packets: each run has a path of its own, and so its own responses and requests."""

import json
import socket
import threading

NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


class Server:
    """Plays to the requests of a run its responses in turn, and keeps what was asked."""

    def __init__(self):
        self.lock, self.runs = threading.Lock(), {}
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.base = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def add(self, run, responses):
        """Returns the base URL of a run. A response is a list of packets; without a length it ends with the connection."""
        with self.lock:
            self.runs[run] = (list(responses), [])
        return f"{self.base}/{run}"

    def requests(self, run):
        """Forgets a run, and returns the bodies of its requests."""
        with self.lock:
            return self.runs.pop(run)[1]

    def _accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, connection.makefile("rb") as reader:
            try:
                while (packets := self._response(reader)) is not None:
                    for packet in packets:
                        connection.sendall(packet)
                    if not is_framed(packets):
                        return
            except OSError:
                pass  # Who does not read on, such as a client that has seen the end, may hang up.

    def _response(self, reader):
        """Reads a request and returns its response; none at the end of the connection."""
        head = reader.readline()
        if not head:
            return None
        length = 0
        while (line := reader.readline().strip()):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        body = reader.read(length)
        method, path, _ = head.decode().split(" ")
        if method != "POST":
            return [NOT_FOUND]
        with self.lock:
            responses, requests = self.runs[path.split("/")[1]]
            requests.append(json.loads(body))
            return responses.pop(0) if responses else [NOT_FOUND]


def is_framed(packets):
    """Whether the response says where it ends, and ends there."""
    whole = b"".join(packets)
    head = whole.partition(b"\r\n\r\n")[0]
    return b"content-length" in head or (b"chunked" in head and whole.endswith(b"\r\n0\r\n\r\n"))
