"""Children of map runs: the very step that no longer waits for them stops them, whoever dies after it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import pytest

from statebox.asl.events import CallbackAnswered, ExecutionStopped, TaskSucceeded
from statebox.asl.execution import Branch, Execution, OnChild, Status
from statebox.engine.errors import TaskDoesNotExist
from statebox.engine.ownership import Checkpoint, Lease
from statebox.engine.records import Answer
from statebox.store.redis_store import RedisStore
from tests.servers import ask
from tests.store.conftest import Daemons
from tests.store.values import (
    DEFINITION,
    NOON,
    branch,
    callback,
    ended,
    execution,
    first_step,
    forked,
    new_token,
    parked_step,
    suspended,
)

STOPPED = ExecutionStopped("States.Runtime", "The map run ended without this item")
MAP_RUN = "arn:aws:states:us-east-1:000000000000:mapRun:m/Each:1"


def waiting_for(*names: str) -> list[Branch]:
    """The branches of a distributed Map whose children have these names."""
    children = [
        branch(f"0.{n}", waiting=OnChild(3, name, MAP_RUN, handed_over=True), index=n) for n, name in enumerate(names)
    ]
    return [forked(len(names)), *children]


def child(name: str, place: str, branches: Iterable[Branch]) -> Execution:
    """A child of the execution m:x."""
    one = execution(name, "m/Each", branches=branches)
    return msgspec.structs.replace(one, parent="m:x", parent_task=f"{place}:3", map_run=MAP_RUN)


async def begin(store: RedisStore, names: Sequence[str]) -> tuple[Execution, Lease]:
    """A parent at work that waits for children of these names."""
    parent = execution(branches=waiting_for(*names))
    started = await store.start(DEFINITION, first_step(parent), "parent")
    assert started.lease is not None
    return parent, started.lease


def failed(parent: Execution, children: Sequence[str]) -> Checkpoint:
    """The step that ends the parent while these children are at work."""
    over = ended(parent, None, status=Status.FAILED, at_ms=NOON + 1)
    return Checkpoint(over, removed=frozenset(parent.branches), stopped=tuple(children), release=True)


async def test_the_step_that_ends_a_parent_stops_its_parked_children(store: RedisStore):
    """Nothing is left to be done by the parent's daemon, which may die the moment after."""
    name, token = new_token(), new_token()
    parent, lease = await begin(store, [name])
    asking = child(name, "0.0", branches=[suspended(token)])
    await store.start(DEFINITION, parked_step(asking, token), "child")

    await store.checkpoint(lease, failed(parent, [asking.id]))

    (claimed,) = (await store.claim(0, 10)).claimed
    assert (claimed.execution.id, claimed.inbox) == (asking.id, (STOPPED,))


async def test_a_child_that_is_stopped_so_refuses_answers(store: RedisStore):
    name, token = new_token(), new_token()
    parent, lease = await begin(store, [name])
    asking = child(name, "0.0", branches=[suspended(token)])
    await store.start(DEFINITION, parked_step(asking, token), "child")
    await store.checkpoint(lease, failed(parent, [asking.id]))

    with pytest.raises(TaskDoesNotExist):
        await store.answer(Answer(token, CallbackAnswered, "op", "test"))


async def test_whoever_holds_a_child_finds_its_stop_in_the_inbox(store: RedisStore, daemons: Daemons):
    name = new_token()
    parent, lease = await begin(store, [name])
    other = await daemons.open("b")
    working = child(name, "0.0", branches=[branch()])
    held = await other.start(DEFINITION, first_step(working), "child")
    assert held.lease is not None

    await store.checkpoint(lease, failed(parent, [working.id]))

    assert await other.inbox(working.id) == (STOPPED,)
    assert (await other.renew([held.lease])).waiting == {working.id}
    assert (await store.claim(0, 10)).claimed == ()


async def test_a_repeated_step_stops_a_child_once(store: RedisStore):
    name = new_token()
    parent, lease = await begin(store, [name])
    working = child(name, "0.0", branches=[branch()])
    await store.start(DEFINITION, first_step(working), "child")

    for _ in range(2):
        await store.checkpoint(lease, failed(parent, [working.id]))

    assert await store.inbox(working.id) == (STOPPED,)


