"""Stores for tests: any number of daemons on one server, in a time that the test owns."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields, replace

import pytest_asyncio

from statebox.asl.jsontext import Json
from statebox.store.connection import RedisSettings
from statebox.store.delivering import StoreSettings
from statebox.store.redis_store import RedisStore
from tests.servers import Server
from tests.store.audit import audit
from tests.store.values import NOON


class Time:
    """The time, which only the test moves."""

    def __init__(self) -> None:
        self.now_ms = NOON

    def __call__(self) -> int:
        return self.now_ms

    def pass_by(self, ms: int) -> None:
        self.now_ms += ms


class Daemons:
    """Opens the stores of daemons, and closes them in the end."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.time = Time()
        self.opened: list[RedisStore] = []

    async def open(self, daemon: str = "a", **options: Json) -> RedisStore:
        """The store of one daemon, in the test's time. Options are those of StoreSettings and RedisSettings."""
        redis = RedisSettings(url=self.server.url, command_seconds=2, connect_seconds=2, patience_seconds=3)
        known = {field.name for field in fields(redis)}
        redis = replace(redis, **{name: value for name, value in options.items() if name in known})
        settings = replace(
            StoreSettings(daemon=daemon, redis=redis),
            **{name: value for name, value in options.items() if name not in known},
        )
        store = RedisStore(settings, self.time)
        await store.connect()
        self.opened.append(store)
        return store


@asynccontextmanager
async def daemons_on(server: Server) -> AsyncGenerator[Daemons]:
    """Daemons on a server; what they leave behind is audited."""
    daemons = Daemons(server)
    try:
        yield daemons
    finally:
        for store in daemons.opened:
            await store.close()
    await audit(server)


@pytest_asyncio.fixture
async def daemons(server: Server) -> AsyncIterator[Daemons]:
    """Daemons on each kind of server in turn."""
    async with daemons_on(server) as daemons:
        yield daemons


@pytest_asyncio.fixture
async def store(daemons: Daemons) -> RedisStore:
    """The store of one daemon."""
    return await daemons.open()
