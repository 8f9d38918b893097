"""The world of one seed: a Redis, a network, daemons, actions, users and an adversary, and what came of it."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import random
import sys
import warnings
from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from random import Random
from typing import Final

import msgspec

from simulation import checks
from simulation.actions import Actions
from simulation.adversary import LONGEST_DELAY, Adversary
from simulation.breaks import UNBROKEN, Break
from simulation.keyspace import Answer
from simulation.loop import Endless, VirtualLoop
from simulation.lua import Lua
from simulation.mirror import Mirror
from simulation.network import Connection, VirtualNetwork
from simulation.nodes import RETENTION_MS, Node
from simulation.server import Server
from simulation.users import Users
from statebox.asl.commands import InvokeTask
from statebox.asl.execution import OnTask
from statebox.store.codec import read_branches

_TROUBLE_SECONDS: Final = 11.0
_MOST_SECONDS: Final = 150.0
# How many scripts are carried out between two looks at all data.
_BETWEEN_CHECKS: Final = 10
_NAMES: Final = ("a", "b", "c")
_MOST_VIOLATIONS: Final = 8

_lua = Lua()
# redis-py reads its own version off the disk for each connection, which takes longer than all that goes over it.
metadata.version = cache(metadata.version)
# Of what is there by now nothing is garbage.
gc.freeze()


class Outcome(msgspec.Struct, frozen=True):
    """What came of a seed: what was violated, what was done to it, a hash over everything that Redis saw."""

    seed: int
    violations: tuple[str, ...]
    counts: dict[str, int]
    trace: str
    commands: int


class Faults(logging.Handler):
    """What the product itself says is a fault of its own."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what has a traceback."""
        if record.exc_info is not None:
            self.seen.append(f"fault: {record.getMessage()}: {record.exc_info[1]!r}")