async def test_children_that_are_too_many_for_one_script_are_stopped_by_the_claims_that_follow(
    store: RedisStore, daemons: Daemons
):
    """Of any daemon, also of one that has no room for more."""
    names = [new_token() for _ in range(1000)]
    parent, lease = await begin(store, names)
    children = [child(name, f"0.{n}", branches=[branch()]) for n, name in enumerate(names)]
    for one in children:
        await store.start(DEFINITION, first_step(one), one.id)

    async def stopped() -> int:
        return len([one for one in children if await store.inbox(one.id)])

    await store.checkpoint(lease, failed(parent, [one.id for one in children]))
    assert await stopped() == 400
    other = await daemons.open("b")
    assert (await other.claim(0, 0)).stops_left == 100
    assert await stopped() == 900
    assert (await other.claim(0, 50)).stops_left == 0
    assert await stopped() == 1000


async def test_a_child_is_not_started_when_its_parent_does_not_wait_for_it_any_more(store: RedisStore):
    """Its start may have been on its way when the parent failed."""
    name = new_token()
    parent, lease = await begin(store, [name])
    late = child(name, "0.0", branches=[branch()])
    await store.checkpoint(lease, failed(parent, [late.id]))

    started = await store.start(DEFINITION, first_step(late), "child")

    assert (started.lease, started.unwanted) == (None, True)
    assert [summary.id for summary in await store.list(None, None, 10, None)] == ["m:x"]


async def test_the_child_of_another_try_is_not_taken_for_the_one_that_is_waited_for(store: RedisStore):
    former, present = new_token(), new_token()
    await begin(store, [present])

    assert (await store.start(DEFINITION, first_step(child(former, "0.0", branches=[branch()])), "one")).unwanted
    assert not (await store.start(DEFINITION, first_step(child(present, "0.0", branches=[branch()])), "two")).unwanted


async def test_a_parent_hears_only_of_children_that_it_waits_for(store: RedisStore):
    former, present = new_token(), new_token()
    parent, lease = await begin(store, [former])
    one = child(former, "0.0", branches=[branch()])
    started = await store.start(DEFINITION, first_step(one), "one")
    assert started.lease is not None
    [_, again] = waiting_for(present)
    tried = msgspec.structs.replace(parent, branches={**parent.branches, "0.0": again})
    kept = await store.checkpoint(lease, Checkpoint(tried, changed=frozenset({"0.0"}), stopped=(one.id,)))
    assert kept.lease is not None

    await store.checkpoint(started.lease, Checkpoint(ended(one), removed=frozenset("0"), release=True))
    assert await store.inbox("m:x") == ()

    other = child(present, "0.0", branches=[branch()])
    done = await store.start(DEFINITION, first_step(other), "two")
    assert done.lease is not None
    await store.checkpoint(done.lease, Checkpoint(ended(other, "yes"), removed=frozenset("0"), release=True))
    assert await store.inbox("m:x") == (TaskSucceeded("0.0:3", "yes"),)


async def test_a_child_that_was_set_aside_gets_a_try_to_end(daemons: Daemons):
    store = await daemons.open(claim_limit=2)
    name, token = new_token(), new_token()
    parent, lease = await begin(store, [name])
    asking = child(name, "0.0", branches=[suspended(token)])
    opened = (callback(token),)
    await store.start(DEFINITION, first_step(asking, opened=opened, release=True, due_ms=NOON), "child")
    ask(daemons.server, "HSET", f"statebox:{{0}}:execution:{asking.id}", "claims", 1)
    assert (await store.claim(0, 10)).set_aside == (asking.id,)

    await store.checkpoint(lease, failed(parent, [asking.id]))

    (claimed,) = (await store.claim(0, 10)).claimed
    assert claimed.inbox == (STOPPED,)
    assert await store.set_aside() == []


async def test_a_childs_trace_is_not_purged_before_its_parent_has_ended(store: RedisStore):
    """A daemon that died before it had written that the child was started would start it again."""
    name = new_token()
    parent, lease = await begin(store, [name])
    over = child(name, "0.0", branches=[])
    await store.start(DEFINITION, first_step(ended(over), release=True), "child")

    assert (await store.purge("m", None, NOON + 1, 10, None, False)).executions == 0
    await store.checkpoint(lease, failed(parent, []))
    assert (await store.purge("m", None, NOON + 1, 10, None, False)).executions == 2
