"""A reply: an answer that is known as a whole, and sent as one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter


class Reply(web.StreamResponse):
    """Status, headers and body.

    What aiohttp's own Response decides for each answer anew (whether it is compressed, cut into chunks, sets cookies)
    is always no here.
    """

    def __init__(self, body: bytes, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(status=status, headers=headers)
        self.body = body
        self._open: bool | None = None
        self._writer: AbstractStreamWriter | None = None
        self._sent = b""

    @property
    def keep_alive(self) -> bool | None:
        """Whether the connection is kept for the next request; None before it is known."""
        return self._open

    @property
    def prepared(self) -> bool:
        """Whether its head is on its way."""
        return self._writer is not None

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        """Hand over the head, which leaves with the body."""
        writer = self._writer = request.writer
        self._sent = b"" if request.method == "HEAD" else self.body
        self._open = request.keep_alive
        headers = self.headers
        headers["Content-Length"] = str(len(self.body))
        headers["Date"] = _date(int(time.time()))
        version = "1.1"
        if request.version < (1, 1):
            version = "1.0"
            if self._open:
                headers["Connection"] = "keep-alive"
        elif not self._open:
            headers["Connection"] = "close"
        # Refuses line ends in headers, whatever they were made of.
        await writer.write_headers(f"HTTP/{version} {self.status} {self.reason}", headers)
        return writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Send it; there is nothing more to be said."""
        assert self._writer is not None
        assert not data
        await self._writer.write_eof(self._sent)


# One second has many replies.
@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
