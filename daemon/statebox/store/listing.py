"""Listing: executions by machine and status, newest first, merged over the shards; and how much there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from statebox.asl.execution import Status
from statebox.engine.records import Counts, Summary
from statebox.store.connection import Argument, Reply
from statebox.store.keys import ShardKeys
from statebox.store.reading import Reading
from statebox.store.replies import integer, items, maybe_integer, strings, text

# When an execution started (ms), and its id: where a listing goes on.
Place = tuple[int, str]


# What a summary is made of.
SUMMED_UP: Final = ("status", "stopped", "aside", "redrives", "redriven", "qualified")


def summed_up(id: str, started_ms: int, fields: Sequence[Reply]) -> Summary:
    """One line about an execution, of these fields."""
    status, stopped, aside, redrives, redriven, qualified = fields
    machine, _, name = id.partition(":")
    version, _, alias = (qualified if isinstance(qualified, bytes) else b"").partition(b" ")
    return Summary(
        id,
        machine,
        name,
        Status(text(status)),
        started_ms,
        maybe_integer(stopped),
        aside is not None,
        maybe_integer(redrives) or 0,
        maybe_integer(redriven),
        version=maybe_integer(version),
        alias=alias.decode() or None,
    )


class Listing(Reading):
    """What can be asked about many executions."""

    async def list(
        self,
        machine: str | None,
        status: Status | None,
        limit: int,
        before: tuple[int, str] | None,
        with_map_runs: bool = False,
        redriven: bool | None = None,
    ) -> Sequence[Summary]:
        """Executions, newest first, that started before the given (ms, id); a machine's also with its map runs'.

        `<machine>:<version or alias>` stands for those that were started by that. `redriven`: only those that were, or
        only those that were not.
        """
        indices = await self._indices(machine, status, with_map_runs)
        listed: list[Summary] = []
        while len(listed) < limit:
            page = await self._page(indices, limit - len(listed), before)
            if not page:
                break
            found = await self._summaries(page)
            listed += [
                one
                for one in found
                if (status is None or one.status == status) and (redriven is None or redriven == (one.redrives > 0))
            ]
            before = page[-1]
        return listed

    async def set_aside(self) -> Sequence[Summary]:
        """Executions that were set aside, by shard, the longest ago first."""
        asides = await self._reads.ask_all([("ZRANGE", keys.aside, 0, -1) for keys in self._keys.shards])
        ids = [id.decode() for reply in asides for id in strings(reply)]
        starts = await self._reads.ask_all([("ZSCORE", self._keys.of_id(id).index, id) for id in ids])
        return await self._summaries(
            [(integer(start), id) for start, id in zip(starts, ids, strict=True) if start is not None]
        )

    async def counts(self) -> Counts:
        """How much there is. `running` counts all that have not ended, `suspended` the open continuations."""
        indices = await self._indices(None, Status.RUNNING)
        shards = self._keys.shards
        running = await self._reads.ask_all([("ZCARD", index) for index in indices])
        waiting = await self._reads.ask_all([("ZCARD", keys.waiting) for keys in shards])
        oldest = await self._reads.ask_all([("ZRANGE", keys.waiting, 0, 0, "WITHSCORES") for keys in shards])
        aside = await self._reads.ask_all([("ZCARD", keys.aside) for keys in shards])
        return Counts(
            running=sum(map(integer, running)),
            suspended=sum(map(integer, waiting)),
            oldest_suspended_ms=min((integer(found[1]) for found in map(items, oldest) if found), default=None),
            set_aside=sum(map(integer, aside)),
        )

    async def _indices(self, machine: str | None, status: Status | None, with_map_runs: bool = False) -> list[str]:
        """The sorted sets that hold these executions."""
        shards = self._keys.shards
        if machine is not None and ":" in machine:
            return [keys.index_of_qualified(machine) for keys in shards]
        if machine is not None and not with_map_runs:
            # Running ones first: what ends meanwhile is found twice, and not missed.
            return [keys.index_of(machine, one) for one in ([status] if status else Status) for keys in shards]
        if machine is None and status is None:
            return [keys.index for keys in shards]
        machines = await self._reads.ask_all([("SMEMBERS", keys.machines) for keys in shards])
        return [
            keys.index_of(name.decode(), one)
            for one in ([status] if status else Status)
            for keys, names in zip(shards, machines, strict=True)
            for name in strings(names)
            if machine is None or name.decode() == machine or name.decode().startswith(f"{machine}/")
        ]

    async def _page(self, indices: Sequence[str], limit: int, before: Place | None) -> list[Place]:
        commands: list[tuple[Argument, ...]] = []
        for index in indices:
            highest = "+inf" if before is None else f"({before[0]}"
            commands.append(("ZREVRANGEBYSCORE", index, highest, "-inf", "WITHSCORES", "LIMIT", 0, limit))
            if before is not None:
                # Those of the very same millisecond: there are few, and the ids tell which were listed.
                commands.append(("ZRANGEBYSCORE", index, before[0], before[0], "WITHSCORES"))
        found: set[Place] = set()
        for reply in await self._reads.ask_all(commands):
            flat = strings(reply)
            found.update((integer(start), id.decode()) for id, start in zip(flat[::2], flat[1::2], strict=True))
        places = [place for place in found if before is None or place < before]
        return sorted(places, reverse=True)[:limit]

    async def _summaries(self, places: Sequence[Place]) -> list[Summary]:
        """One line for each; those whose retention has passed meanwhile are left out."""
        fields = await self._reads.ask_all([("HMGET", self._of(id).execution(id), *SUMMED_UP) for _, id in places])
        summaries: list[Summary] = []
        for (started_ms, id), reply in zip(places, fields, strict=True):
            if items(reply)[0] is not None:
                summaries.append(summed_up(id, started_ms, items(reply)))
        return summaries

    def _of(self, id: str) -> ShardKeys:
        return self._keys.of_id(id)
