"""moto's server: pass10 and pass10w by StartExecution. It keeps everything in memory.

Its Tasks reach no HTTP host without Docker, and so it has no row in task5 and suspend.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, Self

import aiohttp
import msgspec

from benchmarks.contest.load import Ask
from benchmarks.contest.overhttp import answers
from benchmarks.contest.processes import Failed, free_port, process
from benchmarks.contest.sides import Cast, Cell, http_request, loaded
from benchmarks.contest.workloads import CONTEXT, DEFINITIONS
from statebox.asl.jsontext import Json, write_json_text

_PROGRAM: Final = Path(".venv/moto/bin/moto_server")
# It does some dozens a second.
_EXECUTIONS: Final = 100
_PATIENCE_SECONDS: Final = 120.0
_AUTHORIZATION: Final = (
    "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/states/aws4_request, SignedHeaders=host, Signature=none"
)


class Moto:
    """`async with Moto() as side:` it runs."""

    name = "moto over HTTP, in memory"

    def __init__(self) -> None:
        self._undo = AsyncExitStack()

    async def __aenter__(self) -> Self:
        if not _PROGRAM.exists():
            raise Failed("moto is not installed")
        async with AsyncExitStack() as undo:
            log = Path(undo.enter_context(tempfile.TemporaryDirectory())) / "log"
            self._port = free_port()
            command = (str(_PROGRAM.absolute()), "-p", str(self._port))
            self._process = await undo.enter_async_context(process(*command, log=log))
            await answers(f"http://127.0.0.1:{self._port}/moto-api/data.json", log)
            self._undo = undo.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._undo.aclose()

    async def measure(self, cast: Cast, actions: int) -> Cell:
        """One cell, with nothing left of the one before. The rate is until all have ended, the latency the start's."""
        await self._post("/moto-api/reset", "")
        await self._post("/moto-api/config", {"stepfunctions": {"execute_state_machine": True}})
        made = await self._ask(
            "CreateStateMachine",
            {
                "name": cast.workload,
                "roleArn": "arn:aws:iam::123456789012:role/bench",
                "definition": write_json_text(DEFINITIONS[cast.workload]),
            },
        )
        arn: Json = msgspec.json.decode(made)["stateMachineArn"]
        body: dict[str, Json] = {"stateMachineArn": arn, "input": write_json_text(CONTEXT)}
        requests = [
            http_request(self._port, "/", {**body, "name": f"n{n}"}, _headers("StartExecution"))
            for n in range(_EXECUTIONS)
        ]
        ask = Ask([self._port], min(cast.concurrency, _EXECUTIONS), requests=requests)
        cell = await loaded(ask, {"moto": self._process.pid})
        began = time.perf_counter()
        listing: Json = {"stateMachineArn": arn, "statusFilter": "RUNNING"}
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while msgspec.json.decode(await self._ask("ListExecutions", listing))["executions"]:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.05)
        seconds = cell.outcome.seconds + time.perf_counter() - began
        return msgspec.structs.replace(cell, outcome=msgspec.structs.replace(cell.outcome, seconds=seconds))

    async def _ask(self, operation: str, body: Json) -> bytes:
        return await self._post("/", body, _headers(operation))

    async def _post(self, path: str, body: Json, headers: Mapping[str, str] | None = None) -> bytes:
        text = body if isinstance(body, str) else write_json_text(body)
        url = f"http://127.0.0.1:{self._port}{path}"
        async with aiohttp.ClientSession() as session, session.post(url, data=text, headers=headers) as response:
            if response.status >= 300:
                raise Failed(f"moto answers {response.status}: {await response.text()}")
            return await response.read()


def _headers(operation: str) -> dict[str, str]:
    return {
        "X-Amz-Target": f"AWSStepFunctions.{operation}",
        "Content-Type": "application/x-amz-json-1.0",
        "Authorization": _AUTHORIZATION,
    }
