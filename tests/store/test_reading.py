"""Reading: history pages both ways, listings merge what is spread, and continuations tell their standing."""

from __future__ import annotations

import pytest

from statebox.asl.execution import Status
from statebox.asl.history import HistoryEvent
from statebox.asl.jsontext import Json
from statebox.engine.errors import ExecutionDoesNotExist
from statebox.engine.ownership import Checkpoint
from statebox.engine.records import Continuation, Counts
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

EMPTY: Json = ([], {}, [[[{}]]])
EVENTS = events(1, 40, payload={"some": "data"})


async def with_history(store: RedisStore, *chunks: tuple[HistoryEvent, ...]) -> str:
    """An execution whose history was written in these chunks."""
    begun = execution(branches=[branch()])
    started = await store.start(DEFINITION, first_step(begun, history=chunks[0]), "op")
    lease = started.lease
    for chunk in chunks[1:]:
        assert lease is not None
        lease = (await store.checkpoint(lease, Checkpoint(begun, history=chunk))).lease
    return begun.id


@pytest.mark.parametrize("limit", [1, 3, 7, 40, 1000])
async def test_history_pages_forwards_and_backwards(store: RedisStore, limit: int):
    id = await with_history(store, EVENTS[:1], EVENTS[1:9], EVENTS[9:10], EVENTS[10:35], EVENTS[35:])

    forwards: list[HistoryEvent] = []
    while page := await store.history(id, forwards[-1].id if forwards else 0, limit, reverse=False):
        assert len(page) <= limit
        forwards += page
    backwards: list[HistoryEvent] = []
    while page := await store.history(id, backwards[-1].id if backwards else 0, limit, reverse=True):
        assert len(page) <= limit
        backwards += page
        if page[-1].id == 1:
            break

    assert tuple(forwards) == EVENTS
    assert tuple(backwards) == EVENTS[::-1]


async def test_a_history_that_was_begun_as_a_sorted_set_is_read_and_goes_on(store: RedisStore, daemons: Daemons):
    """So it was once; who takes the execution over makes a list of it."""
    key = "statebox:{0}:history:m:x"
    id = await with_history(store, EVENTS[:9], EVENTS[9:20], EVENTS[20:35])
    for first in (1, 10, 21):
        ask(daemons.server, "ZADD", f"{key}.old", first, str(ask(daemons.server, "LPOP", key)))
    ask(daemons.server, "RENAME", f"{key}.old", key)

    assert await store.history(id, 5, 10, reverse=False) == list(EVENTS[5:15])
    daemons.time.pass_by(store.settings.lease_ms)
    claims = await store.claim(0, 1)
    await store.checkpoint(claims.claimed[0].lease, Checkpoint(claims.claimed[0].execution, history=EVENTS[35:]))

    assert await store.history(id, 0, 100, reverse=False) == list(EVENTS)


async def test_history_beyond_its_ends_is_empty(store: RedisStore):
    id = await with_history(store, EVENTS)

    assert await store.history(id, 40, 10, reverse=False) == []
    assert await store.history(id, 1, 10, reverse=True) == []
    assert [event.id for event in await store.history(id, 99, 2, reverse=True)] == [40, 39]


async def test_an_execution_without_history_has_none(store: RedisStore):
    begun = execution(branches=[branch()])
    await store.start(DEFINITION, first_step(begun), "op")

    assert await store.history(begun.id, 0, 10, reverse=False) == []
    assert await store.history(begun.id, 0, 10, reverse=True) == []


@pytest.mark.parametrize("ask_for", ["describe", "branches", "definition_of", "history", "continuations"])
async def test_what_is_not_there_cannot_be_read(store: RedisStore, ask_for: str):
    questions = {
        "describe": lambda: store.describe("m:x"),
        "branches": lambda: store.branches("m:x", "0"),
        "definition_of": lambda: store.definition_of("m:x"),
        "history": lambda: store.history("m:x", 0, 10, reverse=True),
        "continuations": lambda: store.continuations("m:x"),
    }
    with pytest.raises(ExecutionDoesNotExist, match="Execution Does Not Exist: 'm:x'"):
        await questions[ask_for]()


async def test_nothing_is_in_the_inbox_of_what_is_not_there(store: RedisStore):
    assert await store.inbox("m:x") == ()


