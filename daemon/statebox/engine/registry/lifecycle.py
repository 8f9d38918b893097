"""The life of a machine: created, updated, deleted once its last execution has ended."""

from __future__ import annotations

from typing import Final

import msgspec

from statebox.asl.jsontext import Json
from statebox.engine.diagnosis import refuse_in_express
from statebox.engine.errors import ConflictException, StateMachineAlreadyExists, ValidationException
from statebox.engine.machines import definition_of
from statebox.engine.names import MachineReference, check_name, fresh_uuid
from statebox.engine.ports import Definition
from statebox.engine.registry.machine import MachineType, Registered, Revision, Version
from statebox.engine.registry.registry import Registry

_ATTEMPTS: Final = 100


class Settings(msgspec.Struct, frozen=True):
    """What a request says about a machine. What is None is not said."""

    definition: str | None = None
    role_arn: str | None = None
    logging: Json = None
    tracing: Json = None
    encryption: Json = None
    publish: bool = False
    description: str | None = None


async def create_machine(
    registry: Registry, name: str, type: MachineType, text: str, settings: Settings, tags: dict[str, str]
) -> Registered:
    """Create a machine, or find it as it was created by an earlier request that was the same.

    Raises InvalidName, InvalidDefinition, StateMachineAlreadyExists, StateMachineDeleting.
    """
    check_name(name, "machine's name")
    registry.refuse_of_folder(name)
    definition = definition_of(text)
    await registry.machines.prepare(definition)
    if type == "EXPRESS":
        refuse_in_express(definition)
    now_ms = registry.clock.now_ms()
    revision = _revision(Revision(definition.hash, settings.role_arn or "", now_ms), settings, definition, None)
    wanted = Registered(name, type, now_ms, revision, settings.publish, settings.description, tags=tags)
    if settings.publish:
        version = Version(1, revision, now_ms, settings.description)
        wanted = msgspec.structs.replace(wanted, versions=(version,), last_version=1)
    reference = MachineReference(name, None, registry.place.machine_arn(name))
    for _ in range(_ATTEMPTS):
        if await registry.current(name) is None:
            if await registry.shelf.write(wanted, None, definition) is not None:
                return wanted
            continue
        there = await registry.active(reference)
        if not _is_same(there, wanted):
            raise StateMachineAlreadyExists(f"State Machine Already Exists: '{reference.text}'")
        return there
    raise ConflictException("The state machine is being changed by others all the time; ask again")


async def update_machine(registry: Registry, reference: MachineReference, settings: Settings) -> Registered:
    """Give a machine another definition or configuration; what is not said stays.

    Raises StateMachineDoesNotExist, StateMachineDeleting, InvalidDefinition, ConflictException.
    """
    definition = None if settings.definition is None else definition_of(settings.definition)
    if definition is not None:
        await registry.machines.prepare(definition)
    revision_id, now_ms = fresh_uuid(), registry.clock.now_ms()

    def updated(machine: Registered) -> Registered:
        if definition is not None and machine.type == "EXPRESS":
            refuse_in_express(definition)
        revision = msgspec.structs.replace(machine.revision, id=revision_id, since_ms=now_ms)
        return msgspec.structs.replace(machine, revision=_revision(revision, settings, definition, revision_id))

    return await registry.change(reference, updated, definition)


async def delete_machine(registry: Registry, reference: MachineReference) -> None:
    """Delete a machine; as long as executions of it run, it is only marked. One that is not there is no error.

    Raises ValidationException, ConflictException.
    """
    if reference.qualifier is not None:
        raise ValidationException("State Machine ARN must not be qualified with a version or an alias")
    registry.refuse_of_folder(reference.name)
    for _ in range(_ATTEMPTS):
        shelved = await registry.current(reference.name)
        # Marked and looked at once more, it is gone when nothing of it runs.
        if shelved is None or shelved.machine.deleting:
            return
        await registry.shelf.write(msgspec.structs.replace(shelved.machine, deleting=True), shelved)
    raise ConflictException("The state machine is being changed by others all the time; ask again")


def _revision(revision: Revision, settings: Settings, definition: Definition | None, id: str | None) -> Revision:
    said: dict[str, Json] = {
        "role_arn": settings.role_arn,
        "logging": settings.logging,
        "tracing": settings.tracing,
        "encryption": settings.encryption,
        "definition": None if definition is None else definition.hash,
        "id": id,
    }
    return msgspec.structs.replace(revision, **{name: value for name, value in said.items() if value is not None})


def _is_same(there: Registered, wanted: Registered) -> bool:
    """As AWS compares them: neither by role nor by tags."""
    now, then = there.revision, wanted.revision
    return (there.type, there.published, there.described) == (wanted.type, wanted.published, wanted.described) and (
        now.definition,
        now.configuration,
    ) == (then.definition, then.configuration)
