"""Deadlines of every kind, while the daemon is killed and started again: exact, and never early."""

from __future__ import annotations

import asyncio
import time

from statebox.asl.jsontext import Json
from tests.durability.machines import ask
from tests.durability.world import World, check_history
from tests.waiting import wait_until

_AFTER_MS = 3000
# The machine that tests run on is busy; how late it is where it is not, benchmarks tell.
_LATENESS_MS = 1500


def _alone(state: Json, **machine: Json) -> Json:
    return {"StartAt": "S", "States": {"S": {"End": True, **state}}, **machine}


def _call(action: str, seconds: float, **fields: Json) -> Json:
    return {"Type": "Task", "Resource": f"openwhisk:{action}", "Parameters": {"seconds": seconds}, **fields}


# A machine, and the events between which three seconds lie: the first of the one kind, the last of the other.
_RETRY: Json = [{"ErrorEquals": ["Boom"], "IntervalSeconds": 3, "MaxAttempts": 1}]
KINDS: dict[str, tuple[Json, str, str]] = {
    "wait": (_alone({"Type": "Wait", "Seconds": 3}), "WaitStateEntered", "WaitStateExited"),
    "suspended": (ask(3), "TaskScheduled", "TaskTimedOut"),
    "heartbeat": (ask(60, HeartbeatSeconds=3), "TaskScheduled", "TaskTimedOut"),
    "call": (_alone(_call("slow", 8, TimeoutSeconds=3)), "TaskScheduled", "TaskTimedOut"),
    "retry": (_alone(_call("boom", 0, Retry=_RETRY)), "TaskFailed", "TaskScheduled"),
    "execution": (_alone({"Type": "Wait", "Seconds": 60}, TimeoutSeconds=3), "ExecutionStarted", "ExecutionTimedOut"),
}


def _begun_and_ended(events: list[Json], first: str, last: str) -> tuple[int, int]:
    """When the first event of one kind and the last one of another happened (ms)."""
    begun = next(event["timestamp"] for event in events if event["type"] == first)
    ended = next(event["timestamp"] for event in reversed(events) if event["type"] == last)
    return round(begun * 1000), round(ended * 1000)


async def _start_all(world: World) -> tuple[dict[str, str], asyncio.Task[None]]:
    daemon = world.daemons[0]
    ids = {kind: await daemon.start_execution(machine, {}, name=kind) for kind, (machine, _, _) in KINDS.items()}
    passes = asyncio.ensure_future(asyncio.sleep(_AFTER_MS / 1000))

    # The retry's delay begins when its call has failed.
    async def has_failed() -> bool:
        return "TaskFailed" in [event["type"] for event in await daemon.history(ids["retry"])]

    await wait_until(has_failed, "the call to fail")
    return ids, passes


async def test_deadlines_are_kept_by_a_daemon_that_was_killed_and_started_again_before_them(world: World):
    """Waits, timeouts of tasks, calls and executions, heartbeats and the delays of retries."""
    daemon = await world.daemon("one")
    ids, _ = await _start_all(world)
    await daemon.kill()
    await daemon.start()
    ready_ms = time.time() * 1000
    for kind, (_, first, last) in KINDS.items():
        await daemon.ended(ids[kind])
        events = await daemon.history(ids[kind])
        check_history(events)
        begun_ms, ended_ms = _begun_and_ended(events, first, last)
        assert ended_ms >= begun_ms + _AFTER_MS, f"{kind} was early"
        assert ended_ms <= max(begun_ms + _AFTER_MS, ready_ms) + _LATENESS_MS, f"{kind} was late"


async def test_deadlines_that_pass_while_nobody_is_there_are_kept_at_the_start(world: World):
    """Late, but never lost, and none twice."""
    daemon = await world.daemon("one")
    ids, passes = await _start_all(world)
    await daemon.kill()
    await passes
    other = await world.daemon("two")
    for kind, (_, first, last) in KINDS.items():
        await other.ended(ids[kind], seconds=30)
        events = await other.history(ids[kind])
        check_history(events)
        begun_ms, ended_ms = _begun_and_ended(events, first, last)
        assert ended_ms >= begun_ms + _AFTER_MS, f"{kind} was early"
