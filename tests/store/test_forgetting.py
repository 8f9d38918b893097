"""Forgetting: what is past its retention leaves nothing behind, wherever it stood."""

from __future__ import annotations

import msgspec

from statebox.asl.events import CallbackAnswered
from statebox.asl.execution import Status
from statebox.engine.ownership import Checkpoint, Claimed
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
    events,
    execution,
    first_step,
    forked,
    new_token,
    parked_step,
    suspended,
)
from tests.waiting import wait_until


async def test_the_sweep_leaves_nothing_behind(daemons: Daemons):
    """Answered, closed, started at once and parked ones alike, on all shards."""
    store = await daemons.open(shards=2, retention_ms=100)
    empty = ask(daemons.server, "DBSIZE")
    for n in range(250):
        run = execution(f"x{n}", f"m{n % 3}", shards=2)
        await store.start(DEFINITION, first_step(ended(run), history=events(1, 5), release=True), run.id)
    for n in range(10):
        run = execution(f"y{n}", shards=2)
        token, other = new_token(run.shard), new_token(run.shard)
        children = [suspended(token, "0.0"), suspended(other, "0.1")]
        parked = execution(run.name, shards=2, branches=[forked(2), *children])
        opened = (callback(token, "0.0"), callback(other, "0.1"))
        step = first_step(parked, opened=opened, release=True, deadlines={"0.0": 5}, history=events(1, 5))
        await store.start(DEFINITION, step, run.id)
        claimed = await store.answer(Answer(token, CallbackAnswered, "op", "test"))
        assert isinstance(claimed, Claimed)
        over = Checkpoint(ended(parked), removed=frozenset(parked.branches), closed=(other,), consumed=1, release=True)
        await store.checkpoint(claimed.lease, over)

    assert await store.sweep() == 0
    daemons.time.pass_by(100)
    assert await store.sweep() == 260

    assert await store.list(None, None, 10, None) == []
    await wait_until(
        lambda: ask(daemons.server, "DBSIZE") == empty, "continuations and claims to expire, by Redis's own time"
    )


async def test_a_member_that_somebody_broke_does_not_keep_the_others_from_being_forgotten(daemons: Daemons):
    """It is kept, at the end, where nothing asks for it."""
    store = await daemons.open(retention_ms=100)
    run = execution("x")
    await store.start(DEFINITION, first_step(ended(run), release=True), run.id)
    ask(daemons.server, "ZADD", "statebox:{0}:retention", 1, "nonsense")
    daemons.time.pass_by(100)

    assert await store.sweep() == 2
    assert await store.sweep() == 0

    assert await store.list(None, None, 10, None) == []
    assert ask(daemons.server, "ZRANGE", "statebox:{0}:retention", 0, -1, "WITHSCORES") == ["nonsense", "inf"]
    ask(daemons.server, "ZREM", "statebox:{0}:retention", "nonsense")


async def test_what_runs_is_never_forgotten(store: RedisStore, daemons: Daemons):
    token = new_token()
    await store.start(DEFINITION, parked_step(execution(branches=[suspended(token)]), token), "op")
    daemons.time.pass_by(1000 * store.settings.retention_ms)

    assert await store.sweep() == 0
    assert (await store.describe("m:x")).branches == {"0": suspended(token)}


async def test_keys_go_by_themselves_where_nobody_sweeps(daemons: Daemons):
    """Values have a TTL as well: a daemon that is away lets indices stay, but no data."""
    store = await daemons.open(retention_ms=50)
    started = await store.start(DEFINITION, first_step(execution(branches=[branch()]), history=events(1, 2)), "op")
    assert started.lease is not None
    await store.checkpoint(started.lease, Checkpoint(ended(execution()), removed=frozenset("0"), release=True))

    await wait_until(
        lambda: ask(daemons.server, "EXISTS", "statebox:{0}:execution:m:x", "statebox:{0}:history:m:x") == 0,
        "value and history to expire",
    )
    daemons.time.pass_by(50)
    assert await store.sweep() == 1


