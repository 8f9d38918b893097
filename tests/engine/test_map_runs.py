"""Children of map runs end with what they were started for, however that ends."""

from __future__ import annotations

from statebox.asl.execution import Status
from statebox.asl.jsontext import Json
from statebox.daemon import Daemon
from statebox.embedded import EmbeddedValkey
from tests.engine.running import ASK, daemon_on, each, ended, start
from tests.waiting import wait_until

# More than one script stops.
CROWD = 450
CHILDREN = "m/Each"


async def begin(daemon: Daemon, size: int, **fields: Json) -> str:
    """A map run of questions, once all its children have asked theirs."""
    map_run = each({"Ask": {**ASK, "End": True}}, distributed=True, End=True, **fields)
    id = await start(daemon, {"Each": map_run}, {"items": list(range(size))})

    async def all_asked() -> bool:
        return (await daemon.service.counts()).suspended == size

    await wait_until(all_asked, "all children to ask", seconds=30)
    return id


async def all_aborted(daemon: Daemon, size: int) -> None:
    """Wait for the end of all children."""

    async def over() -> bool:
        return not await daemon.service.list_executions(CHILDREN, Status.RUNNING, 1)

    await wait_until(over, "all children to be over", seconds=30)
    assert len(await daemon.service.list_executions(CHILDREN, Status.ABORTED, 1000)) == size


async def test_stopping_a_parent_stops_its_children(valkey: EmbeddedValkey):
    async with daemon_on(valkey) as daemon:
        id = await begin(daemon, CROWD)

        await daemon.service.stop_execution(id)

        await all_aborted(daemon, CROWD)


async def test_a_child_that_fails_more_than_is_borne_stops_the_others(valkey: EmbeddedValkey):
    async with daemon_on(valkey) as daemon:
        id = await begin(daemon, 100)
        [child, *_] = await daemon.service.list_executions(CHILDREN)
        [question] = await daemon.service.continuations(child.id)

        await daemon.service.send_task_failure(question.token, "No", "way")

        assert (await ended(daemon, id)).error == "States.ExceedToleratedFailureThreshold"
        await all_aborted(daemon, 99)


async def test_what_is_tried_again_stops_the_children_of_the_try_before(valkey: EmbeddedValkey):
    async with daemon_on(valkey) as daemon:
        retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}]
        id = await begin(daemon, 10, Retry=retry)
        [child, *_] = await daemon.service.list_executions(CHILDREN)
        [question] = await daemon.service.continuations(child.id)

        await daemon.service.send_task_failure(question.token, "No", "way")

        async def asked_again() -> bool:
            aborted = await daemon.service.list_executions(CHILDREN, Status.ABORTED)
            running = await daemon.service.list_executions(CHILDREN, Status.RUNNING)
            return (len(aborted), len(running)) == (9, 10)

        await wait_until(asked_again, "the children of the second try", seconds=20)
        for child in await daemon.service.list_executions(CHILDREN, Status.RUNNING):
            for question in await daemon.service.continuations(child.id):
                await daemon.service.resume(question.token)
        assert (await ended(daemon, id)).output == list(range(10))


async def test_a_parent_that_times_out_stops_its_children(valkey: EmbeddedValkey):
    async with daemon_on(valkey) as daemon:
        map_run = each({"Ask": {**ASK, "End": True}}, distributed=True, End=True)
        id = await start(daemon, {"Each": map_run}, {"items": [1, 2, 3]}, timeout_seconds=2)

        assert (await ended(daemon, id)).status is Status.TIMED_OUT

        await all_aborted(daemon, 3)
