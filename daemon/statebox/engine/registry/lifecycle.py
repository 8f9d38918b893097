"""The life of a machine: created, updated, deleted once its last execution has ended."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from statebox.asl.jsontext import Json
from statebox.engine.diagnosis import refuse_in_express
from statebox.engine.errors import (
    MissingRequiredParameter,
    StateMachineAlreadyExists,
    ValidationException,
)
from statebox.engine.machines import definition_of
from statebox.engine.names import MachineReference, check_name, fresh_uuid
from statebox.engine.ownership import Definition
from statebox.engine.registry.configuration import check_encryption, check_logging
from statebox.engine.registry.machine import MachineType, Registered, Revision, Version
from statebox.engine.registry.registry import ATTEMPTS, Registry, busy, no_such_machine, of_folder
from statebox.engine.registry.tags import with_tags
from statebox.engine.registry.versions import published, version_of_revision


class Settings(msgspec.Struct, frozen=True):
    """What a request says about a machine. What is None is not said."""

    definition: str | None = None
    role_arn: str | None = None
    logging: Json = None
    tracing: Json = None
    encryption: Json = None
    publish: bool = False
    description: str | None = None

    def check(self) -> None:
        """Refuse what contradicts itself. Raises ValidationException, Invalid…Configuration."""
        if self.description is not None and not self.publish:
            raise ValidationException("Version description can only be set when publish is true")
        if self.logging is not None:
            check_logging(self.logging)
        if self.encryption is not None:
            check_encryption(self.encryption)

    def revise(self, revision: Revision, definition: Definition | None) -> Revision:
        """The revision as this says that it is to be."""
        said: dict[str, Json] = {
            "role_arn": self.role_arn,
            "logging": self.logging,
            "tracing": self.tracing,
            "encryption": self.encryption,
            "definition": None if definition is None else definition.hash,
        }
        return msgspec.structs.replace(revision, **{name: value for name, value in said.items() if value is not None})


class Updated(msgspec.Struct, frozen=True):
    """A machine after an update, with the version that it was published as, where that was wanted."""

    machine: Registered
    at_ms: int
    version: Version | None


async def create_machine(
    registry: Registry, name: str, type: MachineType, text: str, settings: Settings, tags: Mapping[str, str]
) -> Registered:
    """Create a machine, or find it as it was created by an earlier request that was the same.

    Raises InvalidName, InvalidDefinition, StateMachineAlreadyExists, StateMachineDeleting, ConflictException,
    TooManyTags, ValidationException, Invalid…Configuration.
    """
    check_name(name, "machine's name")
    settings.check()
    await registry.log_groups.check(settings.logging)
    if registry.is_of_folder(name):
        raise of_folder(name)
    definition = definition_of(text)
    await registry.machines.prepare(definition)
    if type == "EXPRESS":
        refuse_in_express(definition)
    now_ms = registry.clock.now_ms()
    revision = settings.revise(Revision(definition.hash, "", now_ms), definition)
    wanted = Registered(name, type, now_ms, revision, settings.publish, settings.description, tags=with_tags({}, tags))
    if settings.publish:
        wanted = published(wanted, settings.description, now_ms)
    reference = MachineReference(name, None, registry.place.machine_arn(name))
    for _ in range(ATTEMPTS):
        if await registry.current(name) is None:
            if await registry.shelf.write(wanted, None, definition) is not None:
                return wanted
            continue
        there = await registry.active(reference)
        if not _is_same(there, wanted):
            raise StateMachineAlreadyExists(f"State Machine Already Exists: '{reference.text}'")
        return there
    raise busy()


async def update_machine(registry: Registry, reference: MachineReference, settings: Settings) -> Updated:
    """Give a machine another definition or configuration; what is not said stays, and so does the revision then.

    Raises StateMachineDoesNotExist, StateMachineDeleting, InvalidDefinition, ConflictException, ValidationException,
    MissingRequiredParameter, Invalid…Configuration.
    """
    settings.check()
    await registry.log_groups.check(settings.logging)
    if settings == Settings(publish=settings.publish, description=settings.description):
        raise MissingRequiredParameter(
            "Either the definition, the role ARN, the LoggingConfiguration, the EncryptionConfiguration,"
            " or the TracingConfiguration must be specified"
        )
    refuse_qualified(reference)
    definition = None if settings.definition is None else definition_of(settings.definition)
    if definition is not None:
        await registry.machines.prepare(definition)
    revision_id, now_ms = fresh_uuid(), registry.clock.now_ms()

    def updated(machine: Registered) -> Registered:
        if definition is not None and machine.type == "EXPRESS":
            refuse_in_express(definition)
        revision = settings.revise(machine.revision, definition)
        if revision != machine.revision:
            revision = msgspec.structs.replace(revision, id=revision_id, since_ms=now_ms)
            machine = msgspec.structs.replace(machine, revision=revision)
        return published(machine, settings.description, now_ms) if settings.publish else machine

    machine = await registry.change(reference, updated, definition)
    return Updated(machine, now_ms, version_of_revision(machine) if settings.publish else None)


async def delete_machine(registry: Registry, reference: MachineReference) -> None:
    """Delete a machine; as long as executions of it run, it is only marked. One that is not there is no error.

    Raises ValidationException, ConflictException; InvalidArn for what is neither an ARN nor the name of a machine.
    """
    refuse_qualified(reference)
    if registry.is_of_folder(reference.name):
        raise of_folder(reference.name)
    if not reference.is_arn and await registry.current(reference.name) is None:
        raise no_such_machine(reference)
    for _ in range(ATTEMPTS):
        shelved = await registry.current(reference.name)
        # Marked and looked at once more, it is gone when nothing of it runs.
        if shelved is None or shelved.machine.deleting:
            return
        await registry.shelf.write(msgspec.structs.replace(shelved.machine, deleting=True), shelved)
    raise busy()


def refuse_qualified(reference: MachineReference) -> None:
    """Refuse a version or an alias where a machine is to be named. Raises ValidationException."""
    if reference.qualifier is not None:
        raise ValidationException("The ARN of the state machine must not name a version or an alias")


def _is_same(there: Registered, wanted: Registered) -> bool:
    """As AWS compares them: neither by role nor by tags."""
    now, then = there.revision, wanted.revision
    return (there.type, there.published, there.described) == (wanted.type, wanted.published, wanted.described) and (
        now.definition,
        now.configuration,
    ) == (then.definition, then.configuration)
