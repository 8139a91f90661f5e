"""Passes bytes on between processes and a server, each piece 10 ms later in either direction, as a network does.

    relay.py PORT TARGET_PORT

It listens on every address. SIGUSR1 closes all connections and accepts no others; SIGUSR2 accepts them again.
"""

import asyncio
import signal
import sys

DELAY = 0.010
PORT, TARGET = int(sys.argv[1]), int(sys.argv[2])


class Side(asyncio.Protocol):
    """One end of a connection: what arrives here leaves at the other end, a moment later."""

    def __init__(self, relay):
        self.relay, self.other, self.transport, self.early = relay, None, None, []

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        asyncio.get_running_loop().call_later(DELAY, self.send, data)

    def send(self, data):
        if self.other is None:
            self.early.append(data)
        elif self.other.transport:
            self.other.transport.write(data)

    def join(self, other):
        self.other = other
        for data in self.early:
            other.transport.write(data)

    def connection_lost(self, error):
        asyncio.get_running_loop().call_later(DELAY, self.close_other)

    def close_other(self):
        if self.other and self.other.transport:
            self.other.transport.close()


class Client(Side):
    def connection_made(self, transport):
        super().connection_made(transport)
        if not self.relay.is_open:
            transport.abort()
            return
        self.relay.transports.add(transport)
        asyncio.ensure_future(self.connect())

    async def connect(self):
        loop = asyncio.get_running_loop()
        try:
            _, server = await loop.create_connection(lambda: Side(self.relay), "127.0.0.1", TARGET)
        except OSError:
            self.transport.abort()
            return
        server.other = self
        self.join(server)

    def connection_lost(self, error):
        self.relay.transports.discard(self.transport)
        super().connection_lost(error)


class Relay:
    def __init__(self):
        self.is_open, self.transports = True, set()

    def close(self):
        self.is_open = False
        for transport in list(self.transports):
            transport.abort()

    def open(self):
        self.is_open = True


async def main():
    relay = Relay()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, relay.close)
    loop.add_signal_handler(signal.SIGUSR2, relay.open)
    server = await loop.create_server(lambda: Client(relay), "0.0.0.0", PORT, backlog=512)
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(main())
