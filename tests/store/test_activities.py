"""Activities: what there is, and queues whose tasks are handed out once, to whoever comes first."""

from __future__ import annotations

import pytest

from statebox.asl.events import ActivityTaken, CallbackAnswered
from statebox.engine.ownership import Claimed
from statebox.engine.queues import NoSuchActivity, Reserved
from statebox.engine.records import Answer
from statebox.store.redis_store import RedisStore
from tests.store.conftest import Daemons
from tests.store.test_answer import end, hold, park
from tests.store.values import NOON, SECOND, new_token

NOTHING = Reserved(None, None)


async def test_creating_it_again_finds_the_first_one(store: RedisStore, daemons: Daemons):
    first = await store.activities.create("paint", '"a"')
    daemons.time.pass_by(SECOND)

    assert await store.activities.create("paint", '"b"') == first
    assert await store.activities.describe("paint") == first
    assert (first.created_ms, first.told) == (NOON, '"a"')


async def test_activities_are_listed_by_name_page_by_page(store: RedisStore):
    for name in ("c", "a", "b"):
        await store.activities.create(name, "")

    assert [one.name for one in await store.activities.list("", 2)] == ["a", "b"]
    assert [one.name for one in await store.activities.list("b", 2)] == ["c"]


async def test_what_is_not_there_is_not_described_and_gets_no_tasks(store: RedisStore):
    with pytest.raises(NoSuchActivity):
        await store.activities.describe("paint")
    with pytest.raises(NoSuchActivity):
        await store.activities.enqueue("paint", new_token())


async def test_deleting_takes_the_queue_along_and_can_be_repeated(store: RedisStore):
    await store.activities.create("paint", "")
    await store.activities.enqueue("paint", new_token())

    await store.activities.delete("paint")
    await store.activities.delete("paint")

    assert await store.activities.list("", 10) == []
    await store.activities.create("paint", "")
    assert await store.activities.reserve("paint") == NOTHING


async def test_tasks_are_reserved_in_the_order_they_came_each_for_one(store: RedisStore, daemons: Daemons):
    first, second = new_token(), new_token()
    await store.activities.create("paint", "")
    await store.activities.enqueue("paint", first)
    daemons.time.pass_by(1)
    await store.activities.enqueue("paint", second)
    await store.activities.enqueue("paint", first)

    assert (await store.activities.reserve("paint")).token == first
    assert (await store.activities.reserve("paint")).token == second
    assert (await store.activities.reserve("paint")).token is None


async def test_a_task_whose_daemon_died_before_it_was_taken_is_there_again(store: RedisStore, daemons: Daemons):
    token = new_token()
    await store.activities.create("paint", "")
    await store.activities.enqueue("paint", token)
    await store.activities.reserve("paint")

    waiting = await store.activities.reserve("paint")
    assert waiting.token is None
    assert waiting.free_in_ms is not None
    daemons.time.pass_by(waiting.free_in_ms)
    assert (await store.activities.reserve("paint")).token == token

    await store.activities.drop("paint", token)
    daemons.time.pass_by(60 * SECOND)
    assert await store.activities.reserve("paint") == NOTHING


async def test_a_task_is_taken_once_and_whoever_takes_it_owns_the_execution(store: RedisStore):
    token = new_token()
    await park(store, token)

    taken = await store.take_task(token, "painter", "op")
    assert isinstance(taken, Claimed)
    assert taken.inbox == (ActivityTaken("0:3", "painter"),)

    assert await store.take_task(token, "other", "another op") is None


async def test_taking_it_again_after_a_lost_reply_changes_nothing(store: RedisStore):
    token = new_token()
    await park(store, token)

    await store.take_task(token, "painter", "op")
    assert await store.take_task(token, "painter", "op") == "m:x"
    assert await store.inbox("m:x") == (ActivityTaken("0:3", "painter"),)


async def test_the_owner_of_an_execution_in_memory_is_told_of_it(store: RedisStore):
    token = new_token()
    await hold(store, token)

    assert await store.take_task(token, None, "op") == "m:x"
    assert await store.inbox("m:x") == (ActivityTaken("0:3"),)


async def test_nobody_gets_a_task_that_was_answered_cancelled_or_timed_out(store: RedisStore, daemons: Daemons):
    answered, cancelled, late = new_token(), new_token(), new_token()
    await park(store, answered, name="answered")
    await store.answer(Answer(answered, CallbackAnswered, "op", "test"))
    lease = await hold(store, cancelled)
    await end(store, lease, cancelled)
    await park(store, late, NOON + SECOND, name="late")
    daemons.time.pass_by(SECOND)

    for token in (answered, cancelled, late, new_token()):
        assert await store.take_task(token, "painter", "op") is None
