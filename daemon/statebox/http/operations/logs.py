"""The operations of CloudWatch Logs that create what machines name as their log destination; nothing is logged."""

from __future__ import annotations

import time
from typing import Annotated, Final

from msgspec import Meta

from statebox.asl.jsontext import Json
from statebox.http.protocol import Call, Operation
from statebox.http.validation import Request, pattern_shown

_GROUP: Final = r"[\.\-_/#A-Za-z0-9]+"
LogGroupName = Annotated[str, Meta(min_length=1, max_length=512, pattern=f"^{_GROUP}$", extra=pattern_shown(_GROUP))]


class CreateLogGroup(Request, frozen=True):
    """What it is to be called."""

    log_group_name: LogGroupName


async def create_log_group(call: Call, ask: CreateLogGroup) -> Json:
    """Create a log group."""
    await call.service.registry.log_groups.create(ask.log_group_name, round(time.time() * 1000))
    return {}


class DeleteLogGroup(Request, frozen=True):
    """What it is called."""

    log_group_name: LogGroupName


async def delete_log_group(call: Call, ask: DeleteLogGroup) -> Json:
    """Delete a log group; machines that name it stay as they are."""
    await call.service.registry.log_groups.delete(ask.log_group_name)
    return {}


class DescribeLogGroups(Request, frozen=True):
    """How their names begin."""

    log_group_name_prefix: LogGroupName | None = None


async def describe_log_groups(call: Call, ask: DescribeLogGroups) -> Json:
    """The log groups, by name, all on one page."""
    groups = call.service.registry.log_groups
    found = await groups.beginning_with(ask.log_group_name_prefix or "")
    return {
        "logGroups": [
            {
                "logGroupName": name,
                "arn": f"{groups.arn(name)}:*",
                "logGroupArn": groups.arn(name),
                "creationTime": created_ms,
                "metricFilterCount": 0,
                "storedBytes": 0,
            }
            for name, created_ms in found.items()
        ]
    }


LOGS: Final = (
    Operation(CreateLogGroup, create_log_group),
    Operation(DeleteLogGroup, delete_log_group),
    Operation(DescribeLogGroups, describe_log_groups),
)
