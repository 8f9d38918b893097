"""The daemons: store, scheduler and service, put together as the composition root does; each an actor of the loop."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from typing import Final, Protocol, TypeVar

from simulation.actions import Actions, Caller
from simulation.loop import VirtualLoop, context_of
from statebox.asl.jsontext import Json
from statebox.asl.limits import Limits as ExecutionLimits
from statebox.asl.moment import Moment
from statebox.engine.advancing import Advancing
from statebox.engine.errors import ServiceError, ServiceUnavailable
from statebox.engine.machines import Machines
from statebox.engine.messages import read_resume_message
from statebox.engine.names import Place
from statebox.engine.ports import Invoker
from statebox.engine.registry.log_groups import LogGroups
from statebox.engine.registry.registry import Registry
from statebox.engine.runner import Surroundings
from statebox.engine.scheduler import Limits, Scheduler
from statebox.engine.service import Service
from statebox.engine.watchers import Watchers
from statebox.store.connection import RedisSettings
from statebox.store.delivering import StoreSettings
from statebox.store.keys import shard_of
from statebox.store.redis_store import RedisStore
from statebox.store.wakeups import Wakeups

_T = TypeVar("_T")

LEASE_MS: Final = 3_000
RETENTION_MS: Final = 3_600_000
_SWEEP_MS: Final = 1_500
_FORGET_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 0.5
_REDIS: Final = RedisSettings(connect_seconds=1.0, command_seconds=2.0, patience_seconds=4.0)


class Build(Protocol):
    """What a daemon is made of: the product's own, or broken on purpose."""

    def store(self, settings: StoreSettings, boottime: Callable[[], float]) -> RedisStore:
        """The store."""
        ...

    def invoker(self, store: RedisStore, invoker: Invoker) -> Invoker:
        """Who makes the calls, through the invoker that is given."""
        ...


class Gone(Exception):
    """The daemon died, or never answered."""


class Node:
    """A daemon of one name, which can die and be started again."""

    def __init__(self, name: str, loop: VirtualLoop, actions: Actions, shards: int, build: Build) -> None:
        self.name = name
        self.alive = False
        self.frozen = False
        self.ready = False
        self.service: Service | None = None
        self.started = 0
        self._loop = loop
        self._actions = actions
        self._shards = shards
        self._build = build
        self._asked: dict[asyncio.Future[Json], None] = {}
        self._scheduler: Scheduler | None = None
        self._store: RedisStore | None = None
        self._background: list[asyncio.Task[None]] = []

    @property
    def actor(self) -> str:
        """Who it is in the loop: each life is somebody else."""
        return f"{self.name}#{self.started}"

    def start(self) -> None:
        """Begin a life."""
        self.started += 1
        self.alive, self.frozen, self.ready = True, False, False
        self.service = self._scheduler = self._store = None
        self._loop.create_task(self._live(), context=context_of(self.actor))

    def crash(self) -> None:
        """kill -9: from here on nothing of it happens, and who waited for an answer sees the connection end."""
        self._loop.kill(self.actor)
        self.alive = self.ready = False
        self.service = None
        for asked in self._asked:
            if not asked.done():
                asked.set_exception(Gone())
        self._asked.clear()

    def freeze(self) -> None:
        """SIGSTOP."""
        self.frozen = True
        self._loop.freeze(self.actor)

    def thaw(self) -> None:
        """SIGCONT."""
        self.frozen = False
        self._loop.thaw(self.actor)

    async def ask(self, question: Callable[[Service], Coroutine[None, None, _T]], seconds: float) -> _T:
        """Have the service of this daemon do something. Raises Gone, and what the service raises."""
        if self.service is None:
            raise Gone
        answer: asyncio.Future[Json] = self._loop.create_future()
        self._asked[answer] = None
        service = self.service

        async def work() -> None:
            try:
                result: Json = await question(service)
            except ServiceError as refused:
                if not answer.done():
                    answer.set_exception(refused)
            else:
                if not answer.done():
                    answer.set_result(result)

        self._loop.create_task(work(), context=context_of(self.actor))
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError:
            raise Gone from None
        finally:
            self._asked.pop(answer, None)

    async def stop(self) -> None:
        """SIGTERM, until it has ended."""
        if not self.alive:
            return
        done: asyncio.Future[Json] = self._loop.create_future()
        self._asked[done] = None
        life = self.started

        async def work() -> None:
            if self._scheduler is not None and self._store is not None:
                await self._scheduler.drain(1.0)
                for task in self._background:
                    task.cancel()
                await self._store.close()
            if not done.done():
                done.set_result(None)

        self._loop.create_task(work(), context=context_of(self.actor))
        try:
            await done
        except Gone:
            return
        finally:
            self._asked.pop(done, None)
        if self.started == life and self.alive:
            self.crash()

    async def _live(self) -> None:
        loop = self._loop
        settings = StoreSettings(
            daemon=self.name, redis=_REDIS, shards=self._shards, lease_ms=LEASE_MS, retention_ms=RETENTION_MS
        )
        real = self._build.store(settings, loop.time)
        while True:
            try:
                await real.connect()
                break
            except ServiceUnavailable:
                await asyncio.sleep(_PAUSE_SECONDS)

        def moment() -> Moment:
            return Moment(real.clock.now_ms(), secrets.token_bytes(32))

        around = Surroundings(
            store=real,
            invoker=self._build.invoker(real, Caller(self._actions, self.name)),
            clock=real.clock,
            spawn=loop.create_task,
            advancing=Advancing(ExecutionLimits(), moment, None),
        )
        machines, watchers = Machines(), Watchers()
        scheduler = Scheduler(
            around, machines, watchers, Limits(shards=self._shards, lease_ms=LEASE_MS, sweep_ms=_SWEEP_MS)
        )
        shards, place = self._shards, Place()
        service = Service(
            around,
            machines,
            scheduler,
            watchers,
            place,
            lambda machine, name: shard_of(machine, name, shards),
            Registry(real.shelf, machines, real.clock, place, LogGroups(real.log_groups, place)),
        )
        while True:
            try:
                await real.reclaim()
                break
            except ServiceUnavailable:
                # The real one gives up here, and its supervisor starts it again.
                await asyncio.sleep(_PAUSE_SECONDS)

        async def resume(message: bytes) -> None:
            read = read_resume_message(message)
            try:
                await service.send_task_success(read.continuation, read.output, None, "PUBLISH")
            except ServiceError:
                # Nobody hears an answer.
                return

        async def forget() -> None:
            while True:
                await asyncio.sleep(_FORGET_SECONDS)
                try:
                    await real.sweep()
                except ServiceUnavailable:
                    continue

        scheduler.start()
        hints = Wakeups(_REDIS, self._shards, True, self.name).hints()
        self._background = [
            loop.create_task(real.clock.follow()),
            loop.create_task(forget()),
            loop.create_task(scheduler.follow(hints, resume)),
        ]
        self._scheduler, self._store, self.service, self.ready = scheduler, real, service, True
