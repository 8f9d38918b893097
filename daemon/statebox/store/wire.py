"""The wire: one connection on which many commands are in flight at once, read by hiredis as the replies come in.

redis-py makes the connection, as that is where being right counts (TLS, authentication, database, name). From then on
its transport belongs to a protocol of ours, as awaiting each reply there costs several times what the command does.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from operator import attrgetter
from typing import Final, TypeAlias

import hiredis
from redis.exceptions import (
    AskError,
    ClusterDownError,
    MovedError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)

from statebox.store.connection import Reply, Unreachable, Wire

# What the future of a command is given: never an exception, as nobody may be left who would ask for it.
Answer: TypeAlias = asyncio.Future["Reply | ResponseError | Unreachable"]

# The timeout is for what has been sent, so that must not grow without bound; the rest waits here for its turn.
_MOST_IN_FLIGHT: Final = 1000
_MOST_BYTES_IN_WRITE: Final = 8 << 20

_REFUSALS: Final = {
    "ASK": AskError,
    "CLUSTERDOWN": ClusterDownError,
    "MOVED": MovedError,
    "NOSCRIPT": NoScriptError,
    "OOM": OutOfMemoryError,
    "READONLY": ReadOnlyError,
    "TRYAGAIN": TryAgainError,
}


class Line(asyncio.Protocol):
    """A connection in use. What is asked in one turn of the event loop goes out in one write, at the turn's end.

    Each command has `command_seconds` from when it was sent; the first that is not answered in time ends the line, as
    its reply would be taken for that of another. `lost` is done when the line has ended, with the reason.
    """

    def __init__(self, wire: Wire, transport: asyncio.Transport, command_seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[Unreachable] = self._loop.create_future()
        self._wire = wire
        self._transport = transport
        self._command_seconds = command_seconds
        self._reader = hiredis.Reader(replyError=refusal)
        self._queue: deque[tuple[bytes, Answer]] = deque()
        self.waiting_bytes = 0
        self._flushing = False
        self._paused = False
        self._unanswered: deque[Answer] = deque()
        # When each write was made, and how many commands had been sent by then, in all.
        self._writes: deque[tuple[float, int]] = deque()
        self._sent = 0
        self._answered = 0
        self._watch: asyncio.TimerHandle | None = None
        transport.set_protocol(self)

    def ask(self, packed: bytes, answer: Answer) -> None:
        """Send a command (at the end of this turn) and let `answer` have what comes of it."""
        if self.lost.done():
            answer.set_result(self.lost.result())
            return
        self._queue.append((packed, answer))
        self.waiting_bytes += len(packed)
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    @property
    def waiting(self) -> int:
        """How many commands wait for their turn to be sent."""
        return len(self._queue)

    async def close(self) -> None:
        """End the line; whoever waits for an answer is told that it may never come."""
        self.end(Unreachable("the connection to Redis is closed"))
        await self._wire.disconnect(nowait=True)

    def data_received(self, data: bytes) -> None:
        """Replies, in the order of the commands."""
        reader, unanswered = self._reader, self._unanswered
        reader.feed(data)
        try:
            while (reply := reader.gets()) is not False:
                answer = unanswered.popleft()
                self._answered += 1
                if not answer.done():
                    answer.set_result(reply)
        except (hiredis.ProtocolError, IndexError) as error:
            self.end(Unreachable(f"Redis answers what nobody understands: {error!r}"))
            return
        writes = self._writes
        while writes and writes[0][1] <= self._answered:
            writes.popleft()
        if self._queue and not self._flushing:
            self._flush()

    def pause_writing(self) -> None:
        """Redis does not take what has been sent."""
        self._paused = True

    def resume_writing(self) -> None:
        """Redis takes more."""
        self._paused = False
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self.end(Unreachable("the connection was closed" if exc is None else str(exc) or type(exc).__name__))

    def _flush(self) -> None:
        self._flushing = False
        queue, unanswered, packed = self._queue, self._unanswered, list[bytes]()
        if self._paused:
            return
        size = 0
        while queue and len(unanswered) < _MOST_IN_FLIGHT and size < _MOST_BYTES_IN_WRITE:
            command, answer = queue.popleft()
            self.waiting_bytes -= len(command)
            size += len(command)
            # Who was cancelled meanwhile wants nothing any more.
            if not answer.done():
                packed.append(command)
                unanswered.append(answer)
        if packed and not self.lost.done():
            now = self._loop.time()
            self._sent += len(packed)
            self._writes.append((now, self._sent))
            self._transport.write(b"".join(packed))
            if self._watch is None:
                self._watch = self._loop.call_at(now + self._command_seconds, self._look)

    def _look(self) -> None:
        """End the line when the oldest command has had its time; else look again when the oldest one will have."""
        self._watch = None
        if self._writes:
            due = self._writes[0][0] + self._command_seconds
            if due <= self._loop.time():
                self.end(Unreachable("no answer in time"))
            else:
                self._watch = self._loop.call_at(due, self._look)

    def end(self, reason: Unreachable) -> None:
        """End the line, once; whoever waits for an answer is told why there is none."""
        if self.lost.done():
            return
        self.lost.set_result(reason)
        if self._watch is not None:
            self._watch.cancel()
        self._transport.abort()
        give_up(self._unanswered, reason)
        give_up((answer for _, answer in self._queue), reason)
        self._unanswered.clear()
        self._queue.clear()
        self.waiting_bytes = 0


async def connect_line(connect: Callable[[str], Awaitable[Wire]], name: str, command_seconds: float) -> Line:
    """Make a connection that Redis lists under `name`. Raises Unreachable."""
    wire = await connect(name)
    return Line(wire, transport_of(wire), command_seconds)


def give_up(answers: Iterable[Answer], reason: Unreachable) -> None:
    """Let those who wait know that nothing is known."""
    for answer in answers:
        if not answer.done():
            answer.set_result(reason)


# The transport of a connection that redis-py has made; it has no public name.
transport_of: Callable[[Wire], asyncio.Transport] = attrgetter("_writer.transport")


def refusal(message: str) -> ResponseError:
    """An error reply, by its first word."""
    code, _, rest = message.partition(" ")
    kind = _REFUSALS.get(code)
    return ResponseError(message) if kind is None else kind(rest)
