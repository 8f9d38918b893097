"""The operations of the Step Functions API, as AWS's clients ask for them."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
import pytest_asyncio

from statebox.asl.jsontext import Json, read_json, write_json_text
from statebox.embedded import EmbeddedValkey
from tests.http.site import PASSING, SUSPENDING, Answer, Site, open_site, states, suspending
from tests.waiting import wait_until

PLACE = "arn:aws:states:us-east-1:000000000000"


@pytest_asyncio.fixture
async def site(valkey: EmbeddedValkey, tmp_path: Path):
    """A daemon that knows the machines pass, suspend and wait by name."""
    folder = tmp_path / "machines"
    folder.mkdir()
    waiting = states("Wait", Wait={"Type": "Wait", "Seconds": 3600, "End": True})
    for name, definition in (("pass", PASSING), ("suspend", SUSPENDING), ("wait", waiting)):
        (folder / f"{name}.json").write_text(write_json_text(definition))
    async with open_site(valkey, tmp_path, machines=folder) as site:
        yield site


async def start(site: Site, machine: str, **members: Json) -> str:
    """Start a machine; returns the execution's ARN."""
    answer = await site.operate("StartExecution", stateMachineArn=f"{PLACE}:stateMachine:{machine}", **members)
    assert answer.status == 200, answer.raw
    return answer.json["executionArn"]


async def suspended(site: Site, definition: Json = SUSPENDING) -> tuple[str, str]:
    """A suspended execution's id and its continuation."""
    answer = await site.run(definition)
    return answer.headers["x-statebox-execution-id"], answer.json["CONTINUATION"]


def is_error(answer: Answer, type: str, status: int = 400) -> str:
    """Check that an answer is this error in AWS's form; returns its message."""
    assert (answer.status, answer.json["__type"]) == (status, type), answer.raw
    return answer.json["message"]


async def test_answers_are_in_the_form_of_the_protocol(site: Site):
    answer = await site.operate("StartExecution", stateMachineArn="pass")
    assert answer.headers["Content-Type"] == "application/x-amz-json-1.0"
    assert uuid.UUID(answer.headers["x-amzn-RequestId"])
    refused = await site.operate("DescribeExecution", executionArn="no:such")
    assert refused.headers["Content-Type"] == "application/x-amz-json-1.0"
    assert refused.headers["x-amzn-RequestId"] != answer.headers["x-amzn-RequestId"]


async def test_an_execution_is_started_and_described(site: Site):
    answer = await site.operate(
        "StartExecution", stateMachineArn=f"{PLACE}:stateMachine:pass", name="one", input='{"n": 12345678901234567890}'
    )
    arn = f"{PLACE}:execution:pass:one"
    assert answer.json == {"executionArn": arn, "startDate": answer.json["startDate"]}
    described = (await site.operate("DescribeExecution", executionArn=arn)).json
    assert described == {
        "executionArn": arn,
        "stateMachineArn": f"{PLACE}:stateMachine:pass",
        "name": "one",
        "status": "SUCCEEDED",
        "startDate": answer.json["startDate"],
        "stopDate": described["stopDate"],
        "input": '{"n":12345678901234567890}',
        "inputDetails": {"included": True},
        "output": '{"n":12345678901234567890}',
        "outputDetails": {"included": True},
        "redriveCount": 0,
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
    }
    assert 1_700_000_000 < described["startDate"] <= described["stopDate"]


async def test_ids_do_as_well_as_arns(site: Site):
    await site.operate("StartExecution", stateMachineArn="pass", name="one")
    assert (await site.operate("DescribeExecution", executionArn="pass:one")).json["name"] == "one"


async def test_payloads_can_be_left_out(site: Site):
    arn = await start(site, "pass", input='"secret"')
    shown = (await site.operate("DescribeExecution", executionArn=arn, includedData="METADATA_ONLY")).json
    assert not {"input", "output"} & set(shown)
    assert shown["outputDetails"] == {"included": False}


