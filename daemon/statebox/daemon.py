"""The daemon: the composition root, the one file that names concrete classes together."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import re
import secrets
import socket
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from statebox.asl.commands import InvokeTask
from statebox.asl.events import TaskFailed
from statebox.asl.moment import Moment
from statebox.asl.states.nested import START
from statebox.asl.states.resource import ACTIVITIES, READ_ITEMS, WRITE_RESULT
from statebox.config import Config
from statebox.engine.activities import ActivityInvoker
from statebox.engine.advancing import Advancing
from statebox.engine.errors import (
    ServiceError,
    ServiceUnavailable,
)
from statebox.engine.machines import Machines
from statebox.engine.names import Place
from statebox.engine.nested import NestedExecutions
from statebox.engine.outbox import Outbox
from statebox.engine.ports import Invoker, Permit
from statebox.engine.records import Counts
from statebox.engine.registry.log_groups import LogGroups
from statebox.engine.registry.registry import Registry
from statebox.engine.resources import Resources
from statebox.engine.resuming import Resuming
from statebox.engine.scheduler import Scheduler
from statebox.engine.service import Service
from statebox.engine.surroundings import Surroundings
from statebox.engine.watchers import Watchers
from statebox.engine.worker import WorkerLimits, Workers
from statebox.files.invoker import FileInvoker
from statebox.http.server import HttpServer
from statebox.machines import load_machines
from statebox.openwhisk.client import OpenWhiskClient
from statebox.openwhisk.invoker import OpenWhiskInvoker
from statebox.openwhisk.patience import Patience
from statebox.store.keys import shard_of
from statebox.store.redis_store import RedisStore
from statebox.store.wakeups import Wakeups
from statebox.systemd import Notifier
from statebox.tether import tethered
from statebox.wiring import execution_limits, http_settings, openwhisk_of, scheduler_limits, store_settings

_log = logging.getLogger(__name__)

# How long a starting daemon waits for Redis before it gives up and lets its supervisor try again.
_REDIS_START_SECONDS: Final = 30.0
_REDIS_PAUSE_SECONDS: Final = 0.5
_FORGET_SECONDS: Final = 10.0
# Beside what is in flight: for a Redis that does not answer while leases are given back.
_STOP_MARGIN_SECONDS: Final = 30.0
_STATUS_SECONDS: Final = 10.0
# Frozen values make no cycles, so that there is little to find: looking each 700 objects, as Python does by itself, is
# 5 to 10 % of what an answer costs.
_YOUNG_OBJECTS: Final = 10_000


class Daemon:
    """`async with Daemon(config) as daemon:` everything runs; on leaving it drains and gives its leases back.

    Entering raises ServiceUnavailable or UnusableRedis when there is no usable Redis, InvalidDefinition for the folder
    of machines, and OSError when the address cannot be listened on.
    """

    def __init__(
        self,
        config: Config,
        environment: Mapping[str, str] = os.environ,
        home: Path | None = None,
        notifier: Notifier | None = None,
    ) -> None:
        self.config = config
        self._environment = environment
        self._home = home
        self._notifier = notifier or Notifier(None)
        self._undo = contextlib.AsyncExitStack()
        self._starting = True
        self._reloading = asyncio.Lock()
        name = config.daemon.name or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._store = RedisStore(store_settings(config, name))
        self._wakeups = Wakeups(
            self._store.settings.redis, config.redis.shards, config.daemon.notifications == "auto", name
        )

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except ExceptionGroup as group:
            # The group of tasks wraps what went wrong while they were being set up.
            raise group.exceptions[0] from None
        return self

    async def _start(self) -> None:
        async with contextlib.AsyncExitStack() as undo:
            workers = Workers(tethered, WorkerLimits(seconds=self.config.limits.evaluation_seconds))
            group = await undo.enter_async_context(asyncio.TaskGroup())
            self.workers = await undo.enter_async_context(workers)
            machines = Machines(check=workers.check)
            await load_machines(machines, self.config.daemon.machines)
            await self._connect()
            undo.push_async_callback(self._store.close)

            def moment() -> Moment:
                return Moment(self._store.clock.now_ms(), os.urandom(32))

            outbox = Outbox(
                self._store, group.create_task, self.config.redis.shards, int(self.config.daemon.lease_seconds * 1000)
            )
            nested = NestedExecutions()
            around = Surroundings(
                store=self._store,
                invoker=await self._invoker(undo, nested),
                clock=self._store.clock,
                spawn=group.create_task,
                advancing=Advancing(execution_limits(self.config), moment, workers),
                post=outbox.post,
            )
            watchers = Watchers()
            scheduler = Scheduler(around, machines, watchers, scheduler_limits(self.config))
            shards, place = self.config.redis.shards, Place()
            self.service = Service(
                around,
                machines,
                scheduler,
                watchers,
                place,
                lambda machine, name: shard_of(machine, name, shards),
                Registry(
                    self._store.shelf, machines, self._store.clock, place, LogGroups(self._store.log_groups, place)
                ),
            )
            outbox.taker, nested.start = scheduler, self.service.start_nested
            server = HttpServer(self.service, http_settings(self.config), self)
            # An address that is taken ends it here, before anything is claimed.
            await server.start()
            self.port = server.port
            background: list[Coroutine[None, None, None]] = [
                self._store.clock.follow(),
                outbox.follow(),
                self._forget(),
                self._tell_systemd(),
            ]
            tasks = [group.create_task(work) for work in background]
            listening: list[asyncio.Task[None]] = []

            async def put_away() -> None:
                self._notifier.stopping("giving what is in flight its time")
                _log.info(
                    "stopping: %d executions have up to %g s for what is in flight",
                    self.service.running_here,
                    self.config.daemon.drain_seconds,
                )
                self._notifier.extend_timeout(self.config.daemon.drain_seconds + _STOP_MARGIN_SECONDS)
                for task in listening:
                    task.cancel()
                await asyncio.gather(
                    scheduler.drain(self.config.daemon.drain_seconds),
                    self.service.express.drain(self.config.daemon.drain_seconds),
                )
                await server.stop()
                for task in tasks:
                    task.cancel()

            undo.push_async_callback(put_away)
            await self._store.reclaim()
            scheduler.start()
            listening.append(group.create_task(scheduler.follow(self._wakeups.hints(), Resuming(self.service).act_on)))
            self._spawn = group.create_task
            # What is there by now stays. A look through all of it for garbage would stop everything for 30 ms.
            gc.collect()
            gc.freeze()
            gc.set_threshold(_YOUNG_OBJECTS)
            self._starting = False
            self._notifier.ready(self._status())
            _log.info("ready at %s, machines: %s", self.url, ", ".join(machines.names()) or "none")
            self._undo = undo.pop_all()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._undo.__aexit__(kind, error, trace)

    @property
    def url(self) -> str:
        """Where it is reached over HTTP."""
        host = self.config.http.listen.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    async def reload(self) -> None:
        """Read the folder of machines again; one wrong file leaves all as it was. One reload follows the other."""
        async with self._reloading:
            self._notifier.reloading()
            try:
                await load_machines(self.service.machines, self.config.daemon.machines)
                _log.info("machines: %s", ", ".join(self.service.machines.names()) or "none")
            except ServiceError as wrong:
                _log.error("the machines were not read again: %s", wrong.message)
            except Exception:  # noqa: BLE001 - a fault with the folder must not end the daemon
                _log.exception("the machines were not read again")
            self._notifier.ready(self._status())

    def reload_soon(self) -> None:
        """Have it read again in a task of the daemon's own."""
        self._spawn(self.reload())

    # What /readyz and /healthz ask (http.health.Health)

    @property
    def hints(self) -> str:
        """Whether keyspace notifications wake the daemon early: on or off."""
        return self._wakeups.status

    def unready(self) -> Sequence[str]:
        """Why it should not be sent work now."""
        if self._starting:
            return ["starting"]
        return ["stopping"] if self.service.stopping else []

    async def redis_ok(self) -> bool:
        """Whether Redis answers."""
        try:
            await self._store.server_time_us()
        except ServiceUnavailable:
            return False
        return True

    async def counts(self) -> Counts:
        """How much there is."""
        return await self.service.counts()

    # Background

    async def _connect(self) -> None:
        deadline = asyncio.get_running_loop().time() + _REDIS_START_SECONDS
        told = ""
        while True:
            try:
                await self._store.connect()
                return
            except ServiceUnavailable as away:
                if asyncio.get_running_loop().time() >= deadline:
                    raise
                if away.message != told:
                    told = away.message
                    _log.warning("waiting for Redis: %s", told)
                    self._notifier.status(f"waiting for Redis: {told}")
            await asyncio.sleep(_REDIS_PAUSE_SECONDS)

    async def _invoker(self, undo: contextlib.AsyncExitStack, nested: NestedExecutions) -> Invoker:
        config = self.config.openwhisk
        found = openwhisk_of(self.config, self._environment, self._home)
        files = FileInvoker(self.config.daemon.files)
        served: list[tuple[str, Invoker]] = [
            (READ_ITEMS, files),
            (WRITE_RESULT, files),
            (re.escape(START), nested),
            (ACTIVITIES, ActivityInvoker(self._store.activities)),
        ]
        if found is None:
            _log.warning("no OpenWhisk is configured: every task that calls an action will fail")
            return Resources([*served, ("", NoOpenWhisk())])
        renamed = {name: action for name, _, action in (pair.partition("=") for pair in self.config.functions.rename)}
        client = await undo.enter_async_context(OpenWhiskClient(found, in_flight=config.calls_in_flight))
        return Resources([*served, ("", OpenWhiskInvoker(client, Patience(retries=config.retries), renamed=renamed))])

    async def _forget(self) -> None:
        while True:
            await asyncio.sleep(_FORGET_SECONDS)
            try:
                await self._store.sweep()
                await self.service.activities.sweep()
                await self.service.registry.sweep()
            except ServiceUnavailable as away:
                _log.debug("nothing could be forgotten: %s", away.message)
            except Exception:  # noqa: BLE001 - what is broken in Redis must not end the daemon
                _log.exception("not everything could be forgotten")

    async def _tell_systemd(self) -> None:
        watchdog = self._notifier.watchdog_interval_seconds
        while True:
            # That this runs shows that the event loop turns. A Redis that is away is no reason to restart the daemon.
            await asyncio.sleep(watchdog or _STATUS_SECONDS)
            if watchdog is not None:
                self._notifier.watchdog()
            self._notifier.status(self._status())

    def _status(self) -> str:
        return f"{self.service.running_here} executions in memory, hints {self._wakeups.status}"


class NoOpenWhisk:
    """Stands where no OpenWhisk is configured, so that the error says what to do."""

    async def invoke(self, task: InvokeTask, permit: Permit | None = None) -> TaskFailed:
        """Fail the task."""
        return TaskFailed(
            task.id,
            "OpenWhisk.Unreachable",
            "No OpenWhisk is configured: set WHISK_APIHOST and WHISK_AUTH, or [openwhisk] in the configuration; "
            "`statebox actions` runs a local one",
        )
