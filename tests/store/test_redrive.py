"""Redriving: an execution that ended without success runs again, once for each operation."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from statebox.asl.execution import Execution, Status
from statebox.engine.errors import ExecutionDoesNotExist
from statebox.engine.ownership import Checkpoint, Ended, Lease
from statebox.store.redis_store import RedisStore
from tests.store.audit import audit
from tests.store.conftest import Daemons
from tests.store.values import DAY, DEFINITION, DEFINITION_TEXT, NOON, branch, events, execution, first_step


async def failed(store: RedisStore, name: str = "x") -> Ended:
    """An execution that has failed."""
    begun = execution(name, branches=[branch(data={"n": 1})], next_event=4)
    started = await store.start(DEFINITION, first_step(begun, history=events(1, 3)), "op")
    assert started.lease is not None
    over = msgspec.structs.replace(begun, status=Status.FAILED, error="E", stopped_ms=NOON + 1, next_event=5)
    changed = frozenset(over.branches)
    await store.checkpoint(started.lease, Checkpoint(over, changed=changed, history=events(4, 4), release=True))
    return await store.ended(begun.id)


def running(ended: Ended, at_ms: int = NOON + 2) -> Checkpoint:
    """The first step of its redrive."""
    again: Execution = msgspec.structs.replace(
        ended.execution,
        status=Status.RUNNING,
        error=None,
        stopped_ms=None,
        redrives=ended.execution.redrives + 1,
        redriven_ms=at_ms,
        next_event=6,
    )
    return Checkpoint(again, changed=frozenset(again.branches), history=events(5, 5))


async def redriven(store: RedisStore, ended: Ended, operation: str = "again") -> Lease:
    """Redrive it; returns the lease."""
    started = await store.redrive(ended, running(ended), operation)
    assert started is not None
    assert started.lease is not None
    return started.lease


async def test_what_failed_is_kept_as_it_stood(store: RedisStore):
    ended = await failed(store)
    assert ended.execution.branches["0"].data == {"n": 1}
    assert (ended.definition, ended.operation) == (DEFINITION_TEXT, "")


async def test_it_is_written_as_running_and_its_history_goes_on(store: RedisStore):
    ended = await failed(store)
    lease = await redriven(store, ended)
    described = await store.describe("m:x")
    assert (described.status, described.redrives, described.redriven_ms) == (Status.RUNNING, 1, NOON + 2)
    assert [event.id for event in await store.history("m:x", 0, 10, False)] == [1, 2, 3, 4, 5]
    assert lease.sequence == ended.sequence + 1


async def test_it_stands_in_one_index_only(store: RedisStore):
    ended = await failed(store)
    await redriven(store, ended)
    assert await store.list("m", Status.FAILED, 10, None) == []
    [one] = await store.list("m", Status.RUNNING, 10, None)
    assert (one.redrives, one.redriven_ms, one.stopped_ms) == (1, NOON + 2, None)
    assert await store.list("m", None, 10, None, redriven=False) == []
    assert await store.list("m", None, 10, None, redriven=True) == [one]
    assert (await store.counts()).running == 1


async def test_it_is_not_forgotten_while_it_runs_again(store: RedisStore, daemons: Daemons):
    ended = await failed(store)
    lease = await redriven(store, ended)
    daemons.time.pass_by(31 * DAY)
    assert await store.sweep() == 0
    assert (await store.describe("m:x")).status is Status.RUNNING

    described = await store.describe("m:x")
    over = msgspec.structs.replace(described, status=Status.SUCCEEDED, stopped_ms=NOON + 3, branches={})
    await store.checkpoint(lease, Checkpoint(over, removed=frozenset("0"), release=True))
    await audit(daemons.server)
    daemons.time.pass_by(31 * DAY)
    assert await store.sweep() == 1
    with pytest.raises(ExecutionDoesNotExist):
        await store.describe("m:x")
    await audit(daemons.server)


async def test_the_same_operation_redrives_it_once(store: RedisStore):
    ended = await failed(store)
    await redriven(store, ended)

    repeated = await store.redrive(ended, running(ended, NOON + 9), "again")

    assert repeated is not None
    assert (repeated.existing, repeated.lease, repeated.started_ms) == (True, None, NOON + 2)
    assert (await store.ended("m:x")).operation == "again"


async def test_of_two_who_redrive_it_one_is_told_that_it_has_moved(store: RedisStore, daemons: Daemons):
    ended, other = await failed(store), await daemons.open("b")
    outcomes = await asyncio.gather(
        store.redrive(ended, running(ended), "one"), other.redrive(ended, running(ended), "two")
    )
    assert sorted(outcome is None for outcome in outcomes) == [False, True]
    assert (await store.describe("m:x")).redrives == 1


async def test_its_lease_fences_as_any_other(store: RedisStore, daemons: Daemons):
    ended = await failed(store)
    await redriven(store, ended)
    daemons.time.pass_by(store.settings.lease_ms)
    [claimed] = (await (await daemons.open("b")).claim(0, 10)).claimed
    assert (claimed.execution.status, claimed.execution.whole) == (Status.RUNNING, True)


async def test_what_is_gone_cannot_be_redriven(store: RedisStore, daemons: Daemons):
    ended = await failed(store)
    daemons.time.pass_by(31 * DAY)
    await store.sweep()
    with pytest.raises(ExecutionDoesNotExist):
        await store.redrive(ended, running(ended), "late")
    with pytest.raises(ExecutionDoesNotExist):
        await store.ended("m:x")
