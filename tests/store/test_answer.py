"""Answering: a continuation is taken once, and whoever asks again is told what became of it."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from statebox.asl.events import (
    AnyEvent,
    CallbackAnswered,
    ExecutionStarted,
    ExecutionStopped,
    TaskFailed,
    TaskHeartbeat,
    TaskSucceeded,
)
from statebox.asl.execution import Execution
from statebox.engine.errors import (
    AnswerCameFirst,
    ExecutionDoesNotExist,
    InvalidToken,
    ServiceError,
    TaskAlreadyAnswered,
    TaskDoesNotExist,
    TaskTimedOut,
)
from statebox.engine.ownership import Checkpoint, Claimed, Lease
from statebox.engine.records import Answer
from statebox.store.redis_store import RedisStore
from tests.servers import ask
from tests.store.conftest import Daemons
from tests.store.values import (
    DEFINITION,
    NOON,
    SECOND,
    callback,
    ended,
    execution,
    first_step,
    new_token,
    parked_step,
    suspended,
)
from tests.waiting import wait_until


def answer(token: str, operation: str = "op", channel: str = "test") -> Answer:
    return Answer(token, CallbackAnswered, operation, channel)


async def park(store: RedisStore, token: str, deadline_ms: int | None = None, name: str = "x") -> Execution:
    parked = execution(name, branches=[suspended(token, deadline_ms=deadline_ms)])
    await store.start(DEFINITION, parked_step(parked, token, deadline_ms), name)
    return parked


async def hold(store: RedisStore, token: str, deadline_ms: int | None = None) -> Lease:
    held = execution(branches=[suspended(token, deadline_ms=deadline_ms)])
    opened = (callback(token, deadline_ms=deadline_ms),)
    started = await store.start(DEFINITION, first_step(held, opened=opened), "op")
    assert started.lease is not None
    return started.lease


async def end(store: RedisStore, lease: Lease, *tokens: str) -> None:
    done = ended(execution())
    await store.checkpoint(lease, Checkpoint(done, removed=frozenset("0"), closed=tokens, release=True))


@pytest.mark.parametrize(
    "event",
    [
        CallbackAnswered("0:3"),
        TaskSucceeded("0:3", {"n": 10**30, "f": 1.0, "text": 'a"\\/\u0000\U0001f600'}, None, "token"),
        TaskFailed("0:3", "No", 'because of "x"\n'),
        TaskFailed("0:3"),
    ],
)
async def test_what_was_answered_arrives_exactly(
    store: RedisStore, event: CallbackAnswered | TaskSucceeded | TaskFailed
):
    token = new_token()
    parked = await park(store, token)

    claimed = await store.answer(Answer(token, lambda task: replace(event, task=task), "op", "test"))

    assert isinstance(claimed, Claimed)
    assert (claimed.execution, claimed.definition) == (parked, DEFINITION.text)
    assert claimed.inbox == (event,)


async def test_an_event_that_is_for_no_task_cannot_be_an_answer(store: RedisStore):
    def started(task: str) -> AnyEvent:
        return ExecutionStarted()

    with pytest.raises(TypeError, match="ExecutionStarted is no event of a task"):
        await store.answer(Answer(new_token(), started, "op", "test"))


async def test_the_owner_is_told(store: RedisStore, daemons: Daemons):
    token = new_token()
    lease = await hold(store, token)

    assert await (await daemons.open("b")).answer(answer(token)) == lease.id

    assert await store.inbox(lease.id) == (CallbackAnswered("0:3"),)
    assert (await store.renew([lease])).waiting == {lease.id}


async def test_an_owner_whose_lease_has_ended_is_not_waited_for(store: RedisStore, daemons: Daemons):
    token = new_token()
    lease = await hold(store, token)
    daemons.time.pass_by(store.settings.lease_ms)

    assert isinstance(await (await daemons.open("b")).answer(answer(token)), Claimed)
    assert (await store.renew([lease])).lost == {lease.id}


async def test_a_second_answer_is_told_when_and_how_the_first_came(store: RedisStore, daemons: Daemons):
    token = new_token()
    await park(store, token)
    await store.answer(answer(token, "first", "http"))
    daemons.time.pass_by(5 * SECOND)

    with pytest.raises(TaskAlreadyAnswered, match=r"answered before: at 2023-11-14T22:13:20.000Z by http") as refused:
        await store.answer(answer(token, "second", "resume"))

    assert refused.value.details == {"answered_ms": NOON, "channel": "http"}
    known = await store.continuation(token)
    assert (known.status, known.answered_ms, known.channel) == ("answered", NOON, "http")


async def test_a_repeated_answer_gets_the_first_reply(store: RedisStore):
    token = new_token()
    lease = await hold(store, token)

    assert await store.answer(answer(token)) == lease.id
    assert await store.answer(answer(token)) == lease.id
    assert len(await store.inbox(lease.id)) == 1


@pytest.mark.parametrize(
    "token",
    [
        "",
        "garbage",
        "../../etc/passwd",
        new_token().upper(),
        f"{new_token()}\n",
        new_token().replace("-", ""),
        # No version 4.
        "00000000-0000-1000-8000-000000000000",
        # A shard that is not there.
        new_token(1),
        new_token(0xFFF),
        # Nobody ever made it.
        new_token(),
    ],
    # The tokens are drawn anew each time; the tests are called the same.
    ids=lambda token: f"{len(token)}-characters",
)
async def test_what_is_no_continuation_is_said_to_be_none(store: RedisStore, token: str):
    for question in (store.answer(answer(token)), store.heartbeat(token, "op"), store.continuation(token)):
        with pytest.raises(InvalidToken):
            await question


async def test_an_answer_is_too_late_when_its_deadline_has_come(store: RedisStore, daemons: Daemons):
    """By the time of Redis, whether or not the owner has noticed, and never a millisecond before."""
    late, in_time = new_token(), new_token()
    await park(store, late, NOON + SECOND, "late")
    await park(store, in_time, NOON + SECOND, "in-time")
    daemons.time.pass_by(SECOND - 1)
    assert isinstance(await store.answer(answer(in_time)), Claimed)
    daemons.time.pass_by(1)

    with pytest.raises(TaskTimedOut):
        await store.answer(answer(late))
    with pytest.raises(TaskTimedOut):
        await store.heartbeat(late, "op")
    assert (await store.continuation(late)).status == "expired"


async def test_an_answer_is_refused_when_the_execution_went_on_without_it(store: RedisStore, daemons: Daemons):
    token = new_token()
    lease = await hold(store, token, NOON + 60 * SECOND)
    await store.checkpoint(lease, Checkpoint(execution(), removed=frozenset("0"), closed=(token,)))

    # It stays so when its deadline passes.
    for _ in range(2):
        with pytest.raises(TaskDoesNotExist):
            await store.answer(answer(token))
        assert (await store.continuation(token)).status == "closed"
        daemons.time.pass_by(60 * SECOND)


async def test_a_continuation_that_was_closed_at_its_deadline_has_expired(store: RedisStore, daemons: Daemons):
    token = new_token()
    lease = await hold(store, token, NOON + SECOND)
    daemons.time.pass_by(SECOND)
    await end(store, lease, token)

    with pytest.raises(TaskTimedOut):
        await store.answer(answer(token))
    assert (await store.continuation(token)).status == "expired"


async def test_an_answer_is_refused_from_the_stop_on(store: RedisStore):
    token = new_token()
    await hold(store, token)
    await store.stop("m:x", None, None, "stop")

    with pytest.raises(TaskDoesNotExist):
        await store.answer(answer(token))
    with pytest.raises(TaskDoesNotExist):
        await store.heartbeat(token, "op")
    assert (await store.continuation(token)).status == "closed"
    assert await store.continuations("m:x") == []


async def test_answers_to_a_forgotten_execution_are_for_no_continuation(store: RedisStore, daemons: Daemons):
    token = new_token()
    quick = await daemons.open("quick", retention_ms=50)
    lease = await hold(quick, token)
    await end(quick, lease, token)
    key = f"statebox:{{0}}:token:{token}"
    await wait_until(lambda: ask(daemons.server, "EXISTS", key) == 0, "the keys to expire, by Redis's own time")

    with pytest.raises(InvalidToken):
        await store.answer(answer(token))
    with pytest.raises(ExecutionDoesNotExist):
        await store.describe("m:x")
    assert await store.list(None, None, 10, None) == []
    daemons.time.pass_by(50)
    assert await store.sweep() == 1


async def test_of_fifty_answers_at_once_one_wins(daemons: Daemons):
    stores = [await daemons.open(name) for name in ("a", "b")]
    token = new_token()
    await park(stores[0], token)

    async def try_it(n: int) -> str:
        try:
            await stores[n % 2].answer(answer(token, f"op{n}"))
        except TaskAlreadyAnswered:
            return "refused"
        return "taken"

    assert sorted(await asyncio.gather(*map(try_it, range(50)))) == ["refused"] * 49 + ["taken"]


@pytest.mark.parametrize("rounds", [40])
async def test_an_answer_against_a_timeout_a_stop_and_an_end_has_one_outcome(daemons: Daemons, rounds: int):
    """Whoever is told that the answer was taken finds it in the inbox before anything else ends the task."""
    owner, other = await daemons.open("a"), await daemons.open("b")
    for n in range(rounds):
        name, token = f"x{n}", new_token()
        held = execution(name, branches=[suspended(token)])
        started = await owner.start(DEFINITION, first_step(held, opened=(callback(token),)), name)
        assert started.lease is not None
        over = Checkpoint(ended(held, "over"), removed=frozenset("0"), closed=(token,), release=True)
        rivals = (other.answer(answer(token)), owner.checkpoint(started.lease, over))

        taken, written = await asyncio.gather(*(rivals if n % 2 else rivals[::-1]), return_exceptions=True)

        if isinstance(taken, str | ServiceError):
            answered, finished = taken, written
        else:
            answered, finished = written, taken
        if isinstance(answered, str):
            assert isinstance(finished, AnswerCameFirst)
            assert await owner.inbox(held.id) == (CallbackAnswered("0:3"),)
        else:
            assert isinstance(answered, TaskDoesNotExist)
            assert (await owner.describe(held.id)).output == "over"


async def test_an_answer_against_a_stop_is_before_it_or_refused(daemons: Daemons):
    owner, other = await daemons.open("a"), await daemons.open("b")
    outcomes: set[bool] = set()
    for n in range(40):
        name, token = f"x{n}", new_token()
        held = execution(name, branches=[suspended(token)])
        await owner.start(DEFINITION, first_step(held, opened=(callback(token),)), name)
        moves = (other.answer(answer(token)), owner.stop(held.id, None, None, "stop"))

        results = await asyncio.gather(*(moves if n % 2 else moves[::-1]), return_exceptions=True)

        taken = held.id in results
        outcomes.add(taken)
        if not taken:
            assert any(isinstance(result, TaskDoesNotExist) for result in results)
        before = (CallbackAnswered("0:3"),) if taken else ()
        assert await owner.inbox(held.id) == (*before, ExecutionStopped())
    assert outcomes == {True, False}


async def test_the_shadow_of_a_continuation_tells_how_long_there_is(store: RedisStore, daemons: Daemons):
    token, for_ever = new_token(), new_token()
    await park(store, token, NOON + 300 * SECOND)
    await park(store, for_ever, name="for-ever")

    assert 290 < int(str(ask(daemons.server, "TTL", f"statebox:{{0}}:continuation:{token}"))) <= 300
    assert ask(daemons.server, "TTL", f"statebox:{{0}}:continuation:{for_ever}") == -1


async def test_a_shadow_that_is_lost_changes_nothing(store: RedisStore, daemons: Daemons):
    token = new_token()
    await park(store, token, NOON + 300 * SECOND)
    ask(daemons.server, "DEL", f"statebox:{{0}}:continuation:{token}")

    assert (await store.continuation(token)).status == "waiting"
    assert isinstance(await store.answer(answer(token)), Claimed)


async def test_a_heartbeat_is_delivered_and_takes_nothing(store: RedisStore, daemons: Daemons):
    token = new_token()
    await park(store, token)

    claimed = await store.heartbeat(token, "beat1")
    assert isinstance(claimed, Claimed)
    assert claimed.inbox == (TaskHeartbeat("0:3"),)

    other = await daemons.open("b")
    assert await other.heartbeat(token, "beat2") == "m:x"
    assert await other.heartbeat(token, "beat2") == "m:x"
    assert await store.inbox("m:x") == (TaskHeartbeat("0:3"), TaskHeartbeat("0:3"))
    assert await other.answer(answer(token)) == "m:x"
    with pytest.raises(TaskAlreadyAnswered):
        await other.heartbeat(token, "beat3")


async def test_an_answer_to_what_only_a_newer_daemon_can_read_is_kept_for_it(store: RedisStore, daemons: Daemons):
    token = new_token()
    await park(store, token)
    ask(daemons.server, "HSET", "statebox:{0}:execution:m:x", "format", 3)

    assert await store.answer(answer(token)) == "m:x"

    assert (await store.claim(0, 10)).claimed == ()
    assert ask(daemons.server, "ZSCORE", "statebox:{0}:due", "m:x") == NOON


async def test_an_answer_to_what_cannot_be_read_is_taken_all_the_same(store: RedisStore, daemons: Daemons):
    token = new_token()
    await park(store, token)
    ask(daemons.server, "HSET", "statebox:{0}:execution:m:x", "state", "garbage")

    assert await store.answer(answer(token)) == "m:x"
    assert (await store.continuation(token)).status == "answered"
