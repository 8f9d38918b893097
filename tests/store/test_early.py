"""Answers by the path of a state: taken at once where it waits, else kept until the step that enters the state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

import msgspec
import pytest

from statebox.asl.commands import AwaitCallback
from statebox.asl.events import AnyEvent, CallbackAnswered, TaskFailed, TaskSucceeded
from statebox.asl.jsontext import Json
from statebox.engine.errors import (
    ExecutionDoesNotExist,
    IdempotencyKeyReused,
    TaskAlreadyAnswered,
    TaskDoesNotExist,
    TaskTimedOut,
)
from statebox.engine.idempotency import operation_of
from statebox.engine.ownership import Checkpoint, Claimed, Lease, Started
from statebox.engine.records import Answer, Kept, StateAnswer
from statebox.engine.statepaths import read_state_path
from statebox.store.cluster import commits_for
from statebox.store.codec import FORMAT
from statebox.store.connection import RedisSettings
from statebox.store.early import event_around
from statebox.store.redis_store import RedisStore
from statebox.store.replies import items
from tests.servers import ask
from tests.store.conftest import Daemons
from tests.store.values import (
    DAY,
    DEFINITION,
    NOON,
    SECOND,
    branch,
    callback,
    ended,
    execution,
    first_step,
    forked,
    new_token,
    parked_step,
    suspended,
)
from tests.waiting import wait_until

WAIT = "Wait"
T = TypeVar("T")


def said(output: Json = "early") -> Callable[[str, str], AnyEvent]:
    return lambda task, token: TaskSucceeded(task, output, None, token)


def refused(error: str | None, cause: str | None) -> Callable[[str, str], AnyEvent]:
    return lambda task, token: TaskFailed(task, error, cause, None, token)


def bare(task: str, token: str) -> AnyEvent:
    del token
    return CallbackAnswered(task)


def answer(path: str = WAIT, output: Json = "early", operation: str = "op", name: str = "x") -> StateAnswer:
    return StateAnswer(f"m:{name}", read_state_path(path), said(output), operation, "test")


async def park(store: RedisStore, token: str, deadline_ms: int | None = None) -> Started:
    parked = execution(branches=[suspended(token, deadline_ms=deadline_ms)])
    return await store.start(DEFINITION, parked_step(parked, token, deadline_ms), "start")


async def hold(store: RedisStore) -> Lease:
    """An execution that is at work in a state that is not the one."""
    working = msgspec.structs.replace(branch(), state="Work")
    started = await store.start(DEFINITION, first_step(execution(branches=[working])), "start")
    assert started.lease is not None
    return started.lease


def suspension(token: str) -> Checkpoint:
    """The step in which it comes to wait for the answer."""
    entered = execution(branches=[suspended(token)])
    return Checkpoint(entered, changed=frozenset("0"), reloaded=frozenset("0"), opened=(callback(token),), release=True)


async def test_what_waits_is_answered_at_once(store: RedisStore):
    token = new_token()
    await park(store, token)

    claimed = await store.answer_state(answer())

    assert isinstance(claimed, Claimed)
    assert claimed.inbox == (TaskSucceeded("0:3", "early", None, token),)
    known = await store.continuation(token)
    assert (known.status, known.channel) == ("answered", "test")
    assert (await store.state("m:x", read_state_path(WAIT))).status == "answered"


async def test_the_owner_of_what_waits_is_told(store: RedisStore, daemons: Daemons):
    lease = await hold(store)
    token = new_token()
    saved = await store.checkpoint(lease, msgspec.structs.replace(suspension(token), release=False))

    assert (saved.waiting, saved.answered) == (0, frozenset())
    assert await (await daemons.open("b")).answer_state(answer()) == lease.id
    assert await store.inbox(lease.id) == (TaskSucceeded("0:3", "early", None, token),)


@pytest.mark.parametrize(
    "event",
    [
        said({"n": 10**30, "text": 'a"\\/\u0000\U0001f600', "f": 1.0}),
        said(""),
        said([""]),
        refused("No", 'because of "x"\n'),
        refused(None, None),
        bare,
    ],
)
async def test_what_was_kept_arrives_exactly_in_the_step_that_enters_the_state(
    store: RedisStore, event: Callable[[str, str], AnyEvent]
):
    """It is not parked: its owner finds the answer in the inbox, and everybody finds the continuation answered."""
    lease, token = await hold(store), new_token()
    early = msgspec.structs.replace(answer(), event=event)
    assert await store.answer_state(early) == Kept(NOON)

    saved = await store.checkpoint(lease, suspension(token))

    assert saved.lease is not None
    assert (saved.waiting, saved.answered) == (1, {token})
    assert await store.inbox(lease.id) == (event("0:3", token),)
    assert (await store.continuation(token)).status == "answered"
    assert await store.continuations(lease.id) == []


async def test_an_answer_may_come_before_its_execution_is_started(store: RedisStore, daemons: Daemons):
    token = new_token()
    assert await (await daemons.open("b")).answer_state(answer()) == Kept(NOON)

    started = await park(store, token)

    assert started.lease is not None
    assert started.answered == {token}
    assert await store.inbox("m:x") == (TaskSucceeded("0:3", "early", None, token),)


async def test_it_is_for_its_path_alone(store: RedisStore):
    """Iterations of a Map have paths of their own."""
    tokens = [new_token() for _ in range(3)]
    for path in ("Other", "Wait[1]/Wait", "Wait[3]/Wait"):
        assert isinstance(await store.answer_state(answer(path, path)), Kept)
    children = [msgspec.structs.replace(suspended(token, f"0.{n}"), index=n) for n, token in enumerate(tokens)]
    opened = tuple(AwaitCallback(f"0.{n}:3", token, f"Wait[{n}]/Wait", NOON, None) for n, token in enumerate(tokens))
    step = first_step(execution(branches=[forked(3), *children]), opened=opened, release=True)

    started = await store.start(DEFINITION, step, "start")

    assert started.answered == {tokens[1]}
    assert await store.inbox("m:x") == (TaskSucceeded("0.1:3", "Wait[1]/Wait", None, tokens[1]),)
    waiting = [await store.state("m:x", read_state_path(f"Wait[{n}]/Wait")) for n in range(4)]
    assert [one.status for one in waiting] == ["waiting", "answered", "waiting", "kept"]
    assert await store.answer_state(answer("Wait[2]/Wait", 2)) == "m:x"


async def test_a_second_one_is_told_when_and_how_the_first_came(store: RedisStore, daemons: Daemons):
    """While it is kept, when it was used, and when the state was answered by its continuation."""
    lease, token = await hold(store), new_token()
    await store.answer_state(answer())
    daemons.time.pass_by(SECOND)
    for _ in range(2):
        with pytest.raises(TaskAlreadyAnswered, match=r"2023-11-14T22:13:20\.000Z by test") as told:
            await store.answer_state(answer(operation="another"))
        assert told.value.details == {"answered_ms": NOON, "channel": "test"}
        if (await store.describe(lease.id)).branches["0"].state == "Work":
            await store.checkpoint(lease, suspension(token))


async def test_an_answer_by_path_is_told_of_one_by_continuation(store: RedisStore, daemons: Daemons):
    token = new_token()
    await park(store, token)
    claimed = await store.answer(Answer(token, CallbackAnswered, "op", "elsewhere"))
    assert isinstance(claimed, Claimed)
    for over in (False, True):
        with pytest.raises(TaskAlreadyAnswered, match="by elsewhere"):
            await store.answer_state(answer(operation="another"))
        if not over:
            gone_on = execution(branches=[msgspec.structs.replace(branch(), state="Work")])
            step = Checkpoint(gone_on, changed=frozenset("0"), reloaded=frozenset("0"), consumed=1)
            await store.checkpoint(claimed.lease, step)


async def test_a_state_that_is_entered_again_is_answered_again(store: RedisStore):
    """Once it waits: before, nobody can tell a second answer from one for the next time."""
    tokens = new_token(), new_token()
    await park(store, tokens[0])
    claimed = await store.answer_state(answer())
    assert isinstance(claimed, Claimed)
    await store.checkpoint(claimed.lease, msgspec.structs.replace(suspension(tokens[1]), consumed=1))

    again = await store.answer_state(answer(output="again", operation="another"))

    assert isinstance(again, Claimed)
    assert again.inbox == (TaskSucceeded("0:3", "again", None, tokens[1]),)


async def test_a_repeated_one_gets_its_first_reply(store: RedisStore, daemons: Daemons):
    """Kept, used, and after the end; from another daemon as well."""
    other, token = await daemons.open("b"), new_token()
    lease = await hold(store)
    for of in (store, other):
        assert await of.answer_state(answer()) == Kept(NOON)
    daemons.time.pass_by(SECOND)
    saved = await store.checkpoint(lease, suspension(token))
    assert saved.lease is not None
    assert await other.answer_state(answer()) == Kept(NOON)
    await store.checkpoint(
        saved.lease, Checkpoint(ended(execution()), removed=frozenset("0"), consumed=1, release=True)
    )
    assert await other.answer_state(answer()) == Kept(NOON)


async def test_a_repeated_one_that_was_taken_is_told_so_again(store: RedisStore, daemons: Daemons):
    token = new_token()
    await park(store, token)
    claimed = await store.answer_state(answer())
    assert isinstance(claimed, Claimed)
    other = await daemons.open("b")
    assert await other.answer_state(answer()) == "m:x"
    over = Checkpoint(ended(execution()), removed=frozenset("0"), consumed=1, release=True)
    await store.checkpoint(claimed.lease, over)
    assert await other.answer_state(answer()) == "m:x"


@pytest.mark.parametrize("waits", [True, False])
async def test_a_call_whose_reply_was_lost_gets_it_when_it_is_made_again(
    store: RedisStore, daemons: Daemons, waits: bool
):
    """What cannot be said for certain is asked again with the same arguments: the lease is the caller's as before."""
    token = new_token() if waits else ""
    if waits:
        await park(store, token)
    record = str(ask(daemons.server, "HGET", "statebox:{0}:execution:m:x", "b:0")) if waits else ""
    commits = commits_for(RedisSettings(url=daemons.server.url), "again", ["statebox:{0}:due"])
    commits.open()
    head, middle, with_token = event_around(said())
    base, who = "statebox:{0}:", ("lease", 10_000, "a", FORMAT, 5)
    event = ("op", "test", head, middle, with_token, DAY)
    replies = [
        await commits.run("early", f"{base}due", base, NOON, *who, "m:x", WAIT, "0", record, token, *event)
        for _ in range(2)
    ]
    await commits.close()
    assert replies[0] == replies[1]
    assert items(replies[0])[0] == (b"claimed" if waits else b"kept")


