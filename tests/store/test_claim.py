"""Claiming, renewing, giving back: at any time one daemon owns an execution, and none is forgotten."""

from __future__ import annotations

import msgspec
import pytest

from statebox.asl.events import CallbackAnswered, ExecutionStopped, TaskSucceeded
from statebox.asl.execution import ELSEWHERE, Execution
from statebox.embedded import EmbeddedValkey
from statebox.engine.errors import ExecutionDoesNotExist, LeaseLost
from statebox.engine.ownership import Checkpoint, Claimed, Lease
from statebox.engine.records import Answer
from statebox.store.codec import FORMAT
from statebox.store.redis_store import RedisStore
from statebox.store.scripts import script
from tests.servers import ask
from tests.store.conftest import Daemons, daemons_on
from tests.store.values import (
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


async def begin(store: RedisStore, *names: str) -> list[Lease]:
    leases: list[Lease] = []
    for name in names:
        started = await store.start(DEFINITION, first_step(execution(name, branches=[branch()])), name)
        assert started.lease is not None
        leases.append(started.lease)
    return leases


def ids(claimed: tuple[Claimed, ...]) -> list[str]:
    return [one.execution.id for one in claimed]


async def test_what_is_due_is_taken_in_the_order_in_which_it_became_due(store: RedisStore, daemons: Daemons):
    for name, due_ms in (("c", 3000), ("a", 1000), ("b", 2000), ("later", 9000)):
        token = new_token()
        await store.start(
            DEFINITION, parked_step(execution(name, branches=[suspended(token)]), token, NOON + due_ms), name
        )
    daemons.time.pass_by(3000)

    first = await store.claim(0, 2)
    second = await store.claim(0, 2)

    assert (ids(first.claimed), first.next_due_ms) == (["m:a", "m:b"], daemons.time())
    assert (ids(second.claimed), second.next_due_ms) == (["m:c"], NOON + 9000)
    assert first.claimed[0].definition == DEFINITION.text
    assert len({one.lease.token for one in (*first.claimed, *second.claimed)}) == 3


async def test_nothing_due_is_nothing_to_wait_for(store: RedisStore):
    claims = await store.claim(0, 10)

    assert (claims.claimed, claims.next_due_ms, claims.set_aside) == ((), None, ())


async def test_two_daemons_never_both_get_an_execution(store: RedisStore, daemons: Daemons):
    other = await daemons.open("b")
    await begin(store, *(f"x{n}" for n in range(40)))
    daemons.time.pass_by(store.settings.lease_ms)

    mine: list[str] = []
    theirs: list[str] = []
    for _ in range(4):
        mine += ids((await store.claim(0, 7)).claimed)
        theirs += ids((await other.claim(0, 7)).claimed)

    assert len(mine) + len(theirs) == 40
    assert not set(mine) & set(theirs)


async def test_a_lease_is_renewed_before_it_ends(store: RedisStore, daemons: Daemons):
    other = await daemons.open("b")
    (lease,) = await begin(store, "x")

    for _ in range(5):
        daemons.time.pass_by(store.settings.lease_ms - 1)
        renewed = await store.renew([lease])
        assert [one.token for one in renewed.leases] == [lease.token]
        assert renewed.lost == renewed.waiting == frozenset()
        assert (await other.claim(0, 10)).claimed == ()


async def test_renewing_tells_what_was_lost_and_what_has_something_in_its_inbox(store: RedisStore, daemons: Daemons):
    """So a lost wakeup costs time and nothing else."""
    other = await daemons.open("b")
    token = new_token()
    waiting = execution("waiting", branches=[suspended(token)])
    started = await store.start(DEFINITION, first_step(waiting, opened=(callback(token),)), "op")
    assert started.lease is not None
    lost, kept = await begin(store, "lost", "kept")
    daemons.time.pass_by(store.settings.lease_ms)
    await store.renew([started.lease, kept])
    assert ids((await other.claim(0, 10)).claimed) == ["m:lost"]
    await other.answer(Answer(token, CallbackAnswered, "op", "test"))

    renewed = await store.renew([started.lease, lost, kept])

    assert [lease.id for lease in renewed.leases] == ["m:waiting", "m:kept"]
    assert (renewed.lost, renewed.waiting) == ({"m:lost"}, {"m:waiting"})
    # What was lost was not pushed back in `due`: the new owner's lease still ends when it did.
    assert (await other.renew([])).leases == ()


async def test_more_leases_than_one_script_may_touch_are_renewed_in_groups(store: RedisStore):
    leases = await begin(store, *(f"x{n}" for n in range(501)))

    assert len((await store.renew(leases)).leases) == 501
    await store.release(leases)
    assert len((await store.claim(0, 1000)).claimed) == 500
    assert len((await store.claim(0, 1000)).claimed) == 1


async def test_a_lease_that_is_given_back_is_due_at_once_and_does_not_count(store: RedisStore, daemons: Daemons):
    other = await daemons.open("b")
    (lease,) = await begin(store, "x")

    for _ in range(20):
        await store.release([lease])
        (claimed,) = (await other.claim(0, 10)).claimed
        await other.release([claimed.lease])
        (again,) = (await store.claim(0, 10)).claimed
        lease = again.lease


async def test_a_lease_that_was_lost_cannot_be_given_back(store: RedisStore, daemons: Daemons):
    other = await daemons.open("b")
    (lease,) = await begin(store, "x")
    daemons.time.pass_by(store.settings.lease_ms)
    await other.claim(0, 10)

    await store.release([lease])

    assert (await store.claim(0, 10)).claimed == ()


async def test_a_daemon_that_comes_back_under_its_name_goes_on_at_once(store: RedisStore, daemons: Daemons):
    """And whatever may be left of its former life is fenced."""
    leases = await begin(store, *(f"x{n}" for n in range(501)))
    reborn = await daemons.open("a")

    assert await reborn.reclaim() == 501
    assert await reborn.reclaim() == 0
    assert len((await reborn.claim(0, 500)).claimed) == 500

    with pytest.raises(LeaseLost):
        await store.checkpoint(leases[0], Checkpoint(execution("x0")))
    # Where another lease was given to the same name since, nothing is undone either.
    assert (await store.renew(leases[:1])).lost == {"m:x0"}


async def test_a_daemon_does_not_reclaim_what_others_took_over(store: RedisStore, daemons: Daemons):
    other = await daemons.open("b")
    await begin(store, "x")
    daemons.time.pass_by(store.settings.lease_ms)
    (claimed,) = (await other.claim(0, 10)).claimed

    assert await (await daemons.open("a")).reclaim() == 0
    assert (await other.checkpoint(claimed.lease, Checkpoint(claimed.execution))).lease is not None


async def test_one_execution_can_be_taken_when_something_waits_in_its_inbox(store: RedisStore, daemons: Daemons):
    other = await daemons.open("b")
    token = new_token()
    begun = execution(branches=[suspended(token)])
    started = await store.start(DEFINITION, first_step(begun, opened=(callback(token),)), "op")
    assert started.lease is not None
    assert await other.claim_one(begun.id) is None
    await other.answer(Answer(token, CallbackAnswered, "op", "test"))
    assert await other.claim_one(begun.id) is None

    daemons.time.pass_by(store.settings.lease_ms)

    claimed = await other.claim_one(begun.id)
    assert claimed is not None
    assert (claimed.execution, claimed.inbox) == (begun, (CallbackAnswered("0:3"),))
    assert await store.claim_one(begun.id) is None


async def test_one_without_anything_in_its_inbox_is_left_to_the_sweep(store: RedisStore, daemons: Daemons):
    await begin(store, "x")
    daemons.time.pass_by(store.settings.lease_ms)

    assert await store.claim_one("m:x") is None
    assert await store.claim_one("m:unknown") is None


async def test_what_kills_its_daemons_is_set_aside(store: RedisStore, daemons: Daemons):
    """The fifth claim without a checkpoint does it; one value must not kill daemon after daemon."""
    await begin(store, "poison", "sound")
    for _ in range(4):
        daemons.time.pass_by(store.settings.lease_ms)
        claims = await store.claim(0, 10)
        assert sorted(ids(claims.claimed)) == ["m:poison", "m:sound"]
        (sound,) = [one for one in claims.claimed if one.execution.name == "sound"]
        await store.checkpoint(sound.lease, Checkpoint(sound.execution))
    daemons.time.pass_by(store.settings.lease_ms)

    claims = await store.claim(0, 10)

    assert (ids(claims.claimed), claims.set_aside) == (["m:sound"], ("m:poison",))
    assert [line.id for line in await store.set_aside()] == ["m:poison"]
    assert [line.set_aside for line in await store.list("m", None, 10, None)] == [False, True]
    assert (await store.counts()).set_aside == 1
    daemons.time.pass_by(100 * store.settings.lease_ms)
    assert ids((await store.claim(0, 10)).claimed) == ["m:sound"]


async def test_what_was_set_aside_is_tried_again_on_command(store: RedisStore, daemons: Daemons):
    await _set_aside(store, daemons, "x")

    await store.retry("m:x")

    assert await store.set_aside() == []
    for _ in range(4):
        assert ids((await store.claim(0, 10)).claimed) == ["m:x"]
        daemons.time.pass_by(store.settings.lease_ms)
    assert (await store.claim(0, 10)).set_aside == ("m:x",)


@pytest.mark.parametrize(("id", "why"), [("m:unknown", "Does Not Exist"), ("m:sound", "is not set aside")])
async def test_what_was_not_set_aside_cannot_be_tried_again(store: RedisStore, id: str, why: str):
    await begin(store, "sound")

    with pytest.raises(ExecutionDoesNotExist, match=why):
        await store.retry(id)


async def test_an_answer_waits_for_what_was_set_aside(store: RedisStore, daemons: Daemons):
    token = new_token()
    parked = execution(branches=[suspended(token)])
    await store.start(DEFINITION, parked_step(parked, token, due_ms=NOON), "op")
    for _ in range(5):
        await store.claim(0, 10)
        daemons.time.pass_by(store.settings.lease_ms)
    assert [line.id for line in await store.set_aside()] == [parked.id]

    assert await store.answer(Answer(token, CallbackAnswered, "op", "test")) == parked.id

    assert (await store.claim(0, 10)).claimed == ()
    await store.retry(parked.id)
    (claimed,) = (await store.claim(0, 10)).claimed
    assert claimed.inbox == (CallbackAnswered("0:3"),)


async def test_stopping_what_was_set_aside_gives_it_one_more_try(store: RedisStore, daemons: Daemons):
    """What it failed on may not be needed to end it."""
    await _set_aside(store, daemons, "x")

    claimed = await store.stop("m:x", "Enough", None, "stop")

    assert isinstance(claimed, Claimed)
    assert claimed.inbox == (ExecutionStopped("Enough"),)
    assert await store.set_aside() == []
    daemons.time.pass_by(store.settings.lease_ms)
    assert (await store.claim(0, 10)).set_aside == ("m:x",)


async def test_stopping_what_was_set_aside_leaves_that_try_to_whoever_can_read_it(store: RedisStore, daemons: Daemons):
    await _set_aside(store, daemons, "x")
    key = "statebox:{0}:execution:m:x"
    ask(daemons.server, "HSET", key, "format", 3)

    assert await store.stop("m:x", None, None, "stop") is None

    assert (await store.claim(0, 10)).claimed == ()
    ask(daemons.server, "HSET", key, "format", 1)
    (claimed,) = (await store.claim(0, 10)).claimed
    assert claimed.inbox == (ExecutionStopped(),)


async def test_a_claim_in_part_reads_the_ways_to_what_happened(valkey: EmbeddedValkey):
    """Answering one of 10,000 iterations must not read the others."""
    tokens = [new_token() for _ in range(10_000)]
    async with daemons_on(valkey) as daemons:
        store = await daemons.open()
        big = await _park_big(store, tokens)

        answered = await store.answer(Answer(tokens[4711], lambda task: TaskSucceeded(task, "yes"), "op", "test"))

        assert isinstance(answered, Claimed)
        assert list(answered.execution.branches) == ["0", "0.4711"]
        assert answered.execution == _part_of(big, "0", "0.4711")
        assert answered.inbox == (TaskSucceeded("0.4711:3", "yes"),)
        others = await store.branches(big.id, "0")
        assert {**others, "0": big.branches["0"]} == big.branches

        step = Checkpoint(answered.execution, removed=frozenset({"0.4711"}), consumed=1, release=True)
        await store.checkpoint(answered.lease, step)
        assert len((await store.describe(big.id)).branches) == 10_000


async def test_a_claim_in_part_reads_the_branches_whose_time_has_come(store: RedisStore, daemons: Daemons):
    tokens = [new_token() for _ in range(100)]
    big = await _park_big(
        store, tokens, deadlines={"0.7": NOON + SECOND, "0.8": NOON + SECOND, "0.9": NOON + 2 * SECOND}
    )
    daemons.time.pass_by(SECOND)

    (claimed,) = (await store.claim(0, 10)).claimed

    assert claimed.execution == _part_of(big, "0", "0.7", "0.8")


async def test_ways_lead_through_all_that_is_above(store: RedisStore):
    tokens = [new_token() for _ in range(200)]
    inner = [suspended(token, f"0.{n // 100}.{n % 100}") for n, token in enumerate(tokens)]
    big = execution(branches=[forked(2), branch("0.0"), branch("0.1"), *inner])
    opened = tuple(callback(token, one.id) for token, one in zip(tokens, inner, strict=True))
    await store.start(DEFINITION, first_step(big, opened=opened, release=True), "op")

    answered = await store.answer(Answer(tokens[142], CallbackAnswered, "op", "test"))

    assert isinstance(answered, Claimed)
    assert answered.execution == _part_of(big, "0", "0.1", "0.1.42")
    assert set(await store.branches(big.id, "0.0")) == {f"0.0.{n}" for n in range(100)}


@pytest.mark.parametrize("how", ["died", "gave it back", "came back"])
async def test_one_that_was_not_parked_is_read_whole(store: RedisStore, daemons: Daemons, how: str):
    """Calls may have been in flight anywhere."""
    tokens = [new_token() for _ in range(100)]
    big = await _park_big(store, tokens)
    answered = await store.answer(Answer(tokens[1], CallbackAnswered, "op", "test"))
    assert isinstance(answered, Claimed)
    match how:
        case "died":
            daemons.time.pass_by(store.settings.lease_ms)
        case "gave it back":
            await store.release([answered.lease])
        case _:
            await store.reclaim()

    (claimed,) = (await store.claim(0, 10)).claimed

    assert claimed.execution == big


async def test_a_newer_format_is_left_alone_and_hides_nothing(store: RedisStore, daemons: Daemons):
    """A daemon that was not updated yet must neither take it, nor look at it again and again, nor starve over it."""
    names = [f"new{n}" for n in range(5)]
    await begin(store, *names)
    for name in names:
        ask(daemons.server, "HSET", f"statebox:{{0}}:execution:m:{name}", "format", 3)
    daemons.time.pass_by(1)
    await begin(store, "old")
    daemons.time.pass_by(store.settings.lease_ms)

    claims = await store.claim(0, 2)

    assert ids(claims.claimed) == ["m:old"]
    daemons.time.pass_by(1)
    assert (await store.claim(0, 2)).next_due_ms == NOON + 1 + 2 * store.settings.lease_ms


async def test_what_cannot_be_read_is_set_aside_in_the_end(store: RedisStore, daemons: Daemons):
    await begin(store, "broken", "sound")
    ask(daemons.server, "HSET", "statebox:{0}:execution:m:broken", "b:0", "garbage")

    for _ in range(4):
        daemons.time.pass_by(store.settings.lease_ms)
        claims = await store.claim(0, 10)
        assert ids(claims.claimed) == ["m:sound"]
        await store.checkpoint(claims.claimed[0].lease, Checkpoint(claims.claimed[0].execution))
    daemons.time.pass_by(store.settings.lease_ms)

    assert (await store.claim(0, 10)).set_aside == ("m:broken",)


async def test_what_is_due_but_not_there_is_looked_at_once(store: RedisStore, daemons: Daemons):
    """Somebody deleted its key: it must not be found due for ever."""
    ask(daemons.server, "ZADD", "statebox:{0}:due", NOON, "m:gone")

    assert (await store.claim(0, 10)).claimed == ()

    assert ask(daemons.server, "EXISTS", "statebox:{0}:due") == 0


async def test_an_ended_execution_is_never_due_again(store: RedisStore, daemons: Daemons):
    (lease,) = await begin(store, "x")
    await store.checkpoint(lease, Checkpoint(ended(execution("x")), removed=frozenset("0"), release=True))
    daemons.time.pass_by(100 * store.settings.lease_ms)

    assert (await store.claim(0, 10)).next_due_ms is None
    assert (await store.renew([lease])).lost == {"m:x"}


def _part_of(whole: Execution, *branches: str) -> Execution:
    return msgspec.structs.replace(whole, branches={id: whole.branches[id] for id in branches}, whole=False)


async def _park_big(store: RedisStore, tokens: list[str], deadlines: dict[str, int | None] | None = None) -> Execution:
    children = [suspended(token, f"0.{n}", {"n": n}) for n, token in enumerate(tokens)]
    big = execution(branches=[forked(len(tokens)), *children])
    opened = tuple(callback(token, one.id) for token, one in zip(tokens, children, strict=True))
    await store.start(DEFINITION, first_step(big, opened=opened, release=True, deadlines=deadlines or {}), "op")
    return big


async def _set_aside(store: RedisStore, daemons: Daemons, name: str) -> None:
    await begin(store, name)
    for _ in range(5):
        daemons.time.pass_by(store.settings.lease_ms)
        await store.claim(0, 10)
    assert [line.name for line in await store.set_aside()] == [name]


async def test_large_data_are_left_where_they_are_when_a_branch_below_is_answered(store: RedisStore):
    """The items of a Map are as many as its branches: with them, every answer would cost as much as there are."""
    items = ["x" * 100 for _ in range(100)]
    tokens = [new_token() for _ in range(100)]
    children = [suspended(token, f"0.{n}", items[n]) for n, token in enumerate(tokens)]
    big = execution(input=items, branches=[forked(100, items), *children])
    opened = tuple(callback(token, child.id) for token, child in zip(tokens, children, strict=True))
    await store.start(DEFINITION, first_step(big, opened=opened, release=True), "op")

    answered = await store.answer(Answer(tokens[42], CallbackAnswered, "op", "test"))

    assert isinstance(answered, Claimed)
    assert answered.execution.input is ELSEWHERE
    assert answered.execution.branches["0"].data is ELSEWHERE
    assert answered.execution.branches["0.42"] == children[42]
    assert await store.data(big.id, "0") == (items, big.branches["0"])
    ways = await store.ways(big.id, {"0.7", "0.8", "0.1000"})
    assert list(ways) == ["0", "0.7", "0.8"]
    assert ways["0"].data is ELSEWHERE
    assert ways["0.7"] == children[7]


async def test_a_claim_that_is_repeated_after_its_lease_has_ended_takes_the_execution_again(
    store: RedisStore, daemons: Daemons
):
    """Its first reply was lost, and the note of it is gone with the lease: nothing else would ever look at it."""
    await store.release(await begin(store, "a"))
    lease_ms = store.settings.lease_ms
    for again in (False, True):
        if again:
            daemons.time.pass_by(lease_ms)
            ask(daemons.server, "DEL", "statebox:{0}:claimed:nonce")
        who = ("nonce", lease_ms, "a", FORMAT, 5)
        command = ("EVAL", script("claim").text, 1, "statebox:{0}:due", "statebox:{0}:", daemons.time(), *who, 10, 0)
        ask(daemons.server, *command)

    daemons.time.pass_by(store.settings.lease_ms)
    assert ids((await store.claim(0, 10)).claimed) == ["m:a"]
