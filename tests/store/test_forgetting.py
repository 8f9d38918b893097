"""Forgetting: what is past its retention leaves nothing behind, wherever it stood."""

from __future__ import annotations

from statebox.asl.events import CallbackAnswered
from statebox.engine.ports import Answer, Checkpoint, Claimed
from statebox.store.redis_store import RedisStore
from tests.servers import ask
from tests.store.conftest import Daemons
from tests.store.values import (
    DEFINITION,
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
