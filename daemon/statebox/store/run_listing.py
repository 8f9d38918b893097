"""Map runs as they can be asked about: each by its ARN, those of an execution, and the children of one."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from statebox.asl.execution import Status
from statebox.asl.states.results import family_of
from statebox.asl.stepping.forks import child_name
from statebox.engine.errors import ResourceNotFound
from statebox.engine.records import MapRun, Summary
from statebox.store.codec import read_start
from statebox.store.keys import shard_of_token
from statebox.store.listing import SUMMED_UP, Listing, summed_up
from statebox.store.map_runs import keys_of_run, read_run, run_of
from statebox.store.reading import no_such_execution
from statebox.store.replies import items, pairs, strings


class RunListing(Listing):
    """What can be asked about map runs."""

    async def map_run(self, arn: str) -> MapRun:
        """A map run as last written. Raises ResourceNotFound."""
        run = run_of(arn)
        keys = keys_of_run(self._keys, run)
        found = read_run(pairs(await self._reads.ask("HGETALL", keys.run(run))))
        if found.arn.partition(":mapRun:")[2] != arn.partition(":mapRun:")[2]:
            raise ResourceNotFound
        return found

    async def map_runs(self, id: str, first: int, limit: int) -> Sequence[MapRun]:
        """Up to `limit` map runs of an execution, in the order of their starts, from the place `first` on.

        Raises ExecutionDoesNotExist.
        """
        keys = self._keys.of_id(id)
        exists, runs = await self._reads.ask_all(
            [("EXISTS", keys.execution(id)), ("LRANGE", keys.runs(id), first, first + limit - 1)],
        )
        if exists == 0:
            raise no_such_execution(id)
        found = await self._reads.ask_all([("HGETALL", keys.run(run.decode())) for run in strings(runs)])
        return [read_run(pairs(fields)) for fields in found]

    async def children(self, run: MapRun, first: int, limit: int) -> Sequence[Summary | None]:
        """Up to `limit` children of a map run by their places, `first` and those before it; None where there is none.

        Their names follow from their places, so that nothing need be written for them to be found.
        """
        unique, (_, family) = run_of(run.arn), family_of(run.arn)
        keys, shard = keys_of_run(self._keys, unique), shard_of_token(unique)
        places = range(first, max(-1, first - limit), -1)
        ids = [f"{family}:{child_name(run.uid, f'{run.branch}.{place}', run.event, shard)}" for place in places]
        replies = await self._reads.ask_all([("HMGET", keys.execution(id), "head", *SUMMED_UP) for id in ids])
        found: list[Summary | None] = []
        for place, id, reply in zip(places, ids, map(items, replies), strict=True):
            head = reply[0]
            if not isinstance(head, bytes):
                found.append(None)
                continue
            started_ms, of_items = read_start(head)
            summary = summed_up(id, started_ms, reply[1:])
            waits = run.pending > 0 and place >= run.again
            pending = waits and summary.status not in (Status.RUNNING, Status.SUCCEEDED)
            found.append(msgspec.structs.replace(summary, items=of_items, pending_redrive=pending))
        return found
