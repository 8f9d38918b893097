"""A world to break: one Valkey, one action host that keeps a log, and daemons that are processes of their own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Iterable
from pathlib import Path
from typing import Final, Self, TypeAlias

import aiohttp

import statebox
from statebox.asl.commands import InvokeTask
from statebox.asl.jsontext import Json, read_json, write_json_text
from statebox.embedded import EmbeddedValkey
from statebox.engine.names import execution_id
from statebox.openwhisk.local.host import ActionHost
from statebox.openwhisk.local.limits import HostLimits
from statebox.store.connection import RedisSettings
from statebox.store.delivering import StoreSettings
from statebox.store.redis_store import RedisStore
from tests.cluster import ValkeyCluster
from tests.sentinels import Watched
from tests.servers import Server, ask, make_server
from tests.waiting import wait_until

_JSON: Final = {"Content-Type": "application/x-amz-json-1.0"}
LEASE_SECONDS: Final = 1.0
Redis: TypeAlias = Server | Watched


class Refused(Exception):
    """A daemon's answer that is an error: `type` names it."""

    def __init__(self, status: int, answer: Json) -> None:
        super().__init__(f"{status}: {answer}")
        self.status = status
        self.type = str(answer.get("__type"))
        self.answer = answer


class Daemon:
    """One `statebox serve`, in a process of its own."""

    def __init__(self, world: World, name: str, options: tuple[str, ...]) -> None:
        self.name = name
        self.port = _free_port()
        self.world = world
        self._options = options
        self._process: asyncio.subprocess.Process | None = None
        # What it finds in its environment beside what every daemon of these worlds does.
        self.environment: dict[str, str] = {}

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> Self:
        """Start it, again after it was killed, and wait until it is ready."""
        log = (self.world.folder / f"{self.name}.log").open("ab")
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "statebox.cli.main",
            "serve",
            f"--listen=127.0.0.1:{self.port}",
            f"--name={self.name}",
            f"--redis-url={self.world.server.url}",
            f"--redis-shards={self.world.shards}",
            f"--lease-seconds={LEASE_SECONDS}",
            f"--openwhisk-apihost={self.world.actions.url}",
            *self._options,
            stdout=log,
            stderr=log,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.world.folder),
                # The very code that is tested, wherever else some may be installed.
                "PYTHONPATH": str(Path(statebox.__file__).parent.parent),
                "STATEBOX_OPENWHISK_AUTH": self.world.actions.auth,
                **self.environment,
                **{name: value for name, value in os.environ.items() if name.startswith(("COVERAGE", "COV_"))},
            },
        )
        log.close()
        await wait_until(self._ready, f"{self.name} to be ready", seconds=20)
        return self

    async def _ready(self) -> bool:
        assert self._process is not None
        if self._process.returncode is not None:
            raise AssertionError(f"{self.name} ended:\n{self.log()[-3000:]}")
        try:
            async with self.world.http.get(f"{self.url}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    def log(self) -> str:
        """What it has logged."""
        return (self.world.folder / f"{self.name}.log").read_text()

    async def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> int:
        """SIGTERM; returns its exit status."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
        return await self._process.wait()

    def freeze(self) -> None:
        """SIGSTOP."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    async def ask(self, operation: str, **request: Json) -> Json:
        """One operation of the API, `AWSStepFunctions.X` by its bare name or `Statebox.X`."""
        target = operation if "." in operation else f"AWSStepFunctions.{operation}"
        headers = {**_JSON, "X-Amz-Target": target}
        body = write_json_text(request)
        async with self.world.http.post(self.url, data=body, headers=headers) as answer:
            return await _answered(answer)

    async def start_execution(self, definition: Json, input: Json, *, name: str, machine: str = "test") -> str:
        """Start an execution of a definition; returns its id."""
        started = await self.ask(
            "Statebox.StartDefinition",
            definition=write_json_text(definition),
            machine=machine,
            name=name,
            input=write_json_text(input),
        )
        return str(started["executionArn"])

    async def post(self, path: str, body: Json = None, *, key: str | None = None) -> Json:
        """POST a JSON body, perhaps with an Idempotency-Key."""
        data = None if body is None else write_json_text(body)
        headers = {} if key is None else {"Idempotency-Key": key}
        async with self.world.http.post(self.url + path, data=data, headers=headers) as answer:
            return await _answered(answer)

    async def describe(self, id: str) -> Json:
        """DescribeExecution."""
        return await self.ask("DescribeExecution", executionArn=id)

    async def continuations(self, id: str) -> list[str]:
        """The open continuations of an execution."""
        answer = await self.ask("Statebox.ListContinuations", executionArn=id)
        return [entry["continuation"] for entry in answer["continuations"]]

    async def history(self, id: str) -> list[Json]:
        """The whole history."""
        events: list[Json] = []
        token: str | None = None
        while True:
            more = {} if token is None else {"nextToken": token}
            page = await self.ask("GetExecutionHistory", executionArn=id, maxResults=1000, **more)
            events += page["events"]
            token = page.get("nextToken")
            if token is None:
                return events

    async def ended(self, id: str, *, seconds: float = 20) -> Json:
        """Wait until an execution has ended; returns its description."""
        described: Json = {}

        async def has_ended() -> bool:
            nonlocal described
            described = await self.describe(id)
            return described["status"] != "RUNNING"

        await wait_until(has_ended, f"{id} to end", seconds=seconds)
        return described


class World:
    """The server (mostly a Valkey), the action host with its log, and the daemons."""

    def __init__(self, folder: Path, server: Redis, actions: ActionHost, http: aiohttp.ClientSession) -> None:
        self.folder = folder
        self.server = server
        # A cluster has a few for each of its nodes.
        self.shards = 6 if isinstance(server, ValkeyCluster) else 1
        self.actions = actions
        self.http = http
        self.daemons: list[Daemon] = []

    @property
    def valkey(self) -> EmbeddedValkey:
        """The Valkey, where it is one server."""
        assert isinstance(self.server, EmbeddedValkey)
        return self.server

    def publish(self, message: str) -> None:
        """What somebody says on the `resume` channel."""
        assert not isinstance(self.server, Watched)
        ask(self.server, "PUBLISH", "resume", message)

    async def daemon(self, name: str, *options: str, **environment: str) -> Daemon:
        """A running daemon of that name."""
        daemon = Daemon(self, name, options)
        daemon.environment = environment
        self.daemons.append(daemon)
        return await daemon.start()

    def invocations(self) -> list[Json]:
        """The starts and ends of all actions, as the action host logged them."""
        log = self.folder / "invocations.jsonl"
        return [read_json(line) for line in log.read_text().splitlines()] if log.exists() else []

    def calls(self) -> list[Json]:
        """The starts of all actions."""
        return [entry for entry in self.invocations() if entry["event"] == "start"]

    def calls_by_attempt(self) -> Counter[str]:
        """How often each attempt was called: more than once only where a call was cut off."""
        return Counter(str(entry["transaction"]) for entry in self.calls())

    async def attempts_in_flight(self, ids: Iterable[str]) -> set[str]:
        """The attempts that Redis says are being made."""
        return {task.attempt_id for task in await self.tasks_in_flight(ids)}

    async def tasks_in_flight(self, ids: Iterable[str]) -> list[InvokeTask]:
        """The calls that Redis says are being made, or polled for where they have a reference."""
        redis = RedisSettings(url=self.server.url)
        store = RedisStore(StoreSettings(daemon="reader", redis=redis, shards=self.shards))
        await store.connect()
        try:
            return [
                command
                for id in ids
                for command in (await store.describe(execution_id(id))).outstanding()
                if isinstance(command, InvokeTask)
            ]
        finally:
            await store.close()


@contextlib.asynccontextmanager
async def open_world(
    folder: Path,
    actions_folder: Path,
    *,
    server: Redis | str = "valkey",
    appendfsync: str = "everysec",
    limits: HostLimits | None = None,
) -> AsyncGenerator[World]:
    """A world in a folder, on a server or a kind of server; everything in it ends with it."""
    async with contextlib.AsyncExitStack() as undo:
        if isinstance(server, str):
            server = make_server(server, folder / "valkey", appendfsync=appendfsync)
        await undo.enter_async_context(server)
        http = await undo.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)))
        log = folder / "invocations.jsonl"
        actions = ActionHost(folder=actions_folder, port=0, invocation_log=log, limits=limits)
        await actions.start()
        undo.push_async_callback(actions.stop)
        world = World(folder, server, actions, http)
        try:
            yield world
        finally:
            for daemon in world.daemons:
                with contextlib.suppress(ProcessLookupError):
                    daemon.thaw()
                    await daemon.kill()


def check_history(events: list[Json]) -> None:
    """Ids without a gap, pointing back to earlier events, times that never go backwards, and one end."""
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert all(event["previousEventId"] < event["id"] for event in events)
    times = [event["timestamp"] for event in events]
    assert times == sorted(times)
    endings = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut")
    assert [event["type"] for event in events if event["type"] in endings] == [events[-1]["type"]]


async def _answered(answer: aiohttp.ClientResponse) -> Json:
    body = read_json(await answer.read())
    if answer.status >= 400:
        raise Refused(answer.status, body)
    return body


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
