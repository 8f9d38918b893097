"""The operations on versions: publish the current revision, list, delete."""

from __future__ import annotations

from typing import Final

from statebox.asl.jsontext import Json
from statebox.engine.errors import InvalidArn
from statebox.engine.names import machine_reference
from statebox.engine.registry.lifecycle import refuse_qualified
from statebox.engine.registry.machine import Version
from statebox.engine.registry.versions import delete_version, list_versions, publish_version
from statebox.http.operations.members import Arn, LongArn, PageSize, PageToken, VersionDescription, page_size
from statebox.http.pages import page_shown, read_event_page_token
from statebox.http.protocol import Call, Operation
from statebox.http.shapes import date
from statebox.http.validation import Request


class PublishStateMachineVersion(Request, frozen=True):
    """A machine, and the revision that it must have."""

    state_machine_arn: Arn
    revision_id: str | None = None
    description: VersionDescription | None = None


async def publish_state_machine_version(call: Call, ask: PublishStateMachineVersion) -> Json:
    """Publish the current revision under a number."""
    reference = machine_reference(ask.state_machine_arn)
    refuse_qualified(reference)
    version = await publish_version(call.service.registry, reference, ask.revision_id, ask.description)
    arn = call.service.place.machine_arn(f"{reference.name}:{version.number}")
    return {"creationDate": date(version.created_ms), "stateMachineVersionArn": arn}


class ListStateMachineVersions(Request, frozen=True):
    """Whose versions, and from where on."""

    state_machine_arn: Arn
    next_token: PageToken | None = None
    max_results: PageSize = 0


async def list_state_machine_versions(call: Call, ask: ListStateMachineVersions) -> Json:
    """The versions of a machine, the newest first."""
    reference = machine_reference(ask.state_machine_arn)
    refuse_qualified(reference)
    limit = page_size(ask.max_results)
    before = None if ask.next_token is None else read_event_page_token(ask.next_token)
    found = await list_versions(call.service.registry, reference, before, limit + 1)

    def listed(version: Version) -> Json:
        arn = call.service.place.machine_arn(f"{reference.name}:{version.number}")
        return {"stateMachineVersionArn": arn, "creationDate": date(version.created_ms)}

    return page_shown("stateMachineVersions", found, limit, listed, lambda version: (version.number,))


class DeleteStateMachineVersion(Request, frozen=True):
    """A version, by its ARN."""

    state_machine_version_arn: LongArn


async def delete_state_machine_version(call: Call, ask: DeleteStateMachineVersion) -> Json:
    """Delete a version to which no alias refers; its executions go on."""
    reference = machine_reference(ask.state_machine_version_arn)
    if reference.version is None:
        raise InvalidArn(f"Invalid Arn: '{reference.text}' names no version")
    await delete_version(call.service.registry, reference, reference.version)
    return {}


VERSIONS: Final = (
    Operation(PublishStateMachineVersion, publish_state_machine_version),
    Operation(ListStateMachineVersions, list_state_machine_versions),
    Operation(DeleteStateMachineVersion, delete_state_machine_version),
)
