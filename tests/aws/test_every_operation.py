"""All of AWS's operations through boto3: each answers in its shape, and refuses with errors that its model names."""

from __future__ import annotations

import importlib
from typing import Final

import pytest
from botocore.exceptions import ClientError

from statebox.asl.jsontext import Json, read_json, write_json_text
from tests.aws.bad_arguments import OPERATIONS, right
from tests.aws.sfn import PASS, PLACE, ROLE, Sfn, machine_arn, passing, session
from tests.http.site import Site, states
from tests.waiting import wait_until

# What is wrong with arguments, or with a request, is told of every operation, also where its model does not say so.
_OF_ALL: Final = frozenset({"ValidationException", "InvalidArn", "InvalidName", "StateMachineDoesNotExist"})
# botocore has no types.
_BOTOCORE: Final[Json] = importlib.import_module("botocore")
_TAGS: Final[Json] = [{"key": "team", "value": "a"}]
_FAIL: Final = write_json_text(states("No", No={"Type": "Fail", "Error": "E", "Cause": "C"}))


def method_of(operation: str) -> str:
    """What boto3 calls it."""
    return _BOTOCORE.xform_name(operation)


class Tracked(Sfn):
    """boto3's client, which remembers which of its methods were called."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.called: set[str] = set()

    async def __call__(self, operation: str, **members: Json) -> Json:
        """Call one of its methods by name."""
        self.called.add(operation)
        return await super().__call__(operation, **members)


async def test_every_operation_answers_in_the_shape_that_aws_says(site: Site):
    sfn = Tracked(site.daemon.url)

    for story in (_machines, _versions, _executions, _express, _tasks, _activities, _map_runs, _trials):
        await story(sfn)

    assert sfn.called == {method_of(operation) for operation in OPERATIONS}
    assert len(sfn.called) == 37


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_what_is_not_there_is_refused_with_an_error_that_the_operation_has(site: Site, operation: str):
    sfn = Sfn(site.daemon.url)
    model: Json = session().client("stepfunctions", endpoint_url=site.daemon.url).meta.service_model
    named = {shape.name for shape in model.operation_model(operation).error_shapes}

    try:
        await sfn(method_of(operation), **right(operation))
    except ClientError as error:
        response: Json = vars(error)["response"]
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
        assert response["Error"]["Code"] in named | _OF_ALL
        assert response["Error"]["Message"]
    else:
        assert operation.startswith(("Create", "Delete", "List", "Publish", "Validate", "TestState"))


async def _machines(sfn: Sfn) -> None:
    arn: str = (
        await sfn.create(
            "every",
            type="STANDARD",
            tags=_TAGS,
            loggingConfiguration={"level": "OFF", "includeExecutionData": False},
            tracingConfiguration={"enabled": False},
            encryptionConfiguration={"type": "AWS_OWNED_KEY"},
        )
    )["stateMachineArn"]
    await sfn("update_state_machine", stateMachineArn=arn, definition=passing("new"), roleArn=ROLE)
    shown = await sfn("describe_state_machine", stateMachineArn=arn, includedData="ALL_DATA")
    assert (shown["definition"], shown["encryptionConfiguration"]) == (passing("new"), {"type": "AWS_OWNED_KEY"})
    assert arn in [one["stateMachineArn"] for one in (await sfn("list_state_machines", maxResults=10))["stateMachines"]]
    await sfn("tag_resource", resourceArn=arn, tags=[{"key": "stage", "value": "test"}])
    await sfn("untag_resource", resourceArn=arn, tagKeys=["team"])
    assert (await sfn("list_tags_for_resource", resourceArn=arn))["tags"] == [{"key": "stage", "value": "test"}]
    await sfn("delete_state_machine", stateMachineArn=arn)


async def _versions(sfn: Sfn) -> None:
    created = await sfn.create("versioned", publish=True, versionDescription="first")
    arn, first = created["stateMachineArn"], created["stateMachineVersionArn"]
    updated = await sfn("update_state_machine", stateMachineArn=arn, definition=passing("new"))
    second: str = (
        await sfn(
            "publish_state_machine_version", stateMachineArn=arn, revisionId=updated["revisionId"], description="next"
        )
    )["stateMachineVersionArn"]
    listed = await sfn("list_state_machine_versions", stateMachineArn=arn, maxResults=10)
    assert [one["stateMachineVersionArn"] for one in listed["stateMachineVersions"]] == [second, first]
    route = [{"stateMachineVersionArn": first, "weight": 60}, {"stateMachineVersionArn": second, "weight": 40}]
    alias: str = (await sfn("create_state_machine_alias", name="live", description="both", routingConfiguration=route))[
        "stateMachineAliasArn"
    ]
    assert (await sfn("describe_state_machine_alias", stateMachineAliasArn=alias))["routingConfiguration"] == route
    only = [{"stateMachineVersionArn": second, "weight": 100}]
    await sfn("update_state_machine_alias", stateMachineAliasArn=alias, routingConfiguration=only)
    listed = await sfn("list_state_machine_aliases", stateMachineArn=arn, maxResults=10)
    assert [one["stateMachineAliasArn"] for one in listed["stateMachineAliases"]] == [alias]
    assert (await sfn.run(alias))["stateMachineAliasArn"] == alias
    await sfn("delete_state_machine_alias", stateMachineAliasArn=alias)
    await sfn("delete_state_machine_version", stateMachineVersionArn=second)


async def _executions(sfn: Sfn) -> None:
    machine: str = (await sfn.create("failing", _FAIL))["stateMachineArn"]
    started = await sfn("start_execution", stateMachineArn=machine, name="one", input='{"n": 1}', traceHeader="Root=1")
    arn: str = started["executionArn"]
    described = await sfn("describe_execution", executionArn=arn, includedData="ALL_DATA")
    assert (described["status"], described["error"], described["cause"]) == ("FAILED", "E", "C")
    of = await sfn("describe_state_machine_for_execution", executionArn=arn)
    assert (of["stateMachineArn"], of["definition"]) == (machine, _FAIL)
    await sfn("redrive_execution", executionArn=arn, clientToken="token")
    listed = await sfn("list_executions", stateMachineArn=machine, statusFilter="FAILED", redriveFilter="REDRIVEN")
    assert [one["redriveCount"] for one in listed["executions"]] == [1]
    history = await sfn("get_execution_history", executionArn=arn, reverseOrder=True, includeExecutionData=True)
    assert history["events"][0]["type"] == "ExecutionFailed"
    waiting: str = (
        await sfn.create("waiting", write_json_text(states("W", W={"Type": "Wait", "Seconds": 3600, "End": True})))
    )["stateMachineArn"]
    arn = (await sfn("start_execution", stateMachineArn=waiting))["executionArn"]
    await sfn("stop_execution", executionArn=arn, error="Enough", cause="of it")
    assert (await sfn("describe_execution", executionArn=arn))["status"] == "ABORTED"


async def _express(sfn: Sfn) -> None:
    machine: str = (await sfn.create("quick", type="EXPRESS"))["stateMachineArn"]
    answer = await sfn("start_sync_execution", stateMachineArn=machine, name="one", input='{"n": 1}')
    assert (answer["status"], answer["output"]) == ("SUCCEEDED", '{"n":1}')
    assert ":express:quick:" in (await sfn("start_execution", stateMachineArn=machine, name="two"))["executionArn"]


def _asking(activity: str) -> Json:
    return {"Type": "Task", "Resource": activity, "HeartbeatSeconds": 60, "End": True}


async def _asked(sfn: Sfn, name: str) -> str:
    """An activity, and a task that waits for its worker; returns the task's token."""
    activity: str = (await sfn("create_activity", name=name, tags=_TAGS))["activityArn"]
    definition = write_json_text(states("Ask", Ask=_asking(activity)))
    machine: str = (await sfn.create(name, definition))["stateMachineArn"]
    await sfn("start_execution", stateMachineArn=machine, name="one", input='{"n": 1}')
    task = await sfn("get_activity_task", activityArn=activity, workerName="worker")
    assert read_json(task["input"]) == {"n": 1}
    return task["taskToken"]


