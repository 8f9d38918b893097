"""Letters: what waits in a shard's outbox is handed out for a lease, whatever stands beside it."""

from __future__ import annotations

from statebox.engine.letters import Letter
from statebox.store.redis_store import RedisStore
from tests.servers import ask
from tests.store.conftest import Daemons
from tests.store.values import NOON, SECOND, new_token


async def test_a_letter_that_only_newer_daemons_can_read_keeps_back_no_other(store: RedisStore, daemons: Daemons):
    letter = Letter("end", "m:x", new_token())
    ask(daemons.server, "ZADD", "statebox:{0}:outbox", NOON, "sing aloud", NOON, "a", NOON, str(letter))

    assert await store.letters(0, 10) == [letter]
    assert await store.letters(0, 10) == []
    daemons.time.pass_by(60 * SECOND)
    assert await store.letters(0, 10) == [letter]

    await store.arrived(0, letter)
    ask(daemons.server, "DEL", "statebox:{0}:outbox")
