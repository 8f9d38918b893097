"""Nested executions of machines that were created over the API: by version and alias, and of express machines."""

from __future__ import annotations

from statebox.asl.jsontext import Json, write_json_text
from tests.http.site import Site, states

ROLE = "arn:aws:iam::000000000000:role/x"


def passing(result: Json) -> str:
    return write_json_text(states("Go", Go={"Type": "Pass", "Result": result, "End": True}))


async def call(site: Site, machine: str, suffix: str = ".sync:2", **more: Json) -> Json:
    """What comes of an execution that starts another one."""
    task = {
        "Type": "Task",
        "Resource": f"arn:aws:states:::states:startExecution{suffix}",
        "Parameters": {"StateMachineArn": machine, **more},
        "End": True,
    }
    started = await site.operate("Statebox.StartDefinition", definition=write_json_text(states("Call", Call=task)))
    return await site.ended(started.json["execution"])


async def test_a_version_and_an_alias_can_be_started(site: Site):
    """A version stays what it was when it was published."""
    created = (
        await site.operate("CreateStateMachine", name="child", definition=passing("first"), roleArn=ROLE, publish=True)
    ).json
    machine, version = created["stateMachineArn"], created["stateMachineVersionArn"]
    await site.operate("UpdateStateMachine", stateMachineArn=machine, definition=passing("second"))
    routing = [{"stateMachineVersionArn": version, "weight": 100}]
    alias = (await site.operate("CreateStateMachineAlias", name="live", routingConfiguration=routing)).json

    assert (await call(site, machine))["output"]["Output"] == "second"
    assert (await call(site, version))["output"]["Output"] == "first"
    assert (await call(site, alias["stateMachineAliasArn"]))["output"]["Output"] == "first"


async def test_an_express_machine_is_started_but_not_waited_for(site: Site):
    """Its execution may be lost with its daemon: nobody can be promised to hear of its end."""
    created = await site.operate(
        "CreateStateMachine", name="quick", definition=passing("x"), roleArn=ROLE, type="EXPRESS"
    )
    machine = created.json["stateMachineArn"]

    assert ":express:quick:mine:" in (await call(site, machine, "", Name="mine"))["output"]["ExecutionArn"]
    assert (await call(site, machine))["error"] == "StepFunctions.StateMachineTypeNotSupportedException"


async def test_what_awss_consoles_give_as_input_is_taken(site: Site):
    """Who has started it stands there, for people to follow."""
    created = await site.operate("CreateStateMachine", name="child", definition=passing(None), roleArn=ROLE)
    id = "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"

    ended = await call(site, created.json["stateMachineArn"], ".sync:2", Input={f"{id}.$": "$$.Execution.Id"})

    assert ended["output"]["Input"] == {id: f"arn:aws:states:us-east-1:000000000000:execution:{ended['execution']}"}


async def test_input_that_is_no_json_and_names_that_are_none_are_refused_in_awss_words(site: Site):
    """As the operation StartExecution does."""
    created = await site.operate("CreateStateMachine", name="child", definition=passing(None), roleArn=ROLE)
    machine = created.json["stateMachineArn"]

    assert (await call(site, machine, Input="{"))["error"] == "StepFunctions.InvalidExecutionInputException"
    refused = await call(site, machine, Name="a b")
    assert refused["error"] == "StepFunctions.InvalidNameException"
    assert refused["cause"].startswith("Invalid Name: 'a b' (Service: AWSStepFunctions; Status Code: 400; ")
