"""Daemons as they are run, `statebox serve` in processes of their own, and what the kernel says about them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import aiohttp

import statebox
from statebox.asl.jsontext import Json, read_json, write_json_text
from statebox.tether import tethered

_READY_SECONDS = 30.0
_HEADERS = {"Content-Type": "application/x-amz-json-1.0"}


class Served:
    """One `statebox serve`."""

    def __init__(self, url: str, process: asyncio.subprocess.Process, http: aiohttp.ClientSession) -> None:
        self.url = url
        self.process = process
        self.http = http

    async def ask(self, operation: str, **request: Json) -> Json:
        """One operation of the API, `AWSStepFunctions.X` by its bare name or `Statebox.X`."""
        target = operation if "." in operation else f"AWSStepFunctions.{operation}"
        headers = {**_HEADERS, "X-Amz-Target": target}
        async with self.http.post(self.url, data=write_json_text(request), headers=headers) as answer:
            body = read_json(await answer.read())
            assert answer.status == 200, body
            return body

    def resident_mib(self) -> float:
        """Its resident memory."""
        return resident_mib(self.process.pid)

    def cpu_seconds(self) -> float:
        """The CPU time that it has taken."""
        return cpu_seconds(self.process.pid)


@contextlib.asynccontextmanager
async def serving(redis_url: str, *options: str, **environment: str) -> AsyncGenerator[Served]:
    """A daemon on this Redis, ready, with further options; it is stopped at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = (sys.executable, "-m", "statebox.cli.main", "serve", f"--listen=127.0.0.1:{port}")
    process = await asyncio.create_subprocess_exec(
        # It must not outlive a benchmark that is killed.
        *tethered((*command, f"--redis-url={redis_url}", *options, "--log-level=warning")),
        env={
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "PYTHONPATH": str(Path(statebox.__file__).parent.parent),
            **environment,
        },
    )
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as http:
        served = Served(f"http://127.0.0.1:{port}", process, http)
        try:
            await _until_ready(served)
            yield served
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _until_ready(served: Served) -> None:
    async with asyncio.timeout(_READY_SECONDS):
        while True:
            assert served.process.returncode is None, "statebox serve has ended"
            with contextlib.suppress(aiohttp.ClientError):
                async with served.http.get(f"{served.url}/readyz") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.05)


def resident_mib(pid: int) -> float:
    """A process's resident memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the kernel does not say")


def cpu_seconds(pid: int) -> float:
    """The CPU time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(sorted_values: list[float], part: float) -> float:
    """The value below which so much of them lies, by rank."""
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * part))]
