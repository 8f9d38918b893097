"""The log groups on Redis: one hash, of which each change is one command."""

from __future__ import annotations

from collections.abc import Mapping

from statebox.engine.names import fresh_id
from statebox.store.commits import Asking
from statebox.store.keys import Keys
from statebox.store.replies import integer, strings


class RedisLogGroups:
    """The port LogGroupShelf. `writes` is the store's own connection."""

    def __init__(self, writes: Asking, keys: Keys) -> None:
        self._writes = writes
        self._key = keys.meta.log_groups

    async def create(self, name: str, at_ms: int) -> bool:
        """Add one; false when it is there."""
        # The id tells this creation from another one when the command is sent again, as its reply was lost.
        created = f"{at_ms} {fresh_id()}"
        if integer(await self._writes.ask("HSETNX", self._key, name, created)):
            return True
        return await self._writes.ask("HGET", self._key, name) == created.encode()

    async def delete(self, name: str) -> bool:
        """Take one away; false when it is not there."""
        return bool(integer(await self._writes.ask("HDEL", self._key, name)))

    async def all(self) -> Mapping[str, int]:
        """When each was created."""
        found = strings(await self._writes.ask("HGETALL", self._key))
        return {name.decode(): int(created.split()[0]) for name, created in zip(found[::2], found[1::2], strict=True)}

    async def exists(self, name: str) -> bool:
        """Whether one is there."""
        return bool(integer(await self._writes.ask("HEXISTS", self._key, name)))
