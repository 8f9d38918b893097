"""The store on a Redis Cluster: slots that move, nodes that go, and clocks that differ."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from statebox.asl.events import CallbackAnswered
from statebox.engine.errors import ExecutionDoesNotExist, ServiceUnavailable
from statebox.engine.ownership import Checkpoint, Claimed, Lease
from statebox.engine.records import Answer
from statebox.store.commits import Commits
from statebox.store.connection import RedisSettings, Reply
from statebox.store.keys import Keys
from statebox.store.reading import Reading
from statebox.store.redis_store import RedisStore
from statebox.store.slots import slot_of_key
from tests.cluster import ValkeyCluster, ask_node
from tests.servers import ask
from tests.store.conftest import Daemons, daemons_on
from tests.store.test_trouble import frozen
from tests.store.values import (
    DEFINITION,
    branch,
    events,
    execution,
    first_step,
    new_token,
    parked_step,
    suspended,
)
from tests.waiting import wait_until

SHARDS = 6


@pytest.mark.parametrize("key", ["", "x", "statebox:{0}:due", "{}{x}", "a{b}c{d}", "{", "}{", "ü{é}"])
def test_keys_have_the_slots_that_redis_gives_them(cluster: ValkeyCluster, key: str):
    assert ask_node(cluster.nodes[0], ("CLUSTER KEYSLOT", key)) == slot_of_key(key.encode())


class Work:
    """Executions that are started, and written once, again and again on all shards."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._tasks: list[asyncio.Task[None]] = []
        self.acknowledged: list[str] = []
        self.failures = 0
        self._stopping = False

    def begin(self, count: int) -> None:
        self._tasks = [asyncio.get_running_loop().create_task(self._work(n)) for n in range(count)]

    async def end(self) -> None:
        self._stopping = True
        await asyncio.gather(*self._tasks)

    def on_shard(self, shard: int) -> int:
        """How many executions of a shard have been acknowledged."""
        return sum(execution(id.partition(":")[2], shards=SHARDS).shard == shard for id in self.acknowledged)

    async def _work(self, worker: int) -> None:
        count = 0
        while not self._stopping:
            count += 1
            run = execution(f"{worker}-{count}", branches=[branch()], shards=SHARDS)
            try:
                started = await self._store.start(DEFINITION, first_step(run), run.id)
                assert started.lease is not None
                await self._store.checkpoint(started.lease, Checkpoint(run, history=events(1, 3)))
            except ServiceUnavailable:
                self.failures += 1
            else:
                self.acknowledged.append(run.id)
            await asyncio.sleep(0.01)  # so that there is not more to move than a test has time for


async def test_work_goes_on_while_a_slot_is_moved_and_nothing_is_half_written(cluster: ValkeyCluster):
    """Key by key, as a cluster is resharded: the shard waits, the others do not."""
    async with daemons_on(cluster) as daemons:
        store = await daemons.open(shards=SHARDS, patience_seconds=20)
        work = Work(store)
        work.begin(8)
        await wait_until(lambda: work.on_shard(0) > 5, "some work to be done")
        source = cluster.serving("{0}")
        target = next(node for node in cluster.primaries if node is not source)
        meanwhile = len(work.acknowledged) - work.on_shard(0)
        await cluster.move("{0}", target, lambda: asyncio.sleep(0.002))
        assert len(work.acknowledged) - work.on_shard(0) > meanwhile, "other shards do not wait"
        before = work.on_shard(0)
        await wait_until(lambda: work.on_shard(0) > before + 5, "the work to go on there")
        await cluster.move("{0}", source, lambda: asyncio.sleep(0.002))
        await work.end()

        assert work.failures == 0
        for id in work.acknowledged:
            assert len(await store.history(id, 0, 10, reverse=False)) == 3


