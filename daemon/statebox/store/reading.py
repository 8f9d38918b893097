"""Reading: one execution, its history and its continuations as they were last written. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from statebox.asl.events import AnyEvent
from statebox.asl.execution import Branch, Execution, OnTask
from statebox.asl.history import HistoryEvent
from statebox.asl.jsontext import Json
from statebox.engine.errors import ExecutionDoesNotExist, InvalidToken
from statebox.engine.ownership import Ended
from statebox.engine.records import Continuation, StateStanding
from statebox.engine.statepaths import StatePath
from statebox.store.chunks import read_chunk
from statebox.store.codec import read_branches, read_execution, read_input
from statebox.store.commits import Asking
from statebox.store.continuations import read_continuations
from statebox.store.early import read_state
from statebox.store.entries import read_entry
from statebox.store.keys import Keys
from statebox.store.replies import integer, items, maybe_text, pairs, strings

_BEYOND_ALL_EVENTS: Final = 2**53


class Reading:
    """What can be asked about one execution. `now_ms` is given where somebody else than Redis owns the time."""

    def __init__(self, reads: Asking, keys: Keys, now_ms: Callable[[], int] | None) -> None:
        self._reads = reads
        self._keys = keys
        self._now_ms = now_ms

    async def server_time_us(self) -> int:
        """Redis TIME, in microseconds; in a cluster that of the node whose clock is furthest ahead.

        What becomes due is judged by the time of the shard's own node. A deadline that was reckoned from the latest of
        these times is early on none of them, and late by no more than the nodes' clocks differ.
        """
        times = map(items, await self._reads.ask_each("TIME"))
        return max(integer(seconds) * 1_000_000 + integer(microseconds) for seconds, microseconds in times)

    async def describe(self, id: str) -> Execution:
        """The whole execution as last written. Raises ExecutionDoesNotExist."""
        return read_execution(await self._fields(id), whole=True)

    async def ended(self, id: str) -> Ended:
        """The whole execution as last written, and what it can be redriven with. Raises ExecutionDoesNotExist."""
        fields = await self._fields(id)
        return Ended(
            read_execution(fields, whole=True),
            definition=await self.definition_of(id),
            sequence=int(fields.get(b"sequence", b"0")),
            released=fields.get(b"released", b"").decode(),
            operation=fields.get(b"redrive", b"").decode(),
        )

    async def branches(self, id: str, parent: str) -> Mapping[str, Branch]:
        """All branches below `parent`. Raises ExecutionDoesNotExist."""
        return read_branches(await self._fields(id), below=parent)

    async def ways(self, id: str, branches: Collection[str]) -> Mapping[str, Branch]:
        """These branches, as far as they are there, and those above them; the data of the latter are left ELSEWHERE."""
        records = {above for branch in branches for above in _way_to(branch)}
        names = [f"b:{branch}" for branch in records] + [f"i:{branch}" for branch in branches]
        return read_branches(await self._some(id, names), in_part=True)

    async def data(self, id: str, branch: str) -> tuple[Json, Branch | None]:
        """The execution's input, and one branch with its data. Raises ExecutionDoesNotExist."""
        fields = await self._some(id, ["input", f"b:{branch}", f"i:{branch}"])
        if b"input" not in fields:
            raise no_such_execution(id)
        return read_input(fields[b"input"]), read_branches(fields).get(branch)

    async def next_deadline(self, id: str) -> int | None:
        """The first deadline (ms) of any branch but the root, None where there is none."""
        first = strings(await self._reads.ask("ZRANGE", self._keys.of_id(id).timers(id), 0, 0, "WITHSCORES"))
        return int(float(first[1])) if first else None

    async def inbox(self, id: str, limit: int | None = None) -> tuple[AnyEvent, ...]:
        """What was delivered and has not been consumed, oldest first, at most `limit` of it."""
        last = -1 if limit is None else limit - 1
        entries = strings(await self._reads.ask("LRANGE", self._keys.of_id(id).inbox(id), 0, last))
        return tuple(map(read_entry, entries))

    async def definition_of(self, id: str) -> str:
        """The text of the definition it is pinned to. Raises ExecutionDoesNotExist."""
        keys = self._keys.of_id(id)
        hash = maybe_text(await self._reads.ask("HGET", keys.execution(id), "definition"))
        found = None if hash is None else maybe_text(await self._reads.ask("HGET", keys.definition(hash), "text"))
        if found is None:
            raise no_such_execution(id)
        return found

    async def history(self, id: str, after: int, limit: int, reverse: bool) -> Sequence[HistoryEvent]:
        """Up to `limit` events with ids above `after`; reversed: below it, newest first, from the end when it is 0.

        Raises ExecutionDoesNotExist.
        """
        lowest, highest = after + 1, after + limit
        if reverse:
            end = await self._last_event(id)
            highest = end if after == 0 else min(end, after - 1)
            lowest = max(1, highest - limit + 1)
        exists, chunks = await self._chunks(id, lowest, highest)
        if not exists:
            raise no_such_execution(id)
        events = [event for chunk in chunks for event in read_chunk(chunk) if lowest <= event.id <= highest]
        return events[::-1] if reverse else events

    async def continuation(self, token: str) -> Continuation:
        """What is known about a continuation. Raises InvalidToken."""
        for known in await read_continuations(self._reads, self._keys, [token], await self._now()):
            return known
        raise InvalidToken

    async def continuations(self, id: str) -> Sequence[Continuation]:
        """The open continuations of an execution, in the order of their branches. Raises ExecutionDoesNotExist."""
        execution = await self.describe(id)
        waiting = [branch.waiting for branch in execution.branches.values()]
        tokens = [task.token for task in waiting if isinstance(task, OnTask) and task.token is not None]
        known = await read_continuations(self._reads, self._keys, tokens, await self._now())
        return [continuation for continuation in known if continuation.status == "waiting"]

    async def state(self, id: str, path: StatePath) -> StateStanding:
        """What is known about an answer to a state. Raises ExecutionDoesNotExist when nothing is."""
        known = await read_state(self._reads, self._keys, id, path, await self._now())
        if known is None:
            raise no_such_execution(id)
        return known

    async def _now(self) -> int:
        return await self.server_time_us() // 1000 if self._now_ms is None else self._now_ms()

    async def _last_event(self, id: str) -> int:
        _, chunks = await self._chunks(id, _BEYOND_ALL_EVENTS, _BEYOND_ALL_EVENTS)
        return read_chunk(chunks[-1])[-1].id if chunks else 0

    async def _chunks(self, id: str, lowest: int, highest: int) -> tuple[bool, Sequence[bytes]]:
        """Whether there is such an execution, and the chunks that hold these events (beyond all: the last chunk)."""
        keys = self._keys.of_id(id)
        exists, chunks = items(await self._reads.run("history", keys.due, keys.base, "", id, lowest, highest))
        return integer(exists) == 1, strings(chunks)

    async def _some(self, id: str, names: Sequence[str]) -> dict[bytes, bytes]:
        values = items(await self._reads.ask("HMGET", self._keys.of_id(id).execution(id), *names))
        return {name.encode(): value for name, value in zip(names, values, strict=True) if isinstance(value, bytes)}

    async def _fields(self, id: str) -> dict[bytes, bytes]:
        fields = pairs(await self._reads.ask("HGETALL", self._keys.of_id(id).execution(id)))
        if not fields:
            raise no_such_execution(id)
        return fields


def _way_to(branch: str) -> list[str]:
    """A branch and all above it: `0.1.2`, `0.1`, `0`."""
    steps = branch.split(".")
    return [".".join(steps[:length]) for length in range(len(steps), 0, -1)]


def no_such_execution(id: str) -> ExecutionDoesNotExist:
    """The error for an execution that is not there."""
    return ExecutionDoesNotExist(f"Execution Does Not Exist: '{id}'")
