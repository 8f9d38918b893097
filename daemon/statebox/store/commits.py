"""Group commit: what is asked in one turn of the event loop goes out together, over one connection, in one write.

It does not wait for the replies to the last write, so that Redis works while the next step is computed.

Whatever cannot be said for certain (no answer in time, a connection that broke, a server that is loading or full) is
asked again with the same arguments. That is safe, as scripts recognise a repeated call by its token and sequence or by
its operation, and reading changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import random
from typing import Final, Protocol

from redis.exceptions import (
    AskError,
    ClusterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)

from statebox.engine.errors import ServiceUnavailable
from statebox.store.connection import Argument, RedisSettings, Reply, Unreachable, pack
from statebox.store.primary import Primary
from statebox.store.scripts import script
from statebox.store.wire import Answer, Line, connect_line, give_up

_FIRST_PAUSE_SECONDS: Final = 0.02
_LONGEST_PAUSE_SECONDS: Final = 1.0
# A Redis that answers with one of these will answer otherwise when it has recovered.
_DOWN: Final = (OutOfMemoryError, ReadOnlyError, ClusterDownError, TryAgainError)
_DOWN_CODES: Final = ("OOM ", "MISCONF ", "LOADING ", "BUSY ", "READONLY ", "NOREPLICAS ", "MASTERDOWN ")


class Refused(ServiceUnavailable):
    """Redis refuses a command: this user may not give it, or the key holds something else."""


class InCluster(ServiceUnavailable):
    """The server is a node of a Redis Cluster, and was named as a single one: redis+cluster:// names a cluster."""


class Asking(Protocol):
    """What the store needs of one server, or of all the nodes of a cluster. All of it raises ServiceUnavailable."""

    def open(self) -> None:
        """Begin to carry questions to Redis; the first one connects."""
        ...

    async def close(self) -> None:
        """Stop; who still waits for an answer gets ServiceUnavailable."""
        ...

    async def ask(self, *command: Argument) -> Reply:
        """The answer to one command about one key."""
        ...

    async def ask_all(self, commands: Sequence[Sequence[Argument]]) -> list[Reply]:
        """The answers to several commands that go out together."""
        ...

    async def ask_each(self, *command: Argument) -> list[Reply]:
        """The answers of every primary to a command that is about no key."""
        ...

    async def run(self, name: str, due: str, *arguments: Argument) -> Reply:
        """The answer of a script, sent to where its shard's `due` is."""
        ...


