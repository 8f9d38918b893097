"""Formats: what was written by the release before goes on, and from then on that release leaves it alone."""

from __future__ import annotations

import msgspec

from statebox.asl.events import CallbackAnswered
from statebox.asl.jsontext import write_json_text
from statebox.engine.ownership import Checkpoint, Claimed
from statebox.engine.records import Answer
from statebox.store.codec import FORMAT
from tests.servers import ask
from tests.store.conftest import Daemons
from tests.store.values import DEFINITION, NOON, ended, events, execution, new_token, parked_step, suspended

BASE = "statebox:{0}:"
X = f"{BASE}execution:m:x"
HISTORY = f"{BASE}history:m:x"

# What format 1 was: each part says so, and the history is a sorted set by first events.
AS_BEFORE = """
for _, name in ipairs({'state', 'b:0', 'i:0'}) do
  local value = redis.call('HGET', KEYS[1], name)
  redis.call('HSET', KEYS[1], name, '[1,' .. string.sub(value, 4))
end
redis.call('HSET', KEYS[1], 'format', 1, 'head', ARGV[1])
local chunks = redis.call('LRANGE', KEYS[2], 0, -1)
redis.call('DEL', KEYS[2])
for _, chunk in ipairs(chunks) do
  redis.call('ZADD', KEYS[2], string.match(chunk, '^%[%d+,(%d+),'), '[1,' .. string.sub(chunk, 4))
end
"""


async def test_an_execution_of_the_release_before_is_read_and_goes_on(daemons: Daemons):
    store = await daemons.open()
    token = new_token()
    one = execution(branches=[suspended(token)])
    await store.start(DEFINITION, msgspec.structs.replace(parked_step(one, token), history=events(1, 4)), "op")
    names = (one.id, one.uid, one.machine, one.name, one.arn, one.machine_arn, one.role_arn)
    head = write_json_text([1, *names, one.shard, one.started_ms, one.seed])
    ask(daemons.server, "EVAL", AS_BEFORE, "2", X, HISTORY, head)

    assert await store.describe("m:x") == one
    assert [event.id for event in await store.history("m:x", 0, 100, reverse=False)] == [1, 2, 3, 4]
    claimed = await store.answer(Answer(token, CallbackAnswered, "op", "test"))

    assert isinstance(claimed, Claimed)
    assert claimed.execution == one
    # The history is a list by now, which the release before would take for what it was.
    assert ask(daemons.server, "HGET", X, "format") == str(FORMAT)
    await store.checkpoint(claimed.lease, Checkpoint(ended(one), history=events(5, 6), consumed=1, release=True))
    assert [event.id for event in await store.history("m:x", 0, 100, reverse=False)] == [1, 2, 3, 4, 5, 6]


async def test_what_the_release_before_has_delivered_is_taken_in(daemons: Daemons):
    store = await daemons.open()
    token = new_token()
    await store.start(DEFINITION, parked_step(execution(branches=[suspended(token)]), token), "op")
    ask(daemons.server, "RPUSH", f"{BASE}inbox:m:x", '1 0 ["CallbackAnswered","0:1"]')
    ask(daemons.server, "ZADD", f"{BASE}due", NOON, "m:x")

    claims = await store.claim(0, 10)

    assert [one.inbox for one in claims.claimed] == [(CallbackAnswered("0:1"),)]
