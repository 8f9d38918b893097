"""Restate over HTTP: its server (one node, its defaults, which fsync) and a service of its TypeScript SDK."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, Self

import aiohttp
import msgspec

from benchmarks.contest.load import Ask
from benchmarks.contest.overhttp import answers
from benchmarks.contest.processes import Failed, free_port, line_of, process, resident_bytes
from benchmarks.contest.sides import PEERS, Cast, Cell, http_request, loaded
from benchmarks.contest.workloads import ANSWER, CONTEXT, DEFINITIONS
from statebox.asl.jsontext import Json, write_json_text

_FOLDER: Final = PEERS / "restate"
_PATIENCE_SECONDS: Final = 120.0
# Of the service's invocations, which end up completed.
_UNENDED: Final = "status != 'completed'"
_SUSPENDED: Final = "status = 'suspended'"


class Restate:
    """`async with Restate(actions) as side:` it runs, with a new data folder. Requests wait for their output."""

    name = "Restate over HTTP"

    def __init__(self, actions: int) -> None:
        self._actions = actions
        self._undo = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as undo:
            data = Path(undo.enter_context(tempfile.TemporaryDirectory()))
            self._ingress, self._admin, node, service = (free_port() for _ in range(4))
            log = data / "log"
            self._service = await undo.enter_async_context(
                process(
                    "node",
                    str(_FOLDER / "service.mjs"),
                    str(service),
                    str(self._actions),
                    write_json_text(DEFINITIONS),
                    environment={"NODE_ENV": "production", "RESTATE_LOGGING": "ERROR"},
                    log=log,
                )
            )
            environment = {
                "RESTATE_BASE_DIR": str(data / "base"),
                "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{self._ingress}",
                "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{self._admin}",
                "RESTATE_BIND_ADDRESS": f"127.0.0.1:{node}",
                "RESTATE_LISTEN_MODE": "tcp",
                "RESTATE_LOG_FILTER": "error",
                "RESTATE_DISABLE_TELEMETRY": "1",
                "DO_NOT_TRACK": "1",
            }
            server = undo.enter_async_context(
                process(_server(), "--no-logo", environment=environment, folder=data, log=log)
            )
            self._server = await server
            await answers(f"http://127.0.0.1:{self._admin}/health", log)
            await answers(f"http://127.0.0.1:{self._ingress}/restate/health", log)
            await self._register(f"http://127.0.0.1:{service}")
            self._undo = undo.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._undo.aclose()

    async def measure(self, cast: Cast, actions: int) -> Cell:
        """One cell; the server goes on from cell to cell."""
        assert actions == self._actions
        if cast.workload == "suspend":
            return await self.resumes(cast, "suspend")
        request = http_request(self._ingress, f"/Bench/{cast.workload}", CONTEXT)
        return await loaded(Ask([self._ingress], cast.concurrency, cast.seconds, request), self._pids())

    async def resumes(self, cast: Cast, handler: str) -> Cell:
        """A cell of resumes. What `handler` suspend runs is suspended; waiting holds it in the service's memory."""
        pids = self._pids()
        before = sum(map(resident_bytes, pids.values()))
        ids = await self._suspend(cast.suspended, handler)
        held = (sum(map(resident_bytes, pids.values())) - before) / cast.suspended
        requests = [http_request(self._ingress, f"/restate/awakeables/{id}/resolve", ANSWER) for id in ids]
        cell = await loaded(Ask([self._ingress], cast.concurrency, requests=requests), pids)
        began = time.perf_counter()
        await self._until(_UNENDED, 0)
        seconds = cell.outcome.seconds + time.perf_counter() - began
        outcome = msgspec.structs.replace(cell.outcome, seconds=seconds, bytes_each=held)
        return msgspec.structs.replace(cell, outcome=outcome)

    async def _register(self, service: str) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"http://127.0.0.1:{self._admin}/deployments", json={"uri": service}) as response,
        ):
            if response.status >= 300:
                raise Failed(f"Restate does not take the service: {await response.text()}")

    def _pids(self) -> dict[str, int]:
        return {"restate-server": self._server.pid, "service (node)": self._service.pid}

    async def _suspend(self, many: int, handler: str) -> Sequence[str]:
        left = iter(range(many))
        async with aiohttp.ClientSession() as session:

            async def start() -> None:
                for _ in left:
                    async with session.post(
                        f"http://127.0.0.1:{self._ingress}/Bench/{handler}/send", json=CONTEXT
                    ) as response:
                        await response.read()

            starting = asyncio.gather(*(start() for _ in range(20)))
            ids: list[str] = []
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while len(ids) < many:
                    line = await line_of(self._service)
                    if line.startswith(("sign_", "prom_")):
                        ids.append(line)
                await starting
        if handler == "suspend":
            await self._until(_SUSPENDED, many)
        return ids

    async def _until(self, which: str, count: int) -> None:
        """Wait until there are so many such invocations."""
        question: Json = {"query": f"select count(*) as n from sys_invocation where {which}"}
        headers = {"Accept": "application/json"}
        async with aiohttp.ClientSession(headers=headers) as session, asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                async with session.post(f"http://127.0.0.1:{self._admin}/query", json=question) as response:
                    if (await response.json())["rows"][0]["n"] == count:
                        return
                await asyncio.sleep(0.05)


class RestateInMemory:
    """Restate where what waits has not been suspended yet, as it does for the first minute by default."""

    name = "Restate over HTTP, waiting in memory"

    def __init__(self, restate: Restate) -> None:
        self._restate = restate

    async def measure(self, cast: Cast, actions: int) -> Cell:
        """A cell of resumes; the other workloads are Restate's own."""
        return await self._restate.resumes(cast, "waiting")


def _server() -> str:
    """The program itself: npm's wrapper around it would be a process more."""
    found = list((_FOLDER / "node_modules" / "@restatedev").glob("restate-server-*/bin/restate-server"))
    if not found:
        raise Failed("Restate's server is not installed for this machine")
    return str(found[0])
