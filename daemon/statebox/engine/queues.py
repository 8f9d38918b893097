"""The port of activities: what there is, and the durable queues of tasks that wait for workers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import msgspec


class NoSuchActivity(Exception):
    """There is no activity of this name."""


class Activity(msgspec.Struct, frozen=True):
    """An activity, when it was created, and what was told of it then (JSON text)."""

    name: str
    created_ms: int
    told: str


class Reserved(msgspec.Struct, frozen=True):
    """The continuation of a task that is kept for us; or, where none is to be had, when one may be free again (ms)."""

    token: str | None
    free_in_ms: int | None


class Queues(Protocol):
    """The durable queues. Each method that changes something is one atomic change of state."""

    async def create(self, name: str, told: str, tags: Mapping[str, str] = {}) -> Activity:
        """Create it; one that is there already is returned as it is, and keeps its tags."""
        ...

    async def describe(self, name: str) -> Activity:
        """One activity. Raises NoSuchActivity."""
        ...

    async def list(self, after: str, limit: int) -> Sequence[Activity]:
        """Up to `limit` activities by name, those behind the name `after`."""
        ...

    async def tags(self, name: str) -> Mapping[str, str]:
        """Its tags. Raises NoSuchActivity."""
        ...

    async def tag(self, name: str, added: Mapping[str, str], removed: Collection[str], most: int) -> bool:
        """Add tags and remove others. False when that would make more than `most`. Raises NoSuchActivity."""
        ...

    async def delete(self, name: str) -> None:
        """Delete it with its queue; one that is not there is deleted already."""
        ...

    async def enqueue(self, name: str, token: str) -> None:
        """Put a task into the queue, once. Raises NoSuchActivity."""
        ...

    async def reserve(self, name: str) -> Reserved:
        """Keep the first task for us, for a time."""
        ...

    async def standing(self, name: str, limit: int) -> Sequence[str]:
        """The continuations of the tasks that stand there longest."""
        ...

    async def drop(self, name: str, token: str) -> None:
        """Take it out of the queue."""
        ...
