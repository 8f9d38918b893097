"""Versions over the API: published once for each revision, numbered and never numbered again, started by their ARN."""

from __future__ import annotations

import pytest

from tests.aws.sfn import PASS, ROLE, Refused, Sfn, machine_arn, passing
from tests.http.site import Site


async def published(sfn: Sfn, name: str, *results: str) -> str:
    """A machine with a version for each of these results; returns its ARN."""
    first, *others = results
    arn = (await sfn.create(name, passing(first), publish=True))["stateMachineArn"]
    for result in others:
        await sfn("update_state_machine", stateMachineArn=arn, definition=passing(result), publish=True)
    return arn


async def versions(sfn: Sfn, arn: str) -> list[str]:
    """The versions of a machine as they are listed: what stands behind its ARN."""
    listed = await sfn("list_state_machine_versions", stateMachineArn=arn)
    return [one["stateMachineVersionArn"].removeprefix(f"{arn}:") for one in listed["stateMachineVersions"]]


async def test_a_version_is_what_was_current_when_it_was_published(sfn: Sfn):
    arn = await published(sfn, "greet", "one", "two")
    await sfn("update_state_machine", stateMachineArn=arn, definition=passing("three"))

    for qualified, output in [(arn, '"three"'), (f"{arn}:1", '"one"'), (f"{arn}:2", '"two"')]:
        execution = await sfn.run(qualified)
        assert (execution["output"], execution["stateMachineArn"]) == (output, arn)
        assert execution.get("stateMachineVersionArn") == (None if qualified == arn else qualified)
        events = await sfn("get_execution_history", executionArn=execution["executionArn"])
        started = events["events"][0]["executionStartedEventDetails"]
        assert started.get("stateMachineVersionArn") == (None if qualified == arn else qualified)


async def test_creating_with_publish_makes_the_first_version(sfn: Sfn):
    created = await sfn.create("greet", publish=True, versionDescription="the first")
    assert created["stateMachineVersionArn"] == machine_arn("greet:1")

    again = await sfn(
        "create_state_machine",
        name="greet",
        definition=PASS,
        roleArn=ROLE,
        publish=True,
        versionDescription="the first",
    )
    assert again == created
    shown = await sfn("describe_state_machine", stateMachineArn=machine_arn("greet:1"))
    assert (shown["stateMachineArn"], shown["name"]) == (machine_arn("greet:1"), "greet")
    assert (shown["definition"], shown["description"], shown["status"]) == (PASS, "the first", "ACTIVE")


async def test_a_revision_is_published_once(sfn: Sfn):
    arn = (await sfn.create("greet"))["stateMachineArn"]
    first = await sfn("publish_state_machine_version", stateMachineArn=arn)
    assert first["stateMachineVersionArn"] == f"{arn}:1"
    assert await sfn("publish_state_machine_version", stateMachineArn=arn, description="again") == first

    unchanged = await sfn("update_state_machine", stateMachineArn=arn, definition=PASS, publish=True)
    assert unchanged["stateMachineVersionArn"] == f"{arn}:1"
    changed = await sfn("update_state_machine", stateMachineArn=arn, definition=passing("other"), publish=True)
    assert changed["stateMachineVersionArn"] == f"{arn}:2"


async def test_a_version_is_published_only_of_the_revision_that_is_meant(sfn: Sfn):
    arn = (await sfn.create("greet"))["stateMachineArn"]
    refused = await sfn.refused("publish_state_machine_version", stateMachineArn=arn, revisionId="rev")
    assert refused == Refused(
        "ConflictException",
        "Failed to publish the State Machine version for revision rev. The current State Machine revision is INITIAL.",
    )
    await sfn("publish_state_machine_version", stateMachineArn=arn, revisionId="INITIAL")

    revision = (await sfn("update_state_machine", stateMachineArn=arn, definition=passing("other")))["revisionId"]
    refused = await sfn.refused("publish_state_machine_version", stateMachineArn=arn, revisionId="INITIAL")
    assert refused.message.endswith(f"revision is {revision}.")
    second = await sfn("publish_state_machine_version", stateMachineArn=arn, revisionId=revision)
    assert second["stateMachineVersionArn"] == f"{arn}:2"
    assert (await sfn("describe_state_machine", stateMachineArn=f"{arn}:2"))["revisionId"] == revision


