"""State machines over the API: created, changed, listed and deleted, and started as they are at that moment."""

from __future__ import annotations

import asyncio

import pytest

from statebox.asl.jsontext import read_json, write_json_text
from tests.aws.sfn import PASS, ROLE, Refused, Sfn, machine_arn, passing
from tests.http.site import SUSPENDING, Site


async def test_a_machine_that_was_created_is_described_and_started(sfn: Sfn):
    created = await sfn.create("greet", passing("hello"))
    assert created["stateMachineArn"] == machine_arn("greet")

    shown = await sfn("describe_state_machine", stateMachineArn=machine_arn("greet"))
    assert (shown["name"], shown["type"], shown["status"]) == ("greet", "STANDARD", "ACTIVE")
    assert (shown["definition"], shown["roleArn"]) == (passing("hello"), ROLE)
    assert shown["creationDate"] == created["creationDate"]
    assert shown["loggingConfiguration"] == {"level": "OFF", "includeExecutionData": False}
    assert "revisionId" not in shown

    execution = await sfn.run(machine_arn("greet"))
    assert (execution["output"], execution["stateMachineArn"]) == ('"hello"', machine_arn("greet"))


async def test_every_daemon_sees_a_change_at_once(sfn: Sfn, other: Site):
    elsewhere = Sfn(other.daemon.url)
    await sfn.create("greet", passing("one"))
    assert (await elsewhere.run(machine_arn("greet")))["output"] == '"one"'

    await sfn("update_state_machine", stateMachineArn=machine_arn("greet"), definition=passing("two"))
    assert (await elsewhere.run(machine_arn("greet")))["output"] == '"two"'

    await sfn("delete_state_machine", stateMachineArn=machine_arn("greet"))
    gone = await elsewhere.refused("start_execution", stateMachineArn=machine_arn("greet"))
    assert gone == Refused("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{machine_arn('greet')}'")


async def test_creating_the_same_machine_again_finds_it(sfn: Sfn):
    """The role and the tags do not count."""
    first = await sfn.create("greet", tags=[{"key": "a", "value": "b"}])
    again = await sfn("create_state_machine", name="greet", definition=PASS, roleArn=ROLE + "2")
    assert again == first


@pytest.mark.parametrize(
    "otherwise",
    [
        {"definition": passing("other")},
        {"definition": PASS + " "},
        {"type": "EXPRESS"},
        {"tracingConfiguration": {"enabled": True}},
        {"publish": True},
    ],
)
async def test_a_name_is_taken_by_one_machine(sfn: Sfn, otherwise: dict[str, str]):
    await sfn.create("greet")
    refused = await sfn.refused(
        "create_state_machine", **{"name": "greet", "definition": PASS, "roleArn": ROLE} | otherwise
    )
    assert refused == Refused("StateMachineAlreadyExists", f"State Machine Already Exists: '{machine_arn('greet')}'")


async def test_an_update_changes_what_it_says_and_gives_a_new_revision(sfn: Sfn):
    await sfn.create("greet", passing("one"))
    arn = machine_arn("greet")

    first = await sfn("update_state_machine", stateMachineArn=arn, tracingConfiguration={"enabled": True})
    shown = await sfn("describe_state_machine", stateMachineArn=arn)
    assert (shown["definition"], shown["tracingConfiguration"]) == (passing("one"), {"enabled": True})
    assert shown["revisionId"] == first["revisionId"]

    second = await sfn("update_state_machine", stateMachineArn=arn, definition=passing("two"))
    assert second["revisionId"] != first["revisionId"]
    shown = await sfn("describe_state_machine", stateMachineArn=arn)
    assert (shown["definition"], shown["tracingConfiguration"]) == (passing("two"), {"enabled": True})


async def test_machines_are_listed_by_name_page_by_page(sfn: Sfn):
    """Those of the folder stand among those that were created."""
    for name in ("zebra", "ant", "mole"):
        await sfn.create(name)
    names: list[str] = []
    token = {}
    while True:
        page = await sfn("list_state_machines", maxResults=3, **token)
        names += [machine["name"] for machine in page["stateMachines"]]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert names == ["ant", "local", "mole", "zebra"]


async def test_a_machine_is_deleted_when_its_last_execution_has_ended(sfn: Sfn):
    await sfn.create("ask", write_json_text(SUSPENDING))
    arn = machine_arn("ask")
    execution = (await sfn("start_execution", stateMachineArn=arn))["executionArn"]

    await sfn("delete_state_machine", stateMachineArn=arn)
    assert (await sfn("describe_state_machine", stateMachineArn=arn))["status"] == "DELETING"
    assert (await sfn.refused("start_execution", stateMachineArn=arn)).code == "StateMachineDeleting"
    refused = await sfn.refused("update_state_machine", stateMachineArn=arn, definition=PASS)
    assert refused.code == "StateMachineDeleting"
    assert (await sfn.refused("create_state_machine", name="ask", definition=PASS, roleArn=ROLE)).code == (
        "StateMachineDeleting"
    )

    await sfn("stop_execution", executionArn=execution)
    assert (await sfn.refused("describe_state_machine", stateMachineArn=arn)).code == "StateMachineDoesNotExist"
    assert [one["name"] for one in (await sfn("list_state_machines"))["stateMachines"]] == ["local"]
    await sfn.create("ask", PASS)


