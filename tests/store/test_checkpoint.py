"""Checkpoints: only the owner writes, each step is written once, and only what changed is written."""

from __future__ import annotations

import msgspec
import pytest

from statebox.asl.events import CallbackAnswered, TaskSucceeded
from statebox.asl.execution import Branch, Execution
from statebox.engine.errors import AnswerCameFirst, LeaseLost
from statebox.engine.ownership import Checkpoint, Claimed, Lease, Saved
from statebox.engine.records import Answer
from statebox.store.redis_store import RedisStore
from tests.servers import ask
from tests.store.conftest import Daemons
from tests.store.values import (
    DEFINITION,
    NOON,
    SECOND,
    branch,
    callback,
    ended,
    events,
    execution,
    first_step,
    forked,
    new_token,
    parked_step,
    suspended,
)


async def begin(store: RedisStore, begun: Execution) -> Lease:
    started = await store.start(DEFINITION, first_step(begun), begun.id)
    assert started.lease is not None
    return started.lease


def with_branches(execution: Execution, *branches: Branch, **changes: int) -> Execution:
    return msgspec.structs.replace(execution, branches={one.id: one for one in branches}, **changes)


async def test_a_step_is_written_and_the_lease_goes_on(store: RedisStore, daemons: Daemons):
    begun = execution(branches=[branch("0", 1)])
    lease = await begin(store, begun)
    changed = with_branches(begun, branch("0", {"new": True}, retried=(1, 0)), next_event=4, now_ms=NOON + 9)
    daemons.time.pass_by(4 * SECOND)

    saved = await store.checkpoint(
        lease,
        Checkpoint(changed, changed=frozenset("0"), reloaded=frozenset("0"), history=events(1, 3)),
    )

    assert saved.lease is not None
    assert (saved.lease.token, saved.lease.sequence, saved.waiting) == (lease.token, 2, 0)
    assert await store.describe(begun.id) == changed
    assert await store.history(begun.id, 0, 10, reverse=False) == list(events(1, 3))
    assert (await store.claim(0, 10)).next_due_ms == NOON + 4 * SECOND + store.settings.lease_ms


async def test_only_what_changed_is_written(store: RedisStore):
    """Data that a step did not touch stays as it is, whatever stands in the value that is given."""
    begun = execution(branches=[forked(2), branch("0.0", "first"), branch("0.1", "second")])
    lease = await begin(store, begun)
    changed = with_branches(begun, branch("0", "not named"), branch("0.0", "not reloaded", retried=(1,)))

    await store.checkpoint(lease, Checkpoint(changed, changed=frozenset({"0.0"}), removed=frozenset({"0.1"})))

    written = await store.describe(begun.id)
    assert written.branches == {"0": forked(2), "0.0": branch("0.0", "first", retried=(1,))}


async def test_a_repeated_checkpoint_is_applied_once_and_answered_alike(store: RedisStore):
    begun = execution(branches=[branch()])
    lease = await begin(store, begun)
    step = Checkpoint(begun, changed=frozenset("0"), history=events(1, 3))

    first = await store.checkpoint(lease, step)
    second = await store.checkpoint(lease, step)

    assert first.lease is not None
    assert second.lease is not None
    assert first.lease.sequence == second.lease.sequence == 2
    assert len(await store.history(begun.id, 0, 100, reverse=False)) == 3


@pytest.mark.parametrize("how", ["parked", "ended"])
async def test_a_repeated_checkpoint_that_gave_the_lease_back_is_answered_alike(store: RedisStore, how: str):
    begun = execution(branches=[branch()])
    lease = await begin(store, begun)
    step = Checkpoint(ended(begun) if how == "ended" else begun, history=events(1, 3), release=True)

    assert await store.checkpoint(lease, step) == await store.checkpoint(lease, step)
    assert len(await store.history(begun.id, 0, 100, reverse=False)) == 3


async def test_it_is_still_recognised_when_another_daemon_has_claimed_since(store: RedisStore, daemons: Daemons):
    other = await daemons.open("b")
    begun = execution(branches=[branch()])
    lease = await begin(store, begun)
    step = Checkpoint(begun, release=True, due_ms=NOON)
    await store.checkpoint(lease, step)
    (claimed,) = (await other.claim(0, 10)).claimed

    assert (await store.checkpoint(lease, step)).lease is None
    assert (await other.checkpoint(claimed.lease, Checkpoint(begun))).lease is not None


