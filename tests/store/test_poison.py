"""Poison: a value that cannot be read harms nobody else, whichever it is; what is newer is left to newer daemons."""

from __future__ import annotations

import pytest

from statebox.asl.events import CallbackAnswered
from statebox.engine.errors import Unreadable
from statebox.engine.ownership import Checkpoint
from statebox.engine.records import Answer
from statebox.store.redis_store import RedisStore
from tests.servers import ask
from tests.store.conftest import Daemons
from tests.store.values import (
    DEFINITION,
    another_definition,
    branch,
    events,
    execution,
    first_step,
    new_token,
    parked_step,
    suspended,
)

BASE = "statebox:{0}:"
X = f"{BASE}execution:m:x"
INBOX = f"{BASE}inbox:m:x"
OTHER = another_definition('{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}')

# Each kind of value that a claim reads, and the command that breaks it.
BROKEN: dict[str, tuple[str, ...]] = {
    "head": ("HSET", X, "head", "[1,"),
    "head, missing": ("HDEL", X, "head"),
    "head, of another shape": ("HSET", X, "head", '{"format":1}'),
    "state": ("HSET", X, "state", '[1,"NOT A STATUS"]'),
    "state, nested without end": ("HSET", X, "state", "[1," + "[" * 100_000),
    "branch": ("HSET", X, "b:0", "[1,[]]"),
    "branch, unnamed": ("HSET", X, "b:zero", "[1]"),
    "data of a branch": ("HSET", X, "i:0", "[1,oops"),
    "data of a branch, missing": ("HDEL", X, "i:0"),
    "data of a branch, too short": ("HSET", X, "i:0", "[1]"),
    "input": ("HSET", X, "input", "\x00"),
    "sequence": ("HSET", X, "sequence", "first"),
    "definition, missing": ("DEL", f"{BASE}definition:{DEFINITION.hash}"),
    "definition, another type": (
        "EVAL",
        "redis.call('DEL', KEYS[1]) redis.call('SET', KEYS[1], 'x')",
        "1",
        f"{BASE}definition:{DEFINITION.hash}",
    ),
    "inbox entry": ("RPUSH", INBOX, "1 0 garbage"),
    "inbox entry, without a format": ("RPUSH", INBOX, "garbage"),
    "inbox entry, an event that there is not": ("RPUSH", INBOX, '1 0 ["Nonsense","0:3"]'),
    "inbox, another type": (
        "EVAL",
        "redis.call('DEL', KEYS[1]) redis.call('SET', KEYS[1], 'x', 'PX', 60000)",
        "1",
        INBOX,
    ),
    "the execution, another type": (
        "EVAL",
        "redis.call('DEL', KEYS[1]) redis.call('SET', KEYS[1], 'x', 'PX', 60000)",
        "1",
        X,
    ),
}
# Each kind of value in a format that only a newer daemon writes.
NEWER: dict[str, tuple[str, ...]] = {
    "head": ("HSET", X, "head", '[3,"all new"]'),
    "state": ("HSET", X, "state", '[3,"all new"]'),
    "branch": ("HSET", X, "b:0", '[3,"all new"]'),
    "data of a branch": ("HSET", X, "i:0", '[3,"all new"]'),
    "inbox entry": ("RPUSH", INBOX, '3 0 ["AllNew"]'),
}


async def two_due(store: RedisStore) -> None:
    """Two executions that are due, of which one is to be poisoned."""
    for name, definition in (("x", DEFINITION), ("sound", OTHER)):
        step = first_step(execution(name, branches=[branch()]), history=events(1, 4))
        started = await store.start(definition, step, name)
        assert started.lease is not None
        await store.release([started.lease])


async def claim_again_and_again(store: RedisStore, daemons: Daemons) -> tuple[set[str], int]:
    """Which executions were set aside, and how often the sound one could be read, in as many claims as that takes."""
    aside: set[str] = set()
    sound = 0
    for _ in range(store.settings.claim_limit):
        claims = await store.claim(0, 10)
        aside |= set(claims.set_aside)
        for one in claims.claimed:
            assert one.execution.id == "m:sound"
            sound += 1
            await store.checkpoint(one.lease, Checkpoint(one.execution))
        daemons.time.pass_by(store.settings.lease_ms)
    return aside, sound


