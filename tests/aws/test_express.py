"""Express machines: in memory, with one record at the end."""

from __future__ import annotations

import asyncio

import pytest
from botocore.exceptions import ClientError

from statebox.asl.jsontext import Json, write_json_text
from statebox.engine.names import Place
from tests.aws.calling import Caller
from tests.aws.sfn import PLACE, ROLE
from tests.http.site import states
from tests.waiting import wait_until

PASS: Json = states("P", P={"Type": "Pass", "Result": {"x": 1}, "End": True})


async def create(call: Caller, definition: Json = PASS, name: str = "quick", type: str = "EXPRESS") -> str:
    """Create a machine; returns its ARN."""
    created = await call(
        "create_state_machine", name=name, definition=write_json_text(definition), roleArn=ROLE, type=type
    )
    return created["stateMachineArn"]


async def recorded(call: Caller, arn: str) -> Json:
    """The record of an express execution, once there is one."""
    machine, _, unique = arn.split(":")[6:]
    path = f"/executions/{machine}/{unique}"

    async def is_there() -> bool:
        return (await call.site.get(path)).status == 200

    await wait_until(is_there, f"the record of {arn}")
    return (await call.site.get(path)).json


async def test_a_synchronous_start_answers_with_the_end(call: Caller):
    machine = await create(call)

    answer = await call("start_sync_execution", stateMachineArn=machine, name="one", input='{"n": 1}')

    arn, name, unique = answer["executionArn"].rsplit(":", 2)
    assert (arn, name) == (f"{PLACE}:express:quick", "one")
    assert Place().express_arn("quick", "one", unique) == answer["executionArn"]
    assert {key: answer[key] for key in ("stateMachineArn", "name", "status", "input", "output")} == {
        "stateMachineArn": machine,
        "name": "one",
        "status": "SUCCEEDED",
        "input": '{"n":1}',
        "output": '{"x":1}',
    }
    assert answer["inputDetails"] == answer["outputDetails"] == {"included": True}
    assert answer["billingDetails"] == {"billedMemoryUsedInMB": 64, "billedDurationInMilliseconds": 100}
    assert answer["startDate"] <= answer["stopDate"]


async def test_payloads_and_errors_can_be_left_out(call: Caller):
    machine = await create(call, states("F", F={"Type": "Fail", "Error": "E", "Cause": "C"}))
    told = await call("start_sync_execution", stateMachineArn=machine, traceHeader="Root=1")
    assert (told["status"], told["error"], told["cause"], told["traceHeader"]) == ("FAILED", "E", "C", "Root=1")
    bare = await call("start_sync_execution", stateMachineArn=machine, includedData="METADATA_ONLY")
    assert not {"input", "output", "error", "cause"} & bare.keys()
    assert bare["inputDetails"] == {"included": False}


async def test_a_synchronous_start_waits_for_time_to_pass(call: Caller):
    machine = await create(call, states("W", W={"Type": "Wait", "Seconds": 1, "End": True}))
    answer = await call("start_sync_execution", stateMachineArn=machine)
    assert answer["billingDetails"]["billedDurationInMilliseconds"] >= 1000


async def test_an_express_execution_times_out(call: Caller):
    definition = {**states("W", W={"Type": "Wait", "Seconds": 60, "End": True}), "TimeoutSeconds": 1}
    answer = await call("start_sync_execution", stateMachineArn=await create(call, definition))
    assert answer["status"] == "TIMED_OUT"


async def test_many_synchronous_starts_may_have_the_same_name(call: Caller):
    machine = await create(call)
    answers = await asyncio.gather(
        *(call("start_sync_execution", stateMachineArn=machine, name="same", input=str(n)) for n in range(10))
    )
    assert sorted(int(answer["input"]) for answer in answers) == list(range(10))
    assert len({answer["executionArn"] for answer in answers}) == 10


async def test_a_standard_machine_cannot_be_started_synchronously(call: Caller):
    machine = await create(call, type="STANDARD", name="slow")
    with pytest.raises(ClientError, match=r"StateMachineTypeNotSupported.*not supported by this type of state machine"):
        await call("start_sync_execution", stateMachineArn=machine)