async def test_a_former_owner_writes_nothing(store: RedisStore, daemons: Daemons):
    """The fence is the token: the number alone would let both of them write."""
    other = await daemons.open("b")
    begun = execution(branches=[branch()])
    lease = await begin(store, begun)
    daemons.time.pass_by(store.settings.lease_ms)
    (claimed,) = (await other.claim(0, 10)).claimed
    assert claimed.lease.sequence == lease.sequence

    with pytest.raises(LeaseLost):
        await store.checkpoint(lease, Checkpoint(ended(begun, "wrong"), release=True))

    assert await store.describe(begun.id) == begun


async def test_a_lease_that_has_run_out_holds_until_somebody_claims(store: RedisStore, daemons: Daemons):
    begun = execution(branches=[branch()])
    lease = await begin(store, begun)
    daemons.time.pass_by(100 * store.settings.lease_ms)

    assert (await store.checkpoint(lease, Checkpoint(begun))).lease is not None
    assert (await store.claim(0, 10)).claimed == ()


@pytest.mark.parametrize("steps", [-2, 1, 2])
async def test_a_sequence_that_does_not_follow_is_lost(store: RedisStore, steps: int):
    begun = execution(branches=[branch()])
    lease = await begin(store, begun)

    with pytest.raises(LeaseLost):
        await store.checkpoint(msgspec.structs.replace(lease, sequence=lease.sequence + steps), Checkpoint(begun))


async def test_an_execution_that_is_not_there_cannot_be_written(store: RedisStore):
    with pytest.raises(LeaseLost):
        await store.checkpoint(Lease("m:x", 0, "token", 1, 0), Checkpoint(execution()))


async def test_a_parked_execution_is_due_at_its_next_deadline(store: RedisStore, daemons: Daemons):
    begun = execution(branches=[branch()])
    lease = await begin(store, begun)

    saved = await store.checkpoint(lease, Checkpoint(begun, release=True, due_ms=NOON + 70 * SECOND))

    assert saved.lease is None
    daemons.time.pass_by(70 * SECOND - 1)
    assert (await store.claim(0, 10)).claimed == ()
    assert (await store.claim(0, 10)).next_due_ms == NOON + 70 * SECOND
    daemons.time.pass_by(1)
    assert len((await store.claim(0, 10)).claimed) == 1


async def test_the_deadlines_of_branches_that_are_not_loaded_count_as_well(store: RedisStore):
    begun = execution(branches=[forked(2), branch("0.0"), branch("0.1")])
    lease = await begin(store, begun)
    saved = await store.checkpoint(
        lease, Checkpoint(begun, deadlines={"0.0": NOON + 5 * SECOND, "0.1": NOON + 9 * SECOND})
    )
    assert saved.lease is not None
    parked = Checkpoint(begun, deadlines={"0.0": None}, release=True, due_ms=NOON + 20 * SECOND)

    await store.checkpoint(saved.lease, parked)

    assert (await store.claim(0, 10)).next_due_ms == NOON + 9 * SECOND


async def test_the_deadlines_of_branches_that_are_over_do_not_count(store: RedisStore):
    begun = execution(branches=[forked(1), branch("0.0")])
    lease = await begin(store, begun)
    saved = await store.checkpoint(lease, Checkpoint(begun, deadlines={"0.0": NOON + 5 * SECOND}))
    assert saved.lease is not None

    await store.checkpoint(saved.lease, Checkpoint(begun, removed=frozenset({"0.0"}), release=True))

    assert (await store.claim(0, 10)).next_due_ms is None


async def test_an_execution_is_not_parked_over_something_in_its_inbox(store: RedisStore):
    token = new_token()
    begun = execution(branches=[suspended(token)])
    started = await store.start(DEFINITION, first_step(begun, opened=(callback(token),)), "op")
    assert started.lease is not None
    assert await store.answer(Answer(token, CallbackAnswered, "answer", "test")) == begun.id

    kept = await store.checkpoint(started.lease, Checkpoint(begun, release=True))

    assert kept.lease is not None
    assert kept.waiting == 1
    assert await store.inbox(begun.id) == (CallbackAnswered("0:3"),)
    parked = await store.checkpoint(kept.lease, Checkpoint(begun, consumed=1, release=True))
    assert parked.lease is None
    assert await store.inbox(begun.id) == ()


async def test_a_step_that_would_close_an_answered_continuation_is_refused(store: RedisStore):
    """An accepted answer beats everything that comes after it."""
    token = new_token()
    begun = execution(branches=[suspended(token)])
    started = await store.start(DEFINITION, first_step(begun, opened=(callback(token),)), "op")
    assert started.lease is not None
    await store.answer(Answer(token, lambda task: TaskSucceeded(task, "yes"), "answer", "test"))
    timed_out = Checkpoint(ended(begun, "timed out"), closed=(token,), release=True)

    with pytest.raises(AnswerCameFirst):
        await store.checkpoint(started.lease, timed_out)

    assert await store.describe(begun.id) == begun
    assert await store.inbox(begun.id) == (TaskSucceeded("0:3", "yes"),)
    done = Checkpoint(ended(begun, "yes"), consumed=1, removed=frozenset("0"), release=True)
    assert (await store.checkpoint(started.lease, done)).lease is None


