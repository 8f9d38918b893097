"""The pool: which connection is handed out, and when one that nobody uses ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from aiohttp.connector import Connection
from yarl import URL

from statebox.openwhisk.pool import Pool
from tests.openwhisk.raw import Raw, plain, raw_server
from tests.waiting import wait_until

REQUEST = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


class Network:
    """A server, and pools of connections to it."""

    def __init__(self, raw: Raw, connector: aiohttp.BaseConnector) -> None:
        self.raw = raw
        self._connector = connector

    def pool(self, idle_s: float) -> Pool:
        return Pool(self._connect, idle_s)

    async def close(self) -> None:
        """Close the connector."""
        await self._connector.close()

    async def _connect(self) -> Connection:
        url = URL(f"http://localhost:{self.raw.port}")
        return await self._connector.connect(aiohttp.ClientRequest("GET", url), [], aiohttp.ClientTimeout())


@pytest_asyncio.fixture
async def network() -> AsyncIterator[Network]:
    async with raw_server() as raw, aiohttp.TCPConnector() as connector:
        raw.will(plain(1))
        yield Network(raw, connector)


async def test_the_connection_that_was_used_last_is_handed_out_first(network: Network):
    pool = network.pool(60)
    first, second = await pool.take(), await pool.take()
    pool.give_back(second)
    pool.give_back(first)
    assert await pool.take() is first
    assert await pool.take() is second
    await pool.close()


async def test_a_connection_that_nobody_used_for_its_time_is_closed_and_another_stays(network: Network):
    pool = network.pool(0.1)
    idle, used = await pool.take(), await pool.take()
    pool.give_back(idle)

    async def use() -> bool:
        pool.give_back(used)
        assert await pool.take() is used
        await used.ask(REQUEST, 5)
        return idle.gone.done()

    await wait_until(use, "the idle one is closed")
    assert used.free
    pool.give_back(used)
    await wait_until(used.gone.done, "the other one is closed once it is idle too")
    await pool.close()


async def test_a_connection_that_is_busy_or_closed_is_not_kept(network: Network):
    pool = network.pool(60)
    closed = await pool.take()
    closed.close()
    pool.give_back(closed)
    assert await pool.take() is not closed
    await pool.close()


async def test_closing_the_pool_closes_every_connection_also_those_in_use(network: Network):
    pool = network.pool(60)
    idle, used = await pool.take(), await pool.take()
    pool.give_back(idle)
    await pool.close()
    assert idle.gone.done()
    assert used.gone.done()


async def test_a_connection_that_is_made_while_the_pool_closes_is_closed_too(network: Network):
    pool = network.pool(60)
    taking = asyncio.ensure_future(pool.take())
    await asyncio.sleep(0)
    await pool.close()
    with pytest.raises(ConnectionError):
        await taking


async def test_the_connector_is_told_of_the_end_of_what_it_has_made(network: Network):
    pool = network.pool(60)
    taken = await pool.take()
    closing = asyncio.ensure_future(network.close())
    await asyncio.wait_for(closing, 5)
    assert taken.gone.done()
    await pool.close()


async def test_who_cannot_connect_is_told_so(network: Network):
    async def connect() -> Connection:
        raise ConnectionRefusedError

    with pytest.raises(ConnectionRefusedError):
        await Pool(connect, 60).take()
