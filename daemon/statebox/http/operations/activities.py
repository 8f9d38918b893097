"""The operations on activities, and the one with which workers come for tasks."""

from __future__ import annotations

from typing import Final

from msgspec import to_builtins

from statebox.asl.jsontext import Json, read_own_json, write_json_text
from statebox.engine.errors import ActivityAlreadyExists
from statebox.engine.names import activity_name, check_name
from statebox.engine.queues import Activity
from statebox.engine.registry.configuration import check_encryption
from statebox.http.operations.members import (
    Arn,
    EncryptionConfiguration,
    Name,
    PageSize,
    PageToken,
    Tag,
    page_size,
    tags_of,
)
from statebox.http.pages import page_shown, read_name_page_token
from statebox.http.protocol import Call, Operation
from statebox.http.shapes import date
from statebox.http.validation import Request

# AWS holds on to a poll for 60 s, and clients give up after 60 s by themselves: they shall hear that there is nothing.
_POLL_SECONDS: Final = 55.0
_UNENCRYPTED: Final[Json] = {"type": "AWS_OWNED_KEY"}


class CreateActivity(Request, frozen=True):
    """A name; how payloads are encrypted is kept and told, and nothing comes of it."""

    name: Name
    tags: tuple[Tag, ...] = ()
    encryption_configuration: EncryptionConfiguration | None = None


async def create_activity(call: Call, ask: CreateActivity) -> Json:
    """Create an activity; one that is there already is returned, whatever its tags."""
    encryption = None if ask.encryption_configuration is None else to_builtins(ask.encryption_configuration)
    if encryption is not None:
        check_encryption(encryption)
    told = write_json_text(_UNENCRYPTED if encryption is None else encryption)
    activity = await call.service.activities.create(check_name(ask.name), told, tags_of(ask.tags))
    arn = call.service.place.activity_arn(activity.name)
    if activity.told != told:
        raise ActivityAlreadyExists(f"Activity already exists: '{arn}'")
    return {"activityArn": arn, "creationDate": date(activity.created_ms)}


class DescribeActivity(Request, frozen=True):
    """An activity, by its ARN."""

    activity_arn: Arn


async def describe_activity(call: Call, ask: DescribeActivity) -> Json:
    """One activity."""
    activity = await call.service.activities.describe(activity_name(ask.activity_arn))
    return {**_listed(call, activity), "encryptionConfiguration": read_own_json(activity.told)}


class ListActivities(Request, frozen=True):
    """From where on."""

    max_results: PageSize = 0
    next_token: PageToken | None = None


async def list_activities(call: Call, ask: ListActivities) -> Json:
    """All activities, by name."""
    limit = page_size(ask.max_results)
    after = "" if ask.next_token is None else read_name_page_token(ask.next_token)
    found = await call.service.activities.list(after, limit + 1)

    def listed(activity: Activity) -> Json:
        return _listed(call, activity)

    return page_shown("activities", found, limit, listed, lambda activity: (activity.name,))


class DeleteActivity(Request, frozen=True):
    """An activity, by its ARN."""

    activity_arn: Arn


async def delete_activity(call: Call, ask: DeleteActivity) -> Json:
    """Delete an activity; tasks that nobody has taken are left to their timeouts."""
    await call.service.activities.delete(activity_name(ask.activity_arn))
    return {}


class GetActivityTask(Request, frozen=True):
    """An activity, by its ARN, and who asks."""

    activity_arn: Arn
    worker_name: Name | None = None


async def get_activity_task(call: Call, ask: GetActivityTask) -> Json:
    """The next task: waits for one for a while, and then says that there is none."""
    name = activity_name(ask.activity_arn)

    def gone() -> bool:
        return call.http.transport is None or call.http.transport.is_closing()

    task = await call.service.activities.next_task(name, ask.worker_name, _POLL_SECONDS, gone)
    return {} if task is None else {"taskToken": task.token, "input": write_json_text(task.input)}


def _listed(call: Call, activity: Activity) -> dict[str, Json]:
    return {
        "activityArn": call.service.place.activity_arn(activity.name),
        "name": activity.name,
        "creationDate": date(activity.created_ms),
    }


ACTIVITIES: Final = (
    Operation(CreateActivity, create_activity),
    Operation(DescribeActivity, describe_activity),
    Operation(ListActivities, list_activities),
    Operation(DeleteActivity, delete_activity),
    Operation(GetActivityTask, get_activity_task),
)
