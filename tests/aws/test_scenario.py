"""A user's day: she creates a machine, starts a hundred, looks for them, reads a long history, and changes her mind."""

from __future__ import annotations

import asyncio

from statebox.asl.jsontext import Json, read_json, write_json_text
from tests.aws.sfn import ROLE, Sfn, machine_arn, passing
from tests.http.site import Site, states
from tests.waiting import wait_until

# Four events for each item, so that a history has 10,000 and some more.
ITEMS = 2500
ORDER: Json = states(
    "Prepare",
    Prepare={"Type": "Pass", "Result": {"prepared": True}, "ResultPath": "$.at", "Next": "Ask"},
    Ask={"Type": "Task", "Resource": "arn:aws:states:us-east-1:000000000000:activity:desk", "Next": "Done"},
    Done={"Type": "Succeed"},
)


async def pages(sfn: Sfn, operation: str, member: str, **members: Json) -> list[list[Json]]:
    """All pages of a listing."""
    found: list[list[Json]] = []
    token: dict[str, Json] = {}
    while True:
        page = await sfn(operation, **members, **token)
        found.append(page[member])
        if "nextToken" not in page:
            return found
        token = {"nextToken": page["nextToken"]}


async def started(sfn: Sfn, machine: str, many: int, **members: Json) -> list[str]:
    """Start so many at once; returns their ARNs."""
    answers = await asyncio.gather(
        *(sfn("start_execution", stateMachineArn=machine, name=f"n{n}", **members) for n in range(many))
    )
    return [answer["executionArn"] for answer in answers]


async def has_status(sfn: Sfn, arn: str, status: str) -> None:
    """Wait until an execution has this status."""

    async def is_so() -> bool:
        return (await sfn("describe_execution", executionArn=arn))["status"] == status

    await wait_until(is_so, f"{arn} to be {status}", seconds=60)


async def test_she_starts_a_hundred_and_finds_them_by_status_page_by_page(sfn: Sfn):
    machine: str = (await sfn.create("hundred"))["stateMachineArn"]
    arns = await started(sfn, machine, 100, input='{"order": 7}')

    found = await pages(
        sfn, "list_executions", "executions", stateMachineArn=machine, statusFilter="SUCCEEDED", maxResults=30
    )

    assert [len(page) for page in found] == [30, 30, 30, 10]
    listed = [one for page in found for one in page]
    assert sorted(one["executionArn"] for one in listed) == sorted(arns)
    began = [one["startDate"] for one in listed]
    assert began == sorted(began, reverse=True)
    assert await pages(sfn, "list_executions", "executions", stateMachineArn=machine, statusFilter="RUNNING") == [[]]
    described = await sfn("describe_execution", executionArn=arns[41])
    assert (described["name"], described["status"]) == ("n41", "SUCCEEDED")
    assert read_json(described["input"]) == {"order": 7}
    assert described["startDate"] <= described["stopDate"]


async def test_she_reads_a_history_of_ten_thousand_events_forwards_and_backwards(sfn: Sfn):
    each = states("P", P={"Type": "Pass", "End": True})
    walk = states("Each", Each={"Type": "Map", "ItemProcessor": each, "End": True})
    machine: str = (await sfn.create("long", write_json_text(walk)))["stateMachineArn"]
    items = write_json_text(list(range(ITEMS)))
    arn: str = (await sfn("start_execution", stateMachineArn=machine, input=items))["executionArn"]
    await has_status(sfn, arn, "SUCCEEDED")

    forwards = await pages(sfn, "get_execution_history", "events", executionArn=arn, maxResults=1000)
    backwards = await pages(
        sfn, "get_execution_history", "events", executionArn=arn, maxResults=1000, reverseOrder=True
    )

    events = [event for page in forwards for event in page]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert len(events) > 10_000
    assert [len(page) for page in forwards[:-1]] == [1000] * (len(forwards) - 1)
    assert [event for page in backwards for event in page] == list(reversed(events))
    assert (events[0]["type"], events[-1]["type"]) == ("ExecutionStarted", "ExecutionSucceeded")


