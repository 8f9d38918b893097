"""Map runs: how they are doing, which children they have, and how they are to go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from statebox.asl.events import MapRunUpdated
from statebox.asl.jsontext import Json
from statebox.engine.arns import read_arn
from statebox.engine.ownership import Claimed
from statebox.engine.ports import Store
from statebox.engine.records import MapRun, Summary

# How many children are looked at together for a page of those wanted.
_LOOKED_AT: Final = 1000

PENDING_REDRIVE: Final = "PENDING_REDRIVE"


class Children(msgspec.Struct, frozen=True):
    """Some children of a map run, the last begun first; `next` is the place to go on with, None when that was all."""

    run: MapRun
    found: Sequence[Summary]
    next: int | None


class MapRuns:
    """The operations on map runs. `take` runs what was claimed, or lets the execution of that id see its inbox."""

    def __init__(self, store: Store, take: Callable[[Claimed | None, str], None], full: Callable[[], bool]) -> None:
        self._store = store
        self._take = take
        self._full = full

    async def describe(self, arn: str) -> MapRun:
        """A map run. Raises InvalidArn, ResourceNotFound."""
        read_arn(arn, "mapRun")
        return await self._store.map_run(arn)

    async def list(self, execution: str, first: int, limit: int) -> Sequence[MapRun]:
        """Up to `limit` map runs of an execution, in the order of their starts. Raises ExecutionDoesNotExist."""
        return await self._store.map_runs(execution, first, limit)

    async def children(
        self, arn: str, status: str | None, redriven: bool | None, limit: int, first: int | None = None
    ) -> Children:
        """Up to `limit` children of a map run, of one status, redriven or not, from the place `first` on.

        Raises InvalidArn, ResourceNotFound.
        """
        run = await self.describe(arn)
        place = run.begun - 1 if first is None else first
        found: list[Summary] = []
        while place >= 0:
            for child in await self._store.children(run, place, min(_LOOKED_AT, place + 1)):
                if child is not None and _is_wanted(child, status, redriven):
                    if len(found) == limit:
                        return Children(run, found, place)
                    found.append(child)
                place -= 1
        return Children(run, found, None)

    async def update(
        self, arn: str, concurrency: int | None, tolerated_count: int | None, tolerated_percentage: float | None
    ) -> None:
        """Let a map run that runs go on otherwise; what is None stays.

        Raises InvalidArn, ResourceNotFound, ValidationException.
        """
        run = await self.describe(arn)
        said: dict[str, Json] = {
            "concurrency": concurrency,
            "tolerated_count": tolerated_count,
            "tolerated_percentage": tolerated_percentage,
        }
        changes = {name: value for name, value in said.items() if value is not None}
        event = MapRunUpdated(f"{run.branch}:{run.event}", concurrency, tolerated_count, tolerated_percentage)
        taken = await self._store.update_map_run(run, changes, event, take=not self._full())
        self._take(taken, run.execution)


def _is_wanted(child: Summary, status: str | None, redriven: bool | None) -> bool:
    shown = PENDING_REDRIVE if child.pending_redrive else child.status.value
    return status in (None, shown) and redriven in (None, child.redrives > 0)
