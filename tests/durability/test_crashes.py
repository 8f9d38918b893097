"""Daemons and servers are killed and frozen; every execution ends right, and nothing is done twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator

import pytest

from statebox.asl.jsontext import Json, read_json
from tests.durability.machines import INCSQUARE, slow, wait_beside_call
from tests.durability.world import LEASE_SECONDS, Daemon, World, check_history
from tests.servers import ask as redis
from tests.waiting import wait_until


def incsquare_input(n: int) -> Json:
    """What incsquare starts with."""
    return {"values": {"value": n}}


async def start_many(daemon: Daemon, count: int) -> dict[str, int]:
    """Executions of incsquare, half of whom will be suspended soon and half in the middle of a long call."""
    ids: dict[str, int] = {}
    for n in range(count):
        if n % 2:
            id = await daemon.start_execution(INCSQUARE, incsquare_input(n), name=f"inc-{n}")
        else:
            id = await daemon.start_execution(slow(1.5), {"n": n}, name=f"slow-{n}")
        ids[id] = n
    return ids


async def all_suspended(daemon: Daemon, ids: dict[str, int]) -> dict[str, str]:
    """Wait until each execution has one open continuation; returns them by execution."""
    found: dict[str, str] = {}

    async def each_has_one() -> bool:
        for id in ids.keys() - found.keys():
            tokens = await daemon.continuations(id)
            if tokens:
                found[id] = tokens[0]
        return len(found) == len(ids)

    await wait_until(each_has_one, "all executions to be suspended", seconds=30)
    return found


async def answer_all_and_check(daemon: Daemon, ids: dict[str, int]) -> None:
    """Answer every continuation, and check outputs and histories."""
    tokens = await all_suspended(daemon, ids)
    for token in tokens.values():
        await daemon.post(f"/continuations/{token}", {"answered": True})
    for id, n in ids.items():
        described = await daemon.ended(id)
        assert described["status"] == "SUCCEEDED", described
        output = read_json(described["output"])
        if n % 2:
            assert output == {"values": {"value": (n + 1) ** 2 + 1}, "answered": True}
        else:
            assert output == {"seconds": 1.5, "n": n, "answered": True}
        events = await daemon.history(id)
        check_history(events)
        entered = Counter(e["stateEnteredEventDetails"]["name"] for e in events if "stateEnteredEventDetails" in e)
        assert set(entered.values()) == {1}, "no transition happens twice"


async def test_a_killed_daemon_goes_on_where_it_was_when_it_is_started_again(any_world: World):
    """kill -9 while calls are in flight and executions are suspended: all is done, each transition once."""
    world = any_world
    daemon = await world.daemon("one")
    ids = await start_many(daemon, 20)
    await wait_until(lambda: len(world.calls()) >= 20, "the calls to be under way")
    await daemon.kill()
    in_flight = await world.attempts_in_flight(ids)
    await daemon.start()
    await answer_all_and_check(daemon, ids)
    repeated = {attempt: times for attempt, times in world.calls_by_attempt().items() if times > 1}
    assert repeated.keys() <= in_flight, "only what was in flight is called again, under the same id"
    assert set(repeated.values()) == {2}


async def test_another_daemon_takes_over_what_a_killed_one_held(world: World):
    """After the lease has run out, without anybody being told."""
    first = await world.daemon("first")
    second = await world.daemon("second")
    ids = await start_many(first, 10)
    await wait_until(lambda: len(world.calls()) >= 10, "the calls to be under way")
    await first.kill()
    await answer_all_and_check(second, ids)


async def test_a_stopped_daemon_gives_its_leases_back_at_once(world: World):
    """SIGTERM lets what is in flight end, within its time, and exits with 0; nothing is called twice."""
    first = await world.daemon("first", "--drain-seconds=10")
    second = await world.daemon("second", "--lease-seconds=60")
    ids = await start_many(first, 10)
    await wait_until(lambda: len(world.calls()) >= 10, "the calls to be under way")
    assert await first.stop() == 0
    await answer_all_and_check(second, ids)
    assert set(world.calls_by_attempt().values()) == {1}


async def test_a_call_that_became_wanted_while_its_daemon_was_stopping_is_made_by_another(world: World):
    """The call that was in flight ends last: nothing is under way any more, but not everything is done."""
    first = await world.daemon("first", "--drain-seconds=10")
    second = await world.daemon("second", "--lease-seconds=60")
    id = await first.start_execution(wait_beside_call(2.5), {}, name="x")
    await wait_until(lambda: bool(world.calls()), "the long call to be under way")

    assert await first.stop() == 0

    assert (await second.ended(id))["status"] == "SUCCEEDED"
    assert set(world.calls_by_attempt().values()) == {1}


async def test_a_killed_valkey_loses_nothing_that_was_acknowledged(strict_world: World):
    """With appendfsync always; the daemons wait for it and go on."""
    daemon = await strict_world.daemon("one")
    ids = await start_many(daemon, 20)
    await wait_until(lambda: len(strict_world.calls()) >= 15, "the calls to be under way")
    await strict_world.valkey.kill()
    assert (await status_of(daemon, "/livez")) == 200
    assert (await status_of(daemon, "/readyz")) == 503
    await wait_until(lambda: "cannot claim" in daemon.log(), "the daemon to say that it cannot go on", seconds=30)
    await strict_world.valkey.restart()
    await answer_all_and_check(daemon, ids)
    assert set(strict_world.calls_by_attempt().values()) == {1}
    await wait_until(lambda: "Redis answers again" in daemon.log(), "the daemon to say that it goes on", seconds=30)


async def test_a_daemon_that_has_nothing_to_do_says_that_it_stops(world: World):
    daemon = await world.daemon("one")
    assert await daemon.stop() == 0
    assert "stopping: 0 executions have up to" in daemon.log()


async def test_a_daemon_that_was_frozen_past_its_lease_writes_nothing_and_calls_nothing(world: World):
    """It wakes up, finds its lease gone, and lets go; what it held was finished by another meanwhile."""
    frozen = await world.daemon("frozen")
    other = await world.daemon("other")
    ids = {await frozen.start_execution(slow(1.0), {"n": n}, name=f"slow-{n}"): n for n in range(6)}
    await wait_until(lambda: len(world.calls()) >= 6, "the calls to be under way")
    frozen.freeze()
    tokens = await all_suspended(other, ids)
    for token in tokens.values():
        await other.post(f"/continuations/{token}", {"ok": 1})
    histories = {id: (await other.ended(id), await other.history(id))[1] for id in ids}
    before = world.calls_by_attempt()
    frozen.thaw()
    await wait_until(lambda: "went on elsewhere" in frozen.log(), "the frozen daemon to let go")
    assert (await status_of(frozen, "/readyz")) == 200
    for id, events in histories.items():
        assert await other.history(id) == events
        check_history(events)
    assert world.calls_by_attempt() == before
    # Taken over under the same attempt: once by the frozen one before, once by the other after it.
    assert set(before.values()) == {2}


async def test_what_was_due_while_nobody_was_there_is_done_at_the_start(world: World):
    """Deadlines do not need a daemon to pass."""
    daemon = await world.daemon("one")
    wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "End": True}}}
    id = await daemon.start_execution(wait, {}, name="waits")
    await daemon.kill()
    await asyncio.sleep(LEASE_SECONDS)  # what is waited for is that time passes while nobody is there
    await daemon.start()
    assert (await daemon.ended(id, seconds=5))["status"] == "SUCCEEDED"


async def status_of(daemon: Daemon, path: str) -> int:
    """The status of a GET."""
    async with daemon.world.http.get(daemon.url + path) as answer:
        return answer.status


async def test_a_value_that_cannot_be_advanced_is_set_aside_and_harms_nobody_else(world: World):
    """After five tries it is listed and left alone; mended and retried by command, it goes on."""
    daemon = await world.daemon("one")
    wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 2, "End": True}}}
    broken = await daemon.start_execution(wait, {}, name="broken")
    sound = await daemon.start_execution(wait, {}, name="sound")
    key = "statebox:{0}:execution:test:broken"
    whole = redis(world.valkey, "HGET", key, "b:0")
    assert isinstance(whole, str)
    redis(world.valkey, "HSET", key, "b:0", "not a branch")
    assert (await daemon.ended(sound))["status"] == "SUCCEEDED"

    async def is_set_aside() -> bool:
        listed = await daemon.ask("Statebox.ListSetAside")
        return [entry["executionArn"] for entry in listed["executions"]] == [broken]

    await wait_until(is_set_aside, "the broken value to be set aside", seconds=20)
    assert (await status_of(daemon, "/readyz")) == 200
    redis(world.valkey, "HSET", key, "b:0", whole)
    await daemon.ask("Statebox.RetryExecution", executionArn=broken)
    assert (await daemon.ended(broken))["status"] == "SUCCEEDED"


async def test_an_answer_during_the_drain_is_left_to_others(world: World):
    """A daemon on its way out takes nothing new, and a clean stop fails nothing."""
    daemon = await world.daemon("one", "--drain-seconds=10")
    busy = await daemon.start_execution(slow(3.0), {"n": 1}, name="busy")
    parked = await daemon.start_execution(
        {
            "StartAt": "Ask",
            "States": {
                "Ask": {"Type": "Task", "Resource": "module:suspend", "Next": "Work"},
                "Work": {
                    "Type": "Task",
                    "Resource": "openwhisk:slow",
                    "Parameters": {"seconds": 0.1, "n": 2},
                    "End": True,
                },
            },
        },
        {},
        name="parked",
    )
    [token] = await daemon.continuations(parked)
    await wait_until(lambda: len(world.calls()) == 1, "the call to be under way")
    stopping = asyncio.ensure_future(daemon.stop())

    async def is_unready() -> bool:
        return await status_of(daemon, "/readyz") == 503

    await wait_until(is_unready, "the drain to begin")
    await daemon.post(f"/continuations/{token}", {"answered": True})
    assert await stopping == 0
    assert len(world.calls()) == 1, "nothing was called on the way out"
    other = await world.daemon("two")
    assert (await other.ended(parked))["status"] == "SUCCEEDED"
    assert len(await other.continuations(busy)) == 1
    assert set(world.calls_by_attempt().values()) == {1}


async def test_a_daemon_that_cannot_listen_claims_nothing(world: World):
    """A taken port is no reason to set healthy executions aside, however often it is tried."""
    daemon = await world.daemon("one")
    id = await daemon.start_execution(slow(3.0), {"n": 1}, name="long")
    await wait_until(lambda: len(world.calls()) == 1, "the call to be under way")
    await daemon.kill()
    async with occupied(daemon.port):
        for _ in range(6):
            with pytest.raises(AssertionError, match="ended"):
                await daemon.start()
    await daemon.start()
    [token] = (await all_suspended(daemon, {id: 1})).values()
    await daemon.post(f"/continuations/{token}")
    assert (await daemon.ended(id))["status"] == "SUCCEEDED"


@contextlib.asynccontextmanager
async def occupied(port: int) -> AsyncGenerator[None]:
    """Somebody else listens there."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)
    async with server:
        yield