async def end(store: RedisStore, name: str, machine: str = "m", at_ms: int = NOON, *, failed: bool = False) -> str:
    """An execution that has ended."""
    status = Status.FAILED if failed else Status.SUCCEEDED
    over = ended(execution(name, machine), status=status, at_ms=at_ms)
    await store.start(DEFINITION, first_step(over, history=events(1, 5), release=True), over.id)
    return over.id


async def purge(
    store: RedisStore,
    machine: str | None = None,
    status: Status | None = None,
    ended_before_ms: int = NOON,
    *,
    only_count: bool = False,
) -> int:
    return (await store.purge(machine, status, ended_before_ms, 1000, None, only_count)).executions


async def names(store: RedisStore) -> list[str]:
    return sorted(one.id for one in await store.list(None, None, 1000, None))


async def test_purging_leaves_nothing_behind_either(daemons: Daemons):
    store = await daemons.open(shards=2)
    empty = ask(daemons.server, "DBSIZE")
    for n in range(250):
        run = execution(f"x{n}", f"m{n % 3}", shards=2)
        await store.start(DEFINITION, first_step(ended(run), history=events(1, 5), release=True), run.id)

    assert await purge(store, only_count=True) == 250
    assert await purge(store) == 250

    assert ask(daemons.server, "DBSIZE") == empty


async def test_a_purge_goes_on_page_by_page(store: RedisStore):
    for n in range(25):
        await end(store, f"x{n:02}")
    pages: list[int] = []
    place: tuple[int, str] | None = None
    while True:
        page = await store.purge(None, None, NOON, 10, place, False)
        pages.append(page.executions)
        place = page.next
        if place is None:
            break

    assert pages == [10, 10, 5]
    assert await names(store) == []


async def test_a_purge_takes_what_was_asked_for_only(store: RedisStore):
    for machine in ("m", "other"):
        await end(store, "good", machine)
        await end(store, "bad", machine, failed=True)
        await end(store, "late", machine, NOON + 1)

    assert await purge(store, "m", Status.FAILED) == 1
    assert await names(store) == ["m:good", "m:late", "other:bad", "other:good", "other:late"]
    assert await purge(store, "other") == 2
    assert await names(store) == ["m:good", "m:late", "other:late"]


async def test_a_purge_leaves_alone_what_runs_and_what_runs_again_under_the_name(store: RedisStore):
    await end(store, "x")
    token = new_token()
    await store.start(DEFINITION, parked_step(execution("y", branches=[suspended(token)]), token), "op")

    assert await purge(store) == 1
    assert await names(store) == ["m:y"]
    assert (await store.answer(Answer(token, CallbackAnswered, "op", "test"))) is not None
    await store.start(DEFINITION, first_step(execution("x", branches=[branch()])), "again")
    assert await purge(store) == 0


async def test_what_was_started_by_a_version_is_listed_under_it_until_it_is_forgotten(daemons: Daemons):
    """Also where its namesake was started by another version after its time."""
    store = await daemons.open(retention_ms=100)

    async def run(name: str, version: int | None, alias: str | None = None) -> None:
        value = msgspec.structs.replace(
            ended(execution(name, started_ms=daemons.time.now_ms)), version=version, alias=alias
        )
        operation = f"{name}{daemons.time.now_ms}"
        await store.start(DEFINITION, first_step(value, history=events(1, 5), release=True), operation)

    async def listed(machine: str) -> list[tuple[str, int | None, str | None]]:
        return sorted((one.name, one.version, one.alias) for one in await store.list(machine, None, 10, None))

    await run("a", 1, "PROD")
    await run("b", 1)
    await run("c", None)
    assert await listed("m:1") == [("a", 1, "PROD"), ("b", 1, None)]
    assert await listed("m:PROD") == [("a", 1, "PROD")]
    assert await store.list("m:1", Status.FAILED, 10, None) == []
    assert len(await listed("m")) == 3

    daemons.time.pass_by(100)
    await store.sweep()
    assert (await listed("m:1"), await listed("m:PROD"), await listed("m")) == ([], [], [])
    await run("a", 2)
    assert (await listed("m:1"), await listed("m:2")) == ([], [("a", 2, None)])
