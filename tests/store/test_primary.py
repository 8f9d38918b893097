"""The primary: after a failover it is another server, and nobody goes on with the one it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from statebox.embedded import EmbeddedValkey
from statebox.engine.errors import ServiceUnavailable
from statebox.store.addresses import Endpoint, Place, locate
from statebox.store.commits import Commits
from statebox.store.connection import RedisSettings
from statebox.store.primary import Primary
from tests.cluster import free_ports
from tests.sentinels import SERVICE, Watched
from tests.servers import ask
from tests.store.proxy import Proxy


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("unix:///a/b.sock?db=3", Place(kind="server", endpoints=(Endpoint(path="/a/b.sock"),), database=3)),
        ("rediss://h:1/2", Place(kind="server", endpoints=(Endpoint("h", 1),), tls=True, database=2)),
        (
            "rediss+cluster://box:p%40ss@a,[::1]:2",
            Place(
                kind="cluster",
                endpoints=(Endpoint("a", 6379), Endpoint("::1", 2)),
                tls=True,
                username="box",
                password="p@ss",
            ),
        ),
        (
            "redis+sentinel://a,b:1/main/4",
            Place(kind="sentinel", endpoints=(Endpoint("a", 26379), Endpoint("b", 1)), service="main", database=4),
        ),
    ],
)
def test_a_url_names_a_server_sentinels_or_nodes_of_a_cluster(url: str, place: Place):
    assert locate(url) == place


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http+cluster://a", "scheme http"),
        ("redis+cluster://", "lists hosts"),
        ("redis+cluster://a/1", "the database 0 only"),
        ("redis+sentinel://a", "names the primary"),
    ],
)
def test_a_url_that_names_none_is_refused(url: str, problem: str):
    with pytest.raises(ValueError, match=problem):
        locate(url)


async def test_a_server_that_has_become_a_replica_is_looked_for_again(tmp_path: Path, own_valkey: EmbeddedValkey):
    """Behind a name, or a proxy, that leads to another server by then: also by who only reads."""
    async with EmbeddedValkey() as promoted, Proxy(tmp_path, own_valkey.socket).running() as proxy:
        settings = RedisSettings(url=proxy.url)
        primary = Primary(settings)
        writes, reads = Commits(settings, "writes", primary), Commits(settings, "reads", primary)
        writes.open()
        reads.open()
        await writes.ask("SET", "where", "before")
        assert await reads.ask("GET", "where") == b"before"
        ask(own_valkey, "REPLICAOF", "127.0.0.1", 1)
        proxy.target = promoted.socket

        await writes.ask("SET", "where", "after")

        assert ask(promoted, "GET", "where") == "after"
        assert await reads.ask("GET", "where") == b"after"
        assert (primary.changes, proxy.connections) == (1, 4)
        await writes.close()
        await reads.close()


async def ping(url: str) -> object:
    commits = Commits(RedisSettings(url=url, patience_seconds=0.1), "statebox-test")
    commits.open()
    try:
        return await commits.ask("PING")
    finally:
        await commits.close()


async def test_sentinels_are_asked_and_their_faults_are_told(tmp_path: Path):
    async with Watched(tmp_path) as watched:
        [dead] = free_ports(1)
        assert await ping(watched.url.replace("://", f"://127.0.0.1:{dead},")) == b"PONG", (
            "one that is dead is no matter"
        )

        questions: list[tuple[Callable[[str], str], str]] = [
            (lambda url: url.replace(SERVICE, "another"), "no sentinel knows a primary of the name 'another'"),
            (lambda _: f"redis+sentinel://127.0.0.1:{dead}/{SERVICE}", "no sentinel answers"),
        ]
        for changed, problem in questions:
            with pytest.raises(ServiceUnavailable, match=problem):
                await ping(changed(watched.url))

        ask(watched.primary, "REPLICAOF", "127.0.0.1", 1)
        with pytest.raises(ServiceUnavailable, match="is no primary"):
            await ping(watched.url)
