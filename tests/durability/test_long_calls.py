"""Long calls: once OpenWhisk has said which activation it is, no restart calls the action again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from statebox.asl.jsontext import Json, read_json
from statebox.openwhisk.local.limits import HostLimits
from tests.durability.conftest import ACTIONS
from tests.durability.world import World, check_history, open_world
from tests.waiting import wait_until


@pytest_asyncio.fixture
async def impatient_world(tmp_path: Path) -> AsyncIterator[World]:
    """A world whose action host answers calls with 202 that take longer than 0.2 s."""
    async with open_world(tmp_path, ACTIONS, limits=HostLimits(blocking_wait_ms=200)) as opened:
        yield opened


def working(resource: str, seconds: float) -> Json:
    """One call."""
    task = {"Type": "Task", "Resource": resource, "Parameters": {"seconds": seconds}, "End": True}
    return {"StartAt": "Work", "States": {"Work": task}}


@pytest.mark.parametrize("resource", ["openwhisk:slow", "openwhisk:slow.sync"])
async def test_a_call_whose_activation_is_known_is_polled_after_a_crash_and_not_made_again(
    impatient_world: World, resource: str
):
    """Blocking calls that are answered with 202 as well as those that ask for no more than that."""
    world = impatient_world
    daemon = await world.daemon("one")
    id = await daemon.start_execution(working(resource, 3.0), {}, name="long")

    async def is_polled_for() -> bool:
        return all(task.reference is not None for task in await world.tasks_in_flight([id])) and bool(world.calls())

    await wait_until(is_polled_for, "the activation to be known")
    await daemon.kill()
    other = await world.daemon("two")
    described = await other.ended(id)
    assert described["status"] == "SUCCEEDED", described
    assert read_json(described["output"])["seconds"] == 3.0 or resource.endswith(".sync")
    check_history(await other.history(id))
    assert list(world.calls_by_attempt().values()) == [1]


async def test_an_activation_that_ends_while_nobody_is_there_is_found_at_the_start(impatient_world: World):
    """Its record is still there."""
    world = impatient_world
    daemon = await world.daemon("one")
    id = await daemon.start_execution(working("openwhisk:slow.sync", 1.0), {}, name="long")

    async def is_polled_for() -> bool:
        return [task.reference is None for task in await world.tasks_in_flight([id])] == [False]

    await wait_until(is_polled_for, "the activation to be known")
    await daemon.kill()
    await wait_until(lambda: len(world.invocations()) == 2, "the action to end")
    await daemon.start()
    assert (await daemon.ended(id))["status"] == "SUCCEEDED"
    assert list(world.calls_by_attempt().values()) == [1]


async def test_a_call_that_is_cut_off_before_is_made_again_as_the_same_attempt(world: World):
    """Its id is what an action can tell it by."""
    daemon = await world.daemon("one")
    id = await daemon.start_execution(working("openwhisk:slow", 1.5), {}, name="cut")
    await wait_until(lambda: len(world.calls()) == 1, "the call to be under way")
    [attempt] = await world.attempts_in_flight([id])
    await daemon.kill()
    await daemon.start()
    assert (await daemon.ended(id))["status"] == "SUCCEEDED"
    assert dict(world.calls_by_attempt()) == {attempt: 2}
