"""The port Shelf: where registered machines are kept, and how they change when several change them at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from statebox.engine.ownership import Definition
from statebox.engine.registry.machine import Registered


class Shelved(msgspec.Struct, frozen=True):
    """A machine as it was read. Whoever changes it names the `stamp`, and is refused when it is not that any more."""

    machine: Registered
    stamp: str


class Shelf(Protocol):
    """Keeps registered machines. All raise ServiceUnavailable when that cannot be reached in bounded time."""

    async def stamp(self, name: str) -> str | None:
        """The stamp of a machine, which tells whether what was read before still holds; None when there is none."""
        ...

    async def stamps(self, names: Sequence[str]) -> Sequence[str | None]:
        """The stamps of several machines, in their order."""
        ...

    async def read(self, name: str) -> Shelved | None:
        """A machine, None when there is none."""
        ...

    async def text(self, name: str, hash: str) -> str | None:
        """The text of a definition that a machine needs; None when it does not any more."""
        ...

    async def write(self, machine: Registered, before: Shelved | None, added: Definition | None = None) -> str | None:
        """Put a machine in the place of what was read `before` (None: of nothing), with a definition that is new.

        Returns its stamp; None when it was changed meanwhile, and nothing was done.
        """
        ...

    async def remove(self, before: Shelved) -> bool:
        """Remove a machine. False when it was changed meanwhile, and nothing was done."""
        ...

    async def names(self, after: str | None, limit: int) -> Sequence[str]:
        """Up to `limit` names of machines in their order, those behind `after`."""
        ...

    async def running(self, name: str) -> int:
        """How many executions of a machine run; those of its map runs are not counted, as they end before theirs."""
        ...
