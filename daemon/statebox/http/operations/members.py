"""What the members of operations' inputs may be, named and bounded as in AWS's service model.

A payload may have as much as executions may here. A member that AWS calls sensitive is not repeated in an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from msgspec import Meta

from statebox.asl.data.jackson import complaint
from statebox.asl.jsontext import InvalidJson, Json, read_json
from statebox.engine.errors import InvalidArn, InvalidExecutionInput, InvalidOutput, ServiceError
from statebox.http.validation import PAYLOAD, SENSITIVE, Structure, pattern_shown

Arn = Annotated[str, Meta(min_length=1, max_length=256)]
LongArn = Annotated[str, Meta(min_length=1, max_length=2000)]
Name = Annotated[str, Meta(min_length=1, max_length=80)]
# Of an alias: not a number alone, which would be a version.
CharacterRestrictedName = Annotated[
    str, Meta(min_length=1, max_length=80, pattern=r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$")
]
AliasDescription = VersionDescription = Annotated[str, Meta(max_length=256, extra=SENSITIVE)]
Definition = Annotated[str, Meta(min_length=1, max_length=1_048_576, extra=SENSITIVE)]
Payload = Annotated[str, Meta(extra=PAYLOAD)]
TaskToken = Annotated[str, Meta(min_length=1, max_length=2048, extra=SENSITIVE)]
Error = Annotated[str, Meta(max_length=256, extra=SENSITIVE)]
Cause = Annotated[str, Meta(max_length=32768, extra=SENSITIVE)]
StateName = Annotated[str, Meta(min_length=1, max_length=80, extra=SENSITIVE)]
StatePath = Annotated[str, Meta(min_length=1, max_length=1024)]
PageSize = Annotated[int, Meta(ge=0, le=1000)]
PageToken = Annotated[str, Meta(min_length=1, max_length=1024)]
ListExecutionsPageToken = Annotated[str, Meta(min_length=1, max_length=3096)]
ClientToken = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[!-~]+$", extra=pattern_shown("[!-~]+"))]
TraceHeader = Annotated[str, Meta(max_length=256, pattern=r"^[\x00-\x7f]*$", extra=pattern_shown(r"\p{ASCII}*"))]
IncludedData = Literal["ALL_DATA", "METADATA_ONLY"]
StateMachineType = Literal["STANDARD", "EXPRESS"]
# How many of something there are, or may be.
Count = Annotated[int, Meta(ge=0)]

_ROLE: Final = re.compile(r"arn:[^:]+:iam::[^:]*:role/\S+\Z")

TagKey = Annotated[str, Meta(min_length=1, max_length=128)]
TagValue = Annotated[str, Meta(max_length=256)]


class Tag(Structure, frozen=True):
    """A label on a resource."""

    key: TagKey | None = None
    value: TagValue | None = None


def tags_of(tags: tuple[Tag, ...]) -> dict[str, str]:
    """The tags by key; of those that repeat a key the last one counts."""
    return {tag.key: tag.value or "" for tag in tags if tag.key is not None}


def check_role(arn: str | None) -> None:
    """Hold a role against the form of its ARN, which is all that is known of it here. Raises InvalidArn."""
    if arn is not None and _ROLE.match(arn) is None:
        raise InvalidArn(f"Invalid Role Arn: '{arn}'")


class CloudWatchLogsLogGroup(Structure, frozen=True):
    """Where logs go."""

    log_group_arn: Arn | None = None


class LogDestination(Structure, frozen=True):
    """Where logs go, by kind."""

    cloud_watch_logs_log_group: CloudWatchLogsLogGroup | None = None


class LoggingConfiguration(Structure, frozen=True):
    """Which events of executions are logged, and whither."""

    level: Literal["ALL", "ERROR", "FATAL", "OFF"] | None = None
    include_execution_data: bool | None = None
    destinations: tuple[LogDestination, ...] | None = None


class TracingConfiguration(Structure, frozen=True, omit_defaults=False):
    """Whether executions are traced."""

    enabled: bool = False


class EncryptionConfiguration(Structure, frozen=True):
    """With which key data are encrypted."""

    type: Literal["AWS_OWNED_KEY", "CUSTOMER_MANAGED_KMS_KEY"]
    kms_key_id: Annotated[str, Meta(min_length=1, max_length=2048)] | None = None
    kms_data_key_reuse_period_seconds: Annotated[int, Meta(ge=60, le=900)] | None = None


class RoutingConfigurationListItem(Structure, frozen=True):
    """A version, and how many of a hundred executions it gets."""

    state_machine_version_arn: Arn
    weight: Annotated[int, Meta(ge=0, le=100)]


RoutingConfigurationList = Annotated[tuple[RoutingConfigurationListItem, ...], Meta(min_length=1, max_length=2)]


class MockErrorOutput(Structure, frozen=True):
    """The error that a mocked task fails with."""

    error: Error | None = None
    cause: Cause | None = None


class MockInput(Structure, frozen=True):
    """What a mocked task answers."""

    result: Payload | None = None
    error_output: MockErrorOutput | None = None
    field_validation_mode: Literal["STRICT", "PRESENT", "NONE"] | None = None


class StateConfiguration(Structure, frozen=True):
    """In which situation a state is tested."""

    retrier_retry_count: Count | None = None
    error_caused_by_state: StateName | None = None
    map_iteration_failure_count: Count | None = None
    map_item_reader_data: Payload | None = None


_PAGE: Final = 100


def page_size(max_results: int) -> int:
    """How much a page holds: 0, which is also what is not said, means 100."""
    return max_results or _PAGE


# How AWS begins its refusal of a text that is not JSON.
_BEGINNINGS: Final[Mapping[type[ServiceError], str]] = {
    InvalidExecutionInput: "Invalid State Machine Execution Input",
    InvalidOutput: "Invalid Output",
}


def json_of(text: str, refused: type[ServiceError]) -> Json:
    """What a JSON text says. Raises `refused`."""
    try:
        return read_json(text)
    except InvalidJson as invalid:
        beginning = _BEGINNINGS.get(refused, "It is not JSON")
        raise refused(f"{beginning}: '{complaint(text) or invalid}'") from None
