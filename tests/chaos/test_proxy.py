"""The proxy before a real Valkey: it carries, and loses, holds and silences what it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from chaos.proxy import Proxy
from chaos.tally import Tally
from statebox.embedded import EmbeddedValkey
from statebox.engine.hints import InboxFilled, LookNow
from statebox.store.connection import RedisSettings
from statebox.store.delivering import StoreSettings
from statebox.store.redis_store import RedisStore
from statebox.store.wakeups import Wakeups
from tests.servers import ask


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest_asyncio.fixture
async def proxy(valkey: EmbeddedValkey, tally: Tally, tmp_path: Path) -> AsyncIterator[Proxy]:
    async with Proxy("one", tmp_path, valkey.socket, tally).running() as running:
        yield running


@pytest_asyncio.fixture
async def store(proxy: Proxy) -> AsyncIterator[RedisStore]:
    """A store behind the proxy."""
    store = RedisStore(StoreSettings(daemon="one", redis=RedisSettings(url=proxy.url)))
    await store.connect()
    yield store
    await store.close()


async def test_scripts_are_carried_and_counted(store: RedisStore, tally: Tally):
    assert (await store.claim(0, 10)).claimed == ()
    assert tally.scripts["claim"] >= 1


async def test_a_reply_that_gets_lost_is_asked_for_again(store: RedisStore, proxy: Proxy, tally: Tally):
    await store.claim(0, 10)
    proxy.lose = {"claim"}
    before = tally.scripts["claim"]
    assert (await store.claim(0, 10)).claimed == ()
    assert (tally.scripts["claim"] - before, proxy.lose) == (2, set())


async def test_what_is_held_goes_out_when_it_is_let_go(store: RedisStore, proxy: Proxy, tally: Tally):
    await store.claim(0, 10)
    before = tally.scripts["claim"]
    proxy.hold()
    claiming = asyncio.ensure_future(store.claim(0, 10))
    await asyncio.wait([claiming], timeout=0.1)
    assert (claiming.done(), tally.scripts["claim"]) == (False, before)
    proxy.release()
    assert (await claiming).claimed == ()


async def test_who_is_deaf_hears_nothing_until_that_is_over(valkey: EmbeddedValkey, proxy: Proxy, tally: Tally):
    hints = Wakeups(RedisSettings(url=proxy.url), keyspace=False).hints()
    assert await anext(hints) == LookNow(None)
    proxy.deaf = True
    ask(valkey, "PUBLISH", "statebox:inbox", "m:dropped")
    hearing = asyncio.ensure_future(anext(hints))
    await asyncio.wait([hearing], timeout=0.2)
    proxy.deaf = False
    ask(valkey, "PUBLISH", "statebox:inbox", "m:heard")
    assert await hearing == InboxFilled("m:heard")
    assert (tally.counts["hints dropped"], tally.counts["hints heard"]) == (1, 1)
    await hints.aclose()
