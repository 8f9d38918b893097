"""The wire: many commands in flight on one connection, each with an answer of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from statebox.embedded import EmbeddedValkey
from statebox.engine.errors import ServiceUnavailable
from statebox.store.commits import Commits
from statebox.store.connection import RedisSettings
from tests.servers import ask
from tests.store.proxy import Proxy
from tests.waiting import wait_until


@pytest_asyncio.fixture
async def proxy(own_valkey: EmbeddedValkey, tmp_path: Path) -> AsyncIterator[Proxy]:
    async with Proxy(tmp_path, own_valkey.socket).running() as proxy:
        yield proxy


@pytest_asyncio.fixture
async def commits(proxy: Proxy) -> AsyncIterator[Commits]:
    commits = Commits(RedisSettings(url=proxy.url, command_seconds=0.5, patience_seconds=0.1), "statebox-test")
    commits.open()
    yield commits
    await commits.close()


async def test_everyone_gets_his_own_answer(commits: Commits):
    """Also when there are more of them than may be in flight."""
    answers = await asyncio.gather(*(commits.ask("ECHO", n) for n in range(3000)))

    assert answers == [str(n).encode() for n in range(3000)]


async def test_nobody_waits_for_the_answers_of_others(commits: Commits, proxy: Proxy, own_valkey: EmbeddedValkey):
    await commits.ask("PING")
    proxy.silent = True
    first = asyncio.ensure_future(commits.ask("SET", "first", 1))
    await wait_until(lambda: ask(own_valkey, "EXISTS", "first") == 1, "the first command to arrive")

    second = asyncio.ensure_future(commits.ask("SET", "second", 1))
    await wait_until(lambda: ask(own_valkey, "EXISTS", "second") == 1, "the second command to arrive")

    assert not first.done()
    assert not second.done()
    for question in (first, second):
        with pytest.raises(ServiceUnavailable, match="no answer in time"):
            await question


async def test_a_connection_that_breaks_is_made_anew(commits: Commits, proxy: Proxy):
    await commits.ask("PING")
    proxy.lose = 1

    assert await commits.ask("PING") == b"PONG"
    assert (proxy.lost, proxy.connections) == (1, 2)


async def test_who_does_not_want_his_answer_any_more_costs_nobody_else_his(commits: Commits, proxy: Proxy):
    await commits.ask("PING")
    unwanted = asyncio.ensure_future(commits.ask("ECHO", "unwanted"))
    await asyncio.sleep(0)
    unwanted.cancel()

    assert await asyncio.gather(*(commits.ask("ECHO", n) for n in range(3))) == [b"0", b"1", b"2"]
    assert proxy.connections == 1