async def test_a_start_by_name_is_idempotent_while_it_runs_with_the_same_input(site: Site):
    first = await start(site, "wait", name="one", input="1")
    assert await start(site, "wait", name="one", input="1") == first
    other = await site.operate("StartExecution", stateMachineArn="wait", name="one", input="2")
    assert "wait:one" in is_error(other, "ExecutionAlreadyExists")


@pytest.mark.parametrize(
    ("members", "type"),
    [
        ({"stateMachineArn": f"{PLACE}:stateMachine:unheard-of"}, "StateMachineDoesNotExist"),
        ({"stateMachineArn": "unheard-of"}, "InvalidArn"),
        ({"stateMachineArn": "arn:aws:s3:::bucket"}, "InvalidArn"),
        ({"stateMachineArn": "pass", "name": "a b"}, "InvalidName"),
        ({"stateMachineArn": "pass", "input": "{"}, "InvalidExecutionInput"),
        ({"stateMachineArn": "pass", "input": "NaN"}, "InvalidExecutionInput"),
        ({"stateMachineArn": "pass", "input": {}}, "SerializationException"),
        ({}, "ValidationException"),
    ],
)
async def test_a_wrong_start_is_refused(site: Site, members: dict[str, Json], type: str):
    is_error(await site.operate("StartExecution", **members), type)


async def test_a_failed_execution_is_described_with_error_and_cause(site: Site):
    failed = await site.run(states("No", No={"Type": "Fail", "Error": "Nope", "Cause": "because"}))
    id = failed.headers["x-statebox-execution-id"]
    shown = (await site.operate("DescribeExecution", executionArn=id)).json
    assert (shown["status"], shown["error"], shown["cause"]) == ("FAILED", "Nope", "because")
    assert "output" not in shown


# Lists


async def test_executions_are_listed_newest_first_page_by_page(site: Site):
    started = [await start(site, machine) for machine in ("pass", "wait", "pass", "pass", "wait")]
    seen: list[str] = []
    token: dict[str, Json] = {}
    while True:
        page = (await site.operate("ListExecutions", maxResults=2, **token)).json
        seen += [one["executionArn"] for one in page["executions"]]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert sorted(seen) == sorted(started)
    dates = [(await site.operate("DescribeExecution", executionArn=arn)).json["startDate"] for arn in seen]
    assert dates == sorted(dates, reverse=True)


async def test_executions_are_listed_by_machine_and_status(site: Site):
    passed, waiting = await start(site, "pass"), await start(site, "wait")

    async def listed(**members: Json) -> list[str]:
        return [one["executionArn"] for one in (await site.operate("ListExecutions", **members)).json["executions"]]

    assert await listed(stateMachineArn=f"{PLACE}:stateMachine:pass") == [passed]
    assert await listed(stateMachineArn="wait", statusFilter="RUNNING") == [waiting]
    assert await listed(stateMachineArn="wait", statusFilter="FAILED") == []
    assert await listed(redriveFilter="REDRIVEN") == []
    assert len(await listed(redriveFilter="NOT_REDRIVEN")) == 2
    is_error(await site.operate("ListExecutions", mapRunArn="arn:aws:states:::mapRun:x"), "ResourceNotFound")


@pytest.mark.parametrize("token", ["nonsense", "WzFd", "e30", "AAAA", "ü"])
@pytest.mark.parametrize("operation", ["ListExecutions", "GetExecutionHistory"])
async def test_a_foreign_next_token_is_refused(site: Site, operation: str, token: str):
    if (operation, token) == ("GetExecutionHistory", "WzFd"):
        token = "WzEsMl0"  # [1] is a place in a history, [1, 2] in neither
    answer = await site.operate(operation, executionArn=await start(site, "pass"), nextToken=token)
    is_error(answer, "InvalidToken")


