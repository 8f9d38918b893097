"""Nested executions and activities while daemons are killed: children are started once, ends are heard, tasks go on."""

from __future__ import annotations

import asyncio

import aiohttp

from statebox.asl.jsontext import Json, read_json, write_json_text
from tests.durability.world import Daemon, World, check_history
from tests.waiting import wait_until

ACTIVITY = "arn:aws:states:us-east-1:000000000000:activity:paint"
CHILD: Json = {
    "StartAt": "Slow",
    "States": {
        "Slow": {
            "Type": "Task",
            "Resource": "openwhisk:slow",
            "Parameters": {"seconds": 0.2, "n.$": "$.n"},
            "End": True,
        }
    },
}
PAINTING: Json = {
    "StartAt": "Paint",
    "States": {"Paint": {"Type": "Task", "Resource": ACTIVITY, "HeartbeatSeconds": 60, "End": True}},
}


def parent(machine: str) -> Json:
    """Starts one child after another, and waits for each."""
    step = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "ResultSelector": {"n.$": "$.Output.n"},
    }
    first = {**step, "Parameters": {"StateMachineArn": machine, "Input.$": "$"}, "Next": "Second"}
    named = {"StateMachineArn": machine, "Name.$": "States.Format('second-{}', $.n)", "Input.$": "$"}
    return {"StartAt": "First", "States": {"First": first, "Second": {**step, "Parameters": named, "End": True}}}


async def create(daemon: Daemon, name: str, definition: Json) -> str:
    created = await daemon.ask(
        "CreateStateMachine",
        name=name,
        definition=write_json_text(definition),
        roleArn="arn:aws:iam::000000000000:role/x",
    )
    return str(created["stateMachineArn"])


async def children_of(daemon: Daemon, machine: str) -> list[Json]:
    """All executions of a machine."""
    answer = await daemon.ask("ListExecutions", stateMachineArn=machine, maxResults=1000)
    return answer["executions"]


async def test_children_are_started_once_and_heard_whoever_is_killed_meanwhile(any_world: World):
    """kill -9 in the middle of starting children, and again in the middle of their ends."""
    count = 30
    one, two = await any_world.daemon("one"), await any_world.daemon("two")
    machine = await create(one, "child", CHILD)
    parents = [
        await one.start_execution(parent(machine), {"n": n}, name=f"p-{n}", machine="parent") for n in range(count)
    ]

    async def some_have_begun() -> bool:
        return len(await children_of(two, machine)) >= count // 3

    await wait_until(some_have_begun, "some children to be started")
    await one.kill()

    async def some_have_ended() -> bool:
        return sum(child["status"] == "SUCCEEDED" for child in await children_of(two, machine)) >= count

    await wait_until(some_have_ended, "some children to end", seconds=30)
    await two.kill()
    await asyncio.gather(one.start(), two.start())

    for n, id in enumerate(parents):
        described = await one.ended(id, seconds=60)
        assert described["status"] == "SUCCEEDED", described
        assert read_json(described["output"]) == {"n": n}
        check_history(await one.history(id))
    children = await children_of(one, machine)
    assert len(children) == 2 * count
    assert all(child["status"] == "SUCCEEDED" for child in children)


async def test_each_activitys_task_is_handed_out_once_whoever_is_killed_meanwhile(world: World):
    """Workers lose their daemon, ask another one, and nobody gets what somebody else has."""
    count = 30
    one, two = await world.daemon("one"), await world.daemon("two")
    await one.ask("CreateActivity", name="paint")
    ids = [await one.start_execution(PAINTING, {"n": n}, name=f"paint-{n}", machine="painting") for n in range(count)]
    handed_out: list[int] = []

    async def work(daemon: Daemon) -> None:
        while len(handed_out) < count:
            try:
                task = await daemon.ask("GetActivityTask", activityArn=ACTIVITY)
                if "taskToken" in task:
                    handed_out.append(read_json(task["input"])["n"])
                    await two.ask("SendTaskSuccess", taskToken=task["taskToken"], output=task["input"])
            except aiohttp.ClientError:
                daemon = two

    async def kill_in_the_middle() -> None:
        await wait_until(lambda: len(handed_out) >= count // 3, "some tasks to be handed out")
        await one.kill()

    async with asyncio.TaskGroup() as group:
        workers = [group.create_task(work(daemon)) for daemon in (one, one, two)]
        group.create_task(kill_in_the_middle())
        await wait_until(lambda: len(handed_out) >= count - 3, "the tasks to be handed out", seconds=40)
        for worker in workers:
            worker.cancel()

    assert len(set(handed_out)) == len(handed_out)
    done = [id for n, id in enumerate(ids) if n in handed_out]
    for id in done:
        assert (await two.ended(id))["status"] == "SUCCEEDED"