class Commits:
    """One connection, many askers. Between `open` and `close` it reconnects by itself whenever it has to.

    Those that share a `primary` look for it again when one of them finds that it has changed.
    """

    def __init__(self, settings: RedisSettings, name: str, primary: Primary | None = None) -> None:
        self._settings = settings
        self._name = name
        self._primary = primary or Primary(settings)
        self._primary.when_lost(self._let_go)
        self._line: Line | None = None
        # What waits for a connection.
        self._queue: list[tuple[bytes, Answer]] = []
        self._queued_bytes = 0
        self._filled = asyncio.Event()
        self._carrier: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to carry questions to Redis; the first one connects."""
        self._carrier = asyncio.get_running_loop().create_task(self._carry(), name=self._name)

    async def close(self) -> None:
        """Stop; who still waits for an answer gets ServiceUnavailable."""
        if self._carrier is not None:
            self._carrier.cancel()
            await asyncio.wait([self._carrier])

    async def ask(self, *command: Argument) -> Reply:
        """The answer to one command. Raises ServiceUnavailable."""
        packed = pack(command)
        return await self._settle(packed, self.offer(packed))

    async def ask_all(self, commands: Sequence[Sequence[Argument]]) -> list[Reply]:
        """The answers to several commands that go out together. Raises ServiceUnavailable."""
        asked = [(packed, self.offer(packed)) for packed in map(pack, commands)]
        return [await self._settle(packed, answer) for packed, answer in asked]

    async def ask_each(self, *command: Argument) -> list[Reply]:
        """The answer to a command that is about no key, of the one server there is. Raises ServiceUnavailable."""
        return [await self.ask(*command)]

    async def run(self, name: str, due: str, *arguments: Argument) -> Reply:
        """The answer of a script, which is loaded again when Redis has forgotten it. Raises ServiceUnavailable.

        `due` is the shard's `due` key, which sends the script to its slot.
        """
        lua = script(name)
        packed = pack(("EVALSHA", lua.sha, 1, due, *arguments))
        try:
            return await self._settle(packed, self.offer(packed))
        except NoScriptError:
            return await self.ask("EVAL", lua.text, 1, due, *arguments)

    def offer(self, packed: bytes) -> Answer:
        """Have a command sent once. What comes of it, good or bad, is the future's result, never its exception."""
        carrier = self._carrier
        if carrier is None or carrier.done():
            if carrier is None or carrier.cancelled():
                raise ServiceUnavailable("The connection to Redis is closed")
            # It only ends so by a fault of ours, which must not look like Redis being away.
            raise ServiceUnavailable("The connection to Redis has broken down") from carrier.exception()
        line = self._line
        if line is None:
            waiting, waiting_bytes = len(self._queue), self._queued_bytes
        else:
            waiting, waiting_bytes = line.waiting, line.waiting_bytes
        if waiting and (
            waiting >= self._settings.most_waiting or waiting_bytes + len(packed) > self._settings.most_waiting_bytes
        ):
            raise ServiceUnavailable("Redis does not keep up: too much waits for it already; try again later")
        answer: Answer = asyncio.get_running_loop().create_future()
        if line is not None:
            line.ask(packed, answer)
        else:
            self._queue.append((packed, answer))
            self._queued_bytes += len(packed)
            self._filled.set()
        return answer

    async def _settle(self, packed: bytes, answer: Answer) -> Reply:
        """Wait for the answer, and ask again for as long as there is hope."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._settings.patience_seconds
        pause = _FIRST_PAUSE_SECONDS
        while True:
            asked = self._primary.changes
            reason = await answer
            if not isinstance(reason, ResponseError | Unreachable):
                return reason
            if isinstance(reason, NoScriptError):
                raise reason
            if isinstance(reason, AskError):
                # MOVED too. Asked again it would say the same.
                raise InCluster from reason
            if isinstance(reason, ResponseError) and not is_down(reason):
                raise Refused(f"Redis refuses: {reason}") from reason
            if isinstance(reason, ReadOnlyError):
                # A failover has made it a replica: what is asked again is to find the new primary.
                self._primary.lost(asked)
            if loop.time() + pause > until:
                raise ServiceUnavailable(f"Redis cannot be reached: {reason}") from reason
            await asyncio.sleep(pause * (0.5 + random()))
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            answer = self.offer(packed)

    async def _carry(self) -> None:
        """Be connected whenever somebody asks."""
        try:
            while True:
                await self._filled.wait()
                try:
                    self._line = line = await connect_line(
                        self._primary.connect, self._name, self._settings.command_seconds
                    )
                except Unreachable as unknown:
                    self._give_up(unknown)
                    continue
                for packed, answer in self._queue:
                    line.ask(packed, answer)
                self._queue.clear()
                self._queued_bytes = 0
                self._filled.clear()
                try:
                    # What waits there is told so by the line itself.
                    await asyncio.wait([line.lost])
                finally:
                    self._line = None
                    await line.close()
        finally:
            self._give_up(Unreachable("the connection to Redis is closed"))

    def _let_go(self) -> None:
        if self._line is not None:
            self._line.end(Unreachable("the server is no primary any more"))

    def _give_up(self, reason: Unreachable) -> None:
        give_up((answer for _, answer in self._queue), reason)
        self._queue.clear()
        self._queued_bytes = 0
        self._filled.clear()


def is_down(refused: ResponseError) -> bool:
    """Whether Redis will answer otherwise once it has recovered."""
    return isinstance(refused, _DOWN) or str(refused).startswith(_DOWN_CODES)
