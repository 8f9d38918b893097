"""statebox over HTTP: one or more daemons as `statebox serve` runs them, on a Valkey of their own for each cell."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp
import msgspec

from benchmarks.contest.load import Ask
from benchmarks.contest.processes import Failed, free_port, process, tail
from benchmarks.contest.redisfigures import figures
from benchmarks.contest.sides import Cast, Cell, http_request, loaded
from benchmarks.contest.workloads import ANSWER, CONTEXT, DEFINITIONS
from statebox.asl.jsontext import Json, write_json_text
from statebox.embedded import EmbeddedValkey

_START: Final = {"X-Amz-Target": "AWSStepFunctions.StartExecution"}
_PATIENCE_SECONDS: Final = 60.0


class OverHttp:
    """statebox through its HTTP endpoint.

    pass10 and pass10w by AWS's StartExecution, which has ended them when it answers; task5 by the seed's POST, which
    brings the definition and answers with the output; suspend by POST /continuations/<id>, the rate until all
    have ended, the latency that of the acknowledgement.
    """

    def __init__(self, appendfsync: str = "everysec", daemons: int = 1) -> None:
        many = "" if daemons == 1 else f", {daemons} daemons"
        self.name = f"statebox over HTTP, {appendfsync}{many}"
        self._appendfsync = appendfsync
        self._daemons = daemons

    async def measure(self, cast: Cast, actions: int) -> Cell:
        """One cell."""
        async with EmbeddedValkey(appendfsync=self._appendfsync) as valkey, AsyncExitStack() as undo:
            folder = Path(undo.enter_context(tempfile.TemporaryDirectory()))
            for name, definition in DEFINITIONS.items():
                (folder / f"{name}.json").write_text(write_json_text(definition))
            ports: list[int] = []
            pids = {"Valkey": valkey.pid}
            for n in range(self._daemons):
                daemon, port = await undo.enter_async_context(_daemon(valkey, folder, actions, cast.concurrency))
                ports.append(port)
                pids["daemon" if self._daemons == 1 else f"daemon {n + 1}"] = daemon.pid
            if cast.workload == "suspend":
                before = await figures(valkey.socket)
                tokens = await _suspend(ports[0], cast.suspended)
                held = (await figures(valkey.socket)).since(before).memory_bytes / cast.suspended
                requests = [http_request(ports[0], f"/continuations/{token}", ANSWER) for token in tokens]
                cell = await loaded(Ask(ports, cast.concurrency, requests=requests), pids, valkey)
                began = time.perf_counter()
                await _all_ended(ports[0])
                seconds = cell.outcome.seconds + time.perf_counter() - began
                outcome = msgspec.structs.replace(cell.outcome, seconds=seconds, bytes_each=held)
                return msgspec.structs.replace(cell, outcome=outcome)
            request = _request(cast.workload, ports[0])
            return await loaded(Ask(ports, cast.concurrency, cast.seconds, request), pids, valkey)


def _request(workload: str, port: int) -> str:
    if workload == "task5":
        return http_request(port, "/", {"statemachine": {workload: DEFINITIONS[workload]}, "input": CONTEXT})
    return http_request(port, "/", {"stateMachineArn": workload, "input": write_json_text(CONTEXT)}, _START)


@asynccontextmanager
async def _daemon(
    valkey: EmbeddedValkey, machines: Path, actions: int, concurrency: int
) -> AsyncGenerator[tuple[asyncio.subprocess.Process, int]]:
    port = free_port()
    environment = {
        "STATEBOX_REDIS_URL": valkey.url,
        "STATEBOX_LISTEN": f"127.0.0.1:{port}",
        "STATEBOX_MACHINES": str(machines),
        "STATEBOX_OPENWHISK_APIHOST": f"http://127.0.0.1:{actions}",
        "STATEBOX_OPENWHISK_AUTH": "a:b",
        "STATEBOX_OPENWHISK_CALLS_IN_FLIGHT": str(max(100, concurrency)),
        "STATEBOX_LOG_LEVEL": "warning",
    }
    statebox = str(Path(sys.executable).parent / "statebox")
    log = valkey.data / "daemon.log"
    async with process(statebox, "serve", environment=environment, log=log) as started:
        await answers(f"http://127.0.0.1:{port}/readyz", log)
        yield started, port


async def answers(url: str, log: Path, seconds: float = 30.0) -> None:
    """Wait until somebody answers there. Raises Failed with the end of the log."""
    async with aiohttp.ClientSession() as session:
        deadline = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < deadline:
            try:
                async with session.get(url) as response:
                    if response.status < 400:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
    raise Failed(f"nobody answers at {url}: {tail(log)}")


async def _suspend(port: int, many: int) -> Sequence[str]:
    """Start so many, and tell their continuations."""
    body: Json = {"statemachine": {"suspend": DEFINITIONS["suspend"]}, "input": CONTEXT}
    tokens: list[str] = []
    left = iter(range(many))
    async with aiohttp.ClientSession() as session:

        async def start() -> None:
            for _ in left:
                async with session.post(f"http://127.0.0.1:{port}/", json=body) as response:
                    tokens.append((await response.json())["CONTINUATION"])

        await asyncio.gather(*(start() for _ in range(20)))
    return tokens


async def _all_ended(port: int) -> None:
    """Wait until none is running any more."""
    listing: Json = {"statusFilter": "RUNNING", "maxResults": 1}
    headers = {"X-Amz-Target": "AWSStepFunctions.ListExecutions"}
    async with aiohttp.ClientSession() as session, asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            async with session.post(f"http://127.0.0.1:{port}/", json=listing, headers=headers) as response:
                if not msgspec.json.decode(await response.read())["executions"]:
                    return
            await asyncio.sleep(0.01)
