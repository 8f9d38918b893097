"""The operations on tags, of machines and of activities."""

from __future__ import annotations

from typing import Final

from statebox.asl.jsontext import Json
from statebox.engine.arns import read_arn
from statebox.engine.names import machine_reference
from statebox.engine.registry.tags import machine_tags, tag_machine, untag_machine
from statebox.http.operations.members import Arn, Tag, TagKey, tags_of
from statebox.http.protocol import Call, Operation
from statebox.http.validation import Request

_ACTIVITY: Final = "activity"


class ListTagsForResource(Request, frozen=True):
    """A machine or an activity, by its ARN."""

    resource_arn: Arn


async def list_tags_for_resource(call: Call, ask: ListTagsForResource) -> Json:
    """The tags of a resource, by key."""
    resource = read_arn(ask.resource_arn, "stateMachine", _ACTIVITY)
    if resource.type == _ACTIVITY:
        tags = await call.service.activities.tags(resource.id)
    else:
        tags = await machine_tags(call.service.registry, machine_reference(ask.resource_arn))
    return {"tags": [{"key": key, "value": value} for key, value in sorted(tags.items())]}


class TagResource(Request, frozen=True):
    """A machine or an activity, by its ARN, and its tags beside those that it has."""

    resource_arn: Arn
    tags: tuple[Tag, ...]


async def tag_resource(call: Call, ask: TagResource) -> Json:
    """Add tags, or change them."""
    resource, added = read_arn(ask.resource_arn, "stateMachine", _ACTIVITY), tags_of(ask.tags)
    if resource.type == _ACTIVITY:
        await call.service.activities.tag(resource.id, added)
    else:
        await tag_machine(call.service.registry, machine_reference(ask.resource_arn), added)
    return {}


class UntagResource(Request, frozen=True):
    """A machine or an activity, by its ARN, and the keys of the tags that go."""

    resource_arn: Arn
    tag_keys: tuple[TagKey, ...]


async def untag_resource(call: Call, ask: UntagResource) -> Json:
    """Take tags away."""
    resource, keys = read_arn(ask.resource_arn, "stateMachine", _ACTIVITY), frozenset(ask.tag_keys)
    if resource.type == _ACTIVITY:
        await call.service.activities.tag(resource.id, {}, keys)
    else:
        await untag_machine(call.service.registry, machine_reference(ask.resource_arn), keys)
    return {}


TAGS: Final = (
    Operation(ListTagsForResource, list_tags_for_resource),
    Operation(TagResource, tag_resource),
    Operation(UntagResource, untag_resource),
)
