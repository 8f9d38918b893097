"""RedriveExecution: an execution that failed goes on from where it failed."""

from __future__ import annotations

import asyncio

import pytest
from botocore.exceptions import ClientError

from statebox.asl.jsontext import Json, write_json_text
from tests.aws.calling import Caller
from tests.aws.sfn import ROLE
from tests.http.site import states, suspending
from tests.waiting import wait_until

FIRST: Json = {"Type": "Pass", "Result": {"n": 1}, "Next": "Ask"}
ASKING: Json = states("First", First=FIRST, Ask=suspending("Then"), Then={"Type": "Pass", "End": True})


async def asked(call: Caller, arn: str, count: int = 1) -> list[str]:
    """Wait until it waits for so many answers; returns the continuations."""

    async def is_asked() -> bool:
        answer = await call.site.operate("Statebox.ListContinuations", executionArn=arn)
        return len(answer.json["continuations"]) == count

    await wait_until(is_asked, f"{arn} to ask")
    answer = await call.site.operate("Statebox.ListContinuations", executionArn=arn)
    return [one["continuation"] for one in answer.json["continuations"]]


async def failed(call: Caller, definition: Json = ASKING) -> str:
    """An execution whose question was answered with an error."""
    arn = await call.start(definition)
    [token] = await asked(call, arn)
    await call("send_task_failure", taskToken=token, error="E", cause="C")
    assert (await call.ended(arn))["status"] == "FAILED"
    return arn


async def test_a_failed_execution_goes_on_from_the_state_that_failed(call: Caller):
    arn = await failed(call)
    described = await call("describe_execution", executionArn=arn)
    assert (described["redriveCount"], described["redriveStatus"]) == (0, "REDRIVABLE")
    assert "redriveDate" not in described

    redrive_date = (await call("redrive_execution", executionArn=arn))["redriveDate"]

    running = await call("describe_execution", executionArn=arn)
    assert (running["status"], running["redriveCount"]) == ("RUNNING", 1)
    assert running["redriveDate"] == redrive_date
    assert (running["redriveStatus"], running["redriveStatusReason"]) == (
        "NOT_REDRIVABLE",
        "Execution is RUNNING and cannot be redriven",
    )
    assert "stopDate" not in running
    assert "error" not in running
    [token] = await asked(call, arn)
    await call("send_task_success", taskToken=token, output='"at last"')
    done = await call.ended(arn)
    assert (done["status"], done["output"]) == ("SUCCEEDED", '"at last"')
    assert done["redriveStatusReason"] == "Execution is SUCCEEDED and cannot be redriven"
    types = await call.history(arn)
    assert types.count("ExecutionRedriven") == 1
    assert types.count("TaskStateEntered") == 1
    assert types.count("TaskScheduled") == 2


async def test_it_is_counted_among_those_that_run_and_then_by_its_new_end(call: Caller):
    arn = await failed(call)
    machine = arn.replace(":execution:", ":stateMachine:").rpartition(":")[0]

    async def listed(status: str) -> list[str]:
        found = await call("list_executions", stateMachineArn=machine, statusFilter=status)
        return [one["executionArn"] for one in found["executions"]]

    assert (await listed("FAILED"), await listed("RUNNING")) == ([arn], [])
    await call("redrive_execution", executionArn=arn)
    assert (await listed("FAILED"), await listed("RUNNING")) == ([], [arn])
    await call("stop_execution", executionArn=arn)
    assert (await listed("ABORTED"), await listed("RUNNING"), await listed("FAILED")) == ([arn], [], [])


async def test_it_can_be_redriven_again_and_again(call: Caller):
    arn = await call.start(states("No", No={"Type": "Fail", "Error": "E"}))
    for count in (1, 2, 3):
        await call("redrive_execution", executionArn=arn)
        described = await call("describe_execution", executionArn=arn)
        assert (described["status"], described["error"], described["redriveCount"]) == ("FAILED", "E", count)
    assert (await call.history(arn)).count("ExecutionFailed") == 4


async def test_the_same_client_token_redrives_once(call: Caller):
    arn = await call.start(states("No", No={"Type": "Fail"}))
    first = await call("redrive_execution", executionArn=arn, clientToken="once")
    assert await call("redrive_execution", executionArn=arn, clientToken="once") == first
    assert (await call("describe_execution", executionArn=arn))["redriveCount"] == 1


async def test_of_many_who_redrive_it_at_once_one_does(call: Caller):
    arn = await failed(call)

    async def redrive() -> str:
        try:
            await call("redrive_execution", executionArn=arn)
        except ClientError as refused:
            return str(refused).partition("(")[2].partition(")")[0]
        return "redriven"

    outcomes = await asyncio.gather(*(redrive() for _ in range(8)))

    assert sorted(outcomes) == ["ExecutionNotRedrivable"] * 7 + ["redriven"]
    assert (await call("describe_execution", executionArn=arn))["redriveCount"] == 1


