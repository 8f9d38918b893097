"""The one action host of all contestants: it echoes, as OpenWhisk for statebox and as a plain POST for its peers.

Run: python -m benchmarks.contest.actions; prints its port. As lean as Python gets, so that little of what is measured
is it.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Final, cast

import uvloop

_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
_RECORD: Final = b'{"activationId":"%s","response":{"status":"success","success":true,"result":' % (b"0" * 32)
_RECORD_END: Final = b"}}"


class _Echo(asyncio.Protocol):
    """Reads requests with a Content-Length, one after the other."""

    def __init__(self) -> None:
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one, by its methods only

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        assert self._transport is not None
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            if b"/actions/" in head.split(b"\r\n", 1)[0]:
                body = _RECORD + body + _RECORD_END
            self._transport.write(_HEAD % len(body) + body)


async def serve() -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(_Echo, "127.0.0.1", 0, backlog=2048)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
