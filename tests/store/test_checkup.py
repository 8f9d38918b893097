"""The checkup of Redis: each thing that is wrong is found, told with its remedy, and nothing is changed by it."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import statebox.store.scripts
from statebox.embedded import EmbeddedValkey
from statebox.engine.checkup import Finding, Level
from statebox.store.checkup import check_redis
from statebox.store.connection import RedisSettings
from statebox.store.keys import Keys
from statebox.store.redis_store import RedisStore
from statebox.store.rights import acl_line, rights
from tests.cluster import ValkeyCluster, free_ports
from tests.servers import Server, ask
from tests.store.audit import snapshot
from tests.store.conftest import Daemons
from tests.store.values import DEFINITION, branch, events, execution, first_step

ALL = [
    *("redis", "version", "appendonly", "maxmemory-policy", "appendfsync", "notifications", "rights", "clock"),
    *("shards", "formats", "set aside"),
]


async def checked(server: Server, shards: int = 1, **settings: str) -> dict[str, Finding]:
    found = [one async for one in check_redis(RedisSettings(url=server.url, **settings), shards)]  # pyright: ignore[reportArgumentType] -- texts only
    return {one.subject: one for one in found}


def levels(found: dict[str, Finding], level: Level) -> list[str]:
    return sorted(one.subject for one in found.values() if one.level is level)


async def test_a_redis_as_it_should_be_has_nothing_to_fail(server: Server):
    found = await checked(server)

    assert list(found) == ALL
    assert levels(found, Level.FAIL) == []
    assert re.search(r"answers at .*, in \d+\.\d ms", found["redis"].words)
    assert "is new here; its first daemon fixes the number at 1" in found["shards"].words


async def test_it_changes_nothing(valkey: EmbeddedValkey):
    before = await snapshot(valkey)
    await checked(valkey)
    assert await snapshot(valkey) == before
    assert ask(valkey, "CONFIG GET", "notify-keyspace-events") == {"notify-keyspace-events": ""}


async def test_settings_that_lose_executions_are_found(own_valkey: EmbeddedValkey):
    for name, value in (
        ("appendfsync", "no"),
        ("maxmemory", "1gb"),
        ("maxmemory-policy", "allkeys-lru"),
        ("notify-keyspace-events", "Kx"),
        ("appendonly", "no"),
    ):
        ask(own_valkey, "CONFIG SET", name, value)

    found = await checked(own_valkey)

    assert levels(found, Level.FAIL) == ["appendonly", "maxmemory-policy"]
    assert found["appendfsync"].level is Level.WARN
    assert found["appendonly"].remedy is not None
    assert "appendonly yes" in found["appendonly"].remedy
    assert found["notifications"].words.startswith("on")


async def test_a_replica_is_no_place_for_a_daemon(own_valkey: EmbeddedValkey):
    ask(own_valkey, "REPLICAOF", "127.0.0.1", 1)
    assert (await checked(own_valkey))["role"].level is Level.FAIL
    ask(own_valkey, "REPLICAOF", "NO", "ONE")


async def test_what_is_in_the_namespace_is_looked_at(daemons: Daemons):
    store = await daemons.open(shards=2, claim_limit=1)
    for n in range(4):
        run = execution(f"x{n}", shards=2, branches=[branch()])
        started = await store.start(DEFINITION, first_step(run, history=events(1, 2)), run.id)
        assert started.lease is not None
        await store.release([started.lease])
    ask(daemons.server, "HSET", Keys("statebox", 2).of_id("m:x0").execution("m:x0"), "format", 7)
    for shard in range(2):
        await store.claim(shard, 10)

    found = await checked(daemons.server, 2)
    assert found["shards"].level is Level.OK
    assert (found["set aside"].level, found["set aside"].words[0]) == (Level.WARN, "3")
    assert found["formats"].level is Level.WARN
    assert "1 of the last 4 executions have a newer format" in found["formats"].words

    other = (await checked(daemons.server, 3))["shards"]
    assert (other.level, other.remedy) == (Level.FAIL, "configure [redis] shards = 2, or another prefix")


async def test_a_user_of_the_line_it_prints_has_all_rights_and_no_others(own_valkey: EmbeddedValkey):
    """Also with a prefix that would mean something as a pattern."""
    settings = RedisSettings(url=own_valkey.url, username="box", password="secret", prefix="a-b.c")
    line = acl_line(settings, Keys("a-b.c", 1), "box").replace("PASSWORD", "secret")
    ask(own_valkey, *line.split())

    found = await checked(own_valkey, username="box", password="secret", prefix="a-b.c")

    assert levels(found, Level.FAIL) == []
    assert found["rights"].words == "all that is needed; not allowed, and done without: CONFIG GET, CONFIG SET"
    for subject in ("appendfsync", "notifications"):
        assert found[subject].level is Level.WARN
        assert found[subject].words.startswith("unknown")
    foreign = await checked(own_valkey, username="box", password="secret", prefix="foreign")
    assert foreign["rights"].level is Level.FAIL


async def test_a_missing_right_is_named_with_the_line_that_gives_it(own_valkey: EmbeddedValkey):
    ask(
        own_valkey,
        *[
            "ACL",
            "SETUSER",
            "box",
            "on",
            ">secret",
            "~statebox:*",
            "&*",
            "+@all",
            "-unlink",
            "-info",
            "-config",
            "-publish",
        ],
    )

    found = await checked(own_valkey, username="box", password="secret")

    assert found["rights"].level is Level.FAIL
    assert "UNLINK statebox:{0}:" in found["rights"].words
    assert "PUBLISH statebox:inbox" in found["rights"].words
    assert str(found["rights"].remedy).startswith("ACL SETUSER box on >PASSWORD resetkeys ~statebox:* ")
    for subject in ("version", "appendonly", "maxmemory-policy", "appendfsync"):
        assert found[subject].words.startswith("unknown")


async def test_the_rights_are_those_of_all_commands_that_scripts_give():
    given = {right.command[0] for right in rights(RedisSettings(), Keys("statebox", 1))}
    for file in Path(statebox.store.scripts.__file__).parent.rglob("*.lua"):
        for name in re.findall(r"redis\.p?call\('([A-Z]+)'", file.read_text()):
            assert name in given, f"{file.name} gives {name}"


async def test_a_daemon_works_with_the_rights_of_that_line(own_valkey: EmbeddedValkey):
    settings = RedisSettings(url=own_valkey.url, username="box", password="secret")
    ask(own_valkey, *acl_line(settings, Keys("statebox", 1), "box").replace("PASSWORD", "secret").split())
    daemons = Daemons(own_valkey)
    store: RedisStore = await daemons.open(username="box", password="secret")
    try:
        started = await store.start(DEFINITION, first_step(execution(branches=[branch()])), "op")
        assert started.lease is not None
        await store.release([started.lease])
        assert len((await store.claim(0, 10)).claimed) == 1
        assert await store.reclaim() == 1
        assert (await store.counts()).running == 1
    finally:
        await store.close()


async def test_no_redis_and_one_that_hangs_are_told_and_end_it(own_valkey: EmbeddedValkey, tmp_path: Path):
    gone = [one async for one in check_redis(RedisSettings(url=f"unix://{tmp_path}/no.sock"), 1)]
    assert [(one.level, one.subject) for one in gone] == [(Level.FAIL, "redis")]

    os.kill(own_valkey.pid, signal.SIGSTOP)
    try:
        settings = RedisSettings(url=own_valkey.url, connect_seconds=0.3, command_seconds=0.3)
        hung = [one async for one in check_redis(settings, 1)]
    finally:
        os.kill(own_valkey.pid, signal.SIGCONT)
    assert [(one.level, one.subject) for one in hung] == [(Level.FAIL, "redis")]
    assert "no answer in time" in hung[0].words


async def test_a_wrong_password_is_told(own_valkey: EmbeddedValkey):
    ask(own_valkey, "ACL SETUSER", "box", "on", ">secret", "~*", "&*", "+@all")
    found = await checked(own_valkey, username="box", password="wrong")
    assert list(found) == ["redis"]
    assert "invalid username-password pair" in found["redis"].words
    assert "password" in (found["redis"].remedy or "")


async def test_a_node_of_a_cluster_that_is_named_as_a_single_server_is_told(cluster: ValkeyCluster):
    found = await checked(cluster.nodes[0], shards=6)

    assert levels(found, Level.FAIL) == ["redis"]
    assert "is a node of a Redis Cluster" in found["redis"].words
    assert "redis+cluster://" in (found["redis"].remedy or "")


async def test_a_single_server_that_is_named_as_a_cluster_is_told(tmp_path: Path):
    [port] = free_ports(1)
    async with EmbeddedValkey(tmp_path, options=[("port", str(port)), ("bind", "127.0.0.1")]):
        settings = RedisSettings(url=f"redis+cluster://127.0.0.1:{port}")
        found = [one async for one in check_redis(settings, 1)]

    assert [(one.level, one.subject) for one in found] == [(Level.FAIL, "redis")]
    assert "cluster support disabled" in found[0].words