async def test_an_asynchronous_start_leaves_a_record_with_its_history(call: Caller):
    started = await call("start_execution", stateMachineArn=await create(call), name="one", input='{"n": 1}')

    record = await recorded(call, started["executionArn"])

    assert (record["status"], record["name"], record["output"]) == ("SUCCEEDED", "one", {"x": 1})
    unique = started["executionArn"].rpartition(":")[2]
    history = await call("get_execution_history", executionArn=f"quick:{unique}")
    assert [event["type"] for event in history["events"]] == [
        *("ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded")
    ]


async def test_operations_on_executions_do_not_know_express_executions(call: Caller):
    machine = await create(call)
    arn = (await call("start_execution", stateMachineArn=machine))["executionArn"]
    for operation in ("describe_execution", "get_execution_history", "stop_execution", "redrive_execution"):
        with pytest.raises(ClientError, match=r"InvalidArn.*Resource type not valid in this context: express"):
            await call(operation, executionArn=arn)
    with pytest.raises(ClientError, match="StateMachineTypeNotSupported"):
        await call("list_executions", stateMachineArn=machine)


async def test_nothing_of_a_running_express_execution_is_in_redis(call: Caller):
    machine = await create(call, states("W", W={"Type": "Wait", "Seconds": 60, "End": True}))
    await call("start_execution", stateMachineArn=machine)
    assert (await call.site.daemon.service.counts()).running == 0
    assert len(call.site.daemon.service.express) == 1


async def test_a_running_express_execution_is_one_of_those_that_the_daemon_holds(call: Caller):
    machine = await create(call, states("W", W={"Type": "Wait", "Seconds": 60, "End": True}))
    await call("start_execution", stateMachineArn=machine)
    assert call.site.daemon.service.running_here == 1


async def test_the_context_object_of_an_express_execution_tells_of_no_redrives(call: Caller):
    definition = states("P", P={"Type": "Pass", "Parameters": {"c.$": "$$.Execution"}, "End": True})
    answer = await call("start_sync_execution", stateMachineArn=await create(call, definition), name="one")
    assert '"Name":"one"' in answer["output"]
    assert answer["executionArn"] in answer["output"]
    assert "Redrive" not in answer["output"]


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        ("openwhisk:work.sync", "Express state machine does not support '.sync' service integration"),
        ("openwhisk:work.waitForTaskToken", "Express state machine does not support '.waitForTaskToken'"),
        (f"{PLACE}:activity:x", "Express state machine does not support Activity ARN"),
    ],
)
async def test_what_waits_for_others_is_not_for_express_machines(call: Caller, resource: str, said: str):
    definition = states("A", A={"Type": "Task", "Resource": resource, "End": True})
    with pytest.raises(ClientError, match="InvalidDefinition.*" + said.replace(".", r"\.")):
        await create(call, definition)
    machine = await create(call)
    with pytest.raises(ClientError, match="InvalidDefinition"):
        await call("update_state_machine", stateMachineArn=machine, definition=write_json_text(definition))


async def test_executions_of_a_machine_that_never_was_are_not_listed(call: Caller):
    with pytest.raises(ClientError, match="StateMachineDoesNotExist"):
        await call("list_executions", stateMachineArn=f"{PLACE}:stateMachine:nothing")


@pytest.mark.parametrize(("suffix", "status"), [("", "SUCCEEDED"), (".sync", "FAILED")])
async def test_a_task_starts_express_executions_but_does_not_wait_for_them(call: Caller, suffix: str, status: str):
    machine = await create(call)
    resource = f"arn:aws:states:::states:startExecution{suffix}"
    task = {"Type": "Task", "Resource": resource, "Parameters": {"StateMachineArn": machine}, "End": True}
    done = await call.run(states("T", T=task))
    assert done["status"] == status
    if status == "SUCCEEDED":
        assert ":express:quick:" in done["output"]
    else:
        assert "StateMachineTypeNotSupported" in done["error"]
