"""Aliases over the API: names for versions, between which executions are shared by weight."""

from __future__ import annotations

import pytest

from statebox.asl.jsontext import Json
from tests.aws.sfn import ROLE, Refused, Sfn, machine_arn, passing
from tests.aws.test_versions import published


def routes(arn: str, **weights: int) -> list[Json]:
    """The routing configuration: `v1=100`."""
    return [{"stateMachineVersionArn": f"{arn}:{v[1:]}", "weight": weight} for v, weight in weights.items()]


async def alias(sfn: Sfn, arn: str, name: str = "PROD", **weights: int) -> str:
    """Create an alias; returns its ARN."""
    created = await sfn("create_state_machine_alias", name=name, routingConfiguration=routes(arn, **weights))
    return created["stateMachineAliasArn"]


async def test_an_alias_starts_its_version(sfn: Sfn):
    arn = await published(sfn, "greet", "one", "two")
    prod = await alias(sfn, arn, v1=100)
    assert prod == f"{arn}:PROD"

    execution = await sfn.run(prod)
    assert (execution["output"], execution["stateMachineArn"]) == ('"one"', arn)
    assert (execution["stateMachineVersionArn"], execution["stateMachineAliasArn"]) == (f"{arn}:1", prod)

    await sfn("update_state_machine_alias", stateMachineAliasArn=prod, routingConfiguration=routes(arn, v2=100))
    assert (await sfn.run(prod))["output"] == '"two"'


async def test_two_versions_share_executions(sfn: Sfn):
    arn = await published(sfn, "greet", "one", "two")
    prod = await alias(sfn, arn, v1=50, v2=50)
    for _ in range(60):
        await sfn("start_execution", stateMachineArn=prod)
    listed = (await sfn("list_executions", stateMachineArn=prod))["executions"]
    assert len(listed) == 60
    second = sum(one["stateMachineVersionArn"] == f"{arn}:2" for one in listed)
    # Outside of this less than once in a million million runs.
    assert 3 < second < 57
    assert {one["stateMachineAliasArn"] for one in listed} == {prod}


async def test_an_alias_is_described_and_changed(sfn: Sfn):
    arn = await published(sfn, "greet", "one", "two")
    prod = await alias(sfn, arn, v1=30, v2=70)
    shown = await sfn("describe_state_machine_alias", stateMachineAliasArn=prod)
    assert (shown["stateMachineAliasArn"], shown["name"]) == (prod, "PROD")
    assert shown["routingConfiguration"] == routes(arn, v1=30, v2=70)
    assert "description" not in shown

    await sfn("update_state_machine_alias", stateMachineAliasArn=prod, description="for customers")
    shown = await sfn("describe_state_machine_alias", stateMachineAliasArn=prod)
    assert (shown["description"], shown["routingConfiguration"]) == ("for customers", routes(arn, v1=30, v2=70))
    assert shown["updateDate"] >= shown["creationDate"]


async def test_creating_the_same_alias_again_finds_it(sfn: Sfn):
    arn = await published(sfn, "greet", "one", "two")
    assert await alias(sfn, arn, v1=100) == await alias(sfn, arn, v1=100)
    refused = await sfn.refused("create_state_machine_alias", name="PROD", routingConfiguration=routes(arn, v2=100))
    assert refused.code == "ConflictException"


async def test_a_version_with_an_alias_is_not_deleted(sfn: Sfn):
    arn = await published(sfn, "greet", "one", "two")
    prod = await alias(sfn, arn, v1=100)
    refused = await sfn.refused("delete_state_machine_version", stateMachineVersionArn=f"{arn}:1")
    assert refused == Refused(
        "ConflictException",
        "Version to be deleted must not be referenced by an alias."
        " Current list of aliases referencing this version: [PROD]",
    )
    await sfn("delete_state_machine_alias", stateMachineAliasArn=prod)
    await sfn("delete_state_machine_version", stateMachineVersionArn=f"{arn}:1")
    assert (await sfn.refused("start_execution", stateMachineArn=prod)).code == "StateMachineDoesNotExist"


