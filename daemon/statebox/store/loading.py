"""Loading: what a script took over, as executions with their inboxes and the definitions they are pinned to."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

from statebox.asl.events import AnyEvent
from statebox.asl.execution import Execution
from statebox.engine.ownership import Claimed, Lease
from statebox.store.codec import NewerFormat, read_execution
from statebox.store.commits import Asking, Refused
from statebox.store.connection import Reply
from statebox.store.definitions import Definitions
from statebox.store.entries import read_entry
from statebox.store.keys import Keys
from statebox.store.replies import integer, items, pairs, strings, text

_log = logging.getLogger(__name__)


class Loading:
    """Reads what parts/load.lua returns. `leave` gives back a lease on what only newer daemons can read."""

    def __init__(
        self,
        reads: Asking,
        keys: Keys,
        definitions: Definitions,
        leave: Callable[[Lease, int], Awaitable[None]],
    ) -> None:
        self._leave = leave
        self._reads = reads
        self._keys = keys
        self._definitions = definitions

    async def claimed(self, values: Sequence[Reply], shard: int, until: float) -> tuple[Claimed, ...]:
        """What was claimed, without what cannot be read: its lease will run out, and in the end it is set aside.

        What is newer is given back at once, for newer daemons to take.
        """
        readable: list[tuple[Lease, Execution, str, tuple[AnyEvent, ...]]] = []
        for value in values:
            id, token, whole, fields, inbox = items(value)
            try:
                known = pairs(fields)
                execution = read_execution(known, whole=whole == 1)
                events = tuple(map(read_entry, strings(inbox)))
                lease = Lease(text(id), shard, text(token), integer(known[b"sequence"]), until)
                definition = text(known[b"definition"])
            except NewerFormat as newer:
                _log.info("left to a newer daemon: %s", newer, extra={"execution": text(id)})
                await self._leave(Lease(text(id), shard, text(token), 0, until), newer.format)
                continue
            except Exception as broken:  # noqa: BLE001 - whatever is wrong with one value, the others are not to blame
                _log.error("claimed, but cannot be read: %s", broken, extra={"execution": text(id)})
                continue
            readable.append((lease, execution, definition, events))
        claimed: list[Claimed] = []
        missing: set[str] = set()
        for lease, execution, hash, events in readable:
            definition = self._definitions.text(hash)
            if definition is None and hash not in missing:
                definition = await self._fetched(hash, shard)
            if definition is None:
                missing.add(hash)
                _log.error("claimed, but its definition is not there: %s", hash, extra={"execution": lease.id})
                continue
            claimed.append(Claimed(lease, execution, definition, events))
        return tuple(claimed)

    async def _fetched(self, hash: str, shard: int) -> str | None:
        """The text of a definition. It stays stored for as long as we hold executions that use it."""
        try:
            reply = await self._reads.ask("HGET", self._keys.shards[shard].definition(hash), "text")
        except Refused as wrong:
            _log.error("a definition cannot be read: %s", wrong, extra={"definition": hash})
            return None
        if reply is None:
            return None
        found = text(reply)
        self._definitions.keep(hash, found, shard)
        return found