async def test_the_number_of_a_deleted_version_is_not_used_again(sfn: Sfn):
    arn = await published(sfn, "greet", "one", "two")
    await sfn("delete_state_machine_version", stateMachineVersionArn=f"{arn}:2")
    assert await sfn("delete_state_machine_version", stateMachineVersionArn=f"{arn}:2") == {}
    assert (await sfn.refused("start_execution", stateMachineArn=f"{arn}:2")).code == "StateMachineDoesNotExist"

    third = await sfn("publish_state_machine_version", stateMachineArn=arn)
    assert third["stateMachineVersionArn"] == f"{arn}:3"
    assert await versions(sfn, arn) == ["3", "1"]


async def test_versions_are_listed_page_by_page_the_newest_first(sfn: Sfn):
    arn = await published(sfn, "greet", *map(str, range(5)))
    first = await sfn("list_state_machine_versions", stateMachineArn=arn, maxResults=3)
    second = await sfn("list_state_machine_versions", stateMachineArn=arn, maxResults=3, nextToken=first["nextToken"])
    listed = first["stateMachineVersions"] + second["stateMachineVersions"]
    assert [one["stateMachineVersionArn"] for one in listed] == [f"{arn}:{n}" for n in (5, 4, 3, 2, 1)]
    assert "nextToken" not in second


async def test_an_execution_goes_on_when_its_version_is_deleted(sfn: Sfn):
    arn = await published(sfn, "greet", "one", "two")
    execution = (await sfn.run(f"{arn}:1"))["executionArn"]
    await sfn("delete_state_machine_version", stateMachineVersionArn=f"{arn}:1")
    pinned = await sfn("describe_state_machine_for_execution", executionArn=execution)
    assert (pinned["definition"], pinned["stateMachineArn"]) == (passing("one"), f"{arn}:1")


async def test_executions_are_listed_by_version(sfn: Sfn):
    arn = await published(sfn, "greet", "one", "two")
    for name, qualified in [("a", arn), ("b", f"{arn}:1"), ("c", f"{arn}:2"), ("d", f"{arn}:1")]:
        await sfn.run(qualified, name=name)

    async def names(qualified: str, **members: str) -> list[tuple[str, str | None]]:
        listed = await sfn("list_executions", stateMachineArn=qualified, **members)
        return [(one["name"], one.get("stateMachineVersionArn")) for one in listed["executions"]]

    assert await names(f"{arn}:1") == [("d", f"{arn}:1"), ("b", f"{arn}:1")]
    assert await names(f"{arn}:1", statusFilter="RUNNING") == []
    assert await names(f"{arn}:1", statusFilter="SUCCEEDED") == [("d", f"{arn}:1"), ("b", f"{arn}:1")]
    assert len(await names(arn)) == 4


@pytest.mark.parametrize(
    ("operation", "members", "code"),
    [
        ("publish_state_machine_version", {"stateMachineArn": machine_arn("none")}, "StateMachineDoesNotExist"),
        ("publish_state_machine_version", {"stateMachineArn": "invalid_arn"}, "InvalidArn"),
        ("publish_state_machine_version", {"stateMachineArn": machine_arn("local")}, "ConflictException"),
        ("list_state_machine_versions", {"stateMachineArn": machine_arn("none")}, "StateMachineDoesNotExist"),
        ("list_state_machine_versions", {"stateMachineArn": machine_arn("none:1")}, "ValidationException"),
        ("delete_state_machine_version", {"stateMachineVersionArn": machine_arn("none")}, "InvalidArn"),
        ("describe_state_machine", {"stateMachineArn": machine_arn("local:1")}, "StateMachineDoesNotExist"),
        ("start_execution", {"stateMachineArn": machine_arn("local:1")}, "StateMachineDoesNotExist"),
        ("update_state_machine", {"stateMachineArn": machine_arn("none:1"), "roleArn": ROLE}, "ValidationException"),
        ("update_state_machine", {"stateMachineArn": machine_arn("none")}, "MissingRequiredParameter"),
        (
            "create_state_machine",
            {"name": "a", "definition": PASS, "roleArn": ROLE, "versionDescription": "unpublished"},
            "ValidationException",
        ),
    ],
)
async def test_what_cannot_be_is_refused(sfn: Sfn, operation: str, members: dict[str, str], code: str):
    assert (await sfn.refused(operation, **members)).code == code


async def test_two_daemons_number_versions_one_after_the_other(sfn: Sfn, other: Site):
    """Both publish what both have changed; nothing of it gets lost."""
    elsewhere = Sfn(other.daemon.url)
    arn = (await sfn.create("greet"))["stateMachineArn"]
    for n in range(5):
        await sfn("update_state_machine", stateMachineArn=arn, definition=passing(n), publish=True)
        await elsewhere("update_state_machine", stateMachineArn=arn, definition=passing(-n - 1), publish=True)
    assert await versions(sfn, arn) == [str(n) for n in range(10, 0, -1)]