async def test_she_stops_one_and_redrives_another_from_the_state_that_failed(sfn: Sfn):
    desk: str = (await sfn("create_activity", name="desk"))["activityArn"]
    machine: str = (await sfn.create("order", write_json_text(ORDER)))["stateMachineArn"]
    stopped: str = (await sfn("start_execution", stateMachineArn=machine, name="stopped"))["executionArn"]
    task = await sfn("get_activity_task", activityArn=desk)
    await sfn("stop_execution", executionArn=stopped, error="Order.Withdrawn", cause="she changed her mind")
    described = await sfn("describe_execution", executionArn=stopped)
    assert (described["status"], described["error"]) == ("ABORTED", "Order.Withdrawn")
    assert (await sfn.refused("send_task_success", taskToken=task["taskToken"], output="1")).code == "TaskTimedOut"

    failed: str = (await sfn("start_execution", stateMachineArn=machine, name="failed"))["executionArn"]
    task = await sfn("get_activity_task", activityArn=desk)
    await sfn("send_task_failure", taskToken=task["taskToken"], error="Desk.Closed", cause="it is late")
    await has_status(sfn, failed, "FAILED")
    assert (await sfn("describe_execution", executionArn=failed))["redriveStatus"] == "REDRIVABLE"

    await sfn("redrive_execution", executionArn=failed)
    task = await sfn("get_activity_task", activityArn=desk)
    assert read_json(task["input"])["at"] == {"prepared": True}
    await sfn("send_task_success", taskToken=task["taskToken"], output='"open"')
    await has_status(sfn, failed, "SUCCEEDED")

    (events,) = await pages(sfn, "get_execution_history", "events", executionArn=failed)
    entered = [event["stateEnteredEventDetails"]["name"] for event in events if event["type"].endswith("StateEntered")]
    # What had succeeded is not done again.
    assert entered == ["Prepare", "Ask", "Done"]
    assert "ExecutionRedriven" in [event["type"] for event in events]


async def test_she_publishes_versions_and_shifts_an_alias_from_one_to_the_other(sfn: Sfn):
    created = await sfn.create("shift", passing("one"), publish=True)
    machine, first = created["stateMachineArn"], created["stateMachineVersionArn"]
    await sfn("update_state_machine", stateMachineArn=machine, definition=passing("two"))
    second: str = (await sfn("publish_state_machine_version", stateMachineArn=machine))["stateMachineVersionArn"]

    def route(*weights: int) -> list[Json]:
        both = zip((first, second), weights, strict=True)
        return [{"stateMachineVersionArn": arn, "weight": weight} for arn, weight in both if weight]

    alias: str = (await sfn("create_state_machine_alias", name="live", routingConfiguration=route(100, 0)))[
        "stateMachineAliasArn"
    ]

    async def said(many: int) -> set[str]:
        answers = await asyncio.gather(*(sfn.run(alias) for _ in range(many)))
        return {read_json(answer["output"]) for answer in answers}

    assert await said(5) == {"one"}
    await sfn("update_state_machine_alias", stateMachineAliasArn=alias, routingConfiguration=route(50, 50))
    # That one of them gets none of sixty has a chance of 1 in 2^59.
    assert await said(60) == {"one", "two"}
    await sfn("update_state_machine_alias", stateMachineAliasArn=alias, routingConfiguration=route(0, 100))
    assert await said(5) == {"two"}


async def test_she_deletes_a_machine_while_it_runs(sfn: Sfn, site: Site):
    ask = states("Ask", Ask={"Type": "Task", "Resource": "module:suspend", "End": True})
    machine: str = (await sfn.create("doomed", write_json_text(ask)))["stateMachineArn"]
    arn: str = (await sfn("start_execution", stateMachineArn=machine))["executionArn"]

    await sfn("delete_state_machine", stateMachineArn=machine)

    assert (await sfn("describe_state_machine", stateMachineArn=machine))["status"] == "DELETING"
    assert (await sfn.refused("start_execution", stateMachineArn=machine)).code == "StateMachineDeleting"
    again = await sfn.refused("create_state_machine", name="doomed", definition=passing(1), roleArn=ROLE)
    assert again.code == "StateMachineDeleting"
    assert (await sfn("describe_execution", executionArn=arn))["status"] == "RUNNING"
    (waits,) = (await site.operate("Statebox.ListContinuations", executionArn=arn)).json["continuations"]
    await sfn("send_task_success", taskToken=waits["continuation"], output="1")
    await has_status(sfn, arn, "SUCCEEDED")

    async def is_gone() -> bool:
        return machine not in [one["stateMachineArn"] for one in (await sfn("list_state_machines"))["stateMachines"]]

    await wait_until(is_gone, "the machine to be gone", seconds=20)
    assert machine == machine_arn("doomed")
