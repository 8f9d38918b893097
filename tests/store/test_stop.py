"""Stopping: from then on answers are refused, and somebody ends the execution."""

from __future__ import annotations

import pytest

from statebox.asl.events import CallbackAnswered, ExecutionStopped
from statebox.asl.execution import Status
from statebox.engine.errors import ExecutionDoesNotExist
from statebox.engine.ownership import Checkpoint, Claimed
from statebox.engine.records import Answer
from statebox.store.redis_store import RedisStore
from tests.servers import ask
from tests.store.conftest import Daemons
from tests.store.values import (
    DEFINITION,
    NOON,
    branch,
    callback,
    ended,
    execution,
    first_step,
    new_token,
    parked_step,
    suspended,
)


async def test_a_parked_execution_is_stopped_by_who_asked_for_it(store: RedisStore):
    token = new_token()
    parked = execution(branches=[suspended(token)])
    await store.start(DEFINITION, parked_step(parked, token), "op")

    claimed = await store.stop(parked.id, "Enough", "of it", "stop")

    assert isinstance(claimed, Claimed)
    assert claimed.inbox == (ExecutionStopped("Enough", "of it"),)
    aborted = ended(parked, None, status=Status.ABORTED, at_ms=NOON + 1)
    over = Checkpoint(aborted, removed=frozenset("0"), consumed=1, closed=(token,), release=True)
    assert (await store.checkpoint(claimed.lease, over)).lease is None
    assert await store.stop(parked.id, None, None, "again") == NOON + 1


async def test_the_owner_is_told_to_stop(store: RedisStore, daemons: Daemons):
    begun = execution(branches=[branch()])
    await store.start(DEFINITION, first_step(begun), "op")

    assert await (await daemons.open("b")).stop(begun.id, None, None, "stop") is None

    assert await store.inbox(begun.id) == (ExecutionStopped(),)


async def test_an_answer_that_was_accepted_before_comes_before_the_stop(store: RedisStore, daemons: Daemons):
    token = new_token()
    begun = execution(branches=[suspended(token)])
    await store.start(DEFINITION, first_step(begun, opened=(callback(token),)), "op")
    other = await daemons.open("b")

    await other.answer(Answer(token, CallbackAnswered, "answer", "test"))
    await other.stop(begun.id, None, None, "stop")

    assert await store.inbox(begun.id) == (CallbackAnswered("0:3"), ExecutionStopped())


async def test_stopping_twice_delivers_one_stop(store: RedisStore, daemons: Daemons):
    begun = execution(branches=[branch()])
    await store.start(DEFINITION, first_step(begun), "op")
    other = await daemons.open("b")

    for operation in ("stop", "stop", "another"):
        assert await other.stop(begun.id, None, None, operation) is None
    assert await store.inbox(begun.id) == (ExecutionStopped(),)

    # When its owner has died meanwhile, a further stop takes over; a repeated one only repeats its reply.
    daemons.time.pass_by(store.settings.lease_ms)
    assert await other.stop(begun.id, None, None, "stop") is None
    claimed = await other.stop(begun.id, None, None, "one more")
    assert isinstance(claimed, Claimed)
    assert claimed.inbox == (ExecutionStopped(),)


async def test_what_is_not_there_cannot_be_stopped(store: RedisStore):
    with pytest.raises(ExecutionDoesNotExist, match="Execution Does Not Exist: 'm:x'"):
        await store.stop("m:x", None, None, "stop")


async def test_what_cannot_be_read_is_stopped_by_whoever_can(store: RedisStore, daemons: Daemons):
    token = new_token()
    await store.start(DEFINITION, parked_step(execution(branches=[suspended(token)]), token), "op")
    ask(daemons.server, "HSET", "statebox:{0}:execution:m:x", "state", "garbage")

    assert await store.stop("m:x", None, None, "stop") is None
    assert await store.inbox("m:x") == (ExecutionStopped(),)
