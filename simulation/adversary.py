"""The adversary: with its seed it decides what goes wrong, before and after each command and in between."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Final, Protocol

import msgspec

from simulation.network import Connection, VirtualNetwork
from simulation.nodes import LEASE_MS, Node
from simulation.server import Server

# Of the commands that change something, how many meet a fault before or after they are carried out; of the others.
_OF_SCRIPTS: Final = 0.05
_OF_OTHERS: Final = 0.002
# How long a command may be held up (s): beyond the patience of its client, so that it arrives after its repetition.
LONGEST_DELAY: Final = 8.0
_LONGEST_FREEZE: Final = 2.5 * LEASE_MS / 1000


class Temper(msgspec.Struct, frozen=True):
    """What an adversary does. `jumps`: Redis' clock jumps ahead; `back`: and back."""

    crashes: bool = True
    losses: bool = True
    delays: bool = True
    freezes: bool = True
    deaf: bool = False
    jumps: bool = False
    back: bool = False


def temper_of(rng: Random) -> Temper:
    """One of many."""
    return Temper(
        crashes=rng.random() < 0.8,
        losses=rng.random() < 0.8,
        delays=rng.random() < 0.7,
        freezes=rng.random() < 0.6,
        deaf=rng.random() < 0.3,
        jumps=rng.random() < 0.2,
        back=rng.random() < 0.3,
    )


class World(Protocol):
    """What the adversary works on."""

    @property
    def nodes(self) -> Sequence[Node]: ...

    @property
    def server(self) -> Server: ...

    @property
    def network(self) -> VirtualNetwork: ...


