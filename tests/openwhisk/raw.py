"""A server that knows no HTTP: it sends what the test says, byte for byte, and keeps what it was sent."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

from statebox.asl.jsontext import Json, write_json
from statebox.openwhisk.config import Basic, OpenWhiskConfig
from tests.openwhisk.scripted import record


class Line:
    """One connection, from the server's side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self._writer = writer

    async def request(self) -> bytes:
        """The next request, whole. Raises IncompleteReadError when the client has gone."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        _, length, rest = head.lower().partition(b"content-length:")
        return head + (await self.reader.readexactly(int(rest.split(b"\r\n")[0])) if length else b"")

    async def send(self, *pieces: bytes) -> None:
        """Send this, each piece on its own as far as that is ours to decide."""
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()

    def reset(self) -> None:
        """Break the connection off; with something left unread the client's system calls it reset by the peer."""
        self._writer.transport.abort()

    async def end(self) -> None:
        """Close the connection, and wait until the client has heard of it and closed it too."""
        self._writer.write_eof()
        await self.gone()

    async def gone(self) -> None:
        """Wait until the client has closed the connection."""
        while await self.reader.read(65536):
            pass


Serve: TypeAlias = Callable[[Line], Awaitable[None]]


class Raw:
    """Does with each connection what `serve` says, and closes it after that."""

    def __init__(self) -> None:
        self.serve: Serve = _hang_up
        self.connections = 0
        self.requests: list[bytes] = []
        self.port = 0

    def config(self, scheme: str = "http") -> OpenWhiskConfig:
        """How to reach it, whatever its certificate."""
        host = f"{scheme}://localhost:{self.port}"
        return OpenWhiskConfig(host=host, credentials=Basic("some:body"), insecure=True)

    def will(self, *turns: bytes | tuple[bytes, ...]) -> None:
        """Answer each request, counted over all connections, with the next of these, and the last one for ever."""
        left = list(turns)

        async def serve(line: Line) -> None:
            while True:
                self.requests.append(await line.request())
                turn = left.pop(0) if len(left) > 1 else left[0]
                await line.send(*((turn,) if isinstance(turn, bytes) else turn))

        self.serve = serve

    def will_and_close(self, *pieces: bytes) -> None:
        """Answer one request on each connection with this, and close it."""

        async def serve(line: Line) -> None:
            self.requests.append(await line.request())
            await line.send(*pieces)

        self.serve = serve

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self.serve(Line(reader, writer))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def raw_server(tls: ssl.SSLContext | None = None) -> AsyncGenerator[Raw]:
    """Run one."""
    raw = Raw()
    # What is served is ended with the test, whatever it waits for.
    serving: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(raw.handle(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)

    server = await asyncio.start_server(connected, "localhost", 0, ssl=tls)
    raw.port = server.sockets[0].getsockname()[1]
    try:
        yield raw
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def _hang_up(line: Line) -> None:
    """Say nothing."""


def said(value: Json) -> bytes:
    """The body of an answer: the record of a run that ended with this."""
    return write_json(record({"value": value}))


def plain(value: Json, *headers: str) -> bytes:
    """A whole answer."""
    return headed(said(value), *headers)


def headed(body: bytes, *headers: str) -> bytes:
    """A whole answer with this body."""
    lines = "".join(f"{header}\r\n" for header in headers)
    return f"HTTP/1.1 200 OK\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body
