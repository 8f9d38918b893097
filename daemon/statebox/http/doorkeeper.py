"""The doorkeeper: how many connections there may be; who comes then is told to come back, at next to no cost."""

from __future__ import annotations

import asyncio
from typing import Final, cast

from aiohttp import web

from statebox.asl.jsontext import Json, write_json
from statebox.engine.errors import TooManyRequests
from statebox.http.statuses import READY, headers_of, protocol_type_of, status_of

# Who was answered closes the connection; who does not is cut off after this. To close it from here while a body is
# still being sent would take away the answer as well.
_LINGER_SECONDS: Final = 10.0
_SILENT_SECONDS: Final = 60.0
_LIVES: Final = b"GET /livez "
_PHRASES: Final = {200: "OK", 429: "Too Many Requests"}


class Doorkeeper:
    """Makes a protocol for each connection: the server's own, or one that sends away."""

    def __init__(self, server: web.Server, most_connections: int) -> None:
        self._server = server
        self._most_connections = most_connections

    def __call__(self) -> asyncio.Protocol:
        """The protocol for the next connection."""
        if len(self._server.connections) < self._most_connections:
            return self._server()
        return _SendAway()


class _SendAway(asyncio.Protocol):
    """Answers the first bytes, whatever they say, and drops all else until the caller closes.

    That this daemon lives is told also here: whoever asks would restart it otherwise.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # One of a TCP connection, which uvloop does not derive from asyncio's class.
        self._transport = cast("asyncio.Transport", transport)
        self._answered = False
        self._timer = asyncio.get_running_loop().call_later(_SILENT_SECONDS, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        if self._answered:
            return
        self._answered = True
        self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(_LINGER_SECONDS, self._transport.abort)
        self._transport.write(_ALIVE if data.startswith(_LIVES) else _BUSY)

    def eof_received(self) -> bool:
        self._transport.close()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()


def _canned(status: int, value: Json, headers: dict[str, str]) -> bytes:
    body = write_json(value)
    lines = [
        f"HTTP/1.1 {status} {_PHRASES[status]}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Connection: close",
        *(f"{name}: {text}" for name, text in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _busy() -> bytes:
    error = TooManyRequests("This daemon has as many connections as it may; try again later")
    # Whether AWS's protocol is spoken stands somewhere behind: it says both.
    words: Json = {
        "__type": protocol_type_of(error, for_aws=True),
        "message": error.message,
        "error": error.message,
        "code": type(error).__name__,
    }
    return _canned(status_of(error), words, headers_of(error))


_ALIVE: Final = _canned(READY, {"status": "ok"}, {})
_BUSY: Final = _busy()
