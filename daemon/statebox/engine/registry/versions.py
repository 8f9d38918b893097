"""Versions: revisions of a machine that were published under a number, and never change from then on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from statebox.engine.errors import ConflictException, ServiceQuotaExceededException, StateMachineDoesNotExist
from statebox.engine.names import MachineReference
from statebox.engine.registry.machine import Registered, Version
from statebox.engine.registry.registry import Registry

# What AWS calls the revision of a machine that was never updated.
_INITIAL: Final = "INITIAL"
_MOST_VERSIONS: Final = 1000


def published(machine: Registered, description: str | None, now_ms: int) -> Registered:
    """The machine with its current revision published, once. Raises ServiceQuotaExceededException."""
    if version_of_revision(machine) is not None:
        return machine
    if len(machine.versions) >= _MOST_VERSIONS:
        raise ServiceQuotaExceededException(f"A state machine has at most {_MOST_VERSIONS} versions: delete some")
    version = Version(machine.last_version + 1, machine.revision, now_ms, description)
    return msgspec.structs.replace(machine, versions=(*machine.versions, version), last_version=version.number)


def version_of_revision(machine: Registered) -> Version | None:
    """The version that the current revision was published as."""
    return next((v for v in reversed(machine.versions) if v.revision == machine.revision), None)


async def publish_version(
    registry: Registry, reference: MachineReference, revision_id: str | None, description: str | None
) -> Version:
    """Publish the current revision, or find how it was published before.

    Raises StateMachineDoesNotExist, StateMachineDeleting, ConflictException, ServiceQuotaExceededException.
    """
    now_ms = registry.clock.now_ms()

    def publish(machine: Registered) -> Registered:
        current = machine.revision.id or _INITIAL
        if revision_id is not None and revision_id != current:
            raise ConflictException(
                f"Failed to publish the State Machine version for revision {revision_id}."
                f" The current State Machine revision is {current}."
            )
        return published(machine, description, now_ms)

    version = version_of_revision(await registry.change(reference, publish))
    assert version is not None
    return version


async def list_versions(
    registry: Registry, reference: MachineReference, before: int | None, limit: int
) -> Sequence[Version]:
    """Up to `limit` versions, the newest first, those before the number `before`."""
    if registry.is_of_folder(reference.name):
        return []
    machine = (await registry.shelved(reference)).machine
    return [v for v in reversed(machine.versions) if before is None or v.number < before][:limit]


async def delete_version(registry: Registry, reference: MachineReference, number: int) -> None:
    """Delete a version; one that is not there is no error. Raises ConflictException while an alias refers to it."""

    def without(machine: Registered) -> Registered:
        aliases = [
            alias.name for alias in machine.aliases.values() if any(route.version == number for route in alias.routes)
        ]
        if aliases:
            raise ConflictException(
                "Version to be deleted must not be referenced by an alias."
                f" Current list of aliases referencing this version: [{', '.join(sorted(aliases))}]"
            )
        kept = tuple(version for version in machine.versions if version.number != number)
        return msgspec.structs.replace(machine, versions=kept)

    try:
        await registry.change(reference, without)
    except StateMachineDoesNotExist:
        return
