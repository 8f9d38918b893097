"""Starting: a name is taken once, a repeated request gets its first reply, and what was started can be read."""

from __future__ import annotations

import msgspec
import pytest

from statebox.asl.execution import Status
from statebox.engine.errors import ExecutionAlreadyExists
from statebox.store.redis_store import RedisStore
from tests.servers import ask
from tests.store.conftest import Daemons
from tests.store.values import (
    DEFINITION,
    NOON,
    another_definition,
    branch,
    ended,
    events,
    execution,
    first_step,
    new_token,
    parked_step,
    suspended,
)


async def test_a_started_execution_belongs_to_the_daemon_that_took_the_request(store: RedisStore, daemons: Daemons):
    other = await daemons.open("b")
    begun = execution(input={"n": 2**70}, branches=[branch("0", {"n": 2**70})])

    started = await store.start(DEFINITION, first_step(begun, history=events(1, 3)), "op")

    assert (started.started_ms, started.existing) == (NOON, False)
    assert started.lease is not None
    assert started.lease.sequence == 1
    assert (await other.claim(0, 10)).claimed == ()
    assert await other.describe(begun.id) == begun
    assert await other.definition_of(begun.id) == DEFINITION.text


async def test_an_execution_that_never_waits_costs_one_script(store: RedisStore):
    done = ended(execution(input=1, next_event=4), {"n": 1})

    started = await store.start(DEFINITION, first_step(done, history=events(1, 3), release=True), "op")

    assert (started.lease, started.existing) == (None, False)
    assert await store.describe(done.id) == done
    assert (await store.claim(0, 10)).next_due_ms is None


async def test_a_start_may_park_at_once(store: RedisStore, daemons: Daemons):
    token = new_token()
    parked = execution(branches=[suspended(token, deadline_ms=NOON + 500)])

    started = await store.start(DEFINITION, parked_step(parked, token, NOON + 500), "op")

    assert started.lease is None
    assert (await store.claim(0, 10)).next_due_ms == NOON + 500
    daemons.time.pass_by(500)
    assert [claimed.execution for claimed in (await store.claim(0, 10)).claimed] == [parked]


async def test_the_same_start_twice_is_one_execution(store: RedisStore):
    first = execution(input={"a": [1, 2.5]}, branches=[branch()])
    again = msgspec.structs.replace(first, uid="another", started_ms=NOON + 7)
    await store.start(DEFINITION, first_step(first), "op1")

    repeated = await store.start(DEFINITION, first_step(again), "op2")

    assert (repeated.started_ms, repeated.lease, repeated.existing) == (NOON, None, True)
    assert (await store.describe(first.id)).uid == first.uid


async def test_a_name_with_another_input_is_taken(store: RedisStore):
    await store.start(DEFINITION, first_step(execution(input=1, branches=[branch()])), "op1")

    with pytest.raises(ExecutionAlreadyExists, match=f"Execution Already Exists: '{execution().arn}'"):
        await store.start(DEFINITION, first_step(execution(input=2, branches=[branch()])), "op2")


async def test_a_name_is_taken_when_its_execution_has_ended(store: RedisStore):
    done = ended(execution(input=1))
    await store.start(DEFINITION, first_step(done, release=True), "op1")

    with pytest.raises(ExecutionAlreadyExists):
        await store.start(DEFINITION, first_step(execution(input=1, branches=[branch()])), "op2")


async def test_a_repeated_request_gets_its_first_reply_even_with_another_input(store: RedisStore):
    """The operation decides: whoever repeats a request does not know whether the first was carried out."""
    done = ended(execution(input=1))
    await store.start(DEFINITION, first_step(done, release=True), "op")

    again = await store.start(DEFINITION, first_step(execution(input=1, branches=[branch()])), "op")

    assert (again.started_ms, again.lease, again.existing) == (NOON, None, True)


async def test_executions_share_their_definition(store: RedisStore, daemons: Daemons):
    """The text is stored once, counted, and sent again only when it is not there."""
    one, two = execution("one", branches=[branch()]), execution("two", branches=[branch()])
    await store.start(DEFINITION, first_step(one), "op1")
    await store.start(DEFINITION, first_step(two), "op2")

    key = f"statebox:{{0}}:definition:{DEFINITION.hash}"
    assert ask(daemons.server, "HGET", key, "users") == "2"

    await _end_and_forget(store, daemons, "one", "two")
    assert ask(daemons.server, "EXISTS", key) == 0
    await store.start(DEFINITION, first_step(one), "op3")
    assert await store.definition_of(one.id) == DEFINITION.text


async def test_executions_of_different_definitions_keep_their_own(store: RedisStore):
    other = another_definition("{}")
    await store.start(DEFINITION, first_step(execution("one", branches=[branch()])), "op1")
    await store.start(other, first_step(execution("two", branches=[branch()])), "op2")

    assert await store.definition_of("m:one") == DEFINITION.text
    assert await store.definition_of("m:two") == "{}"


async def test_a_name_can_be_used_again_once_it_is_forgotten(store: RedisStore, daemons: Daemons):
    await store.start(DEFINITION, first_step(ended(execution(input=1)), history=events(1, 2), release=True), "op1")
    daemons.time.pass_by(store.settings.retention_ms)
    await store.sweep()

    fresh = execution(input=2, branches=[branch()], started_ms=daemons.time())
    started = await store.start(DEFINITION, first_step(fresh, history=events(1, 1)), "op2")

    assert started.lease is not None
    assert len(await store.history(fresh.id, 0, 10, reverse=False)) == 1


async def test_a_namesake_that_comes_before_the_sweep_is_not_forgotten_with_the_first(
    store: RedisStore, daemons: Daemons
):
    """Keys of an ended execution have a TTL, its entries in indices have not: the sweep tells the runs apart."""
    await store.start(DEFINITION, first_step(ended(execution(input=1)), history=events(1, 2), release=True), "op1")
    daemons.time.pass_by(store.settings.retention_ms)
    ask(daemons.server, "DEL", "statebox:{0}:execution:m:x")

    fresh = execution(input=2, branches=[branch()], started_ms=daemons.time())
    await store.start(DEFINITION, first_step(fresh, history=events(1, 1)), "op2")
    assert await store.sweep() == 1

    assert (await store.describe(fresh.id)).status is Status.RUNNING
    assert len(await store.history(fresh.id, 0, 10, reverse=False)) == 1
    assert [line.id for line in await store.list("m", Status.RUNNING, 10, None)] == [fresh.id]
    assert await store.list("m", Status.SUCCEEDED, 10, None) == []


async def _end_and_forget(store: RedisStore, daemons: Daemons, *names: str) -> None:
    daemons.time.pass_by(store.settings.lease_ms)
    for claimed in (await store.claim(0, 10)).claimed:
        if claimed.execution.name in names:
            done = ended(claimed.execution)
            await store.checkpoint(claimed.lease, first_step(done, removed=frozenset({"0"}), release=True))
    daemons.time.pass_by(store.settings.retention_ms)
    assert await store.sweep() == len(names)