class World:
    """Everything of one seed."""

    def __init__(self, seed: int, broken: Break, mirror: Mirror | None = None) -> None:
        rng = Random(seed)
        self.counts: Counter[str] = Counter()
        self.violations: dict[str, None] = {}
        self.loop = VirtualLoop(Random(rng.random()))
        self.server = Server(self.loop, _lua, Random(rng.random()), broken.patch)
        self.server.watcher = self
        self.server.mirror = mirror
        self.adversary = Adversary(self, Random(rng.random()))
        self.network = VirtualNetwork(self.loop, Random(rng.random()), self.adversary, self.server.accept)
        self.loop.network = self.network
        self.shards = rng.choice((1, 1, 2))
        actions = Actions(self.loop, Random(rng.random()), self._called)
        self.nodes: Sequence[Node] = [
            Node(name, self.loop, actions, self.shards, broken) for name in _NAMES[: rng.choice((2, 3))]
        ]
        self.users = Users(self, Random(rng.random()), rng.randrange(3, 8), self.shards)
        self._seed = seed
        self._scripts = 0
        self._forgetting = False
        # Activation ids that were written into executions.
        self._known: set[str] = set()

    def run(self) -> Outcome:
        """Play it through."""
        faults = Faults()
        logging.getLogger().addHandler(faults)
        try:
            self.loop.drive(self._play(), RETENTION_MS / 1000 + 1000)
        except Endless as endless:
            self._violated(f"it does not end: {endless}")
        finally:
            logging.getLogger().removeHandler(faults)
        for fault in (*faults.seen, *self.loop.complaints):
            self._violated(fault)
        self.counts.update(self.adversary.counts)
        return Outcome(
            self._seed,
            tuple(self.violations)[:_MOST_VIOLATIONS],
            dict(self.counts),
            self.server.trace.hexdigest(),
            self.server.carried_out,
        )

    async def _play(self) -> None:
        for node in self.nodes:
            node.start()
        trouble = self.loop.create_task(self.adversary.play())
        await self.users.act(_TROUBLE_SECONDS)
        await self.adversary.rest()
        await trouble
        await self._end()
        await self.users.done()
        self._violated(*(f"{asked} was never answered" for asked in self.users.unheard))
        for shard in self._shards():
            self._violated(*checks.always(shard, self._now_ms()))
        self._violated(*checks.endings(self._shards(), self.users.wanted, self.users.answers))
        # A daemon learns of a jump of Redis' clock later than who sends a heartbeat.
        if not self.adversary.clock_jumped and not self.adversary.clock_went_back:
            self._violated(*checks.beats(self._shards(), self.users.beats))
        self.counts["early answers kept"] += sum(given.told == "kept" for given in self.users.answers)
        self.counts["heartbeats"] += len(self.users.beats)
        await self._forget()

    async def _end(self) -> None:
        """Let everything come to its end, in peace."""
        end = self.loop.time() + _MOST_SECONDS
        while self.loop.time() < end:
            await asyncio.sleep(1.0)
            self.users.answer_the_rest()
            shards = self._shards()
            aside = [id for shard in shards for id in shard.members("aside")]
            for id in aside:
                self.counts["set aside"] += 1
                await self._retry(id)
            ended = all(f["status"] != "RUNNING" for shard in shards for f in shard.executions.values())
            if ended and all(one.acknowledged or one.refused for one in self.users.wanted):
                return

    async def _retry(self, id: str) -> None:
        for node in self.nodes:
            if node.service is not None:
                await node.ask(lambda service: service.retry_execution(id), 10.0)
                return

    async def _forget(self) -> None:
        """After the retention and a sweep nothing may be left."""
        for node in self.nodes:
            await node.stop()
        # What was held up on its way arrives before.
        await asyncio.sleep(LONGEST_DELAY)
        self._forgetting = True
        self.server.mirror = None
        self.loop.jump(RETENTION_MS / 1000 + 600)
        self.nodes[0].start()
        await asyncio.sleep(15)
        await self.nodes[0].stop()
        left = [key.decode() for key in self.server.keyspace.names() if key != b"statebox:{meta}:namespace"]
        if left:
            self._violated(f"left after the retention: {left[:5]}")

    def _shards(self) -> list[checks.Shard]:
        return [checks.Shard(self.server.keyspace, shard) for shard in range(self.shards)]

    def _now_ms(self) -> int | None:
        return None if self.adversary.clock_went_back else self.server.now_ms()

    def _violated(self, *what: str) -> None:
        for one in what:
            self.violations.setdefault(one)

    # The server tells

    def before(self, connection: Connection, command: Sequence[bytes]) -> bool:
        """Every command may be carried out; what is to go wrong before it does so on its way."""
        return True

    def after(self, connection: Connection, command: Sequence[bytes], answer: Answer) -> float | None:
        """A command was carried out."""
        if command[0].startswith(b"EVAL"):
            self._scripts += 1
            if self._scripts % _BETWEEN_CHECKS == 0 and not self._forgetting:
                for shard in self._shards():
                    self._violated(*checks.always(shard, self._now_ms()))
            match answer:
                case [b"lost"]:
                    self.counts["refused by the fence"] += 1
                case [b"answered", _]:
                    self.counts["steps refused for an answer"] += 1
                case [b"answered", _, _, *_]:
                    self.counts["second answers refused"] += 1
                case [b"existing", *_]:
                    self.counts["starts repeated"] += 1
                case bytes() if not answer.startswith(b"NOSCRIPT"):
                    self._violated(f"a script failed: {answer.decode(errors='replace')}")
                case _:
                    pass
        return self.adversary.struck(connection, command)

    # The actions tell

    def _called(self, task: InvokeTask, caller: str) -> None:
        """A call begins: what it is made for must have been written, and its activation not be known."""
        self.server.note(b"call", task.attempt_id.encode(), caller.encode())
        uid, _, event = task.attempt_id.rpartition("-")
        branch = task.id.rpartition(":")[0]
        for shard in self._shards():
            for id, fields in shard.executions.items():
                if json.loads(fields["head"])[2] != uid:
                    continue
                if json.loads(fields["state"])[2] <= int(event):
                    self._violated(f"{id}: {task.id} was called before it was written")
                if self.adversary.clock_jumped:
                    return
                name = f"b:{branch}"
                known = {name.encode(): fields[name].encode()} if name in fields else {}
                for record in read_branches(known, in_part=True).values():
                    match record.waiting:
                        case OnTask(event=of, reference=str()) if of == int(event):
                            self._violated(f"{id}: {task.id} was called although its activation was known")
                        case _:
                            pass
                if fields.get("owner", caller) != caller:
                    self._violated(f"{id}: {task.id} was called by {caller}, and is held by {fields['owner']}")
                return
        self._violated(f"{task.attempt_id} was called, and nothing was written")


def play(seed: int, broken: Break = UNBROKEN, mirror: Mirror | None = None) -> Outcome:
    """Play one seed through. It does the same whenever it is played."""
    entropy = Random(f"entropy of {seed}")
    os.urandom = entropy.randbytes
    random._urandom = entropy.randbytes  # type: ignore[attr-defined] # noqa: SLF001 - where `secrets` gets its bytes
    random.seed(seed)
    logging.disable(logging.WARNING)
    # Of what was killed before its first step.
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    # What was killed must not be cleaned up while others run.
    gc.disable()
    world = World(seed, broken, mirror)
    try:
        return world.run()
    finally:
        del world
        if seed % 5 == 0:
            gc.collect()


def _unheard(unraisable: object) -> None:
    """What is cut off in the middle complains, which nobody who is killed does."""


# Also at the end of the program.
sys.unraisablehook = _unheard
