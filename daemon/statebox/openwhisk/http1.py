"""HTTP/1.1: one connection to OpenWhisk, on which one request at a time is sent and its answer read.

aiohttp makes the connection and parses what arrives, as that is where being right counts (names, TLS, framing). What
its session does around that, for every kind of request, is left out: it costs several times what a call needs.
"""

from __future__ import annotations

import asyncio
import zlib
from typing import Final

import aiohttp
from aiohttp.base_protocol import BaseProtocol
from aiohttp.connector import Connection
from aiohttp.http import HttpResponseParser, RawResponseMessage

from statebox.openwhisk.replies import Reply

# Well above the largest record that OpenWhisk can be set up to answer with, and little enough to be held in memory.
_MOST_BODY_BYTES: Final = 64 << 20
# Of heads alone, those of 1xx answers too.
_MOST_HEAD_BYTES: Final = 1 << 20
# Both of zlib's own forms, told apart by their first bytes.
_GZIP_OR_ZLIB: Final = zlib.MAX_WBITS | 32


class NoAnswer(Exception):
    """The request was sent, and no whole answer came; the message says why."""


class Closed(NoAnswer):
    """The connection was closed without a byte of an answer, as servers do that are tired of an idle connection."""


class HttpConnection(BaseProtocol):
    """A connection in use. `gone` is done when nothing is left of it.

    Raises ServerDisconnectedError when the connection that the connector has made is closed by now.
    """

    def __init__(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(loop)
        transport = connection.transport
        if transport is None:
            connection.close()
            raise aiohttp.ServerDisconnectedError("the connection was closed at once")
        self.gone: asyncio.Future[None] = loop.create_future()
        self._connection = connection
        # The connector waits for the end of what it has made, of which this one hears in our place.
        self._made = connection.protocol
        self._transport = transport
        self._reader = HttpResponseParser(
            self,
            loop,
            # Its flow control is for those who read in pieces; the bound of ours ends the connection.
            _MOST_BODY_BYTES,
            payload_exception=NoAnswer,
            read_until_eof=True,
            auto_decompress=False,
        )
        self._open = True
        # Of the request that waits for its answer:
        self._answer: asyncio.Future[Reply | NoAnswer] | None = None
        self._message: RawResponseMessage | None = None
        self._payload: aiohttp.StreamReader | None = None
        self._heard = False
        self._head_bytes = 0
        self._unsent = 0
        # How long the server may be silent, until when that is, and when it is looked at: later than each call, as a
        # timer for each of them would cost more.
        self._silence_s = 0.0
        self._due = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._watch_at = 0.0
        transport.set_protocol(self)

    @property
    def free(self) -> bool:
        """Whether a request can be sent."""
        return self._open and self._answer is None

    async def ask(self, request: bytes, silence_s: float) -> Reply:
        """Send a request and wait for its answer, of which a byte must come every `silence_s`. Raises NoAnswer.

        Who is cancelled meanwhile ends the connection.
        """
        assert self.free, "the connection is not free"
        answer = self._answer = self._loop.create_future()
        self._heard = False
        self._head_bytes = 0
        self._silence_s = silence_s
        self._due = due = self._loop.time() + silence_s
        if self._watch is None or self._watch_at > due:
            self._look_at(due)
        self._transport.write(request)
        self._unsent = self._transport.get_write_buffer_size()
        try:
            said = await answer
        except asyncio.CancelledError:
            self._answer = None
            self.close()
            raise
        if isinstance(said, NoAnswer):
            raise said
        return said

    def close(self) -> None:
        """End the connection, and let go of what has not been sent."""
        self._end(NoAnswer("the connection was given up"))

    def data_received(self, data: bytes) -> None:
        """A piece of the answer."""
        if self._answer is None:
            # Nobody asked; the next answer could be taken for that of another request.
            self.close()
            return
        self._heard = True
        self._due = self._loop.time() + self._silence_s
        try:
            messages, upgraded, _ = self._reader.feed_data(data)
        except Exception as error:  # noqa: BLE001 - whatever the parser makes of the bytes of others
            self._end(NoAnswer(f"the answer is not HTTP: {_words(error)}"))
            return
        more = upgraded
        for message, payload in messages:
            if self._message is not None:
                more = True
            # 100 Continue and its like come before the answer; 101 would be the end of HTTP here.
            elif message.code == 101 or not 100 <= message.code < 200:
                self._message, self._payload = message, payload
                more = more or message.code == 101
        payload = self._payload
        if payload is None:
            self._head_bytes += len(data)
            if self._head_bytes > _MOST_HEAD_BYTES:
                self._end(NoAnswer(f"the answer does not begin in {_MOST_HEAD_BYTES} bytes"))
        elif payload.is_eof():
            self._finish(None if more else data)
        elif (broken := payload.exception()) is not None:
            self._end(NoAnswer(f"the answer is broken: {_words(broken)}"))
        elif payload.total_bytes > _MOST_BODY_BYTES:
            self._end(NoAnswer(f"the answer is larger than {_MOST_BODY_BYTES} bytes"))

    def connection_lost(self, exc: BaseException | None) -> None:
        """The connection is gone; an answer that says no length ends with it."""
        super().connection_lost(exc)
        if self._made is not None:
            self._made.connection_lost(exc)
        payload = self._payload
        if exc is None and self._answer is not None and payload is not None:
            try:
                self._reader.feed_eof()
            except Exception as error:  # noqa: BLE001 - as above
                self._end(NoAnswer(f"the answer broke off: {_words(error)}"))
            else:
                if payload.is_eof():
                    self._finish(None)
        reason = "the connection was closed" if exc is None else _words(exc)
        self._end(NoAnswer(f"the answer broke off: {reason}") if self._heard else Closed(reason))
        if not self.gone.done():
            self.gone.set_result(None)

    def pause_reading(self) -> None:
        """Nobody reads in pieces here, so that there is nobody to wait for."""

    def resume_reading(self, resume_parser: bool = True) -> None:
        """See pause_reading."""

    def _finish(self, last: bytes | None) -> None:
        """Hand out the answer, which is whole, and be free again if the server and the request allow it.

        `last` is what arrived last; None when it is known that the connection cannot be used again.
        """
        answer, message, payload = self._answer, self._message, self._payload
        assert answer is not None
        assert message is not None
        assert payload is not None
        self._answer = self._message = self._payload = None
        said: Reply | NoAnswer
        body = payload.read_nowait()
        try:
            said = Reply(message.code, message.headers, _unpacked(body, message.compression))
        except NoAnswer as broken:
            said, last = broken, None
        if not answer.done():
            answer.set_result(said)
        # The parser says nothing of the beginning of another answer behind this one: that would be the next call's.
        end = body if body and not message.chunked else b"\r\n\r\n"
        ends_here = last is not None and (last.endswith(end) or end.endswith(last))
        # What was answered before it was read to its end may still be being read.
        if not ends_here or message.should_close or self._transport.get_write_buffer_size():
            self.close()

    def _end(self, reason: NoAnswer) -> None:
        """End the connection, once; whoever waits for an answer is told why there is none."""
        answer, self._answer = self._answer, None
        self._message = self._payload = None
        if answer is not None and not answer.done():
            answer.set_result(reason)
        if not self._open:
            return
        self._open = False
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self._transport.abort()
        # The connector's own bookkeeping.
        self._connection.close()

    def _look_at(self, when: float) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._watch, self._watch_at = self._loop.call_at(when, self._look), when

    def _look(self) -> None:
        """End the connection when the server was silent for too long; look again when it will have been."""
        self._watch = None
        if self._answer is None:
            return
        unsent = self._transport.get_write_buffer_size()
        if unsent < self._unsent:
            # It is still reading: a large request over a slow line.
            self._unsent = unsent
            self._due = self._loop.time() + self._silence_s
        if self._due <= self._loop.time():
            self._end(NoAnswer("no answer in time"))
        else:
            self._look_at(self._due)


def _unpacked(body: bytes, encoding: str | None) -> bytes:
    """A body without its Content-Encoding. Raises NoAnswer."""
    if encoding is None:
        return body
    if encoding not in ("gzip", "deflate"):
        raise NoAnswer(f"the answer is in an encoding that was not asked for: {encoding}")
    # What is called deflate is zlib's form, and of some servers the bare one.
    bare = encoding == "deflate" and body[:1] and (body[0] & 0x0F) != zlib.DEFLATED
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS if bare else _GZIP_OR_ZLIB)
    try:
        plain = unpacker.decompress(body, _MOST_BODY_BYTES)
    except zlib.error as error:
        raise NoAnswer(f"the answer cannot be unpacked: {error}") from None
    if not unpacker.eof:
        raise NoAnswer("the answer cannot be unpacked: it is too large, or not whole")
    return plain


def _words(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
