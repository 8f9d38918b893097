"""The log groups: created and deleted once, seen by all."""

from __future__ import annotations

from statebox.store.redis_store import RedisStore
from tests.store.values import NOON


async def test_a_log_group_is_created_once_and_deleted_once(store: RedisStore):
    groups = store.log_groups
    assert await groups.create("a", NOON)
    assert not await groups.create("a", NOON + 1)
    assert await groups.create("b/ü", NOON + 2)

    assert await groups.all() == {"a": NOON, "b/ü": NOON + 2}
    assert await groups.exists("a")
    assert await groups.delete("a")
    assert not await groups.delete("a")
    assert not await groups.exists("a")
