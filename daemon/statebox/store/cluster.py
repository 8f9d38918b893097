"""A Redis Cluster as one Redis: a group commit for each primary, each command sent to the primary of its key's slot.

The map of slots is a guess that the nodes correct: who is asked about a slot that is not his says MOVED. So a command
is repeated with the same arguments until the right node has answered it, as it is on one server that went away.

While a slot is moved from node to node key by key, some keys of a shard are here and some there. A script must not run
then, on neither side: on the one it would break off in its middle, on the other take for missing what has not come yet.
Scripts find that out before they do anything (cluster/whole_slot.lua) and wait for the end of the move. Reading one key
follows it (ASK).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import random
from typing import Final

from redis.exceptions import AskError, MovedError, NoScriptError, ResponseError

from statebox.engine.errors import ServiceUnavailable
from statebox.store.addresses import Endpoint
from statebox.store.commits import Asking, Commits, Refused, is_down
from statebox.store.connection import Argument, RedisSettings, Reply, Unreachable, pack
from statebox.store.primary import Primary
from statebox.store.scripts import script
from statebox.store.slots import SLOTS, Nodes, SlotMap, slot_of, slot_of_key
from statebox.store.wire import Answer

_FIRST_PAUSE_SECONDS: Final = 0.02
_LONGEST_PAUSE_SECONDS: Final = 1.0
# Two nodes that send us back and forth have not agreed yet: then it is worth a pause.
_MOVES_AT_ONCE: Final = 2
_ASKING: Final = pack(("ASKING",))


class ClusterCommits:
    """What Commits is for one server. `shards` are keys, one of each shard: by them the nodes that matter are found."""

    def __init__(self, settings: RedisSettings, name: str, shards: Sequence[str] = ()) -> None:
        self._settings = settings
        self._name = name
        self._shards = tuple({slot_of_key(key.encode()) for key in shards})
        self._nodes = Nodes(settings, name)
        self._map = SlotMap()
        self._commits: dict[Endpoint, Commits] = {}
        self._refreshing: asyncio.Task[None] | None = None
        self._opened = False
        self._no_map = Unreachable("no node is known to serve this slot")

    def open(self) -> None:
        """Begin to carry questions; the first one reads the map of slots."""
        self._opened = True

    async def close(self) -> None:
        """Stop; who still waits for an answer gets ServiceUnavailable."""
        self._opened = False
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.wait([self._refreshing])
        for commits in self._commits.values():
            await commits.close()
        self._commits.clear()

    async def ask(self, *command: Argument) -> Reply:
        """The answer to one command about one key. Raises ServiceUnavailable."""
        slot, packed = slot_of(command), pack(command)
        return await self._settle(slot, packed, self._offer(slot, packed))

    async def ask_all(self, commands: Sequence[Sequence[Argument]]) -> list[Reply]:
        """The answers to several commands that go out together, to each node its own. Raises ServiceUnavailable."""
        asked = [(slot, packed, self._offer(slot, packed)) for slot, packed in map(_prepared, commands)]
        return [await self._settle(slot, packed, offered) for slot, packed, offered in asked]

    async def ask_each(self, *command: Argument) -> list[Reply]:
        """The answers of all primaries that serve a shard of ours (all there are, when none was named)."""
        if self._map.owner(None) is None:
            await self._refresh()
        packed, slots = pack(command), self._one_slot_each()
        asked = [(slot, self._offer(slot, packed)) for slot in slots]
        return [await self._settle(slot, packed, offered) for slot, offered in asked]

    async def run(self, name: str, due: str, *arguments: Argument) -> Reply:
        """The answer of a script, sent to where its shard's `due` is. Raises ServiceUnavailable."""
        lua = script(name, in_cluster=True)
        try:
            return await self._run("EVALSHA", lua.sha, due, arguments)
        except NoScriptError:
            return await self._run("EVAL", lua.text, due, arguments)

    async def _run(self, how: str, lua: str, due: str, arguments: Sequence[Argument]) -> Reply:
        slot, packed = slot_of_key(due.encode()), pack((how, lua, 1, due, *arguments))
        return await self._settle(slot, packed, self._offer(slot, packed), is_script=True)

    def _one_slot_each(self) -> list[int]:
        """Slots that stand for the primaries: who serves them is asked, also when that changes meanwhile."""
        slots: dict[Endpoint | None, int] = {}
        for slot in self._shards or range(SLOTS):
            slots.setdefault(self._map.owner(slot), slot)
        return list(slots.values())

    def _offer(self, slot: int | None, packed: bytes) -> Answer:
        """Have it sent once to the slot's primary; what comes of it is the future's result."""
        if not self._opened:
            raise ServiceUnavailable("The connection to Redis is closed")
        owner = self._map.owner(slot)
        if owner is None:
            answer: Answer = asyncio.get_running_loop().create_future()
            answer.set_result(self._no_map)
            return answer
        return self._at(owner).offer(packed)

    def _at(self, endpoint: Endpoint) -> Commits:
        commits = self._commits.get(endpoint)
        if commits is None:
            commits = Commits(self._settings, self._name, Primary(self._settings, endpoint))
            commits.open()
            self._commits[endpoint] = commits
        return commits

    async def _settle(self, slot: int | None, packed: bytes, offered: Answer, *, is_script: bool = False) -> Reply:
        """Wait for the answer, and ask again, somewhere else where need be, for as long as there is hope."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + self._settings.patience_seconds
        pause, moves = _FIRST_PAUSE_SECONDS, 0
        while True:
            owner = self._map.owner(slot)
            match await offered:
                case Unreachable() as unknown:
                    reason: Exception = unknown
                case MovedError() as moved:
                    reason = moved
                    self._map.move(moved.slot_id, _where(moved, owner))
                    self._refresh_soon()
                    if moves < _MOVES_AT_ONCE:
                        moves += 1
                        offered = self._offer(slot, packed)
                        continue
                case AskError() as elsewhere if not is_script and moves < _MOVES_AT_ONCE:
                    moves += 1
                    offered = self._offer_asking(_where(elsewhere, owner), packed)
                    continue
                case NoScriptError() as unknown_script:
                    raise unknown_script
                case ResponseError() as refused:
                    if not isinstance(refused, AskError) and not is_down(refused):
                        raise Refused(f"Redis refuses: {refused}") from refused
                    reason = refused
                case reply:
                    return reply
            moves = 0
            if loop.time() + pause > give_up:
                raise ServiceUnavailable(f"Redis cannot be reached: {reason}") from reason
            if self._map.nodes:
                await asyncio.sleep(pause * (0.5 + random()))
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            if not await self._refresh():
                await asyncio.sleep(pause * (0.5 + random()))
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            offered = self._offer(slot, packed)

    def _offer_asking(self, endpoint: Endpoint, packed: bytes) -> Answer:
        commits = self._at(endpoint)
        # Both go over the same connection, one right behind the other; where that breaks between them, MOVED is said.
        commits.offer(_ASKING)
        return commits.offer(packed)

    async def _refresh(self) -> bool:
        """Read the map again; all who want that at the same time share one reading. Returns whether there is one."""
        if not self._opened:
            raise ServiceUnavailable("The connection to Redis is closed")
        reading = self._refresh_soon()
        await asyncio.wait([reading])
        if not reading.cancelled() and (fault := reading.exception()) is not None:
            # A fault of ours, which must not look like Redis being away.
            raise ServiceUnavailable("The connection to Redis has broken down") from fault
        return bool(self._map.nodes)

    def _refresh_soon(self) -> asyncio.Task[None]:
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.get_running_loop().create_task(self._read_map(), name=f"{self._name}-map")
        return self._refreshing

    async def _read_map(self) -> None:
        try:
            self._map.replace(await self._nodes.slots())
        except Unreachable as unknown:
            # Who waits finds out by asking again, and says so when it goes on.
            if not self._map.nodes:
                self._no_map = unknown
            return
        # Who has left the cluster, or serves nothing any more, is not waited for.
        for endpoint in self._commits.keys() - self._map.nodes:
            await self._commits.pop(endpoint).close()


def _prepared(command: Sequence[Argument]) -> tuple[int | None, bytes]:
    return slot_of(command), pack(command)


def _where(redirection: AskError, asked: Endpoint | None) -> Endpoint:
    """Where it sends us; without a host that is the host that was asked."""
    host, _, port = str(redirection).split(" ")[1].rpartition(":")
    return Endpoint(host or (asked.host if asked is not None else ""), int(port))


def commits_for(
    settings: RedisSettings, name: str, shards: Sequence[str] = (), primary: Primary | None = None
) -> Asking:
    """Commits to what the settings name: one server, or a cluster with these keys, one of each shard."""
    if settings.place.kind == "cluster":
        return ClusterCommits(settings, name, shards)
    return Commits(settings, name, primary)
