"""Clusters and sentinels that want a user and password, and that speak TLS only."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from statebox.embedded import EmbeddedValkey
from statebox.engine.errors import ServiceUnavailable
from statebox.store.connection import RedisSettings
from statebox.store.delivering import StoreSettings
from statebox.store.redis_store import RedisStore
from tests.certificates import Certificates
from tests.cluster import ValkeyCluster, ask_node
from tests.sentinels import Watched
from tests.store.values import DEFINITION, execution, first_step

SHARDS: Final = 6
USER: Final = ("ACL SETUSER", "box", "on", ">se:cret", "~*", "&*", "+@all")
WATCHER: Final = ("ACL SETUSER", "watcher", "on", ">other", "&*", "+@all")


@asynccontextmanager
async def opened(settings: RedisSettings, shards: int = 1) -> AsyncGenerator[RedisStore]:
    store = RedisStore(StoreSettings(daemon="one", redis=settings, shards=shards))
    try:
        await store.connect()
        yield store
    finally:
        await store.close()


async def start_on_each_shard(store: RedisStore, shards: int = 1) -> None:
    for n in range(2 * shards):
        run = execution(f"x{n}", shards=shards)
        await store.start(DEFINITION, first_step(run), run.id)
    assert len(await store.list(None, None, 100, None)) == 2 * shards


def users_of(node: EmbeddedValkey) -> set[str]:
    return {client["user"] for client in ask_node(node, ("CLIENT LIST",))}


async def test_a_cluster_that_wants_a_password_and_tls_gets_both_on_every_node(tmp_path: Path):
    certificates = Certificates(tmp_path, "IP:127.0.0.1")
    async with ValkeyCluster(certificates=certificates) as cluster:
        for node in cluster.nodes:
            ask_node(node, USER)
        right = RedisSettings(
            url=cluster.url, ca_file=certificates.ca, patience_seconds=1, username="box", password="se:cret"
        )

        async with opened(right, SHARDS) as store:
            await start_on_each_shard(store, SHARDS)
            assert all("box" in users_of(node) for node in cluster.primaries)
        with pytest.raises(ServiceUnavailable, match="invalid username-password"):
            async with opened(replace(right, password="wrong"), SHARDS):
                pass
        with pytest.raises(ServiceUnavailable, match="certificate verify failed"):
            async with opened(replace(right, ca_file=None), SHARDS):
                pass


async def test_sentinels_have_a_user_of_their_own_beside_the_primarys(tmp_path: Path):
    certificates = Certificates(tmp_path, "IP:127.0.0.1")
    async with Watched(tmp_path, certificates) as watched:
        for server in watched.servers:
            ask_node(server, USER)
        for sentinel in watched.sentinels:
            ask_node(sentinel, WATCHER)
        right = RedisSettings(
            url=watched.url,
            ca_file=certificates.ca,
            patience_seconds=1,
            username="box",
            password="se:cret",
            sentinel_username="watcher",
            sentinel_password="other",
        )

        async with opened(right) as store:
            await start_on_each_shard(store)
            assert "box" in users_of(watched.primary)
        with pytest.raises(ServiceUnavailable, match="invalid username-password"):
            async with opened(replace(right, sentinel_password="wrong")):
                pass