async def _tasks(sfn: Sfn) -> None:
    async def status(name: str) -> str:
        return (await sfn("describe_execution", executionArn=f"{PLACE}:execution:{name}:one"))["status"]

    async def has_ended() -> bool:
        return [await status("answered"), await status("refused")] == ["SUCCEEDED", "FAILED"]

    answered, refused = await _asked(sfn, "answered"), await _asked(sfn, "refused")
    await sfn("send_task_heartbeat", taskToken=answered)
    await sfn("send_task_success", taskToken=answered, output='{"yes": true}')
    await sfn("send_task_failure", taskToken=refused, error="No", cause="because")
    await wait_until(has_ended, "both to end")


async def _activities(sfn: Sfn) -> None:
    arn: str = (await sfn("create_activity", name="work"))["activityArn"]
    assert (await sfn("describe_activity", activityArn=arn))["name"] == "work"
    assert arn in [one["activityArn"] for one in (await sfn("list_activities", maxResults=10))["activities"]]
    await sfn("delete_activity", activityArn=arn)


async def _map_runs(sfn: Sfn) -> None:
    ask = states("Ask", Ask={"Type": "Task", "Resource": "module:suspend", "End": True})
    processor: Json = {**ask, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
    each = states("Each", Each={"Type": "Map", "ItemProcessor": processor, "End": True})
    machine: str = (await sfn.create("mapping", write_json_text(each)))["stateMachineArn"]
    arn: str = (await sfn("start_execution", stateMachineArn=machine, input="[1, 2, 3]"))["executionArn"]

    async def children() -> list[Json]:
        runs = (await sfn("list_map_runs", executionArn=arn, maxResults=10))["mapRuns"]
        return (await sfn("list_executions", mapRunArn=runs[0]["mapRunArn"]))["executions"] if runs else []

    async def all_run() -> bool:
        return len(await children()) == 3

    await wait_until(all_run, "the items to be worked on")
    run: str = (await children())[0]["mapRunArn"]
    await sfn("update_map_run", mapRunArn=run, maxConcurrency=2, toleratedFailureCount=1)
    described = await sfn("describe_map_run", mapRunArn=run)
    assert (described["status"], described["maxConcurrency"]) == ("RUNNING", 2)
    assert described["itemCounts"]["total"] == 3
    await sfn("stop_execution", executionArn=arn)


async def _trials(sfn: Sfn) -> None:
    state = write_json_text({"Type": "Pass", "Result": 1, "End": True})
    tried = await sfn("test_state", definition=state, roleArn=ROLE, input="{}", inspectionLevel="TRACE")
    assert (tried["status"], tried["output"]) == ("SUCCEEDED", "1")
    found = await sfn("validate_state_machine_definition", definition=PASS, type="STANDARD", severity="WARNING")
    assert (found["result"], found["diagnostics"]) == ("OK", [])
    wrong = write_json_text(states("A", A={"Type": "Nap"}))
    (problem,) = (await sfn("validate_state_machine_definition", definition=wrong, maxResults=1))["diagnostics"]
    assert problem["severity"] == "ERROR"
    assert machine_arn("every") == f"{PLACE}:stateMachine:every"