async def test_another_answer_under_the_same_key_is_refused(store: RedisStore):
    await store.answer_state(answer(operation=operation_of("key", 1)))
    with pytest.raises(IdempotencyKeyReused, match="'key'"):
        await store.answer_state(answer(operation=operation_of("key", 2)))


async def test_what_has_ended_or_is_being_stopped_takes_none(store: RedisStore):
    lease = await hold(store)
    assert await store.stop(lease.id, None, None, "stop") is None
    with pytest.raises(TaskDoesNotExist, match="has ended"):
        await store.answer_state(answer())
    await store.checkpoint(lease, Checkpoint(ended(execution()), removed=frozenset("0"), consumed=1, release=True))
    with pytest.raises(TaskDoesNotExist, match="has ended"):
        await store.answer_state(answer())
    assert (await store.state(lease.id, read_state_path(WAIT))).status == "over"


async def test_a_state_whose_deadline_has_passed_takes_none(store: RedisStore, daemons: Daemons):
    await park(store, new_token(), NOON + SECOND)
    daemons.time.pass_by(SECOND)
    with pytest.raises(TaskTimedOut):
        await store.answer_state(answer())


async def test_what_is_known_before_and_after(store: RedisStore, daemons: Daemons):
    with pytest.raises(ExecutionDoesNotExist):
        await store.state("m:x", read_state_path(WAIT))
    await store.answer_state(answer())
    kept = await store.state("m:x", read_state_path(WAIT))
    assert (kept.status, kept.answered_ms, kept.channel, kept.continuation) == ("kept", NOON, "test", None)
    daemons.time.pass_by(SECOND)
    lease, token = await hold(store), new_token()
    assert (await store.state("m:x", read_state_path("Work"))).status == "unanswered"
    await store.checkpoint(lease, suspension(token))
    used = await store.state("m:x", read_state_path(WAIT))
    assert used.continuation is not None
    assert (used.status, used.answered_ms, used.continuation.token) == ("answered", NOON, token)