@pytest.mark.parametrize("kind", BROKEN)
async def test_what_cannot_be_read_is_set_aside_and_all_others_go_on(daemons: Daemons, kind: str):
    writer = await daemons.open("writer")
    await two_due(writer)
    ask(daemons.server, *BROKEN[kind])
    # It has seen nothing of all that before.
    store = await daemons.open("reader")

    aside, sound = await claim_again_and_again(store, daemons)

    assert (aside, sound) == ({"m:x"}, store.settings.claim_limit)
    assert [one.execution.id for one in (await store.claim(0, 10)).claimed] == ["m:sound"]
    _tidy(daemons)


async def test_a_count_of_claims_that_is_no_number_counts_as_none(daemons: Daemons):
    store = await daemons.open()
    await two_due(store)
    ask(daemons.server, "HSET", X, "claims", "many")

    assert len((await store.claim(0, 10)).claimed) == 2


@pytest.mark.parametrize("kind", NEWER)
async def test_what_a_newer_daemon_has_written_is_left_to_newer_daemons(daemons: Daemons, kind: str):
    """However often an old daemon looks: it is not counted against it, and neither read nor changed."""
    store = await daemons.open()
    await two_due(store)
    ask(daemons.server, *NEWER[kind])

    aside, sound = await claim_again_and_again(store, daemons)

    assert (aside, sound) == (set(), store.settings.claim_limit)
    assert ask(daemons.server, "ZSCORE", f"{BASE}due", "m:x") is not None
    assert ask(daemons.server, "HGET", X, "claims") is None
    assert ask(daemons.server, "HGET", X, "lease") is None
    # A newer daemon takes it at once.
    assert ask(daemons.server, "HGET", X, "format") == "3"
    _tidy(daemons)


async def test_a_broken_chunk_of_history_is_told_to_whoever_wants_to_read_it(store: RedisStore, daemons: Daemons):
    """The execution itself needs none of it, and goes on."""
    await two_due(store)
    ask(daemons.server, "RPUSH", f"{BASE}history:m:x", "[1,5,oops")

    with pytest.raises(Unreadable, match="chunk of history cannot be read"):
        await store.history("m:x", 0, 100, reverse=False)
    with pytest.raises(Unreadable):
        await store.history("m:x", 0, 100, reverse=True)
    assert len(await store.history("m:x", 0, 4, reverse=False)) == 4
    assert len(await store.history("m:sound", 0, 100, reverse=False)) == 4
    assert len((await store.claim(0, 10)).claimed) == 2


async def test_a_newer_chunk_of_history_is_said_to_be_newer(store: RedisStore, daemons: Daemons):
    await two_due(store)
    ask(daemons.server, "RPUSH", f"{BASE}history:m:x", "[3,5,{}]")

    with pytest.raises(Unreadable, match="the format 3, written by a newer statebox"):
        await store.history("m:x", 0, 100, reverse=False)


@pytest.mark.parametrize("kind", ["head", "state", "branch", "data of a branch", "input"])
async def test_what_was_set_aside_is_listed_and_can_be_read_again_once_it_was_mended(daemons: Daemons, kind: str):
    store = await daemons.open()
    await two_due(store)
    _, _, field, value = BROKEN[kind]
    mended = str(ask(daemons.server, "HGET", X, field))
    ask(daemons.server, "HSET", X, field, value)
    await claim_again_and_again(store, daemons)
    assert [line.id for line in await store.set_aside()] == ["m:x"]
    with pytest.raises(Unreadable):
        await store.describe("m:x")

    ask(daemons.server, "HSET", X, field, mended)
    await store.retry("m:x")

    assert "m:x" in [one.execution.id for one in (await store.claim(0, 10)).claimed]


async def test_an_answer_to_what_cannot_be_read_is_kept(daemons: Daemons):
    store = await daemons.open()
    token = new_token()
    await store.start(DEFINITION, parked_step(execution(branches=[suspended(token)]), token), "op")
    ask(daemons.server, "HSET", X, "state", "[1,")

    assert await store.answer(Answer(token, CallbackAnswered, "op", "test")) == "m:x"

    assert ask(daemons.server, "LLEN", INBOX) == 1


def _tidy(daemons: Daemons) -> None:
    """What was broken by hand is no business of the audit's."""
    ask(daemons.server, "FLUSHALL")
