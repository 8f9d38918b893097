"""Slots: where a cluster keeps a key, and the map of who serves which slot, read through any node that answers."""

from __future__ import annotations

import asyncio
from binascii import crc_hqx
from collections.abc import Iterable, Sequence
from random import sample
from typing import Final

from redis.exceptions import ResponseError

from statebox.store.addresses import Endpoint
from statebox.store.connection import Argument, RedisSettings, Reply, Unreachable, Wire, connect, pack, trouble
from statebox.store.replies import integer, items, text

SLOTS: Final = 16384
# Nodes answer this at once or not at all.
_MAP_SECONDS: Final = 1.0
# Commands of ours that are about no key; any node may answer them.
_KEYLESS: Final = frozenset({"TIME", "INFO", "PING", "KEYS", "DBSIZE", "CONFIG"})
_SCRIPTS: Final = frozenset({"EVALSHA", "EVAL"})


def slot_of_key(key: bytes) -> int:
    """CRC16 of the key's hash tag, or of all of it where there is none."""
    first = key.find(b"{")
    if first >= 0:
        last = key.find(b"}", first + 1)
        if last > first + 1:
            key = key[first + 1 : last]
    return crc_hqx(key, 0) % SLOTS


def slot_of(command: Sequence[Argument]) -> int | None:
    """The slot of the one key (or first of several) that a command is about; None when it is about none."""
    name = command[0]
    if name in _KEYLESS:
        return None
    key = command[3 if name in _SCRIPTS else 1]
    return slot_of_key(key if isinstance(key, bytes) else str(key).encode())


class SlotMap:
    """Who serves which slot, as far as it is known."""

    def __init__(self) -> None:
        self._owners: list[Endpoint | None] = [None] * SLOTS
        self.nodes: frozenset[Endpoint] = frozenset()

    def owner(self, slot: int | None) -> Endpoint | None:
        """The primary of a slot, or any for None."""
        if slot is None:
            return next(iter(self.nodes), None)
        return self._owners[slot]

    def move(self, slot: int, owner: Endpoint) -> None:
        """One slot is served by somebody else now."""
        self._owners[slot] = owner
        self.nodes |= {owner}

    def replace(self, ranges: Iterable[tuple[int, int, Endpoint]]) -> None:
        """The whole map anew."""
        owners: list[Endpoint | None] = [None] * SLOTS
        for first, last, owner in ranges:
            owners[first : last + 1] = [owner] * (last + 1 - first)
        self._owners = owners
        self.nodes = frozenset(owner for owner in owners if owner is not None)


class Nodes:
    """The nodes of a cluster, primaries and replicas: those that the URL names, and those that any of them told of."""

    def __init__(self, settings: RedisSettings, name: str) -> None:
        self._settings = settings
        self._name = name
        self._seeds = settings.place.endpoints
        self._known: frozenset[Endpoint] = frozenset()

    async def connect_to_any(self, name: str) -> Wire:
        """A connection to one of them, which Redis lists under `name`. Raises Unreachable."""
        reasons: list[str] = []
        for endpoint in self._in_any_order():
            try:
                wire = await connect(self._settings, name, endpoint)
                try:
                    healthy, _ = await self._ask_for_map(wire, endpoint)
                except BaseException:
                    await wire.disconnect(nowait=True)
                    raise
                if healthy:
                    return wire
                await wire.disconnect(nowait=True)
                reasons.append(f"{endpoint}: says that the cluster is down")
            except Unreachable as unknown:
                reasons.append(f"{endpoint}: {unknown}")
        raise Unreachable(f"no node of the cluster can be used ({', '.join(reasons)})")

    async def slots(self) -> list[tuple[int, int, Endpoint]]:
        """First and last slot, and the primary that serves them. Raises Unreachable.

        A node that is cut off from the others has an old map, and says that the cluster is down: its word counts only
        where nobody has a better one.
        """
        reasons: list[str] = []
        second_best: list[tuple[int, int, Endpoint]] | None = None
        for endpoint in self._in_any_order():
            wire: Wire | None = None
            try:
                with trouble():
                    async with asyncio.timeout(min(_MAP_SECONDS, self._settings.connect_seconds)):
                        wire = await connect(self._settings, f"{self._name}-map", endpoint)
                        healthy, ranges = await self._ask_for_map(wire, endpoint)
                if healthy:
                    return ranges
                second_best = ranges
            except Unreachable as unknown:
                reasons.append(f"{endpoint}: {unknown}")
            finally:
                if wire is not None:
                    await wire.disconnect(nowait=True)
        if second_best:
            return second_best
        raise Unreachable(f"no node of the cluster tells its slots ({', '.join(reasons)})")

    def _in_any_order(self) -> list[Endpoint]:
        # The ones that were told of first: the URL's may have gone long ago.
        unknown = [seed for seed in self._seeds if seed not in self._known]
        return [*sample(sorted(self._known, key=str), len(self._known)), *sample(unknown, len(unknown))]

    async def _ask_for_map(self, wire: Wire, asked: Endpoint) -> tuple[bool, list[tuple[int, int, Endpoint]]]:
        with trouble():
            async with asyncio.timeout(self._settings.command_seconds):
                await wire.send_packed_command(
                    pack(("CLUSTER", "SLOTS")) + pack(("CLUSTER", "INFO")), check_health=False
                )
                try:
                    found = items(await wire.read_response())
                    info: Reply = await wire.read_response()
                except ResponseError as refused:
                    raise Unreachable(f"it does not tell its slots: {refused}") from refused
        ranges: list[tuple[int, int, Endpoint]] = []
        known: set[Endpoint] = set()
        for entry in found:
            first, last, *servers = items(entry)
            endpoints = [_endpoint(server, asked) for server in servers]
            known.update(endpoints)
            ranges.append((integer(first), integer(last), endpoints[0]))
        healthy = "cluster_state:ok" in text(info)
        if healthy:
            self._known = frozenset(known)
        return healthy, ranges


def _endpoint(server: Reply, asked: Endpoint) -> Endpoint:
    """An entry of CLUSTER SLOTS: host (nothing or ?: the one that was asked), port, and more."""
    host, port, *_ = items(server)
    name = "" if host is None else text(host)
    return Endpoint(asked.host if name in ("", "?") else name, integer(port))