async def test_deleting_what_is_not_there_is_no_error(sfn: Sfn):
    assert await sfn("delete_state_machine", stateMachineArn=machine_arn("nobody")) == {}


async def test_a_running_execution_keeps_the_definition_it_was_started_with(sfn: Sfn):
    await sfn.create("ask", write_json_text(SUSPENDING))
    arn = machine_arn("ask")
    execution = (await sfn("start_execution", stateMachineArn=arn))["executionArn"]
    await sfn("update_state_machine", stateMachineArn=arn, definition=PASS)

    pinned = await sfn("describe_state_machine_for_execution", executionArn=execution)
    assert read_json(pinned["definition"]) == SUSPENDING
    assert (pinned["stateMachineArn"], pinned["roleArn"]) == (arn, ROLE)


async def test_a_machine_of_the_folder_is_changed_only_there(sfn: Sfn):
    arn = machine_arn("local")
    assert (await sfn.run(arn))["status"] == "SUCCEEDED"
    for refused in [
        await sfn.refused("create_state_machine", name="local", definition=PASS, roleArn=ROLE),
        await sfn.refused("update_state_machine", stateMachineArn=arn, definition=PASS),
        await sfn.refused("delete_state_machine", stateMachineArn=arn),
    ]:
        assert refused.code == "ConflictException"
        assert "folder of machines" in refused.message


@pytest.mark.parametrize(
    ("name", "definition", "code"),
    [
        ("a b", PASS, "InvalidName"),
        ("a\ufffe", PASS, "InvalidName"),
        ("a\U0010ffff", PASS, "InvalidName"),
        ("greet", "{", "InvalidDefinition"),
        ("greet", '{"StartAt": "Nowhere", "States": {}}', "InvalidDefinition"),
    ],
)
async def test_a_wrong_creation_is_refused(sfn: Sfn, name: str, definition: str, code: str):
    assert (await sfn.refused("create_state_machine", name=name, definition=definition, roleArn=ROLE)).code == code


async def test_a_role_is_the_arn_of_one(sfn: Sfn):
    invalid = Refused("InvalidArn", "Invalid Role Arn: 'nobody'")
    arn = (await sfn.create("greet", PASS))["stateMachineArn"]

    assert await sfn.refused("create_state_machine", name="other", definition=PASS, roleArn="nobody") == invalid
    assert await sfn.refused("update_state_machine", stateMachineArn=arn, roleArn="nobody") == invalid


async def test_what_is_no_arn_and_no_machine_has_an_invalid_prefix(sfn: Sfn):
    for operation in (
        *("describe_state_machine", "start_execution", "update_state_machine"),
        *("delete_state_machine", "list_executions"),
    ):
        members = {"definition": PASS} if operation == "update_state_machine" else {}
        assert await sfn.refused(operation, stateMachineArn="not_a_valid_arn", **members) == Refused(
            "InvalidArn", "Invalid Arn: 'Invalid ARN prefix: not_a_valid_arn'"
        )


async def test_a_distributed_map_in_a_machine_is_no_machine(sfn: Sfn):
    for operation in (
        *("describe_state_machine", "start_execution", "start_sync_execution"),
        *("update_state_machine", "delete_state_machine"),
    ):
        members = {"definition": PASS} if operation == "update_state_machine" else {}
        refused = await sfn.refused(operation, stateMachineArn=machine_arn("local/Label"), **members)
        assert refused.code == "ValidationException"


async def test_a_machine_can_be_started_all_the_time_while_it_is_changed(sfn: Sfn, other: Site):
    elsewhere = Sfn(other.daemon.url)
    arn = (await sfn.create("greet", passing(0)))["stateMachineArn"]

    async def change() -> None:
        for n in range(30):
            await sfn("update_state_machine", stateMachineArn=arn, definition=passing(n + 1))

    async def start() -> list[str]:
        return [(await elsewhere("start_execution", stateMachineArn=arn))["executionArn"] for _ in range(60)]

    async with asyncio.TaskGroup() as group:
        group.create_task(change())
        started = group.create_task(start())
    described = [await elsewhere("describe_execution", executionArn=arn) for arn in started.result()]
    outputs = [int(one["output"]) for one in described if one["status"] == "SUCCEEDED"]
    assert outputs == sorted(outputs)
    assert len(outputs) == 60


async def test_what_is_deleted_meanwhile_does_not_end_a_list(sfn: Sfn):
    for name in ("a", "b", "c", "d"):
        await sfn.create(name, write_json_text(SUSPENDING))
    execution = (await sfn("start_execution", stateMachineArn=machine_arn("a")))["executionArn"]
    await sfn("delete_state_machine", stateMachineArn=machine_arn("a"))
    await sfn("stop_execution", executionArn=execution)

    page = await sfn("list_state_machines", maxResults=2)
    assert [one["name"] for one in page["stateMachines"]] == ["b", "c"]
    rest = await sfn("list_state_machines", maxResults=2, nextToken=page["nextToken"])
    assert [one["name"] for one in rest["stateMachines"]] == ["d", "local"]