async def test_a_script_does_nothing_while_its_slot_is_on_its_way(cluster: ValkeyCluster):
    """It would break off at the first key that has left, with what it wrote before."""
    async with daemons_on(cluster) as daemons:
        store = await daemons.open(patience_seconds=0.1)
        token = new_token()
        await store.start(DEFINITION, parked_step(execution(branches=[suspended(token)]), token), "op")
        source = cluster.serving("{0}")
        target = next(node for node in cluster.primaries if node is not source)
        refused = 0

        async def answer() -> None:
            nonlocal refused
            with pytest.raises(ServiceUnavailable, match="cannot be reached"):
                await store.answer(Answer(token, CallbackAnswered, "op", "test"))
            assert (await store.describe("m:x")).name == "x", "what is read follows its key"
            refused += 1

        await cluster.move("{0}", target, answer)

        assert refused > 5
        assert ask(cluster, "HGET", f"statebox:{{0}}:token:{token}", "status") == "waiting"
        assert ask(cluster, "EXISTS", "statebox:{0}:inbox:m:x") == 0
        assert isinstance(await store.answer(Answer(token, CallbackAnswered, "op", "test")), Claimed)
        await cluster.move("{0}", source, lambda: asyncio.sleep(0))


async def test_the_replica_of_a_node_that_died_is_found(tmp_path: Path):
    """What the node had acknowledged and not yet told its replica is lost; nothing else is."""
    async with ValkeyCluster(tmp_path, replicas=1) as cluster:
        daemons = Daemons(cluster)
        store = await daemons.open(shards=SHARDS, patience_seconds=20, command_seconds=1)
        work = Work(store)
        work.begin(8)
        await wait_until(lambda: work.on_shard(0) > 10, "some work to be done")
        await cluster.serving("{0}").kill()
        killed = len(work.acknowledged)
        before = work.on_shard(0)
        await wait_until(lambda: work.on_shard(0) > before + 10, "the work to go on", seconds=20)
        await work.end()

        lost = [id for id in work.acknowledged if not await is_there(store, id)]
        assert set(lost) <= set(work.acknowledged[:killed])
        assert len(lost) <= 8, "of each worker the last one, at most"
        assert work.failures == 0
        await store.close()


async def is_there(store: RedisStore, id: str) -> bool:
    try:
        return len(await store.history(id, 0, 10, reverse=False)) == 3
    except ExecutionDoesNotExist:
        return False


class _ThreeClocks(Commits):
    """Nodes whose clocks differ."""

    async def ask_each(self, *command: str | bytes | int) -> list[Reply]:
        assert command == ("TIME",)
        return [[b"100", b"7"], [b"101", b"3"], [b"99", b"999999"]]


async def test_the_clock_is_that_of_the_node_that_is_furthest_ahead():
    """So that a deadline that was reckoned from it is early on none of them."""
    reading = Reading(_ThreeClocks(RedisSettings(), "clocks"), Keys("statebox", 1), None)

    assert await reading.server_time_us() == 101_000_003


async def test_leases_are_renewed_while_another_shard_s_node_does_not_answer(tmp_path: Path):
    """The node that hangs holds up nobody else's: they would run out."""
    async with ValkeyCluster(tmp_path) as cluster:
        daemons = Daemons(cluster)
        store = await daemons.open(shards=SHARDS, lease_ms=900)
        leases: list[Lease] = []
        for n in range(12):
            run = execution(f"x{n}", branches=[branch()], shards=SHARDS)
            started = await store.start(DEFINITION, first_step(run), run.id)
            assert started.lease is not None
            leases.append(started.lease)
        hanging = cluster.serving("{0}")
        there = {lease.id for lease in leases if cluster.serving(f"{{{lease.shard}}}") is hanging}
        with frozen(hanging):
            renewed = await store.renew(leases)
        assert 0 < len(there) < len(leases)
        assert {lease.id for lease in renewed.leases} == {lease.id for lease in leases} - there
        assert renewed.lost == frozenset()
        await store.close()
