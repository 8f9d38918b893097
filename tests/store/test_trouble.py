"""Trouble with Redis: what was asked is done once, or it is said that it could not be asked."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

import statebox.store.scripts
from statebox.asl.events import CallbackAnswered
from statebox.embedded import EmbeddedValkey
from statebox.engine.errors import IdempotencyKeyReused, LeaseLost, ServiceUnavailable
from statebox.engine.idempotency import operation_of
from statebox.engine.ownership import Checkpoint, Claimed, Lease
from statebox.engine.records import Answer, StateAnswer
from statebox.engine.statepaths import read_state_path
from statebox.store.codec import NewerFormat, Unreadable
from statebox.store.commits import Commits, Refused
from statebox.store.connection import RedisSettings
from statebox.store.delivering import StoreSettings
from statebox.store.redis_store import RedisStore
from statebox.store.scripts import script
from tests.cluster import ValkeyCluster
from tests.servers import ask
from tests.store.audit import snapshot
from tests.store.conftest import Daemons
from tests.store.proxy import ClusterProxy, Proxy
from tests.store.values import (
    DEFINITION,
    NOON,
    branch,
    callback,
    ended,
    events,
    execution,
    first_step,
    new_token,
    parked_step,
    suspended,
)
from tests.waiting import wait_until


@pytest_asyncio.fixture
async def proxy(daemons: Daemons, tmp_path: Path) -> AsyncIterator[Proxy]:
    """A proxy in front of a server that knows all scripts, so that the reply that is lost is not that it knows none."""
    for file in Path(statebox.store.scripts.__file__).parent.glob("*.lua"):
        for in_cluster in (False, True):
            ask(daemons.server, "SCRIPT LOAD", script(file.stem, in_cluster=in_cluster).text)
    server = daemons.server
    proxy = ClusterProxy(tmp_path, server) if isinstance(server, ValkeyCluster) else Proxy(tmp_path, server.socket)
    async with proxy.running():
        yield proxy


async def begin(store: RedisStore, name: str = "x") -> Lease:
    started = await store.start(DEFINITION, first_step(execution(name, branches=[branch()])), name)
    assert started.lease is not None
    return started.lease


async def test_a_checkpoint_whose_reply_is_lost_is_applied_once(daemons: Daemons, proxy: Proxy):
    store = await daemons.open(url=proxy.url)
    lease: Lease | None = await begin(store)
    for n in range(5):
        assert lease is not None
        proxy.lose = 1
        step = Checkpoint(execution(), history=events(2 * n + 1, 2 * n + 2))
        lease = (await store.checkpoint(lease, step)).lease

    assert lease is not None
    assert (proxy.lost, lease.sequence) == (5, 6)
    assert len(await store.history("m:x", 0, 100, reverse=False)) == 10


async def test_a_parking_checkpoint_whose_reply_is_lost_parks_once(daemons: Daemons, proxy: Proxy):
    store = await daemons.open(url=proxy.url)
    lease = await begin(store)
    proxy.lose = 2

    assert (await store.checkpoint(lease, Checkpoint(execution(), history=events(1, 2), release=True))).lease is None
    assert proxy.lost == 2
    assert len(await store.history("m:x", 0, 100, reverse=False)) == 2


async def test_a_start_whose_reply_is_lost_is_one_start(daemons: Daemons, proxy: Proxy):
    store = await daemons.open(url=proxy.url)
    proxy.lose = 1

    started = await store.start(DEFINITION, first_step(execution(branches=[branch()])), "op")

    assert (proxy.lost, started.existing) == (1, False)
    assert started.lease is not None
    assert (await store.checkpoint(started.lease, Checkpoint(execution()))).lease is not None


async def test_a_start_that_ends_and_whose_reply_is_lost_is_one_start(daemons: Daemons, proxy: Proxy):
    store = await daemons.open(url=proxy.url)
    proxy.lose = 1

    started = await store.start(DEFINITION, first_step(ended(execution()), release=True), "op")

    assert (proxy.lost, started.existing, started.lease) == (1, False, None)


async def test_a_daemon_that_dies_before_it_replies_to_a_start_has_started_it(daemons: Daemons, proxy: Proxy):
    """Whoever asks another daemon under the same key gets that execution, also when it has ended."""
    store, other = await daemons.open(url=proxy.url), await daemons.open("b")
    proxy.silent = True
    operation = operation_of("key", 1)
    dying = asyncio.ensure_future(store.start(DEFINITION, first_step(execution(branches=[branch()])), operation))
    await wait_until(lambda: proxy.lost > 0, "the reply to be lost")
    dying.cancel()

    later = execution(started_ms=NOON + 5, branches=[branch()])
    started = await other.start(DEFINITION, first_step(later), operation)

    assert (started.started_ms, started.existing, started.lease) == (NOON, True, None)
    with pytest.raises(IdempotencyKeyReused, match="'key'"):
        await other.start(DEFINITION, first_step(later), operation_of("key", 2))


async def test_a_start_whose_reply_is_lost_finds_its_early_answer(daemons: Daemons, proxy: Proxy):
    store, token = await daemons.open(url=proxy.url), new_token()
    early = StateAnswer("m:x", read_state_path("Wait"), lambda task, _: CallbackAnswered(task), "early", "test")
    await store.answer_state(early)
    proxy.lose = 1

    started = await store.start(DEFINITION, parked_step(execution(branches=[suspended(token)]), token), "op")

    assert (proxy.lost, started.answered) == (1, {token})
    assert await store.inbox("m:x") == (CallbackAnswered("0:3"),)


async def test_a_checkpoint_whose_reply_is_lost_finds_its_early_answer(daemons: Daemons, proxy: Proxy):
    store, token = await daemons.open(url=proxy.url), new_token()
    lease = await begin(store)
    early = StateAnswer("m:x", read_state_path("Wait"), lambda task, _: CallbackAnswered(task), "early", "test")
    # Its branch is in that very state, but waits for nobody yet.
    await store.answer_state(early)
    proxy.lose = 1

    saved = await store.checkpoint(lease, parked_step(execution(branches=[suspended(token)]), token))

    assert (proxy.lost, saved.waiting, saved.answered) == (1, 1, {token})
    assert await store.inbox("m:x") == (CallbackAnswered("0:3"),)


async def test_a_claim_whose_reply_is_lost_gets_the_same_executions(daemons: Daemons, proxy: Proxy):
    """Otherwise they would stand still for a lease, and be counted as claimed without a checkpoint."""
    store = await daemons.open(url=proxy.url)
    for n in range(5):
        await store.release([await begin(store, f"x{n}")])
    proxy.lose = 1

    claims = await store.claim(0, 3)

    assert proxy.lost == 1
    assert [claimed.execution.name for claimed in claims.claimed] == ["x0", "x1", "x2"]
    assert (await store.renew([claimed.lease for claimed in claims.claimed])).lost == frozenset()
    assert [claimed.execution.name for claimed in (await store.claim(0, 3)).claimed] == ["x3", "x4"]


async def test_an_answer_whose_reply_is_lost_is_taken_once(daemons: Daemons, proxy: Proxy):
    store = await daemons.open(url=proxy.url)
    token = new_token()
    await store.start(DEFINITION, parked_step(execution(branches=[suspended(token)]), token), "op")
    proxy.lose = 1

    claimed = await store.answer(Answer(token, CallbackAnswered, "answer", "test"))

    assert proxy.lost == 1
    assert isinstance(claimed, Claimed)
    assert claimed.inbox == (CallbackAnswered("0:3"),)
    assert (await store.renew([claimed.lease])).lost == frozenset()


async def test_a_heartbeat_whose_reply_is_lost_is_delivered_once(daemons: Daemons, proxy: Proxy):
    store = await daemons.open(url=proxy.url)
    token = new_token()
    await store.start(DEFINITION, parked_step(execution(branches=[suspended(token)]), token), "op")
    proxy.lose = 1

    claimed = await store.heartbeat(token, "beat")

    assert proxy.lost == 1
    assert isinstance(claimed, Claimed)
    assert len(claimed.inbox) == 1


async def test_a_stop_whose_reply_is_lost_is_one_stop(daemons: Daemons, proxy: Proxy):
    store = await daemons.open(url=proxy.url)
    await store.start(DEFINITION, first_step(execution(branches=[branch()]), release=True), "op")
    proxy.lose = 1

    claimed = await store.stop("m:x", None, None, "stop")

    assert proxy.lost == 1
    assert isinstance(claimed, Claimed)
    assert len(claimed.inbox) == 1


async def test_a_claim_of_one_whose_reply_is_lost_gets_it(daemons: Daemons, proxy: Proxy):
    store = await daemons.open(url=proxy.url)
    token = new_token()
    begun = execution(branches=[suspended(token)])
    await store.start(DEFINITION, first_step(begun, opened=(callback(token),)), "op")
    await (await daemons.open("b")).answer(Answer(token, CallbackAnswered, "op", "test"))
    daemons.time.pass_by(store.settings.lease_ms)
    proxy.lose = 1

    assert await store.claim_one("m:x") is not None
    assert proxy.lost == 1


async def test_a_retry_whose_reply_is_lost_is_one_retry(daemons: Daemons, proxy: Proxy):
    store = await daemons.open(url=proxy.url, claim_limit=1)
    await store.release([await begin(store)])
    assert (await store.claim(0, 10)).set_aside == ("m:x",)
    proxy.lose = 1

    await store.retry("m:x")

    assert proxy.lost == 1


async def test_a_silent_connection_is_given_up_and_the_question_asked_again(daemons: Daemons, proxy: Proxy):
    store = await daemons.open(url=proxy.url, command_seconds=0.3)
    lease = await begin(store)
    proxy.silent = True
    checkpoint = asyncio.ensure_future(store.checkpoint(lease, Checkpoint(execution(), history=events(1, 1))))
    await wait_until(lambda: proxy.lost > 0, "the reply to be lost")
    proxy.silent = False

    assert (await checkpoint).lease is not None
    assert len(await store.history("m:x", 0, 100, reverse=False)) == 1


async def test_many_questions_at_once_go_out_together_and_all_survive_a_lost_connection(daemons: Daemons, proxy: Proxy):
    store = await daemons.open(url=proxy.url)
    before = proxy.connections
    proxy.lose = 1

    leases = await asyncio.gather(*(begin(store, f"x{n}") for n in range(1500)))

    assert len({lease.token for lease in leases}) == 1500
    assert (await store.counts()).running == 1500
    # In a cluster the map is read again, over connections of its own.
    assert proxy.connections - before <= (1 if isinstance(daemons.server, EmbeddedValkey) else 4)


async def test_who_does_not_wait_any_more_does_not_disturb_the_others(daemons: Daemons):
    store = await daemons.open()
    patient = [asyncio.ensure_future(begin(store, f"x{n}")) for n in range(20)]
    for impatient in patient[::2]:
        impatient.cancel()

    done = await asyncio.gather(*patient, return_exceptions=True)

    assert [lease.id for lease in done if isinstance(lease, Lease)] == [f"m:x{n}" for n in range(1, 20, 2)]
    assert (await store.describe("m:x1")).name == "x1"


async def test_a_redis_that_is_not_there_is_said_to_be_unavailable(tmp_path: Path):
    redis = RedisSettings(url=f"unix://{tmp_path}/nothing.sock", patience_seconds=0.2)
    store = RedisStore(StoreSettings(daemon="a", redis=redis))

    with pytest.raises(ServiceUnavailable, match="Redis cannot be reached"):
        await store.connect()
    with pytest.raises(ServiceUnavailable, match="closed"):
        await store.sweep()
    await store.close()


async def test_a_closed_store_lets_nobody_wait(daemons: Daemons, proxy: Proxy):
    store = await daemons.open(url=proxy.url)
    proxy.silent = True
    question = asyncio.ensure_future(store.sweep())
    await wait_until(lambda: proxy.lost > 0, "the question to be asked")

    await store.close()

    with pytest.raises(ServiceUnavailable, match="closed"):
        await question


class _Faulty(RedisSettings):
    """Settings that a connection cannot be made of, by a fault of ours."""

    @property
    def db(self) -> int:
        raise RuntimeError("a fault of ours")


async def test_a_fault_of_ours_does_not_look_like_redis_being_away():
    commits = Commits(_Faulty(), "faulty")
    commits.open()

    for _ in range(2):
        with pytest.raises(ServiceUnavailable, match="broken down") as broken:
            await commits.ask("PING")
        assert isinstance(broken.value.__cause__, RuntimeError)
    await commits.close()


async def test_scripts_that_redis_has_forgotten_are_loaded_again(daemons: Daemons):
    store = await daemons.open()
    lease = await begin(store)
    ask(daemons.server, "SCRIPT FLUSH")

    saved = await store.checkpoint(lease, Checkpoint(execution()))

    assert saved.lease is not None
    assert (await store.checkpoint(saved.lease, Checkpoint(execution()))).lease is not None


async def test_a_newer_format_is_said_to_be_one(daemons: Daemons):
    store = await daemons.open()
    await begin(store)
    state = "statebox:{0}:execution:m:x"
    ask(daemons.server, "HSET", state, "state", '[3,"RUNNING"]')
    with pytest.raises(NewerFormat, match="the format 3, written by a newer statebox; this one knows 2"):
        await store.describe("m:x")

    ask(daemons.server, "HSET", state, "state", "[0,1]")
    with pytest.raises(Unreadable, match="the format 0, which this statebox does not know any more"):
        await store.describe("m:x")


@contextlib.contextmanager
def frozen(server: EmbeddedValkey):
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


@pytest_asyncio.fixture
async def own(own_valkey: EmbeddedValkey) -> AsyncIterator[Daemons]:
    daemons = Daemons(own_valkey)
    yield daemons
    for store in daemons.opened:
        await store.close()


async def test_a_server_that_hangs_is_unavailable_after_a_while_and_usable_again(
    own: Daemons, own_valkey: EmbeddedValkey
):
    store = await own.open(command_seconds=0.2, patience_seconds=0.5)
    lease = await begin(store)

    with frozen(own_valkey), pytest.raises(ServiceUnavailable, match="no answer in time"):
        await store.checkpoint(lease, Checkpoint(execution(), history=events(1, 1)))

    # It had been taken in by the server all the same; who asks again gets the reply.
    assert (await store.checkpoint(lease, Checkpoint(execution(), history=events(1, 1)))).lease is not None
    assert len(await store.history("m:x", 0, 100, reverse=False)) == 1


async def test_a_server_that_is_killed_and_restarted_costs_time_only(own: Daemons, own_valkey: EmbeddedValkey):
    """Every write is on the disk before it is acknowledged, and those in flight are asked again."""
    store = await own.open(patience_seconds=20)
    acknowledged: list[str] = []
    stopping = False

    async def work(n: int) -> None:
        count = 0
        while not stopping:
            lease = await begin(store, f"x{n}-{count}")
            step = Checkpoint(execution(f"x{n}-{count}"), history=events(1, 3))
            saved = await store.checkpoint(lease, step)
            assert saved.lease is not None
            assert saved.lease.sequence == 2
            acknowledged.append(lease.id)
            count += 1

    workers = [asyncio.ensure_future(work(n)) for n in range(10)]
    for _ in range(3):
        before = len(acknowledged)
        await wait_until(lambda before=before: len(acknowledged) > before + 30, "some work to be done")
        await own_valkey.kill()
        await own_valkey.restart()
    stopping = True
    await asyncio.gather(*workers)

    for id in acknowledged:
        assert len(await store.history(id, 0, 100, reverse=False)) == 3


async def test_a_redis_that_is_full_is_unavailable_and_nothing_is_half_written(own: Daemons):
    store = await own.open(patience_seconds=0.3)
    token = new_token()
    held = execution(branches=[suspended(token)])
    await store.start(DEFINITION, parked_step(held, token), "op")
    lease = await begin(store, "y")
    before = await snapshot(own.server)
    ask(own.server, "CONFIG SET", "maxmemory", 1)

    questions: list[Callable[[], Awaitable[object]]] = [
        lambda: begin(store, "z"),
        lambda: store.checkpoint(lease, Checkpoint(execution("y"), history=events(1, 3))),
        lambda: store.answer(Answer(token, CallbackAnswered, "op", "test")),
        lambda: store.heartbeat(token, "op"),
        lambda: store.stop("m:x", None, None, "op"),
        lambda: store.renew([lease]),
    ]
    for question in questions:
        with pytest.raises(ServiceUnavailable, match=r"cannot be reached: .*command not allowed when used memory"):
            await question()

    ask(own.server, "CONFIG SET", "maxmemory", 0)
    assert await snapshot(own.server) == before
    assert (await store.checkpoint(lease, Checkpoint(execution("y")))).lease is not None


async def test_a_replica_that_may_not_be_written_is_unavailable(own: Daemons):
    store = await own.open(patience_seconds=0.3)
    ask(own.server, "REPLICAOF", "127.0.0.1", 1)

    with pytest.raises(ServiceUnavailable, match="cannot be reached"):
        await begin(store)

    ask(own.server, "REPLICAOF", "NO", "ONE")
    await begin(store)


async def test_a_user_with_few_rights_can_do_all_that_is_needed(own: Daemons):
    """The line that the documentation gives: our keys and channels, no CONFIG, nobody else's keys."""
    ask(
        own.server,
        "ACL SETUSER",
        *("box", "on", ">secret", "resetkeys", "~statebox:*", "resetchannels", "&resume", "&statebox:*"),
        *("-@all", "+@read", "+@write", "+@pubsub", "+eval", "+evalsha", "+ping", "+info", "+time", "+hello", "+auth"),
        *("+client|setname", "+select", "-keys", "-flushall", "-flushdb", "-swapdb"),
    )
    store = await own.open(username="box", password="secret")
    token = new_token()
    await store.start(DEFINITION, parked_step(execution(branches=[suspended(token)]), token), "op")
    claimed = await store.answer(Answer(token, CallbackAnswered, "op", "test"))
    assert isinstance(claimed, Claimed)
    await store.checkpoint(
        claimed.lease, Checkpoint(ended(execution()), removed=frozenset("0"), consumed=1, release=True)
    )
    own.time.pass_by(store.settings.retention_ms)
    assert await store.sweep() == 1

    with pytest.raises(Refused, match="Redis refuses"):
        await own.open(username="box", password="secret", prefix="foreign")


