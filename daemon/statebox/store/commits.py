"""Group commit: what is asked in one turn of the event loop goes out together, over one connection, in one write.

Whatever cannot be said for certain (no answer in time, a connection that broke, a server that is loading or full) is
asked again with the same arguments. That is safe, as scripts recognise a repeated call by its token and sequence or by
its operation, and reading changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import random
from typing import Final

from redis.exceptions import (
    ClusterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)

from statebox.engine.errors import ServiceUnavailable
from statebox.store.connection import Argument, RedisSettings, Reply, Unreachable, Wire, connect, pack, trouble
from statebox.store.scripts import script

# The timeout is for a batch, so a batch must not grow without bound.
_MOST_IN_BATCH: Final = 1000
_FIRST_PAUSE_SECONDS: Final = 0.02
_LONGEST_PAUSE_SECONDS: Final = 1.0
# A Redis that answers with one of these will answer otherwise when it has recovered.
_DOWN: Final = (OutOfMemoryError, ReadOnlyError, ClusterDownError, TryAgainError)
_DOWN_CODES: Final = ("OOM ", "MISCONF ", "LOADING ", "BUSY ", "READONLY ", "NOREPLICAS ", "MASTERDOWN ")

_Answer = asyncio.Future["Reply | ResponseError | Unreachable"]


class Refused(ServiceUnavailable):
    """Redis refuses a command: this user may not give it, or the key holds something else."""


class Commits:
    """One connection, many askers. Between `open` and `close` it reconnects by itself whenever it has to."""

    def __init__(self, settings: RedisSettings, name: str) -> None:
        self._settings = settings
        self._name = name
        self._queue: list[tuple[bytes, _Answer]] = []
        self._batch: list[tuple[bytes, _Answer]] = []
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
        return await self._settle(packed, self._submit(packed))

    async def ask_all(self, commands: Sequence[Sequence[Argument]]) -> list[Reply]:
        """The answers to several commands that go out together. Raises ServiceUnavailable."""
        asked = [(packed, self._submit(packed)) for packed in map(pack, commands)]
        return [await self._settle(packed, answer) for packed, answer in asked]

    async def run(self, name: str, due: str, *arguments: Argument) -> Reply:
        """The answer of a script, which is loaded again when Redis has forgotten it. Raises ServiceUnavailable.

        `due` is the shard's `due` key, which sends the script to its slot.
        """
        lua = script(name)
        try:
            return await self.ask("EVALSHA", lua.sha, 1, due, *arguments)
        except NoScriptError:
            return await self.ask("EVAL", lua.text, 1, due, *arguments)

    def _submit(self, packed: bytes) -> _Answer:
        if self._carrier is None or self._carrier.cancelled():
            raise ServiceUnavailable("The connection to Redis is closed")
        if self._carrier.done():
            # It only ends so by a fault of ours, which must not look like Redis being away.
            raise ServiceUnavailable("The connection to Redis has broken down") from self._carrier.exception()
        answer: _Answer = asyncio.get_running_loop().create_future()
        self._queue.append((packed, answer))
        self._filled.set()
        return answer

    async def _settle(self, packed: bytes, answer: _Answer) -> Reply:
        """Wait for the answer, and ask again for as long as there is hope."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + self._settings.patience_seconds
        pause = _FIRST_PAUSE_SECONDS
        while True:
            match await answer:
                case Unreachable() as unknown:
                    reason: Exception = unknown
                case ResponseError() as refused:
                    if isinstance(refused, NoScriptError):
                        raise refused
                    if not _is_down(refused):
                        raise Refused(f"Redis refuses: {refused}") from refused
                    reason = refused
                case reply:
                    return reply
            if loop.time() + pause > give_up:
                raise ServiceUnavailable(f"Redis cannot be reached: {reason}") from reason
            await asyncio.sleep(pause * (0.5 + random()))
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            answer = self._submit(packed)

    async def _carry(self) -> None:
        wire: Wire | None = None
        try:
            while True:
                await self._filled.wait()
                self._take_batch()
                try:
                    if wire is None:
                        wire = await connect(self._settings, self._name)
                    await self._exchange(wire)
                except Unreachable as unknown:
                    self._fail(self._batch, unknown)
                    if wire is not None:
                        await wire.disconnect(nowait=True)
                        wire = None
        finally:
            self._fail([*self._batch, *self._queue], Unreachable("the connection to Redis is closed"))
            if wire is not None:
                await wire.disconnect(nowait=True)

    def _take_batch(self) -> None:
        # Who was cancelled meanwhile wants nothing any more.
        self._batch = [asked for asked in self._queue[:_MOST_IN_BATCH] if not asked[1].done()]
        del self._queue[:_MOST_IN_BATCH]
        if not self._queue:
            self._filled.clear()

    async def _exchange(self, wire: Wire) -> None:
        if not self._batch:
            return
        with trouble():
            async with asyncio.timeout(self._settings.command_seconds):
                await wire.send_packed_command(b"".join([packed for packed, _ in self._batch]), check_health=False)
                for _, answer in self._batch:
                    try:
                        reply = await wire.read_response()
                    except ResponseError as refused:
                        reply = refused
                    if not answer.done():
                        answer.set_result(reply)

    @staticmethod
    def _fail(asked: Sequence[tuple[bytes, _Answer]], unknown: Unreachable) -> None:
        for _, answer in asked:
            if not answer.done():
                answer.set_result(unknown)


def _is_down(refused: ResponseError) -> bool:
    return isinstance(refused, _DOWN) or str(refused).startswith(_DOWN_CODES)
