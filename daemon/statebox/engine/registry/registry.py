"""The registry: finds the machine that a request names, and changes machines, whoever else changes them meanwhile.

Two kinds of machines live under one roof. Those of the folder of machines are each daemon's own, come first, and are
read-only here. All others are registered: kept on the shelf, seen by every daemon. Each start asks the shelf for a
machine's stamp, which is one small command, so that no daemon ever starts what was changed or deleted before.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, TypeVar

import msgspec

from statebox.asl.moment import Dice
from statebox.engine.errors import (
    ConflictException,
    InvalidArn,
    StateMachineDeleting,
    StateMachineDoesNotExist,
    Unreadable,
)
from statebox.engine.machines import Machines, definition_of
from statebox.engine.names import MachineReference, Place
from statebox.engine.ownership import Definition
from statebox.engine.ports import Clock
from statebox.engine.recent import Recent
from statebox.engine.registry.log_groups import LogGroups
from statebox.engine.registry.machine import MachineType, Registered, Revision, Version
from statebox.engine.registry.routing import routed
from statebox.engine.registry.shelf import Shelf, Shelved

_MOST_KEPT: Final = 1000
_SWEPT_AT_ONCE: Final = 100
_MOST_KEPT_CHARACTERS: Final = 32 << 20
# Each attempt that fails means that somebody else's has succeeded.
ATTEMPTS: Final = 100
# Names of machines that are listed for who named one that there is not.
_MOST_TOLD: Final = 100


class _Moved(Exception):
    """The machine was changed between two looks at it."""


class Chosen(msgspec.Struct, frozen=True):
    """What an execution is to be pinned to. `version` and `alias` are set when it is started through them."""

    machine: str
    definition: Definition
    role_arn: str
    type: MachineType = "STANDARD"
    version: int | None = None
    alias: str | None = None


class Found(msgspec.Struct, frozen=True):
    """A machine as it is described, or a version of it, with the definition of that."""

    machine: Registered
    definition: Definition
    version: Version | None = None

    @property
    def revision(self) -> Revision:
        """The current revision, or that of the version."""
        return self.machine.revision if self.version is None else self.version.revision


_T = TypeVar("_T")
Changed = Callable[[Registered], Registered]


class Registry:
    """Machines by name."""

    def __init__(self, shelf: Shelf, machines: Machines, clock: Clock, place: Place, log_groups: LogGroups) -> None:
        self.shelf = shelf
        self.machines = machines
        self.clock = clock
        self.place = place
        self.log_groups = log_groups
        self._up_since_ms = clock.now_ms()
        # The last machine that was swept.
        self._swept: str | None = None
        self._shelved = Recent[Shelved](_MOST_KEPT, _MOST_KEPT_CHARACTERS)
        # By content hash.
        self._texts = Recent[Definition](_MOST_KEPT, _MOST_KEPT_CHARACTERS)

    async def choose(self, reference: MachineReference) -> Chosen:
        """What to start. Raises StateMachineDoesNotExist, StateMachineDeleting, InvalidArn, ConflictException."""
        return await _settled(lambda: self._choose(reference))

    async def _choose(self, reference: MachineReference) -> Chosen:
        text = self.machines.named(reference.name)
        if text is not None:
            if reference.qualifier is not None:
                raise no_such_machine(reference)
            return Chosen(reference.name, text, self.place.role_arn())
        machine = await self.active(reference)
        if reference.qualifier is None:
            return await self._chosen(machine, machine.revision)
        alias = machine.aliases.get(reference.qualifier)
        number = reference.version if alias is None else routed(alias.routes, Dice(os.urandom(32)))
        version = None if number is None else machine.version(number)
        if version is None:
            raise no_such_machine(reference)
        return await self._chosen(machine, version.revision, number, None if alias is None else alias.name)

    async def find(self, reference: MachineReference) -> Found:
        """A machine or a version of it, also while it is being deleted. Raises StateMachineDoesNotExist, InvalidArn."""
        return await _settled(lambda: self._find(reference))

    async def _find(self, reference: MachineReference) -> Found:
        text = self.machines.named(reference.name)
        if text is not None and reference.qualifier is None:
            return Found(self._of_folder(reference.name, text), text)
        machine = (await self.shelved(reference)).machine
        if reference.qualifier is None:
            return Found(machine, await self.definition(machine, machine.revision.definition))
        version = None if reference.version is None else machine.version(reference.version)
        if version is None:
            raise no_such_machine(reference)
        return Found(machine, await self.definition(machine, version.revision.definition), version)

    async def type_of(self, reference: MachineReference) -> MachineType:
        """The type of a machine, by one of its versions or aliases too. Raises StateMachineDoesNotExist, InvalidArn."""
        if reference.qualifier is None and self.is_of_folder(reference.name):
            return "STANDARD"
        machine = (await self.shelved(reference)).machine
        known = {None, *machine.aliases, *(str(version.number) for version in machine.versions)}
        if reference.qualifier not in known:
            raise no_such_machine(reference)
        return machine.type

    async def revision_of(self, machine: str, version: int | None, definition: str) -> Revision | None:
        """The revision that an execution was started with, as far as it can be told by now."""
        shelved = None if self.is_of_folder(machine) else await self.current(machine)
        if shelved is None:
            return None
        if version is not None:
            found = shelved.machine.version(version)
            return None if found is None else found.revision
        revisions = [shelved.machine.revision, *(version.revision for version in reversed(shelved.machine.versions))]
        return next((revision for revision in revisions if revision.definition == definition), None)

    async def list(self, after: str | None, limit: int) -> Sequence[Registered]:
        """Up to `limit` machines in the order of their names, those behind `after`."""
        listed: list[Registered] = []
        # What was deleted meanwhile has a name that is looked at in vain.
        while len(listed) < limit and (names := await self._names(after, limit - len(listed))):
            listed += await self._listed(names)
            after = names[-1]
        return listed

    async def _names(self, after: str | None, limit: int) -> Sequence[str]:
        own = [name for name in self.machines.names() if after is None or name > after][:limit]
        return sorted({*own, *await self.shelf.names(after, limit)})[:limit]

    async def _listed(self, names: Sequence[str]) -> Sequence[Registered]:
        listed: list[Registered] = []
        # Most have not changed since they were read: that is asked for all of them at once.
        for name, stamp in zip(names, await self.shelf.stamps(names), strict=True):
            text, known = self.machines.named(name), self._shelved.get(name)
            if text is not None:
                listed.append(self._of_folder(name, text))
            elif known is not None and known.stamp == stamp and not known.machine.deleting:
                listed.append(known.machine)
            elif (shelved := await self.current(name)) is not None:
                listed.append(shelved.machine)
        return listed

    async def active(self, reference: MachineReference) -> Registered:
        """A machine that is not being deleted. Raises StateMachineDoesNotExist, StateMachineDeleting, InvalidArn."""
        machine = (await self.shelved(reference)).machine
        self._refuse_deleting(machine)
        return machine

    async def shelved(self, reference: MachineReference) -> Shelved:
        """A machine of the shelf as it is now. Raises StateMachineDoesNotExist, InvalidArn."""
        shelved = await self.current(reference.name)
        if shelved is None:
            known = sorted({*self.machines.names(), *await self.shelf.names(None, _MOST_TOLD)})
            raise no_such_machine(reference, f"known to this daemon: {', '.join(known[:_MOST_TOLD]) or 'none'}")
        return shelved

    async def current(self, name: str) -> Shelved | None:
        """A machine of the shelf as it is now, read again only when it has changed; None when there is none.

        What is being deleted goes here, when nothing of it runs any more.
        """
        shelved = self._shelved.get(name)
        if shelved is None or await self.shelf.stamp(name) != shelved.stamp:
            shelved = await self.shelf.read(name)
            if shelved is None:
                return None
            self._shelved.put(name, shelved, 1000 * (1 + len(shelved.machine.versions)))
        return None if await self._has_gone(shelved) else shelved

    async def sweep(self) -> None:
        """Let machines go that were deleted while executions of them ran. The next sweep is for the next machines."""
        names = await self.shelf.names(self._swept, _SWEPT_AT_ONCE)
        self._swept = names[-1] if len(names) == _SWEPT_AT_ONCE else None
        for name in names:
            try:
                shelved = await self.shelf.read(name)
            except Unreadable:
                # Whoever asks for it is told; a newer daemon may know how to read it.
                continue
            if shelved is not None:
                await self._has_gone(shelved)

    async def _has_gone(self, shelved: Shelved) -> bool:
        """Remove a machine that is being deleted, when nothing of it runs any more."""
        machine = shelved.machine
        return machine.deleting and not await self.shelf.running(machine.name) and await self.shelf.remove(shelved)

    async def definition(self, machine: Registered, hash: str) -> Definition:
        """The definition with that hash. Raises _Moved when the machine does not need it any more."""
        known = self._texts.get(hash)
        if known is not None:
            return known
        text = await self.shelf.text(machine.name, hash)
        if text is None:
            raise _Moved
        definition = definition_of(text)
        self._texts.put(hash, definition, len(text))
        return definition

    async def change(
        self,
        reference: MachineReference,
        changed: Changed,
        added: Definition | None = None,
    ) -> Registered:
        """Change a machine by what `changed` makes of it; it may raise. Returns what was written.

        Raises StateMachineDoesNotExist, StateMachineDeleting, InvalidArn, ConflictException.
        """
        if self.is_of_folder(reference.name):
            raise of_folder(reference.name)
        for _ in range(ATTEMPTS):
            shelved = await self.shelved(reference)
            self._refuse_deleting(shelved.machine)
            machine = changed(shelved.machine)
            if machine == shelved.machine or await self.shelf.write(machine, shelved, added) is not None:
                return machine
        raise busy()

    def is_of_folder(self, name: str) -> bool:
        """Whether it is in the folder of machines, and so read-only here."""
        return self.machines.named(name) is not None

    async def _chosen(
        self, machine: Registered, revision: Revision, version: int | None = None, alias: str | None = None
    ) -> Chosen:
        definition = await self.definition(machine, revision.definition)
        return Chosen(machine.name, definition, revision.role_arn, machine.type, version, alias)

    def _refuse_deleting(self, machine: Registered) -> None:
        if machine.deleting:
            raise StateMachineDeleting(f"State Machine is being deleted: '{self.place.machine_arn(machine.name)}'")

    def _of_folder(self, name: str, text: Definition) -> Registered:
        revision = Revision(text.hash, self.place.role_arn(), self._up_since_ms)
        return Registered(name, "STANDARD", self._up_since_ms, revision)


async def _settled(look: Callable[[], Awaitable[_T]]) -> _T:
    """What is found when it is looked for until nobody changes it meanwhile. Raises ConflictException."""
    for _ in range(ATTEMPTS):
        with suppress(_Moved):
            return await look()
    raise busy()


def busy() -> ConflictException:
    """The error when others were faster each time."""
    return ConflictException("The state machine is being changed by others all the time; ask again")


def of_folder(name: str) -> ConflictException:
    """The error for a change of what the folder of machines says."""
    return ConflictException(f"The state machine '{name}' comes from the folder of machines, and is changed only there")


def no_such_machine(reference: MachineReference, hint: str | None = None) -> StateMachineDoesNotExist | InvalidArn:
    """The error for a machine that is not there, in AWS's words: those of what is not even an ARN are about that.

    Only people name machines without an ARN: they get the hint.
    """
    if reference.is_arn:
        return StateMachineDoesNotExist(f"State Machine Does Not Exist: '{reference.text}'")
    if hint is None and reference.qualifier is None:
        hint = "there is no machine of that name"
    return InvalidArn(
        f"Invalid Arn: 'Invalid ARN prefix: {reference.text}'",
        hint=hint or f"the machine has no version or alias {reference.qualifier!r}",
    )
