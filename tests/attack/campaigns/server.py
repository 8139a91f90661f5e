"""A server on loopback that answers each request with the bytes of an iterator, as long as the client reads."""

import socket
import threading


class Server:
    """Answers requests with `head` and the pieces of `body()`, a chunk each."""

    def __init__(self, body, content_type="text/event-stream"):
        self.body, self.content_type = body, content_type
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/anthropic/{{region}}"
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        with connection:
            try:
                self.read_request(connection)
                head = f"HTTP/1.1 200 OK\r\ncontent-type: {self.content_type}\r\ntransfer-encoding: chunked\r\n\r\n"
                connection.sendall(head.encode())
                for piece in self.body():
                    connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
                connection.sendall(b"0\r\n\r\n")
                connection.recv(1)
            except OSError:
                pass  # The client had enough.

    @staticmethod
    def read_request(connection):
        seen = b""
        while b"\r\n\r\n" not in seen:
            more = connection.recv(65536)
            if not more:
                return
            seen += more
        head, rest = seen.split(b"\r\n\r\n", 1)
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        left = length - len(rest)
        while left > 0:
            left -= len(connection.recv(min(left, 65536)) or b" " * left)