async def test_what_is_never_asked_for_is_kept_no_longer_than_the_retention(daemons: Daemons):
    store = await daemons.open(retention_ms=200)
    empty = ask(daemons.server, "DBSIZE")
    await store.answer_state(answer())
    assert ask(daemons.server, "PTTL", "statebox:{0}:early:m:x") in range(1, 201)
    await wait_until(lambda: ask(daemons.server, "DBSIZE") == empty, "the answer to expire, by Redis's own time")


async def test_forgetting_an_execution_forgets_what_was_kept_for_it(store: RedisStore, daemons: Daemons):
    lease = await hold(store)
    await store.answer_state(answer("Never"))
    await store.checkpoint(lease, Checkpoint(ended(execution()), removed=frozenset("0"), release=True))
    daemons.time.pass_by(store.settings.retention_ms)
    assert await store.sweep() == 1
    assert ask(daemons.server, "EXISTS", "statebox:{0}:early:m:x") == 0


async def test_what_is_kept_for_a_namesake_survives_the_sweep_of_the_first(store: RedisStore, daemons: Daemons):
    """Keys of an ended execution expire before the sweep comes by."""
    lease = await hold(store)
    await store.checkpoint(lease, Checkpoint(ended(execution()), removed=frozenset("0"), release=True))
    ask(daemons.server, "DEL", "statebox:{0}:execution:m:x", "statebox:{0}:history:m:x")
    assert isinstance(await store.answer_state(answer()), Kept)
    daemons.time.pass_by(store.settings.retention_ms)
    await store.sweep()
    assert (await park(store, new_token())).answered


