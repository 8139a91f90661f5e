"""Passes requests on to `langdock serve`, and records them for `langdock serve --replay`.

    relay.py BASE_URL RECORD

It prints its own base URL, and writes the record as langdock(1) describes it. It is not how records are made (`--record` is), but
SDKs do not have that flag, and so the format is tried by another writer.
"""

import json
import sys
import time
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

BASE_URL, RECORD = sys.argv[1:]
SERVER = urlsplit(BASE_URL)
SKIPPED = {"connection", "content-length", "date", "transfer-encoding"}


class Relay(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def pass_on(self):
        begun = time.monotonic()
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        names = ["authorization", "content-type", "x-api-key"]
        sent = {name: self.headers[name] for name in names if self.headers[name]}
        connection = HTTPConnection(SERVER.hostname, SERVER.port)
        connection.request(self.command, self.path, body, sent)
        answer = connection.getresponse()
        text = answer.read()
        took = int(1000 * (time.monotonic() - begun))
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in SKIPPED]
        request = {"method": self.command, "url": f"http://{SERVER.netloc}{self.path}", "headers": []}
        if body:
            request["body"] = json.loads(body)
        # An event is a piece, as in the records of langdock.
        pieces = [piece + "\n\n" for piece in text.decode().split("\n\n")]
        pieces[-1] = pieces[-1].removesuffix("\n\n")
        response = {
            "status": answer.status,
            "after_ms": took,
            "headers": headers,
            "body": [(took, piece) for piece in pieces if piece],
        }
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        # A refused key is not the record's business: `serve --replay` has a key of its own.
        if answer.status != 401:
            line = {"at": at, "attempt": 1, "request": request, "response": response, "took_ms": took}
            with open(RECORD, "a") as record:
                record.write(json.dumps(line) + "\n")
        self.send_response_only(answer.status)
        for name, value in [*headers, ("content-length", len(text))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = pass_on

    def log_message(self, *_):
        pass


with open(RECORD, "w") as record:
    record.write('{"format": "langdock-record", "version": 1}\n')
relay = ThreadingHTTPServer(("127.0.0.1", 0), Relay)
print(f"http://127.0.0.1:{relay.server_port}{SERVER.path}", flush=True)
relay.serve_forever()
