"""The clock: close behind Redis, never ahead of it, and never going backwards."""

from __future__ import annotations

import asyncio
import time

import pytest

from statebox.engine.errors import ServiceUnavailable
from statebox.store.clock import RedisClock, boottime
from statebox.store.connection import RedisSettings
from statebox.store.delivering import StoreSettings
from statebox.store.redis_store import RedisStore
from tests.store.conftest import Daemons
from tests.waiting import wait_until


class Server:
    """A server with a time of its own, which is asked over a slow way."""

    def __init__(self) -> None:
        self.seconds = 50.0
        self.ahead = 1000.0
        self.way_there = [0.25, 0.25, 0.25, 0.25, 0.25]
        self.way_back = [0.5, 0.25, 0.125, 0.25, 0.5]
        self.asked = 0
        self.away = False

    async def ask(self) -> int:
        if self.away:
            raise ServiceUnavailable
        turn = self.asked % 5
        self.asked += 1
        self.seconds += self.way_there[turn]
        answer = int((self.seconds + self.ahead) * 1e6)
        self.seconds += self.way_back[turn]
        return answer

    def boottime(self) -> float:
        return self.seconds

    @property
    def time_ms(self) -> int:
        return int((self.seconds + self.ahead) * 1000)


async def test_it_is_behind_by_the_quickest_way_back():
    server = Server()
    clock = RedisClock(server.ask, server.boottime)

    await clock.measure()

    assert clock.now_ms() == server.time_ms - 125
    server.seconds += 3600
    assert clock.now_ms() == server.time_ms - 125
    assert clock.boottime() == server.seconds


async def test_it_never_goes_backwards():
    """After a failover Redis may be one whose clock is behind: time stands still until that one has caught up."""
    server = Server()
    server.way_there = server.way_back = [0.0] * 5
    clock = RedisClock(server.ask, server.boottime)
    await clock.measure()
    before = clock.now_ms()

    server.ahead -= 10
    await clock.measure()

    assert clock.now_ms() == before
    server.seconds += 9
    assert clock.now_ms() == before
    server.seconds += 2
    assert clock.now_ms() == before + 1000


async def test_it_goes_on_where_redis_is_away():
    server = Server()
    clock = RedisClock(server.ask, server.boottime, every_seconds=0.001)
    await clock.measure()
    follower = asyncio.ensure_future(clock.follow())
    await wait_until(lambda: server.asked > 10, "it to be measured again")
    server.away = True
    await wait_until(lambda: clock.failures > 2, "some measurements to fail")
    server.away = False
    asked = server.asked
    await wait_until(lambda: server.asked > asked, "it to be measured again")

    assert not follower.done()
    follower.cancel()
    await asyncio.wait([follower])


async def test_it_follows_a_real_redis(daemons: Daemons):
    store = RedisStore(StoreSettings(daemon="a", redis=RedisSettings(url=daemons.server.url)))
    await store.connect()
    daemons.opened.append(store)

    before = store.clock.now_ms()
    theirs = await store.server_time_us() // 1000
    after = store.clock.now_ms()

    assert before <= theirs
    assert after == pytest.approx(theirs, abs=50)


def test_boottime_goes_on():
    first = boottime()

    assert boottime() >= first
    assert first == pytest.approx(time.clock_gettime(time.CLOCK_BOOTTIME), abs=1)
