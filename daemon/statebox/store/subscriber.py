"""The subscriber: one connection on which Redis talks by itself, read by hiredis as the messages come in.

redis-py makes the connection; from then on its transport belongs to a protocol of ours, as with the wire: awaiting each
message there costs several times what is done about it.
"""

from __future__ import annotations

import asyncio
from collections import deque

import hiredis
from redis.exceptions import ResponseError

from statebox.store.connection import Argument, Reply, Unreachable, Wire, pack
from statebox.store.wire import refusal, transport_of


class Subscriber(asyncio.Protocol):
    """A connection that listens. A server that hangs looks like silence: it is pinged, and the pong is required.

    After `ping_seconds` without a word there is a ping, and `pong_seconds` later the connection ends.
    """

    def __init__(self, wire: Wire, ping_seconds: float, pong_seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._wire = wire
        self._transport = transport_of(wire)
        self._ping_seconds = ping_seconds
        self._pong_seconds = pong_seconds
        self._reader = hiredis.Reader(replyError=_refused)
        self._heard: deque[Reply | ResponseError] = deque()
        self._waiting: asyncio.Future[None] | None = None
        self._lost: Unreachable | None = None
        # When the last word came, and when a ping was sent since. Looked at now and then: a timer for each word
        # would cost more than the word.
        self._heard_at = self._loop.time()
        self._pinged_at: float | None = None
        self._watch = self._loop.call_later(ping_seconds, self._look)
        self._transport.set_protocol(self)

    def say(self, *command: Argument) -> None:
        """Send a command; what comes of it is heard among all else."""
        self._transport.write(pack(command))

    async def hear(self) -> Reply:
        """The next reply or message. Raises ResponseError for a refusal, Unreachable when nothing more will come."""
        heard = self._heard
        while not heard:
            if self._lost is not None:
                raise self._lost
            self._waiting = self._loop.create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        said = heard.popleft()
        if isinstance(said, ResponseError):
            raise said
        return said

    async def close(self) -> None:
        """Listen no more."""
        self._end(Unreachable("the connection to Redis is closed"))
        await self._wire.disconnect(nowait=True)

    def data_received(self, data: bytes) -> None:
        """Replies and messages."""
        self._heard_at, self._pinged_at = self._loop.time(), None
        reader = self._reader
        reader.feed(data)
        try:
            while (said := reader.gets()) is not False:
                self._heard.append(said)
        except hiredis.ProtocolError as error:
            self._end(Unreachable(f"Redis says what nobody understands: {error!r}"))
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._end(Unreachable("the connection was closed" if exc is None else str(exc) or type(exc).__name__))

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _look(self) -> None:
        """Ping after a silence, end when that was for nothing; else look again when the silence will have lasted."""
        now = self._loop.time()
        due = self._heard_at + self._ping_seconds
        if self._pinged_at is None and due <= now:
            self._pinged_at = now
            self.say("PING")
        if self._pinged_at is not None:
            due = self._pinged_at + self._pong_seconds
            if due <= now:
                self._end(Unreachable(f"no answer to a ping in {self._pong_seconds} seconds"))
                return
        # Once the pong is here, the next silence has begun.
        self._watch = self._loop.call_at(min(due, now + self._ping_seconds), self._look)

    def _end(self, reason: Unreachable) -> None:
        if self._lost is None:
            self._lost = reason
            self._watch.cancel()
            self._transport.abort()
            self._wake()


def _refused(message: str) -> ResponseError:
    # Most refusals have no word of their own.
    return refusal(message.removeprefix("ERR "))