async def test_aliases_are_listed_newest_first_page_by_page_and_by_version(sfn: Sfn):
    arn = await published(sfn, "greet", "one", "two")
    for name, weights in {"b": {"v1": 50, "v2": 50}, "c": {"v2": 100}, "a": {"v1": 100}}.items():
        await alias(sfn, arn, name, **weights)

    async def names(of: str) -> list[str]:
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            page = await sfn("list_state_machine_aliases", stateMachineArn=of, maxResults=1, **token)
            found += [one["stateMachineAliasArn"].removeprefix(f"{arn}:") for one in page["stateMachineAliases"]]
            if "nextToken" not in page:
                return found
            token = {"nextToken": page["nextToken"]}

    assert await names(arn) == ["a", "c", "b"]
    assert await names(f"{arn}:1") == ["a", "b"]
    assert await names(f"{arn}:2") == ["c", "b"]
    assert (await sfn.refused("list_state_machine_aliases", stateMachineArn=f"{arn}:3")).code == "ResourceNotFound"


ARN = machine_arn("greet")


@pytest.mark.parametrize(
    ("name", "configuration", "code", "message"),
    [
        (
            "x",
            [{"stateMachineVersionArn": ARN, "weight": 100}],
            "ValidationException",
            f"Routing configuration must contain state machine version ARNs. Received: [{ARN}]",
        ),
        ("x", routes(ARN, v1=60, v2=50), "ValidationException", "Received: [60, 50]"),
        ("x", routes(ARN, v1=60), "ValidationException", "must equal 100"),
        ("x", routes(ARN, v9=100), "ResourceNotFound", "Request references a resource that does not exist."),
        ("x", [*routes(ARN, v1=50), *routes(ARN, v1=50)], "ValidationException", "distinct"),
        ("x", [*routes(ARN, v1=50), *routes(ARN + "2", v1=50)], "ValidationException", "one state machine"),
        ("x", routes(machine_arn("none"), v1=100), "ResourceNotFound", ""),
        ("x", routes(ARN, v1=50, v2=25, v3=25), "ValidationException", "length less than or equal to 2"),
        ("123", routes(ARN, v1=100), "ValidationException", "regular expression pattern"),
    ],
)
async def test_a_wrong_alias_is_refused(sfn: Sfn, name: str, configuration: list[Json], code: str, message: str):
    await published(sfn, "greet", "one", "two")
    refused = await sfn.refused("create_state_machine_alias", name=name, routingConfiguration=configuration)
    assert refused.code == code
    assert message in refused.message


@pytest.mark.parametrize("operation", ["describe", "update", "delete"])
async def test_an_alias_that_is_not_there_is_not_found(sfn: Sfn, operation: str):
    await published(sfn, "greet", "one")
    more = {"description": "x"} if operation == "update" else {}
    for name in ("greet", "none"):
        refused = await sfn.refused(
            f"{operation}_state_machine_alias", stateMachineAliasArn=machine_arn(f"{name}:PROD"), **more
        )
        assert refused == Refused("ResourceNotFound", "Request references a resource that does not exist.")
    for name in ("greet", "greet:1"):
        refused = await sfn.refused(f"{operation}_state_machine_alias", stateMachineAliasArn=machine_arn(name), **more)
        assert refused.code == "InvalidArn"


async def test_a_machine_goes_with_its_versions_and_aliases(sfn: Sfn):
    arn = await published(sfn, "greet", "one")
    prod = await alias(sfn, arn, v1=100)
    await sfn("delete_state_machine", stateMachineArn=arn)
    await sfn("create_state_machine", name="greet", definition=passing("new"), roleArn=ROLE)
    assert (await sfn("list_state_machine_versions", stateMachineArn=arn))["stateMachineVersions"] == []
    assert (await sfn.refused("start_execution", stateMachineArn=prod)).code == "StateMachineDoesNotExist"
