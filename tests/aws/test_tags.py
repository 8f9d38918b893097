"""Tags over the API, of machines and of activities."""

from __future__ import annotations

import pytest

from statebox.asl.jsontext import Json
from tests.aws.sfn import PLACE, Refused, Sfn, machine_arn


def tags(**values: str) -> list[Json]:
    """Tags as the API has them."""
    return [{"key": key, "value": value} for key, value in values.items()]


async def created(sfn: Sfn, kind: str, **values: str) -> str:
    """A machine or an activity with tags; returns its ARN."""
    if kind == "machine":
        return (await sfn.create("greet", tags=tags(**values)))["stateMachineArn"]
    return (await sfn("create_activity", name="greet", tags=tags(**values)))["activityArn"]


async def tags_of(sfn: Sfn, arn: str) -> list[Json]:
    """The tags of a resource."""
    return (await sfn("list_tags_for_resource", resourceArn=arn))["tags"]


@pytest.mark.parametrize("kind", ["machine", "activity"])
async def test_tags_are_added_changed_and_taken_away(sfn: Sfn, kind: str):
    arn = await created(sfn, kind, team="a", cost="1")
    assert await tags_of(sfn, arn) == tags(cost="1", team="a")

    await sfn("tag_resource", resourceArn=arn, tags=tags(team="b", stage="test"))
    assert await tags_of(sfn, arn) == tags(cost="1", stage="test", team="b")

    await sfn("untag_resource", resourceArn=arn, tagKeys=["cost", "unheard-of"])
    assert await tags_of(sfn, arn) == tags(stage="test", team="b")


@pytest.mark.parametrize("kind", ["machine", "activity"])
async def test_a_repeated_creation_leaves_the_tags_as_they_are(sfn: Sfn, kind: str):
    arn = await created(sfn, kind, team="a")
    assert await created(sfn, kind, team="b", more="c") == arn
    assert await tags_of(sfn, arn) == tags(team="a")


@pytest.mark.parametrize("kind", ["machine", "activity"])
async def test_a_resource_has_at_most_50_tags(sfn: Sfn, kind: str):
    arn = await created(sfn, kind, **{f"k{n}": "" for n in range(49)})
    await sfn("tag_resource", resourceArn=arn, tags=tags(k0="changed", last=""))
    refused = await sfn.refused("tag_resource", resourceArn=arn, tags=tags(k1="changed", one_more=""))
    assert refused == Refused("TooManyTags", "You've exceeded the number of tags allowed for a resource.")
    shown = await tags_of(sfn, arn)
    assert (len(shown), shown[1]) == (50, {"key": "k1", "value": ""})


async def test_too_many_tags_create_nothing(sfn: Sfn):
    many = [{"key": str(n), "value": ""} for n in range(51)]
    assert (await sfn.refused("create_activity", name="greet", tags=many)).code == "TooManyTags"
    assert (await sfn("list_activities"))["activities"] == []


async def test_the_tags_of_a_machine_are_gone_with_it(sfn: Sfn):
    arn = await created(sfn, "machine", team="a")
    await sfn("delete_state_machine", stateMachineArn=arn)
    assert await tags_of(sfn, await created(sfn, "machine")) == []


async def test_a_machine_of_the_folder_has_no_tags_to_change(sfn: Sfn):
    assert await tags_of(sfn, machine_arn("local")) == []
    refused = await sfn.refused("tag_resource", resourceArn=machine_arn("local"), tags=tags(a="b"))
    assert refused.code == "ConflictException"


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        (machine_arn("none"), "ResourceNotFound"),
        (machine_arn("local:1"), "ResourceNotFound"),
        (f"{PLACE}:activity:none", "ResourceNotFound"),
        (f"{PLACE}:execution:local:x", "InvalidArn"),
        ("local", "InvalidArn"),
    ],
)
async def test_only_what_is_there_has_tags(sfn: Sfn, arn: str, code: str):
    for operation, members in [
        ("list_tags_for_resource", {}),
        ("tag_resource", {"tags": tags(a="b")}),
        ("untag_resource", {"tagKeys": ["a"]}),
    ]:
        refused = await sfn.refused(operation, resourceArn=arn, **members)
        assert refused.code == code, operation
