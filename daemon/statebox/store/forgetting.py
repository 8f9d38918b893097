"""Forgetting: what has ended goes when its retention has passed, or before that when somebody wants it gone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from statebox.asl.execution import Status
from statebox.engine.records import Purged, Summary
from statebox.store.connection import Argument, Reply
from statebox.store.keys import Keys
from statebox.store.listing import Listing, Place
from statebox.store.replies import integer

# A script that forgets removes whole histories: others wait while it runs.
_AT_ONCE: Final = 100

# Runs a script on a shard.
Run = Callable[..., Awaitable[Reply]]


class Forgetting:
    """Forgets executions with the scripts that `run` runs."""

    def __init__(self, run: Run, listing: Listing, keys: Keys) -> None:
        self._run = run
        self._listing = listing
        self._keys = keys

    async def sweep(self) -> int:
        """Forget what is past its retention. Returns how many executions were forgotten."""
        forgotten = 0
        for shard in range(len(self._keys.shards)):
            some = _AT_ONCE
            while some == _AT_ONCE:
                some = integer(await self._run("sweep", shard, _AT_ONCE))
                forgotten += some
        return forgotten

    async def purge(
        self,
        machine: str | None,
        status: Status | None,
        ended_before_ms: int,
        limit: int,
        before: Place | None,
        only_count: bool,
    ) -> Purged:
        """Forget those among the next `limit` executions that have ended; see the port Store."""
        found = await self._listing.list(machine, status, limit, before, with_map_runs=True)
        over = [one for one in found if _is_over(one, ended_before_ms)]
        count = len(over) if only_count else await self._forget(over, ended_before_ms)
        return Purged(count, (found[-1].started_ms, found[-1].id) if len(found) == limit else None)

    async def _forget(self, over: list[Summary], ended_before_ms: int) -> int:
        forgotten = 0
        by_shard: dict[int, list[Argument]] = {}
        for one in over:
            by_shard.setdefault(self._keys.shard_of_id(one.id), []).append(one.id)
        for shard, ids in by_shard.items():
            for first in range(0, len(ids), _AT_ONCE):
                some = ids[first : first + _AT_ONCE]
                forgotten += integer(await self._run("purge", shard, ended_before_ms, *some))
        return forgotten


def _is_over(one: Summary, ended_before_ms: int) -> bool:
    return one.status is not Status.RUNNING and one.stopped_ms is not None and one.stopped_ms <= ended_before_ms