async def test_listings_are_merged_over_machines_and_shards(daemons: Daemons):
    """Newest first, page by page, also where many started in the same millisecond."""
    store = await daemons.open(shards=5)
    expected: list[tuple[int, str]] = []
    for n in range(30):
        machine, started_ms = f"m{n % 3}", NOON + n // 6
        run = execution(f"x{n}", machine, branches=[branch()], started_ms=started_ms, shards=5)
        step = first_step(run) if n % 2 else first_step(ended(run, at_ms=NOON + 99), release=True)
        await store.start(DEFINITION, step, run.id)
        expected.append((started_ms, run.id))
    expected.sort(reverse=True)

    async def listed(machine: str | None, status: Status | None, limit: int) -> list[tuple[int, str]]:
        found: list[tuple[int, str]] = []
        while page := await store.list(machine, status, limit, found[-1] if found else None):
            assert len(page) <= limit
            found += [(line.started_ms, line.id) for line in page]
        return found

    for limit in (1, 4, 30, 100):
        assert await listed(None, None, limit) == expected
    for status, is_its in ((Status.RUNNING, 1), (Status.SUCCEEDED, 0), (Status.FAILED, 2)):
        of_status = [place for place in expected if int(place[1].partition("x")[2]) % 2 == is_its]
        assert await listed(None, status, 4) == of_status
        assert await listed("m1", status, 4) == [place for place in of_status if place[1].startswith("m1:")]
    assert await listed("m1", None, 3) == [place for place in expected if place[1].startswith("m1:")]
    assert await listed("unknown", None, 3) == []


async def test_a_line_says_how_an_execution_is_doing(store: RedisStore):
    failed = ended(execution("failed", "orders"), status=Status.FAILED, at_ms=NOON + SECOND)
    await store.start(DEFINITION, first_step(failed, release=True), "op1")
    await store.start(DEFINITION, first_step(execution("running", "orders", branches=[branch()])), "op2")

    running, line = await store.list("orders", None, 10, None)

    assert (running.name, running.status, running.stopped_ms) == ("running", Status.RUNNING, None)
    assert (line.id, line.machine, line.name) == ("orders:failed", "orders", "failed")
    assert (line.status, line.started_ms, line.stopped_ms, line.set_aside) == (
        Status.FAILED,
        NOON,
        NOON + SECOND,
        False,
    )


async def test_what_has_expired_before_the_sweep_is_passed_over_in_listings(store: RedisStore, daemons: Daemons):
    for n in range(5):
        done = ended(execution(f"x{n}", started_ms=NOON + n))
        await store.start(DEFINITION, first_step(done, release=True), str(n))
    for n in (1, 2, 4):
        ask(daemons.server, "DEL", f"statebox:{{0}}:execution:m:x{n}")

    assert [line.name for line in await store.list("m", None, 2, None)] == ["x3", "x0"]

    daemons.time.pass_by(store.settings.retention_ms)
    assert await store.sweep() == 5


async def test_counts_tell_what_runs_and_what_waits(daemons: Daemons):
    store = await daemons.open(shards=3)
    assert await store.counts() == Counts(running=0, suspended=0, oldest_suspended_ms=None, set_aside=0)
    for n in range(6):
        run = execution(f"x{n}", f"m{n}", shards=3)
        token = new_token(run.shard)
        parked = execution(run.name, run.machine, shards=3, branches=[suspended(token)])
        await store.start(DEFINITION, parked_step(parked, token), run.id)
    await store.start(DEFINITION, first_step(ended(execution("done", shards=3)), release=True), "done")

    assert await store.counts() == Counts(running=6, suspended=6, oldest_suspended_ms=NOON, set_aside=0)


async def test_continuations_are_told_in_the_order_of_their_branches(store: RedisStore):
    tokens = [new_token() for _ in range(12)]
    children = [suspended(token, f"0.{n}") for n, token in enumerate(tokens)]
    fork = execution(branches=[forked(12), *children])
    opened = tuple(callback(token, one.id) for token, one in zip(tokens, children, strict=True))
    await store.start(DEFINITION, first_step(fork, opened=opened, release=True), "op")

    found = await store.continuations(fork.id)

    assert [one.token for one in found] == tokens
    assert found[11] == Continuation(tokens[11], fork.id, "0.11:3", "Wait", NOON, None, "waiting")


async def test_what_came_from_outside_is_kept_exactly(store: RedisStore):
    """Integers of any size, floats as they are, keys in their order, every character."""
    value: Json = {
        "z": 2**200,
        "a": -(10**40),
        "float": 1.0,
        "small": 5e-324,
        "minus zero": -0.0,
        "text": '\u0000\u001f"\\/\u2028\U0001f600é',
        "": [None, True, False, *EMPTY],
    }
    begun = execution(
        input=value, branches=[branch("0", value, variables={"v": value}, arguments=value, items=[value])]
    )
    await store.start(DEFINITION, first_step(begun, history=events(1, 2, payload=value)), "op")

    read = await store.describe(begun.id)

    assert read == begun
    assert list(read.input) == list(value)
    assert str(read.input) == str(value)
    assert await store.history(begun.id, 0, 2, reverse=False) == list(events(1, 2, payload=value))
