"""What Terraform's provider calls for an aws_sfn_state_machine, in its order: plan, create, read, change, destroy."""

from __future__ import annotations

import pytest

from statebox.asl.jsontext import write_json_text
from tests.aws.sfn import PASS, ROLE, Sfn, machine_arn, passing
from tests.http.site import states
from tests.waiting import wait_until


async def read(sfn: Sfn, arn: str) -> tuple[str, list[str], dict[str, str]]:
    """What the provider reads to compare: the definition, the versions, the tags."""
    shown = await sfn("describe_state_machine", stateMachineArn=arn)
    assert shown["status"] == "ACTIVE"
    # The provider takes what it gets for granted.
    assert {"name", "type", "roleArn", "creationDate", "loggingConfiguration", "tracingConfiguration"} <= shown.keys()
    assert shown["encryptionConfiguration"]["type"] == "AWS_OWNED_KEY"
    versions = await sfn("list_state_machine_versions", stateMachineArn=arn)
    tags = await sfn("list_tags_for_resource", resourceArn=arn)
    return (
        shown["definition"],
        [one["stateMachineVersionArn"] for one in versions["stateMachineVersions"]],
        {tag["key"]: tag["value"] for tag in tags["tags"]},
    )


@pytest.mark.parametrize("publish", [False, True])
async def test_a_machine_is_planned_created_read_changed_and_destroyed(sfn: Sfn, publish: bool):
    planned = await sfn("validate_state_machine_definition", definition=PASS, type="STANDARD")
    assert (planned["result"], planned["diagnostics"]) == ("OK", [])

    created = await sfn(
        "create_state_machine",
        name="tf",
        definition=PASS,
        roleArn=ROLE,
        type="STANDARD",
        publish=publish,
        loggingConfiguration={"includeExecutionData": False, "level": "OFF"},
        tracingConfiguration={"enabled": False},
        encryptionConfiguration={"type": "AWS_OWNED_KEY"},
        tags=[{"key": "Name", "value": "tf"}],
    )
    arn: str = created["stateMachineArn"]
    assert arn == machine_arn("tf")
    versions = [f"{arn}:1"] if publish else []
    assert await read(sfn, arn) == (PASS, versions, {"Name": "tf"})

    changed = await sfn(
        "update_state_machine", stateMachineArn=arn, definition=passing("new"), roleArn=ROLE, publish=publish
    )
    assert ("stateMachineVersionArn" in changed) is publish

    # It waits until what is shown is what it has sent.
    async def is_changed() -> bool:
        return (await sfn("describe_state_machine", stateMachineArn=arn))["definition"] == passing("new")

    await wait_until(is_changed, "the new definition to be shown")
    await sfn("tag_resource", resourceArn=arn, tags=[{"key": "Stage", "value": "test"}])
    await sfn("untag_resource", resourceArn=arn, tagKeys=["Name"])
    versions = [f"{arn}:2", *versions] if publish else []
    assert await read(sfn, arn) == (passing("new"), versions, {"Stage": "test"})

    await sfn("delete_state_machine", stateMachineArn=arn)

    async def is_gone() -> bool:
        return arn not in [one["stateMachineArn"] for one in (await sfn("list_state_machines"))["stateMachines"]]

    await wait_until(is_gone, "the machine to be gone")
    assert (await sfn.refused("describe_state_machine", stateMachineArn=arn)).code == "StateMachineDoesNotExist"


async def test_a_plan_shows_what_is_wrong_with_a_definition(sfn: Sfn):
    wrong = write_json_text(states("A", A={"Type": "Pass", "Next": "Nowhere"}))

    planned = await sfn("validate_state_machine_definition", definition=wrong, type="STANDARD")

    assert planned["result"] == "FAIL"
    assert {"severity", "code", "message"} <= planned["diagnostics"][0].keys()


async def test_an_activity_and_an_alias_are_read_as_they_were_created(sfn: Sfn):
    activity: str = (await sfn("create_activity", name="work", tags=[{"key": "a", "value": "b"}]))["activityArn"]
    assert (await sfn("describe_activity", activityArn=activity))["name"] == "work"
    assert (await sfn("list_tags_for_resource", resourceArn=activity))["tags"] == [{"key": "a", "value": "b"}]
    await sfn("delete_activity", activityArn=activity)
    assert (await sfn.refused("describe_activity", activityArn=activity)).code == "ActivityDoesNotExist"

    await sfn.create("tf", publish=True)
    route = [{"stateMachineVersionArn": machine_arn("tf:1"), "weight": 100}]
    alias: str = (await sfn("create_state_machine_alias", name="live", routingConfiguration=route))[
        "stateMachineAliasArn"
    ]
    shown = await sfn("describe_state_machine_alias", stateMachineAliasArn=alias)
    assert (shown["name"], shown["routingConfiguration"]) == ("live", route)
    await sfn("delete_state_machine_alias", stateMachineAliasArn=alias)
    assert (await sfn.refused("describe_state_machine_alias", stateMachineAliasArn=alias)).code == "ResourceNotFound"