async def test_a_history_is_paged_both_ways(site: Site):
    arn = await start(site, "pass", input="7")
    whole = (await site.operate("GetExecutionHistory", executionArn=arn)).json
    types = ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]
    assert [event["type"] for event in whole["events"]] == types
    assert "nextToken" not in whole
    for reverse in (False, True):
        seen: list[str] = []
        token: dict[str, Json] = {}
        while True:
            page = await site.operate(
                "GetExecutionHistory", executionArn=arn, maxResults=3, reverseOrder=reverse, **token
            )
            seen += [event["type"] for event in page.json["events"]]
            if "nextToken" not in page.json:
                break
            token = {"nextToken": page.json["nextToken"]}
        assert seen == (types[::-1] if reverse else types)


async def test_a_history_goes_without_payloads_when_asked(site: Site):
    arn = await start(site, "pass", input="7")
    with_data = (await site.operate("GetExecutionHistory", executionArn=arn)).json["events"]
    without = (await site.operate("GetExecutionHistory", executionArn=arn, includeExecutionData=False)).json["events"]
    assert with_data[0]["executionStartedEventDetails"]["input"] == "7"
    assert "input" not in without[0]["executionStartedEventDetails"]


@pytest.mark.parametrize(
    "operation",
    ["DescribeExecution", "GetExecutionHistory", "StopExecution", "DescribeStateMachineForExecution"],
)
async def test_an_execution_that_does_not_exist(site: Site, operation: str):
    is_error(await site.operate(operation, executionArn="no:such"), "ExecutionDoesNotExist")
    is_error(await site.operate(operation, executionArn="nosuch"), "InvalidArn")


async def test_an_execution_is_stopped_once_and_says_when(site: Site):
    arn = await start(site, "wait")
    stopped = await site.operate("StopExecution", executionArn=arn, error="Enough", cause="of this")
    shown = (await site.operate("DescribeExecution", executionArn=arn)).json
    assert (shown["status"], shown["error"], shown["cause"]) == ("ABORTED", "Enough", "of this")
    assert stopped.json == {"stopDate": shown["stopDate"]}
    assert (await site.operate("StopExecution", executionArn=arn)).json == stopped.json


# Tasks


async def test_a_task_is_answered_once(site: Site):
    """The second answer gets what AWS says of a task that is over, and beyond AWS when it was answered."""
    id, token = await suspended(site, states("Ask", Ask=suspending(ResultPath="$.said")))
    assert (await site.operate("SendTaskSuccess", taskToken=token, output='{"a": 1}')).json == {}
    refused = await site.operate("SendTaskSuccess", taskToken=token, output="2")
    assert "answered before" in is_error(refused, "TaskTimedOut")
    assert (await site.ended(id))["output"]["said"] == {"a": 1}


async def test_a_task_is_failed(site: Site):
    id, token = await suspended(site)
    assert (await site.operate("SendTaskFailure", taskToken=token, error="No", cause="way")).json == {}
    end = await site.ended(id)
    assert (end["status"], end["error"], end["cause"]) == ("FAILED", "No", "way")


async def test_a_heartbeat_keeps_a_task_alive(site: Site):
    _, token = await suspended(site, states("Ask", Ask=suspending(HeartbeatSeconds=100, TimeoutSeconds=1000)))
    before = (await site.operate("Statebox.DescribeContinuation", continuation=token)).json["deadline"]
    assert (await site.operate("SendTaskHeartbeat", taskToken=token)).json == {}

    async def is_later() -> bool:
        return (await site.operate("Statebox.DescribeContinuation", continuation=token)).json["deadline"] > before

    await wait_until(is_later, "the deadline to move")


async def test_a_task_that_is_unknown_or_badly_answered(site: Site):
    _, token = await suspended(site)
    is_error(await site.operate("SendTaskSuccess", taskToken=token, output="{"), "InvalidOutput")
    for operation in ("SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat"):
        is_error(await site.operate(operation, taskToken="no such token", output="{}"), "InvalidToken")


# Machines


