"""Tags of machines: what users note on them, by key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from statebox.engine.errors import ResourceNotFound, StateMachineDoesNotExist, TooManyTags
from statebox.engine.names import MachineReference
from statebox.engine.registry.machine import Registered
from statebox.engine.registry.registry import Changed, Registry

# Of any resource, as with AWS.
MOST_TAGS: Final = 50


def with_tags(tags: Mapping[str, str], added: Mapping[str, str]) -> Mapping[str, str]:
    """The tags with others added or changed. Raises TooManyTags."""
    changed = {**tags, **added}
    if len(changed) > MOST_TAGS:
        raise TooManyTags
    return changed


async def machine_tags(registry: Registry, reference: MachineReference) -> Mapping[str, str]:
    """The tags of a machine; those of the folder have none. Raises ResourceNotFound."""
    if reference.qualifier is None:
        if registry.is_of_folder(reference.name):
            return {}
        shelved = await registry.current(reference.name)
        if shelved is not None:
            return shelved.machine.tags
    raise no_such_resource(reference.text)


async def tag_machine(registry: Registry, reference: MachineReference, added: Mapping[str, str]) -> None:
    """Add tags, or change them. Raises ResourceNotFound, TooManyTags, StateMachineDeleting, ConflictException."""

    def tagged(machine: Registered) -> Registered:
        return msgspec.structs.replace(machine, tags=with_tags(machine.tags, added))

    await _change(registry, reference, tagged)


async def untag_machine(registry: Registry, reference: MachineReference, keys: frozenset[str]) -> None:
    """Take tags away; those that are not there are no error. Otherwise as `tag_machine`."""

    def untagged(machine: Registered) -> Registered:
        tags = {key: value for key, value in machine.tags.items() if key not in keys}
        return msgspec.structs.replace(machine, tags=tags)

    await _change(registry, reference, untagged)


async def _change(registry: Registry, reference: MachineReference, changed: Changed) -> None:
    if reference.qualifier is not None:
        raise no_such_resource(reference.text)
    try:
        await registry.change(reference, changed)
    except StateMachineDoesNotExist:
        raise no_such_resource(reference.text) from None


def no_such_resource(arn: str) -> ResourceNotFound:
    """The error for what has no tags because it is not there."""
    return ResourceNotFound(f"Resource not found: '{arn}'")
