"""The faults: what is done to the daemons, their connections and their Valkey, one after the other as the seed says."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeAlias

from chaos.ledger import Ledger
from chaos.plan import Plan
from chaos.proxy import Proxy, scripts_in_flight
from chaos.tally import Tally
from statebox.embedded import EmbeddedValkeyError
from statebox.store.keys import Keys
from tests.durability.world import Daemon, World
from tests.servers import ask

# Scripts whose replies get lost.
_LOSABLE: Final = ("checkpoint", "answer", "start", "claim", "renew")
_BUSY_SECONDS: Final = 2.0
# How much longer than planned it may take until everything that a run is for has happened.
MORE_SECONDS: Final = 60.0

Fault: TypeAlias = Callable[[], Coroutine[None, None, None]]


class Faults:
    """Whoever breaks things. `counts` of what was done go to the tally; `log` says what was done when."""

    def __init__(
        self, world: World, proxies: dict[str, Proxy], tally: Tally, ledger: Ledger, plan: Plan, keys: Keys
    ) -> None:
        self._world = world
        self._proxies = proxies
        self._tally = tally
        self._ledger = ledger
        self._plan = plan
        self._keys = keys
        self._dice = random.Random(f"faults {plan.seed}")
        self._locks = {daemon.name: asyncio.Lock() for daemon in world.daemons}
        self._valkey = asyncio.Lock()
        self._began = time.monotonic()
        # Nothing will be broken any more.
        self.over = False
        self.log = world.folder / "faults.log"

    async def run(self) -> None:
        """Break things for as long as planned; in the end everything is whole again."""
        deck: list[Fault] = []
        end = self._began + self._plan.seconds
        async with asyncio.TaskGroup() as group:
            while time.monotonic() < end:
                if not deck:
                    deck = self._deck()
                await self._break(group, deck.pop())
            while time.monotonic() < end + MORE_SECONDS and (missing := self._missing()):
                await self._break(group, self._dice.choice(missing))
        self.over = True
        self._say("everything is whole again")

    async def _break(self, group: asyncio.TaskGroup, fault: Fault) -> None:
        await asyncio.sleep(self._plan.pause_seconds * (0.5 + self._dice.random()))
        group.create_task(fault())

    def _missing(self) -> list[Fault]:
        """What makes happen what a run is for and has not seen yet: how soon that is depends on the machine."""
        counts = self._tally.counts
        by_count: dict[str, list[Fault]] = {
            "kills of a daemon holding leases": [self.kill],
            "takeovers": [self.kill, self.freeze],
            "writes refused by the fence": [self.freeze, self.hold],
            "retried operations recognised": [self.lose],
        }
        if self._plan.kills_valkey:
            by_count["Valkey restarts with commands in flight"] = [self.kill_valkey]
        missing = [fault for name, faults in by_count.items() if not counts[name] for fault in faults]
        return missing if self._found else [*missing, self.deafen]

    @property
    def _found(self) -> int:
        """How many wakeups were found by a sweep or a renewal, as their hint had been dropped."""
        return self._tally.counts["wakeups found by sweep"] + self._tally.counts["wakeups found by renew"]

    def _deck(self) -> list[Fault]:
        """Each fault, some of them more often, in an order of the seed's."""
        deck: list[Fault] = [
            self.kill,
            self.kill,
            self.freeze,
            self.hold,
            self.lose,
            self.lose,
            self.cut,
            self.deafen,
            self.flush,
            self.hang,
        ]
        if self._plan.kills_valkey:
            deck.append(self.kill_valkey)
        self._dice.shuffle(deck)
        return deck

    # Daemons

    async def kill(self) -> None:
        """kill -9 while it holds leases; it comes back at once, or after its leases have run out."""
        async with self._one() as daemon:
            await daemon.kill()
            async with self._valkey:
                held = sum(
                    int(str(ask(self._world.valkey, "SCARD", f"{keys.base}held:{daemon.name}")))
                    for keys in self._keys.shards
                )
            self._tally.counts["kills"] += 1
            self._tally.counts["kills of a daemon holding leases"] += held > 0
            self._say(f"killed {daemon.name}, which held {held}")
            if self._dice.random() < 0.5:
                await asyncio.sleep(self._plan.lease_seconds * (1 + self._dice.random()))
            await self._start(daemon)

    async def freeze(self) -> None:
        """SIGSTOP beyond its leases."""
        async with self._one() as daemon:
            began_ms = time.time_ns() // 1_000_000
            daemon.freeze()
            self._say(f"froze {daemon.name}")
            await asyncio.sleep(self._plan.lease_seconds * (1.2 + self._dice.random()))
            daemon.thaw()
            self._ledger.freezes.append((began_ms, time.time_ns() // 1_000_000))
            self._tally.counts["freezes"] += 1
            self._say(f"thawed {daemon.name}")

    async def _start(self, daemon: Daemon) -> None:
        while True:
            try:
                await daemon.start()
                return
            except (AssertionError, TimeoutError) as why:
                self._say(f"{daemon.name} did not start, once more: {str(why)[-300:]}")
                with suppress(ProcessLookupError):
                    await daemon.kill()

    # Connections

    async def hold(self) -> None:
        """What it asks for arrives after its leases have run out."""
        async with self._one() as daemon:
            self._say(f"held the requests of {daemon.name}")
            self._proxies[daemon.name].hold()
            await asyncio.sleep(self._plan.lease_seconds * (1.2 + self._dice.random()))
            self._proxies[daemon.name].release()
            self._tally.counts["connections held"] += 1

    async def lose(self) -> None:
        """Replies of some scripts get lost, and their connections with them."""
        scripts = ["checkpoint", *(self._dice.choice(_LOSABLE) for _ in range(2))]
        self._say(f"losing replies of {', '.join(scripts)}")
        for script in scripts:
            for proxy in self._proxies.values():
                proxy.lose.add(script)
            await self._moment(lambda: not any(proxy.lose for proxy in self._proxies.values()))
        for proxy in self._proxies.values():
            proxy.lose.clear()
        self._tally.counts["rounds of lost replies"] += 1

    async def cut(self) -> None:
        """CLIENT KILL, for commands or for pub/sub."""
        kind = self._dice.choice(("normal", "pubsub"))
        self._say(f"killed all clients of type {kind}")
        async with self._valkey:
            ask(self._world.valkey, "CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
        self._tally.counts["connections killed"] += 1

    async def deafen(self) -> None:
        """Pub/sub says nothing to anybody, until something was found without it; not for ever."""
        before = self._found
        self._say("deafened all")
        for proxy in self._proxies.values():
            proxy.deaf = True
        await asyncio.sleep(self._plan.lease_seconds * (1 + 2 * self._dice.random()))
        for _ in range(4):
            await self._moment(lambda: self._found > before)
        for proxy in self._proxies.values():
            proxy.deaf = False
        self._tally.counts["times deaf"] += 1

    # The Valkey

    async def flush(self) -> None:
        """It forgets its scripts."""
        async with self._valkey:
            ask(self._world.valkey, "SCRIPT", "FLUSH")
        self._say("flushed the scripts")
        self._tally.counts["script flushes"] += 1

    async def hang(self) -> None:
        """It answers nothing for a while."""
        async with self._valkey:
            pid = self._world.valkey.pid
            os.kill(pid, signal.SIGSTOP)
            self._say("froze the Valkey")
            await asyncio.sleep(self._plan.lease_seconds * (0.3 + self._dice.random()))
            os.kill(pid, signal.SIGCONT)
        self._tally.counts["freezes of the Valkey"] += 1

    async def kill_valkey(self) -> None:
        """kill -9 in the middle of its work, and a restart."""
        proxies = self._proxies.values()
        async with self._valkey:
            await self._moment(lambda: scripts_in_flight(proxies) > 0)
            in_flight = scripts_in_flight(proxies)
            await self._world.valkey.kill()
            in_flight = max(in_flight, scripts_in_flight(proxies))
            self._tally.counts["Valkey restarts"] += 1
            self._tally.counts["Valkey restarts with commands in flight"] += in_flight > 0
            self._say(f"killed the Valkey with {in_flight} scripts in flight")
            await asyncio.sleep(self._plan.lease_seconds * 0.7 * self._dice.random())
            await self._restart_valkey()

    async def _restart_valkey(self) -> None:
        while True:
            try:
                await self._world.valkey.restart()
                return
            except EmbeddedValkeyError as why:
                # On a busy disk, with every write synced, it may say nothing for long.
                self._say(f"the Valkey did not start, once more: {why}")

    async def _moment(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds, though not for ever: such moments come and go with what is asked."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_BUSY_SECONDS):
                while not holds():
                    self._tally.asked.clear()
                    await self._tally.asked.wait()

    @asynccontextmanager
    async def _one(self) -> AsyncGenerator[Daemon]:
        """A daemon that nothing is being done to, soon one that holds leases; nobody else touches it meanwhile."""
        free = [daemon for daemon in self._world.daemons if not self._locks[daemon.name].locked()]
        daemon = max(free or self._world.daemons, key=lambda one: (self._tally.holds(one.name), self._dice.random()))
        async with self._locks[daemon.name]:
            await self._moment(lambda: self._tally.holds(daemon.name) > 0)
            yield daemon

    def _say(self, what: str) -> None:
        with self.log.open("a") as log:
            log.write(f"{time.time():.3f} {time.monotonic() - self._began:8.3f} {what}\n")
