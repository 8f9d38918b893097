"""Worlds to break."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.cluster import ValkeyCluster
from tests.durability.world import World, open_world
from tests.sentinels import Watched
from tests.servers import chosen_servers

ACTIONS = Path(__file__).parent / "actions"


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A world whose Valkey loses at most the last second."""
    async with open_world(tmp_path, ACTIONS) as opened:
        yield opened


@pytest_asyncio.fixture(params=chosen_servers())
async def any_world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """A world on each kind of server in turn."""
    async with open_world(tmp_path, ACTIONS, server=request.param) as opened:
        yield opened


@pytest_asyncio.fixture
async def strict_world(tmp_path: Path) -> AsyncIterator[World]:
    """A world whose Valkey writes everything to the disk before it answers."""
    async with open_world(tmp_path, ACTIONS, appendfsync="always") as opened:
        yield opened


@pytest_asyncio.fixture
async def cluster_world(tmp_path: Path) -> AsyncIterator[World]:
    """A world on a Redis Cluster whose three primaries have a replica each."""
    async with open_world(tmp_path, ACTIONS, server=ValkeyCluster(tmp_path / "cluster", replicas=1)) as opened:
        yield opened


@pytest_asyncio.fixture
async def watched_world(tmp_path: Path) -> AsyncIterator[World]:
    """A world on a primary with a replica, watched over by three sentinels."""
    async with open_world(tmp_path, ACTIONS, server=Watched(tmp_path)) as opened:
        yield opened
