"""The namespace: what is fixed at the first use, and which servers are too old."""

from __future__ import annotations

import pytest

from statebox.embedded import EmbeddedValkey
from statebox.engine.ports import Clock, Store
from statebox.store.commits import Commits
from statebox.store.connection import RedisSettings
from statebox.store.delivering import StoreSettings
from statebox.store.keys import Keys
from statebox.store.namespace import UnusableRedis, settle
from statebox.store.redis_store import RedisStore
from tests.servers import ask
from tests.store.conftest import Daemons


async def test_the_number_of_shards_is_fixed_when_a_prefix_is_first_used(daemons: Daemons):
    await daemons.open(shards=4)
    await daemons.open("b", shards=4)

    with pytest.raises(UnusableRedis, match=r"'statebox' was first used with 4 shards.* cannot be used with 1"):
        await daemons.open("c", shards=1)
    await daemons.open("d", shards=1, prefix="another")


def test_the_store_and_its_clock_are_what_the_engine_asks_for():
    store = RedisStore(StoreSettings(daemon="a"))

    port: Store = store
    clock: Clock = store.clock
    assert (port, clock) == (store, store.clock)


async def test_two_prefixes_share_a_redis_without_meeting(daemons: Daemons):
    await daemons.open(prefix="one")
    await daemons.open(prefix="two")

    assert ask(daemons.server, "EXISTS", "one:{meta}:namespace", "two:{meta}:namespace") == 2


class _Old(Commits):
    """A server that says it is older than it is."""

    async def ask(self, *command: str | bytes | int) -> bytes:
        assert command == ("INFO", "server")
        return b"# Server\r\nredis_version:6.2.14\r\n"


async def test_a_redis_that_is_too_old_is_refused(valkey: EmbeddedValkey):
    with pytest.raises(UnusableRedis, match=r"Redis 6.2 is too old: it takes Redis 7.0 or Valkey 7.2"):
        await settle(_Old(RedisSettings(url=valkey.url), "old"), Keys("statebox", 1))


async def test_where_info_is_forbidden_the_version_is_taken_on_trust(own_valkey: EmbeddedValkey):
    ask(own_valkey, "ACL SETUSER", "box", "on", ">secret", "~*", "&*", "+@all", "-info")
    commits = Commits(RedisSettings(url=own_valkey.url, username="box", password="secret"), "check")
    commits.open()

    await settle(commits, Keys("statebox", 1))

    assert ask(own_valkey, "HGETALL", "statebox:{meta}:namespace") == {"shards": "1"}
    await commits.close()