async def test_a_wrong_password_is_unavailable_and_says_so(own: Daemons):
    ask(own.server, "ACL SETUSER", "box", "on", ">secret", "~*", "&*", "+@all")

    with pytest.raises(ServiceUnavailable, match="invalid username-password pair"):
        await own.open(username="box", password="wrong", patience_seconds=0.1)


async def test_a_daemon_that_was_frozen_past_its_lease_writes_nothing(daemons: Daemons):
    """By its own clock it can know before it asks; Redis refuses in any case."""
    other = await daemons.open("b")
    seconds = [100.0]
    redis = RedisSettings(url=daemons.server.url)
    store = RedisStore(StoreSettings(daemon="a", redis=redis), daemons.time, lambda: seconds[0])
    await store.connect()
    daemons.opened.append(store)
    lease = await begin(store)
    assert lease.until == 100.0 + store.settings.lease_ms / 1000

    daemons.time.pass_by(store.settings.lease_ms)
    seconds[0] += store.settings.lease_ms / 1000
    (claimed,) = (await other.claim(0, 10)).claimed

    assert seconds[0] >= lease.until
    with pytest.raises(LeaseLost):
        await store.checkpoint(lease, Checkpoint(ended(execution()), release=True))
    assert (await store.renew([lease])).lost == {lease.id}
    assert (await other.checkpoint(claimed.lease, Checkpoint(claimed.execution))).lease is not None


async def test_a_lease_counts_from_before_it_was_asked_for(daemons: Daemons):
    """However long the reply takes, `until` never lies behind the end that Redis knows."""
    seconds = iter(range(100, 200))
    store = RedisStore(
        StoreSettings(daemon="a", redis=RedisSettings(url=daemons.server.url)), boottime=lambda: float(next(seconds))
    )
    await store.connect()
    daemons.opened.append(store)
    first = next(seconds)

    lease = await begin(store)

    assert lease.until == first + 1 + store.settings.lease_ms / 1000
    await store.checkpoint(lease, Checkpoint(ended(execution()), removed=frozenset("0"), release=True))
