"""Taking over: what cannot be made ready here harms nobody else here."""

from __future__ import annotations

import asyncio

import pytest

from statebox.asl.limits import Limits as ExecutionLimits
from statebox.asl.moment import Moment
from statebox.engine.advancing import Advancing
from statebox.engine.machines import Machines
from statebox.engine.ownership import Claimed, Definition, Lease
from statebox.engine.resources import Resources
from statebox.engine.scheduler import Limits, Scheduler
from statebox.engine.surroundings import Surroundings
from statebox.engine.watchers import Watchers
from statebox.engine.worker import WorkerFailed
from statebox.store.delivering import StoreSettings
from statebox.store.redis_store import RedisStore
from tests.store.values import DEFINITION_TEXT, NOON, branch, execution


async def _fails(_: Definition) -> None:
    raise WorkerFailed("a worker process did not begin its work")


async def test_a_worker_that_fails_on_what_was_claimed_does_not_end_the_daemon(caplog: pytest.LogCaptureFixture):
    """Everything else it does is owned by the same TaskGroup; the lease runs out, and somebody tries again."""
    store = RedisStore(StoreSettings(daemon="a"))
    claimed = Claimed(Lease("m:x", 0, "lease", 1, 0.0), execution(branches=[branch()]), DEFINITION_TEXT + " " * 70_000)
    async with asyncio.TaskGroup() as group:
        around = Surroundings(
            store=store,
            invoker=Resources([]),
            clock=store.clock,
            spawn=group.create_task,
            advancing=Advancing(ExecutionLimits(), lambda: Moment(NOON, bytes(32)), None),
        )
        scheduler = Scheduler(around, Machines(check=_fails), Watchers(), Limits())

        scheduler.take(claimed)

    assert "a stored definition cannot be read" in caplog.text
    assert scheduler.running == 0
