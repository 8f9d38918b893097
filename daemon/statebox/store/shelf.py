"""The shelf on Redis: a hash for each registered machine, changed as a whole by compare and swap."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from statebox.asl.execution import Status
from statebox.asl.jsontext import write_json
from statebox.engine.errors import Unreadable
from statebox.engine.names import fresh_id
from statebox.engine.ownership import Definition
from statebox.engine.registry.machine import Registered
from statebox.engine.registry.shelf import Shelved
from statebox.store.commits import Asking
from statebox.store.connection import Argument
from statebox.store.keys import Keys
from statebox.store.replies import Unexpected, integer, items, maybe_text, strings

FORMAT: Final = 1


class _Record(msgspec.Struct, frozen=True, array_like=True):
    """The machine behind the number of its format."""

    format: int
    machine: Registered


class _Unanswered:
    """Stands for an answer that never came."""


_read = msgspec.json.Decoder(_Record)
_read_format = msgspec.json.Decoder(tuple[int, msgspec.Raw])


class RedisShelf:
    """The port Shelf. `reads` and `writes` are the store's own connections."""

    def __init__(self, reads: Asking, writes: Asking, keys: Keys) -> None:
        self._reads = reads
        self._writes = writes
        self._keys = keys
        # Who waits for the stamp that somebody has asked for in this turn of the event loop, by machine.
        self._asking: dict[str, list[asyncio.Future[str | _Unanswered | None]]] = {}

    async def stamp(self, name: str) -> str | None:
        """The stamp of a machine, None when there is none.

        All who ask in one turn of the event loop share one question: every start asks. What they ask for had come in
        before the turn, so that the answer is none from before that.
        """
        loop = asyncio.get_running_loop()
        if name in self._asking:
            answer = loop.create_future()
            self._asking[name].append(answer)
            shared = await answer
            if not isinstance(shared, _Unanswered):
                return shared
            # Who asked was cancelled, or Redis was away.
            return await self._read_stamp(name)
        others = self._asking[name] = []
        loop.call_soon(self._asking.pop, name)
        stamp: str | _Unanswered | None = _Unanswered()
        try:
            stamp = await self._read_stamp(name)
            return stamp
        finally:
            for other in others:
                if not other.done():
                    other.set_result(stamp)

    async def stamps(self, names: Sequence[str]) -> Sequence[str | None]:
        """The stamps of several machines, in their order."""
        meta = self._keys.meta
        return [*map(maybe_text, await self._reads.ask_all([("HGET", meta.machine(name), "stamp") for name in names]))]

    async def read(self, name: str) -> Shelved | None:
        """A machine, None when there is none. Raises Unreadable."""
        stamp, record = items(await self._writes.ask("HMGET", self._keys.meta.machine(name), "stamp", "record"))
        if not isinstance(stamp, bytes) or not isinstance(record, bytes):
            return None
        return Shelved(_machine_of(name, record), stamp.decode())

    async def text(self, name: str, hash: str) -> str | None:
        """The text of a definition that a machine needs; None when it does not any more."""
        return maybe_text(await self._writes.ask("HGET", self._keys.meta.machine(name), f"text:{hash}"))

    async def write(self, machine: Registered, before: Shelved | None, added: Definition | None = None) -> str | None:
        """Put a machine in the place of what was read before; None when that was changed meanwhile."""
        stamp = fresh_id()
        unneeded = frozenset[str]() if before is None else before.machine.definitions - machine.definitions
        record = write_json(_Record(FORMAT, machine))
        text = ("", "") if added is None else (added.hash, added.text)
        done = await self._amend(machine.name, before, stamp, record, *text, *unneeded)
        return stamp if done else None

    async def remove(self, before: Shelved) -> bool:
        """Remove a machine. False when it was changed meanwhile."""
        return await self._amend(before.machine.name, before, "", "", "", "")

    async def names(self, after: str | None, limit: int) -> Sequence[str]:
        """Up to `limit` names of machines in their order, those behind `after`."""
        first = "-" if after is None else f"({after}"
        found = await self._reads.ask("ZRANGEBYLEX", self._keys.meta.machines, first, "+", "LIMIT", 0, limit)
        return [name.decode() for name in strings(found)]

    async def running(self, name: str) -> int:
        """How many executions of a machine run."""
        counts = await self._reads.ask_all(
            [("ZCARD", keys.index_of(name, Status.RUNNING)) for keys in self._keys.shards]
        )
        return sum(map(integer, counts))

    async def _read_stamp(self, name: str) -> str | None:
        return maybe_text(await self._writes.ask("HGET", self._keys.meta.machine(name), "stamp"))

    async def _amend(self, name: str, before: Shelved | None, stamp: str, *arguments: Argument) -> bool:
        meta, read = self._keys.meta, "" if before is None else before.stamp
        match await self._writes.run("amend", meta.due, meta.base, "", name, read, stamp, *arguments):
            case [b"done"]:
                return True
            case [b"moved"]:
                return False
            case reply:
                raise Unexpected(reply)


def _machine_of(name: str, record: bytes) -> Registered:
    try:
        format, _ = _read_format.decode(record)
        if format != FORMAT:
            raise Unreadable(f"The machine {name} is stored in the format {format}; this statebox knows {FORMAT}")
        return _read.decode(record).machine
    except (msgspec.MsgspecError, ValueError) as error:
        raise Unreadable(f"The machine {name} cannot be read: {error}") from error