async def test_a_continuation_that_is_opened_again_has_a_new_deadline(store: RedisStore, daemons: Daemons):
    token = new_token()
    begun = execution(branches=[suspended(token)])
    started = await store.start(
        DEFINITION, first_step(begun, opened=(callback(token, deadline_ms=NOON + 5 * SECOND),)), "op"
    )
    assert started.lease is not None

    await store.checkpoint(started.lease, Checkpoint(begun, opened=(callback(token, deadline_ms=NOON + 60 * SECOND),)))

    daemons.time.pass_by(30 * SECOND)
    known = await store.continuation(token)
    assert (known.status, known.deadline_ms) == ("waiting", NOON + 60 * SECOND)
    assert 50 < int(str(ask(daemons.server, "TTL", f"statebox:{{0}}:continuation:{token}"))) <= 60


async def test_an_answered_continuation_is_not_opened_again(store: RedisStore):
    """A heartbeat's new deadline may be written while the answer already lies in the inbox."""
    token = new_token()
    begun = execution(branches=[suspended(token)])
    started = await store.start(DEFINITION, first_step(begun, opened=(callback(token),)), "op")
    assert started.lease is not None
    await store.answer(Answer(token, CallbackAnswered, "answer", "test"))

    await store.checkpoint(started.lease, Checkpoint(begun, opened=(callback(token, deadline_ms=NOON + 1),)))

    assert (await store.continuation(token)).status == "answered"


async def test_a_continuation_of_another_shard_is_a_fault(store: RedisStore):
    begun = execution(branches=[suspended(new_token(7))])

    with pytest.raises(ValueError, match="does not belong to shard 0"):
        await store.start(DEFINITION, first_step(begun, opened=(callback(new_token(7)),)), "op")


async def test_thousands_of_branches_and_continuations_fit_into_one_step(store: RedisStore):
    """Scripts take long lists apart: Lua cannot unpack them whole."""
    tokens = [new_token() for _ in range(3000)]
    ids = [f"0.{n}" for n in range(len(tokens))]
    begun = execution(branches=[forked(len(ids)), *(suspended(t, id) for t, id in zip(tokens, ids, strict=True))])
    opened = tuple(callback(token, id, deadline_ms=NOON + SECOND) for token, id in zip(tokens, ids, strict=True))
    started = await store.start(
        DEFINITION, first_step(begun, opened=opened, deadlines=dict.fromkeys(ids, NOON + SECOND)), "op"
    )
    assert started.lease is not None
    assert (await store.counts()).suspended == len(tokens)
    assert list((await store.describe(begun.id)).branches) == ["0", *ids]

    over = Checkpoint(ended(begun), removed=frozenset(begun.branches), closed=tuple(tokens), release=True)
    await store.checkpoint(started.lease, over)

    assert (await store.counts()).suspended == 0


async def test_what_an_ended_execution_no_longer_needs_goes_at_once(store: RedisStore, daemons: Daemons):
    """Whatever came too late, and deadlines of branches that nobody loaded."""
    token = new_token()
    begun = execution(branches=[forked(2), suspended(token, "0.0"), branch("0.1")])
    opened = (callback(token, "0.0"),)
    started = await store.start(DEFINITION, first_step(begun, opened=opened, deadlines={"0.1": NOON + SECOND}), "op")
    assert started.lease is not None
    await store.heartbeat(token, "too late")

    over = Checkpoint(ended(begun), removed=frozenset({"0", "0.0"}), closed=(token,), release=True)
    assert await store.checkpoint(started.lease, over) == Saved(None)

    assert ask(daemons.server, "EXISTS", "statebox:{0}:inbox:m:x", "statebox:{0}:timers:m:x") == 0


async def test_a_parked_execution_is_not_held(store: RedisStore, daemons: Daemons):
    token = new_token()
    parked = execution(branches=[suspended(token)])
    await store.start(DEFINITION, parked_step(parked, token), "op")

    answered = await store.answer(Answer(token, CallbackAnswered, "answer", "test"))

    assert isinstance(answered, Claimed)
    assert (answered.execution, answered.inbox) == (parked, (CallbackAnswered("0:3"),))
    assert (await store.checkpoint(answered.lease, Checkpoint(ended(parked), consumed=1, release=True))).lease is None
