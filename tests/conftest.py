"""What every test may ask for: running servers, one for all tests or one of its own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import settings

from statebox.embedded import EmbeddedValkey
from tests.cluster import ValkeyCluster
from tests.servers import Server, chosen_servers, empty, make_server

# Two shared cores make single examples slow at times; in CI the same examples are tried each time.
settings.register_profile("statebox", deadline=None, print_blob=True, derandomize=os.environ.get("CI") == "true")
settings.load_profile("statebox")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_valkey() -> AsyncIterator[Server]:
    async with make_server("valkey") as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_redis7() -> AsyncIterator[Server]:
    async with make_server("redis7") as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_deaf() -> AsyncIterator[Server]:
    async with make_server("deaf") as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_cluster() -> AsyncIterator[ValkeyCluster]:
    async with ValkeyCluster() as cluster:
        yield cluster


@pytest.fixture
def cluster(shared_cluster: ValkeyCluster) -> ValkeyCluster:
    """A Redis Cluster of three nodes, empty."""
    empty(shared_cluster)
    return shared_cluster


@pytest.fixture
def valkey(shared_valkey: EmbeddedValkey) -> EmbeddedValkey:
    """The embedded Valkey, empty. A test that stops or kills its server takes `own_valkey`."""
    empty(shared_valkey)
    return shared_valkey


@pytest.fixture
def redis7(shared_redis7: EmbeddedValkey) -> EmbeddedValkey:
    """The machine's redis-server, empty."""
    empty(shared_redis7)
    return shared_redis7


@pytest.fixture(params=chosen_servers())
def server(request: pytest.FixtureRequest) -> Server:
    """Each kind of server in turn, empty: for what must hold on all of them."""
    shared: Server = request.getfixturevalue(f"shared_{request.param}")
    empty(shared)
    return shared


@pytest_asyncio.fixture
async def own_valkey(tmp_path: Path) -> AsyncIterator[EmbeddedValkey]:
    """A Valkey for this test alone, which it may stop, kill, freeze and restart; every write is on the disk."""
    async with EmbeddedValkey(tmp_path / "valkey", appendfsync="always") as server:
        yield server