class Adversary:
    """Plays against the product until `rest`. `counts` says what it did."""

    def __init__(self, world: World, rng: Random) -> None:
        self.counts: Counter[str] = Counter()
        self.temper = temper_of(rng)
        self.clock_jumped = False
        self.clock_went_back = False
        self.active = True
        self._world = world
        self._rng = rng

    # The network asks

    def sent(self, connection: Connection, data: bytes) -> float | None:
        """Before a command: how much later it arrives, None when it never does."""
        node = self._node_of(connection)
        if node is None or not self.active or not self._strikes(data[:40]):
            return 0.0
        match self._choose(crashes=["crash"], losses=["lose"], delays=["delay", "repeat"], freezes=["freeze"]):
            case "crash":
                self._count("crashed before a command")
                node.crash()
                self._world.network.cut(node.actor)
                return None
            case "lose":
                self._count("commands lost")
                connection.cut()
                return None
            case "delay":
                self._count("commands delayed")
                return self._rng.random() * 0.5
            case "repeat":
                # Its client gives up and repeats it; this one arrives as well, later.
                self._count("commands repeated while the first was on its way")
                return 2.0 + self._rng.random() * (LONGEST_DELAY - 2.0)
            case "freeze":
                self._freeze(node)
                return 0.0
            case _:
                return 0.0

    # The server asks

    def struck(self, connection: Connection, command: Sequence[bytes]) -> float | None:
        """After a command: how much later its reply arrives, None when it never does."""
        node = self._node_of(connection)
        if node is None or not self.active or not self._strikes(command[0]):
            return 0.0
        match self._choose(crashes=["crash"], losses=["lose"], delays=["delay", "hang"], freezes=["freeze"]):
            case "crash":
                self._count("crashed after a command")
                node.crash()
                self._world.network.cut(node.actor)
                return None
            case "lose":
                self._count("replies lost")
                connection.cut()
                return None
            case "delay":
                self._count("replies delayed")
                return self._rng.random() * 1.5
            case "hang":
                self._count("replies that came too late")
                return 2.5
            case "freeze":
                self._freeze(node)
                return 0.0
            case _:
                return 0.0

    async def play(self) -> None:
        """Everything that has nothing to do with one command, until `rest`."""
        strokes = [
            stroke
            for wanted, some in (
                (self.temper.crashes, (self._crash_one,)),
                (self.temper.freezes, (self._freeze_one,)),
                (self.temper.losses, (self._cut_all, self._flush_scripts, self._restart_redis)),
                (self.temper.deaf, (self._mute, self._mute, self._unmute)),
                (self.temper.jumps, (self._jump,)),
                (self.temper.jumps and self.temper.back, (self._jump_back,)),
                (True, (self._stop_one, *[self._nothing] * 6)),
            )
            if wanted
            for stroke in some
        ]
        while True:
            await asyncio.sleep(0.1 + self._rng.random() * 0.6)
            if not self.active:
                return
            self._revive()
            await self._rng.choice(strokes)()

    async def _nothing(self) -> None:
        """Peace."""

    async def _crash_one(self) -> None:
        for node in self._some():
            self._count("crashed at any time")
            node.crash()
            self._world.network.cut(node.actor)

    async def _freeze_one(self) -> None:
        for node in self._some():
            self._freeze(node)

    async def _stop_one(self) -> None:
        for node in self._some():
            self._count("stopped in order")
            await node.stop()

    async def _cut_all(self) -> None:
        self._count("all connections cut")
        self._world.network.cut()

    async def _flush_scripts(self) -> None:
        self._count("scripts flushed")
        self._world.server.flush_scripts()

    async def _mute(self) -> None:
        self._count("hints lost")
        self._world.server.mute = True

    async def _unmute(self) -> None:
        self._world.server.mute = False

    async def _jump(self) -> None:
        self._count("clock jumps")
        self.clock_jumped = True
        self._world.server.ahead_ms += self._rng.randrange(1, 2 * LEASE_MS)

    async def _jump_back(self) -> None:
        if self._world.server.ahead_ms > 0:
            self._count("clock jumps back")
            self.clock_went_back = True
            self._world.server.ahead_ms = self._rng.randrange(self._world.server.ahead_ms)

    async def rest(self) -> None:
        """Leave everything alone, with everything running."""
        self.active = False
        world = self._world
        world.server.mute = False
        world.network.down = False
        for node in world.nodes:
            if node.frozen:
                node.thaw()
            if not node.alive:
                node.start()

    async def _restart_redis(self) -> None:
        """It keeps its data, as with appendfsync always."""
        self._count("Redis restarted")
        network = self._world.network
        network.down = True
        network.cut()
        self._world.server.flush_scripts()
        await asyncio.sleep(self._rng.random() ** 2 * 2)
        network.down = False

    def _revive(self) -> None:
        for node in self._world.nodes:
            if not node.alive and self._rng.random() < 0.3:
                self._count("restarted")
                node.start()

    def _freeze(self, node: Node) -> None:
        if node.frozen or not node.alive:
            return
        self._count("frozen")
        node.freeze()
        life = node.started

        def thaw() -> None:
            if node.started == life and node.alive and node.frozen:
                node.thaw()

        loop = self._world.server.loop
        loop.call_later(self._rng.random() ** 2 * _LONGEST_FREEZE, thaw, context=self._world.network.context)

    def _choose(self, **by_temper: list[str]) -> str:
        ways = [way for name, ways in by_temper.items() if getattr(self.temper, name) for way in ways]
        return self._rng.choice(ways) if ways else ""

    def _strikes(self, command: bytes) -> bool:
        return self._rng.random() < (_OF_SCRIPTS if b"EVAL" in command else _OF_OTHERS)

    def _some(self) -> list[Node]:
        """One that runs, when one does."""
        running = [node for node in self._world.nodes if node.alive and not node.frozen]
        return [self._rng.choice(running)] if running else []

    def _node_of(self, connection: Connection) -> Node | None:
        """Whose connection it is, if he is still alive."""
        return next((node for node in self._world.nodes if node.alive and node.actor == connection.client), None)

    def _count(self, what: str) -> None:
        self.counts[what] += 1
        self._world.server.note(what.encode())