async def test_machines_are_listed_page_by_page(site: Site):
    first = (await site.operate("ListStateMachines", maxResults=2)).json
    second = (await site.operate("ListStateMachines", maxResults=2, nextToken=first["nextToken"])).json
    machines = first["stateMachines"] + second["stateMachines"]
    assert [machine["name"] for machine in machines] == ["pass", "suspend", "wait"]
    assert machines[0]["stateMachineArn"] == f"{PLACE}:stateMachine:pass"
    assert machines[0]["type"] == "STANDARD"
    assert "nextToken" not in second


async def test_a_machine_is_described(site: Site):
    shown = (await site.operate("DescribeStateMachine", stateMachineArn="pass")).json
    assert read_json(shown["definition"]) == PASSING
    assert (shown["name"], shown["status"], shown["type"]) == ("pass", "ACTIVE", "STANDARD")
    assert {"stateMachineArn", "roleArn", "creationDate"} <= set(shown)
    none = f"{PLACE}:stateMachine:none"
    is_error(await site.operate("DescribeStateMachine", stateMachineArn=none), "StateMachineDoesNotExist")


async def test_the_definition_of_an_execution_is_described(site: Site):
    arn = await start(site, "pass")
    shown = (await site.operate("DescribeStateMachineForExecution", executionArn=arn)).json
    assert (shown["name"], read_json(shown["definition"])) == ("pass", PASSING)
    assert {"stateMachineArn", "roleArn", "updateDate"} <= set(shown)


async def test_a_definition_is_validated_with_everything_that_is_wrong_with_it(site: Site):
    right = await site.operate("ValidateStateMachineDefinition", definition=write_json_text(PASSING))
    assert right.json == {"result": "OK", "diagnostics": [], "truncated": False}
    wrong = write_json_text(states("Gone", A={"Type": "Pass"}, B={"Type": "Nothing"}))
    shown = (await site.operate("ValidateStateMachineDefinition", definition=wrong)).json
    assert (shown["result"], shown["truncated"]) == ("FAIL", False)
    assert len(shown["diagnostics"]) >= 3
    assert {"severity", "code", "message"} <= set(shown["diagnostics"][0])
    some = (await site.operate("ValidateStateMachineDefinition", definition=wrong, maxResults=1)).json
    assert (len(some["diagnostics"]), some["truncated"]) == (1, True)
    broken = (await site.operate("ValidateStateMachineDefinition", definition="{")).json
    assert broken["diagnostics"][0]["code"] == "INVALID_JSON_DESCRIPTION"


# The protocol itself


@pytest.mark.parametrize("target", ["AWSStepFunctions.Nothing", "Nothing", "", "Statebox.StartExecution"])
async def test_an_operation_that_does_not_exist(site: Site, target: str):
    answer = await site.ask("POST", "/", json={}, headers={"X-Amz-Target": target})
    assert repr(target) in is_error(answer, "UnknownOperationException")


async def test_what_is_wrong_with_an_input_is_told_at_once_in_awss_words(site: Site):
    answer = await site.operate("ListExecutions", maxResults=5000, statusFilter="DONE", stateMachineArn="")
    message = is_error(answer, "ValidationException")
    assert message.startswith(
        "3 validation errors detected: Value '' at 'stateMachineArn' failed to satisfy constraint: "
    )
    assert "Value '5000' at 'maxResults' failed to satisfy constraint: Member must have value less than" in message
    assert "Member must satisfy enum value set: [" in message


async def test_null_is_as_good_as_absent_and_unknown_members_are_ignored(site: Site):
    answer = await site.operate("StartExecution", stateMachineArn="pass", name=None, input=None, novelty=[1])
    assert answer.status == 200


async def test_a_body_may_be_empty(site: Site):
    answer = await site.ask("POST", "/", headers={"X-Amz-Target": "AWSStepFunctions.ListExecutions"})
    assert answer.json == {"executions": []}


@pytest.mark.parametrize("body", [b"{", b"[]", b"7", b"\xff"])
async def test_a_body_that_is_no_object_cannot_be_read(site: Site, body: bytes):
    answer = await site.ask("POST", "/", data=body, headers={"X-Amz-Target": "AWSStepFunctions.ListExecutions"})
    is_error(answer, "SerializationException")