async def test_of_an_answer_and_the_step_that_enters_the_state_either_may_come_first(daemons: Daemons):
    """It is kept and used, or it finds the state waiting: there is nothing in between."""
    one, other = await daemons.open("a"), await daemons.open("b")
    outcomes: set[str] = set()
    for n in range(30):
        token, name = new_token(), f"r{n}"
        started = execution(name, branches=[msgspec.structs.replace(branch(), state="Work")])
        lease = (await one.start(DEFINITION, first_step(started), name)).lease
        assert lease is not None
        entered = execution(name, branches=[suspended(token)])
        step = msgspec.structs.replace(suspension(token), execution=entered)
        saved, taken = await asyncio.gather(
            _later(n * 0.0001, one.checkpoint(lease, step)), other.answer_state(answer(output=n, name=name))
        )
        event = TaskSucceeded("0:3", n, None, token)
        if isinstance(taken, Kept):
            outcomes.add("kept")
            assert saved.answered == {token}
            assert await one.inbox(entered.id) == (event,)
        else:
            outcomes.add("taken")
            assert saved.answered == frozenset()
            assert isinstance(taken, Claimed)
            assert taken.inbox == (event,)
    assert outcomes == {"kept", "taken"}


async def _later(seconds: float, something: Coroutine[object, object, T]) -> T:
    await asyncio.sleep(seconds)  # the race is about this very moment
    return await something
