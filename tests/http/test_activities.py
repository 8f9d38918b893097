"""Activities over the API: workers come for tasks, and tell how they ended."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from statebox.asl.jsontext import Json, read_json, write_json_text
from statebox.embedded import EmbeddedValkey
from tests.http.site import Answer, Site, open_site, states
from tests.servers import ask
from tests.waiting import wait_until

ARN = "arn:aws:states:us-east-1:000000000000:activity:paint"


async def start(site: Site, input: Json = None, name: str = "one", **fields: Json) -> str:
    """Start an execution that has the activity do its work."""
    definition = states("Paint", Paint={"Type": "Task", "Resource": ARN, "End": True, **fields})
    answer = await site.operate(
        "Statebox.StartDefinition",
        definition=write_json_text(definition),
        machine="painting",
        name=name,
        input=write_json_text(input),
    )
    return answer.json["execution"]


async def types(site: Site, id: str) -> list[str]:
    answer = await site.operate("GetExecutionHistory", executionArn=id)
    return [event["type"] for event in answer.json["events"]]


async def take(site: Site, worker: str = "painter") -> Json:
    answer = await site.operate("GetActivityTask", activityArn=ARN, workerName=worker)
    assert answer.status == 200, answer.raw
    return answer.json


async def test_an_activity_is_created_described_listed_and_deleted(site: Site):
    created = (await site.operate("CreateActivity", name="paint")).json
    assert created["activityArn"] == ARN
    assert (await site.operate("CreateActivity", name="paint", tags=[{"key": "a", "value": "b"}])).json == created

    described = (await site.operate("DescribeActivity", activityArn=ARN)).json
    assert described == {**created, "name": "paint", "encryptionConfiguration": {"type": "AWS_OWNED_KEY"}}
    assert (await site.operate("ListActivities")).json == {"activities": [{**created, "name": "paint"}]}

    assert (await site.operate("DeleteActivity", activityArn=ARN)).json == {}
    gone = (await site.operate("DescribeActivity", activityArn=ARN)).json
    assert gone["__type"] == "ActivityDoesNotExist"
    assert gone["message"] == f"Activity Does Not Exist: '{ARN}'"


async def test_activities_are_listed_page_by_page(site: Site):
    for name in ("a", "b", "c"):
        await site.operate("CreateActivity", name=name)

    first = (await site.operate("ListActivities", maxResults=2)).json
    second = (await site.operate("ListActivities", maxResults=2, nextToken=first["nextToken"])).json

    assert [one["name"] for page in (first, second) for one in page["activities"]] == ["a", "b", "c"]
    assert "nextToken" not in second


@pytest.mark.parametrize("arn", ["paint", "arn:aws:states:us-east-1:000000000000:stateMachine:paint"])
async def test_what_is_no_activitys_arn_is_refused(site: Site, arn: str):
    answer = await site.operate("GetActivityTask", activityArn=arn)

    assert answer.json["__type"] == "InvalidArn"


async def test_a_worker_gets_the_task_and_its_answer_ends_it(site: Site):
    await site.operate("CreateActivity", name="paint")
    id = await start(site, {"wall": 1})

    task = await take(site)
    assert read_json(task["input"]) == {"wall": 1}
    await site.operate("SendTaskSuccess", taskToken=task["taskToken"], output='{"done":true}')

    assert (await site.ended(id))["output"] == {"done": True}
    assert await types(site, id) == [
        "ExecutionStarted",
        "TaskStateEntered",
        "ActivityScheduled",
        "ActivityStarted",
        "ActivitySucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]


async def test_a_worker_that_waits_gets_the_task_as_soon_as_there_is_one(site: Site):
    await site.operate("CreateActivity", name="paint")
    waiting = asyncio.create_task(take(site))

    async def waits() -> bool:
        return site.daemon.service.activities.waiting("paint") == 1

    await wait_until(waits, "the worker to wait")
    began = asyncio.get_running_loop().time()
    await start(site, {"wall": 2})

    assert read_json((await waiting)["input"]) == {"wall": 2}
    assert asyncio.get_running_loop().time() - began < 0.9


async def test_each_of_many_tasks_goes_to_one_of_many_workers(site: Site):
    await site.operate("CreateActivity", name="paint")
    workers = [asyncio.create_task(take(site, f"painter-{n}")) for n in range(20)]
    await asyncio.gather(*(start(site, n, f"run-{n}") for n in range(20)))

    tasks = await asyncio.gather(*workers)

    assert sorted(read_json(task["input"]) for task in tasks) == list(range(20))
    assert len({task["taskToken"] for task in tasks}) == 20


async def test_a_task_whose_execution_was_stopped_is_handed_out_to_nobody(site: Site):
    await site.operate("CreateActivity", name="paint")
    stopped = await start(site, "stopped", "stopped")
    await site.operate("StopExecution", executionArn=stopped)
    await start(site, "wanted", "wanted")

    assert read_json((await take(site))["input"]) == "wanted"


async def test_tasks_that_nobody_waits_for_do_not_stay_in_the_queue_for_ever(site: Site):
    """Also where no worker ever comes."""
    await site.operate("CreateActivity", name="paint")
    for n in range(12):
        await site.operate("StopExecution", executionArn=await start(site, "stopped", f"stopped-{n}"))
    await start(site, "wanted", "wanted")

    assert await site.daemon.service.activities.sweep() == 12
    assert await site.daemon.service.activities.sweep() == 0
    assert read_json((await take(site))["input"]) == "wanted"


async def test_a_worker_that_falls_silent_is_noticed(site: Site):
    """By the heartbeats that do not come."""
    await site.operate("CreateActivity", name="paint")
    id = await start(site, HeartbeatSeconds=1, TimeoutSeconds=60)
    await take(site)

    ended = await site.ended(id)
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Timeout")
    assert (await types(site, id))[-3:] == ["ActivityStarted", "ActivityTimedOut", "ExecutionFailed"]


async def test_an_execution_whose_activity_is_not_there_fails(site: Site):
    id = await start(site)

    ended = await site.ended(id)
    assert ended["error"] == "States.Runtime"
    assert ended["cause"].endswith(f"The activity {ARN} does not exist.")
    assert await types(site, id) == ["ExecutionStarted", "TaskStateEntered", "ExecutionFailed"]


async def test_a_daemon_that_stops_does_not_keep_workers_waiting(valkey: EmbeddedValkey, tmp_path: Path):
    """They hear that there is nothing, and ask another one."""
    async with aiohttp.ClientSession() as client:
        async with open_site(valkey, tmp_path) as site:
            await site.operate("CreateActivity", name="paint")
            asking = Site(site.daemon, client)
            polling = asyncio.create_task(asking.operate("GetActivityTask", activityArn=ARN))
            activities = site.daemon.service.activities
            await wait_until(lambda: activities.waiting("paint") == 1, "the worker to wait")
        answer = await polling

    assert (answer.status, answer.json) == (200, {})


async def test_more_workers_than_may_wait_are_sent_away(site: Site):
    """As AWS does, with its error."""
    activities = site.daemon.service.activities
    await site.operate("CreateActivity", name="paint")
    waiting = [asyncio.create_task(activities.next_task("paint", None, 5.0, lambda: False)) for _ in range(1000)]

    async def all_wait() -> bool:
        return activities.waiting("paint") == 1000

    await wait_until(all_wait, "all to wait")
    refused: Answer = await site.operate("GetActivityTask", activityArn=ARN)
    assert (refused.status, refused.json["__type"]) == (400, "ActivityWorkerLimitExceeded")
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_task_that_was_taken_is_given_though_it_cannot_be_taken_out_of_its_queue(
    site: Site, valkey: EmbeddedValkey
):
    """Nobody else gets it any more."""
    await site.operate("CreateActivity", name="paint")
    await start(site, {"wall": 1})
    ask(valkey, "ACL", "SETUSER", "default", "-zrem")
    try:
        task = await take(site)
    finally:
        ask(valkey, "ACL", "SETUSER", "default", "+@all")

    assert read_json(task["input"]) == {"wall": 1}
    assert (await site.operate("SendTaskSuccess", taskToken=task["taskToken"], output="1")).status == 200
