"""A Redis that is there and refuses work: everything it can answer then counts as Redis being away for a while."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest
import pytest_asyncio
import redis

from statebox.asl.jsontext import Json
from statebox.embedded import EmbeddedValkey
from statebox.engine.errors import ServiceUnavailable
from statebox.engine.ownership import Checkpoint, Lease
from statebox.store.commits import Commits
from statebox.store.connection import RedisSettings
from statebox.store.redis_store import RedisStore
from tests.servers import ask, make_server
from tests.store.audit import snapshot
from tests.store.conftest import Daemons
from tests.store.values import DEFINITION, branch, events, execution, first_step
from tests.waiting import wait_until


@pytest_asyncio.fixture
async def own(own_valkey: EmbeddedValkey) -> AsyncIterator[Daemons]:
    daemons = Daemons(own_valkey)
    yield daemons
    for store in daemons.opened:
        await store.close()


def server_of(own: Daemons) -> EmbeddedValkey:
    assert isinstance(own.server, EmbeddedValkey)
    return own.server


async def begin(store: RedisStore, name: str = "x") -> Lease:
    started = await store.start(DEFINITION, first_step(execution(name, branches=[branch()])), name)
    assert started.lease is not None
    return started.lease


def step(last_event: int) -> Checkpoint:
    return Checkpoint(execution(), history=events(last_event - 1, last_event))


async def is_away(asked: Awaitable[object], why: str) -> None:
    with pytest.raises(ServiceUnavailable, match=f"cannot be reached: .*{why}"):
        await asked


async def test_a_redis_that_could_not_save_is_away_until_it_can(own: Daemons):
    """MISCONF: it refuses writes while its last snapshot has failed; here as there is a folder in the file's place."""
    store = await own.open(patience_seconds=0.3)
    lease = await begin(store)
    in_the_way = server_of(own).data / "dump.rdb"
    in_the_way.mkdir()
    ask(server_of(own), "CONFIG SET", "save", "3600 1")
    ask(server_of(own), "BGSAVE")
    await wait_until(lambda: _last_save(server_of(own)) == "err", "the snapshot to fail")
    before = await snapshot(server_of(own))

    await is_away(begin(store, "y"), "MISCONF")
    await is_away(store.checkpoint(lease, step(2)), "MISCONF")
    assert await snapshot(server_of(own)) == before
    assert (await store.describe("m:x")).name == "x"

    in_the_way.rmdir()
    ask(server_of(own), "BGSAVE")
    await wait_until(lambda: _last_save(server_of(own)) == "ok", "the snapshot to succeed")
    assert (await store.checkpoint(lease, step(2))).lease is not None
    await begin(store, "y")


async def test_a_redis_that_is_busy_with_somebodys_script_is_away_until_that_is_killed(own: Daemons):
    store = await own.open(patience_seconds=0.5)
    lease = await begin(store)
    ask(server_of(own), "CONFIG SET", "busy-reply-threshold", 10)
    endless = asyncio.ensure_future(asyncio.to_thread(_run_endless_script, server_of(own)))
    await wait_until(lambda: _says(server_of(own), "BUSY"), "the script to run for longer than the threshold")

    await is_away(store.checkpoint(lease, step(2)), "BUSY")
    await is_away(begin(store, "y"), "BUSY")

    ask(server_of(own), "SCRIPT KILL")
    await endless
    assert (await store.checkpoint(lease, step(2))).lease is not None
    assert len(await store.history("m:x", 0, 10, reverse=False)) == 2


async def test_a_redis_that_is_loading_is_away_until_it_has_loaded(tmp_path: Path):
    """It is made to take its time for each key."""
    options = [("enable-debug-command", "yes"), ("key-load-delay", "150")]
    async with make_server("valkey", tmp_path / "valkey", appendfsync="always", options=options) as server:
        assert isinstance(server, EmbeddedValkey)
        own = Daemons(server)
        store = await own.open(patience_seconds=0.3)
        lease = await begin(store)
        ask(server, "EVAL", "for n = 1, 10000 do redis.call('SET', 'foreign:' .. n, n, 'EX', 600) end", 0)
        await server.kill()
        restarting = asyncio.ensure_future(server.restart())
        await wait_until(lambda: _says(server, "LOADING"), "the server to load")

        await is_away(store.checkpoint(lease, step(2)), "loading the dataset")
        assert not restarting.done()

        await restarting
        assert (await store.checkpoint(lease, step(2))).lease is not None
        await store.close()


async def test_a_redis_that_hangs_lets_nobody_wait_for_long_however_many_ask(own: Daemons):
    """Neither those in flight nor those that wait behind them, in many batches, wait for more than one round."""
    store = await own.open(command_seconds=0.4, connect_seconds=0.4, patience_seconds=0.6)
    os.kill(server_of(own).pid, signal.SIGSTOP)
    began = time.monotonic()
    try:
        answers = await asyncio.gather(*(store.describe(f"m:x{n}") for n in range(6000)), return_exceptions=True)
    finally:
        os.kill(server_of(own).pid, signal.SIGCONT)

    assert {type(answer) for answer in answers} == {ServiceUnavailable}
    assert time.monotonic() - began < 6
    await begin(store)


@pytest.mark.parametrize(("count", "bytes_", "size"), [(100, 1 << 30, 10), (1 << 30, 10_000, 900)])
async def test_more_than_may_wait_is_refused_at_once(own_valkey: EmbeddedValkey, count: int, bytes_: int, size: int):
    settings = RedisSettings(url=own_valkey.url, most_waiting=count, most_waiting_bytes=bytes_)
    commits = Commits(settings, "flooded")
    commits.open()
    await commits.ask("PING")
    os.kill(own_valkey.pid, signal.SIGSTOP)
    try:
        asked = [asyncio.ensure_future(commits.ask("ECHO", "x" * size)) for _ in range(300)]
        await asyncio.sleep(0)
        await wait_until(lambda: any(one.done() for one in asked), "some to be refused")
        refused = [one for one in asked if one.done()]
        assert len(refused) >= 180
        for one in refused:
            assert "does not keep up" in str(one.exception())
        with pytest.raises(ServiceUnavailable, match="does not keep up"):
            await commits.ask("ECHO", "x" * size)
    finally:
        os.kill(own_valkey.pid, signal.SIGCONT)

    assert await asyncio.gather(*(one for one in asked if one not in refused)) == [b"x" * size] * (300 - len(refused))
    await commits.close()


async def test_a_command_larger_than_all_that_may_wait_goes_alone(own_valkey: EmbeddedValkey):
    commits = Commits(RedisSettings(url=own_valkey.url, most_waiting_bytes=1000), "large")
    commits.open()

    assert await commits.ask("ECHO", "x" * 5000) == b"x" * 5000
    await commits.close()


def _last_save(server: EmbeddedValkey) -> Json:
    persistence: Json = ask(server, "INFO", "persistence")
    return persistence["rdb_last_bgsave_status"]


def _run_endless_script(server: EmbeddedValkey) -> None:
    with contextlib.suppress(redis.RedisError):
        ask(server, "EVAL", "while true do end", 0)


async def _says(server: EmbeddedValkey, word: str) -> bool:
    """Whether the server answers a harmless command with this word: without a client that would be patient."""
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_unix_connection(server.socket)
            writer.write(b"GET nothing\r\n")
            answer = await reader.readline()
            writer.close()
            return answer.startswith(f"-{word} ".encode())
    return False
