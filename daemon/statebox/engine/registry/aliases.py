"""Aliases: names for a version, or for two that share the executions by their weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from statebox.engine.errors import (
    ConflictException,
    ResourceNotFound,
    ServiceQuotaExceededException,
    StateMachineDoesNotExist,
)
from statebox.engine.names import MachineReference
from statebox.engine.registry.machine import Alias, Registered, Route
from statebox.engine.registry.registry import Changed, Registry
from statebox.engine.registry.routing import check_routes, check_versions

_MOST_ALIASES: Final = 100


async def create_alias(
    registry: Registry, reference: MachineReference, name: str, routes: tuple[Route, ...], description: str | None
) -> Alias:
    """Create an alias, or find the same one.

    Raises ValidationException, ResourceNotFound, StateMachineDeleting, ConflictException and
    ServiceQuotaExceededException.
    """
    check_routes(routes)
    now_ms = registry.clock.now_ms()

    def added(machine: Registered) -> Registered:
        there = machine.aliases.get(name)
        if there is not None:
            if (there.routes, there.description) == (routes, description):
                return machine
            raise ConflictException(
                "Failed to create alias because an alias with the same name and a different routing configuration"
                " already exists."
            )
        if len(machine.aliases) >= _MOST_ALIASES:
            raise ServiceQuotaExceededException(f"A state machine has at most {_MOST_ALIASES} aliases: delete some")
        check_versions(machine, routes)
        return _with(machine, Alias(name, routes, now_ms, now_ms, description))

    return (await _change(registry, reference, added)).aliases[name]


async def update_alias(
    registry: Registry, reference: MachineReference, routes: tuple[Route, ...] | None, description: str | None
) -> Alias:
    """Change what is said of an alias. Raises as `create_alias`."""
    if routes is not None:
        check_routes(routes)
    name, now_ms = reference.qualifier or "", registry.clock.now_ms()

    def updated(machine: Registered) -> Registered:
        there = machine.aliases.get(name)
        if there is None:
            raise ResourceNotFound
        if routes is not None:
            check_versions(machine, routes)
        said = {"routes": routes, "description": description}
        changes = {field: value for field, value in said.items() if value is not None}
        return _with(machine, msgspec.structs.replace(there, **changes, updated_ms=now_ms))

    return (await _change(registry, reference, updated)).aliases[name]


async def delete_alias(registry: Registry, reference: MachineReference) -> None:
    """Delete an alias; its versions stay. Raises ResourceNotFound."""
    name = reference.qualifier or ""

    def without(machine: Registered) -> Registered:
        if name not in machine.aliases:
            raise ResourceNotFound
        aliases = {key: alias for key, alias in machine.aliases.items() if key != name}
        return msgspec.structs.replace(machine, aliases=aliases)

    await _change(registry, reference, without)


async def find_alias(registry: Registry, reference: MachineReference) -> Alias:
    """An alias. Raises ResourceNotFound."""
    shelved = await registry.current(reference.name)
    alias = None if shelved is None else shelved.machine.aliases.get(reference.qualifier or "")
    if alias is None:
        raise ResourceNotFound
    return alias


async def list_aliases(
    registry: Registry, reference: MachineReference, after: tuple[int, str] | None, limit: int
) -> Sequence[Alias]:
    """Up to `limit` aliases, the newest first, those behind `after` (its creation, its name).

    Of a version, where one is named, those that refer to it.
    """
    if registry.is_of_folder(reference.name):
        return []
    machine = (await registry.shelved(reference)).machine
    number = reference.version
    if reference.qualifier is not None and (number is None or machine.version(number) is None):
        raise ResourceNotFound
    newest_first = sorted(machine.aliases.values(), key=lambda alias: (alias.created_ms, alias.name), reverse=True)
    return [
        alias
        for alias in newest_first
        if (after is None or (alias.created_ms, alias.name) < after)
        and (number is None or any(route.version == number for route in alias.routes))
    ][:limit]


def _with(machine: Registered, alias: Alias) -> Registered:
    return msgspec.structs.replace(machine, aliases={**machine.aliases, alias.name: alias})


async def _change(registry: Registry, reference: MachineReference, changed: Changed) -> Registered:
    try:
        return await registry.change(reference, changed)
    except StateMachineDoesNotExist:
        raise ResourceNotFound from None
