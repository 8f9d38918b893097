"""How many items of a Map are worked on at the same time, and how many may fail: also over the end of its daemon."""

from __future__ import annotations

import pytest

from statebox.asl.jsontext import Json, read_json
from tests.durability.test_distributed import WORK, distributed
from tests.durability.world import World, check_history
from tests.waiting import wait_until

CONCURRENCY = 3


def most_at_once(world: World) -> int:
    """The most attempts that were at work at the same time; one that is made again is the same attempt."""
    working: list[str] = []
    most = 0
    for entry in world.invocations():
        if entry["event"] == "start":
            working.append(entry["transaction"])
            most = max(most, len(set(working)))
        else:
            working.remove(entry["transaction"])
    return most


def inline(states: Json, **fields: Json) -> Json:
    """A machine that is one inline Map."""
    return {"StartAt": "Each", "States": {"Each": {"Type": "Map", "ItemProcessor": states, "End": True, **fields}}}


@pytest.mark.parametrize("mapped", [inline, distributed])
async def test_no_more_items_than_allowed_are_worked_on_at_once_though_daemons_are_killed(
    world: World, mapped: type[Json]
):
    """Of each Map, twice over: taken over by another daemon, and taken back at a start."""
    daemon = await world.daemon("one")
    items = [{"n": n} for n in range(15)]
    id = await daemon.start_execution(mapped(WORK, MaxConcurrency=CONCURRENCY), items, name="bounded")
    await wait_until(lambda: len(world.calls()) >= 4, "the first items to be worked on")
    await daemon.kill()
    await daemon.start()
    await wait_until(lambda: len(world.calls()) >= 8, "more items to be worked on")
    await daemon.kill()
    other = await world.daemon("two")
    described = await other.ended(id, seconds=40)
    assert read_json(described["output"]) == list(range(15))
    check_history(await other.history(id))
    assert most_at_once(world) == CONCURRENCY
    assert len(world.calls_by_attempt()) == 15


FRAGILE: Json = {
    "StartAt": "Work",
    "States": {
        "Work": {
            "Type": "Task",
            "Resource": "openwhisk:slow",
            "Parameters": {"seconds": 0.3, "n.$": "$.n"},
            "Next": "Pick",
        },
        "Pick": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.n", "NumericLessThan": 3, "Next": "No"}],
            "Default": "Yes",
        },
        "No": {"Type": "Fail", "Error": "TooMuch"},
        "Yes": {"Type": "Pass", "OutputPath": "$.n", "End": True},
    },
}


@pytest.mark.parametrize(("bearable", "status"), [(3, "SUCCEEDED"), (2, "FAILED")])
async def test_failures_are_counted_once_though_daemons_are_killed(world: World, bearable: int, status: str):
    """Three of ten items fail: just bearable, or one too many."""
    daemon = await world.daemon("one")
    machine = distributed(FRAGILE, MaxConcurrency=2, ToleratedFailureCount=bearable)
    id = await daemon.start_execution(machine, [{"n": n} for n in range(10)], name="fragile")
    await wait_until(lambda: len(world.calls()) >= 3, "the first items to be worked on")
    await daemon.kill()
    await daemon.start()
    described = await daemon.ended(id, seconds=40)
    assert described["status"] == status
    check_history(await daemon.history(id))
    if status == "SUCCEEDED":
        assert read_json(described["output"]) == list(range(3, 10))
