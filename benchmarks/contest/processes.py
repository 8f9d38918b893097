"""The processes of a contest: started, spoken to, measured in CPU time and memory, and ended for certain."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from statebox.tether import tethered

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_STOP_SECONDS: Final = 10.0


class Failed(Exception):
    """A process did not do its part; the message holds what it said."""


def cpu_seconds(pid: int) -> float:
    """What a process has used so far, in user and system time together; see proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_bytes(pid: int) -> int:
    """Its resident memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise Failed(f"{pid} has no memory any more")


def tail(log: Path) -> str:
    """The end of what a process complained about."""
    return log.read_text(errors="replace")[-1000:] if log.exists() else ""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@asynccontextmanager
async def process(
    *command: str, environment: Mapping[str, str] | None = None, folder: Path | None = None, log: Path | None = None
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """A process with its output as a pipe, what it complains about in `log`; ended on leaving."""
    with (log or Path(os.devnull)).open("ab") as complaints:
        started = await asyncio.create_subprocess_exec(
            *_found(command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=complaints,
            env={**os.environ, **(environment or {})},
            cwd=folder,
        )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.terminate()
            try:
                async with asyncio.timeout(_STOP_SECONDS):
                    await started.communicate()
            except TimeoutError:
                started.kill()
                await started.wait()


async def line_of(started: asyncio.subprocess.Process) -> str:
    """Its next line. Raises Failed when it has ended."""
    assert started.stdout is not None
    line = await started.stdout.readline()
    if not line:
        raise Failed("it ended before it said anything")
    return line.decode().strip()


async def answer_of(*command: str, question: bytes, environment: Mapping[str, str] | None = None) -> bytes:
    """What a process says to a question, when it ends. Raises Failed."""
    started = await asyncio.create_subprocess_exec(
        *_found(command),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )
    said, complaints = await started.communicate(question)
    if started.returncode != 0:
        raise Failed(complaints.decode(errors="replace")[-2000:])
    return said


def _found(command: tuple[str, ...]) -> list[str]:
    program = shutil.which(command[0])
    if program is None:
        raise Failed(f"{command[0]} is not installed")
    return tethered([program, *command[1:]])