async def test_what_runs_or_succeeded_is_not_redrivable(call: Caller):
    running = await call.start(ASKING)
    succeeded = (await call.run(states("P", P={"Type": "Pass", "End": True})))["executionArn"]
    for arn, status in ((running, "RUNNING"), (succeeded, "SUCCEEDED")):
        with pytest.raises(ClientError, match=f"ExecutionNotRedrivable.*Execution is {status} and cannot be redriven"):
            await call("redrive_execution", executionArn=arn)


async def test_nothing_is_redriven_of_a_machine_that_is_being_deleted(call: Caller):
    waiting = states("C", C={"Type": "Choice", "Choices": [{"Variable": "$", "BooleanEquals": True, "Next": "W"}]})
    waiting["States"]["C"]["Default"] = "No"
    waiting["States"] |= {"W": {"Type": "Wait", "Seconds": 600, "End": True}, "No": {"Type": "Fail"}}
    created = await call("create_state_machine", name="going", definition=write_json_text(waiting), roleArn=ROLE)
    machine = created["stateMachineArn"]
    failing = (await call("start_execution", stateMachineArn=machine, input="false"))["executionArn"]
    await call("start_execution", stateMachineArn=machine, input="true")
    await call.ended(failing)
    await call("delete_state_machine", stateMachineArn=machine)

    with pytest.raises(ClientError, match=r"ExecutionNotRedrivable.*State machine is in DELETING status"):
        await call("redrive_execution", executionArn=failing)


async def test_what_is_not_there_cannot_be_redriven(call: Caller):
    arn = "arn:aws:states:us-east-1:000000000000:execution:m:nobody"
    with pytest.raises(ClientError, match="ExecutionDoesNotExist"):
        await call("redrive_execution", executionArn=arn)


async def test_a_stopped_execution_and_one_that_timed_out_can_be_redriven(call: Caller):
    stopped = await call.start(ASKING)
    await call("stop_execution", executionArn=stopped)
    late = await call.start({**ASKING, "TimeoutSeconds": 1})
    assert (await call.ended(late))["status"] == "TIMED_OUT"
    for arn in (stopped, late):
        await call("redrive_execution", executionArn=arn)
        [token] = await asked(call, arn)
        await call("send_task_success", taskToken=token, output="{}")
        assert (await call.ended(arn))["status"] == "SUCCEEDED"


async def test_only_the_branches_that_failed_or_were_cut_off_are_run_again(call: Caller):
    branches = [states(name, **{name: suspending()}) for name in ("A", "B", "C")]
    arn = await call.start(states("P", P={"Type": "Parallel", "Branches": branches, "End": True}))
    a, b, _ = await asked(call, arn, 3)
    await call("send_task_success", taskToken=a, output="1")
    await call("send_task_failure", taskToken=b)
    assert (await call.ended(arn))["status"] == "FAILED"

    await call("redrive_execution", executionArn=arn)

    for token, output in zip(await asked(call, arn, 2), ("2", "3"), strict=True):
        await call("send_task_success", taskToken=token, output=output)
    assert (await call.ended(arn))["output"] == "[1,2,3]"


async def test_a_map_run_goes_on_with_the_children_that_did_not_succeed(call: Caller):
    config: Json = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    processor: Json = {**states("Ask", Ask=suspending()), "ProcessorConfig": config}
    arn = await call.start(states("M", M={"Type": "Map", "ItemProcessor": processor, "End": True}), ["a", "b", "c"])
    machine = "arn:aws:states:us-east-1:000000000000:stateMachine:m/M"

    async def children(status: str) -> list[str]:
        found = await call("list_executions", stateMachineArn=machine, statusFilter=status)
        return [one["executionArn"] for one in found["executions"]]

    async def running(count: int) -> dict[str, str]:
        async def are_running() -> bool:
            answers = [
                await call.site.operate("Statebox.ListContinuations", executionArn=child)
                for child in await children("RUNNING")
            ]
            return sum(bool(answer.json["continuations"]) for answer in answers) == count

        await wait_until(are_running, f"{count} children to ask")
        inputs: dict[str, str] = {}
        for child in await children("RUNNING"):
            inputs[(await call("describe_execution", executionArn=child))["input"]] = (await asked(call, child))[0]
        return inputs

    tokens = await running(3)
    await call("send_task_success", taskToken=tokens['"a"'], output='"A"')
    await call("send_task_failure", taskToken=tokens['"b"'], error="E")
    assert (await call.ended(arn))["error"] == "States.ExceedToleratedFailureThreshold"

    [child] = await children("FAILED")
    assert (await call("describe_execution", executionArn=child))["redriveStatus"] == "REDRIVABLE_BY_MAP_RUN"
    with pytest.raises(ClientError, match="ExecutionNotRedrivable"):
        await call("redrive_execution", executionArn=child)

    await call("redrive_execution", executionArn=arn)

    tokens = await running(2)
    await call("send_task_success", taskToken=tokens['"b"'], output='"B"')
    await call("send_task_success", taskToken=tokens['"c"'], output='"C"')
    assert (await call.ended(arn))["output"] == '["A","B","C"]'
    assert (await call.history(arn)).count("MapRunRedriven") == 1
    assert len(await children("SUCCEEDED")) == 3
    assert (await call("describe_execution", executionArn=child))["redriveCount"] == 1
