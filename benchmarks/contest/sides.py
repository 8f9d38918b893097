"""The sides of a contest: each measures a workload at a concurrency, and tells what the processes beside it used."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

import msgspec

from benchmarks.contest import load
from benchmarks.contest.outcome import Outcome
from benchmarks.contest.processes import answer_of, cpu_seconds
from benchmarks.contest.redisfigures import Figures, figures
from benchmarks.contest.workloads import ANSWER, CONTEXT, DEFINITIONS
from statebox.asl.jsontext import Json, write_json, write_json_text
from statebox.embedded import EmbeddedValkey

PEERS: Final = Path(__file__).parent.parent / "peers"
_WARM_SECONDS: Final = 0.5


class Cell(msgspec.Struct, frozen=True):
    """One measurement. `cpu` is each process's share of one core, by name; `redis` what Redis did meanwhile."""

    outcome: Outcome
    cpu: dict[str, float]
    redis: Figures | None = None


class Cast(msgspec.Struct, frozen=True):
    """What a cell is to measure. `suspended` is how many executions the workload suspend resumes."""

    workload: str
    concurrency: int
    seconds: float
    suspended: int


class Side(Protocol):
    """One contestant through one entrance. Raises processes.Failed."""

    @property
    def name(self) -> str:
        """Its row's name."""
        ...

    async def measure(self, cast: Cast, actions: int) -> Cell:
        """One cell; `actions` is the action host's port."""
        ...


class InProcess:
    """statebox with the engine in the program that measures."""

    def __init__(self, appendfsync: str = "everysec") -> None:
        self.name = f"statebox in process, {appendfsync}"
        self._appendfsync = appendfsync

    async def measure(self, cast: Cast, actions: int) -> Cell:
        """Everything is new for each cell: the server, the daemon."""
        async with EmbeddedValkey(appendfsync=self._appendfsync) as valkey:
            ask = {**msgspec.structs.asdict(cast), "redis": valkey.url, "actions": actions}
            before = cpu_seconds(valkey.pid)
            said = await answer_of(sys.executable, "-m", "benchmarks.contest.inside", question=write_json(ask))
            outcome = msgspec.json.decode(said, type=Outcome)
            # What comes before the measurement, starting and warming up, is in there.
            served = cpu_seconds(valkey.pid) - before
            cpu = {"program": outcome.cpu_seconds / outcome.seconds, "Valkey, at most": served / outcome.seconds}
            return Cell(outcome, cpu if cast.workload != "suspend" else {"program": cpu["program"]})


class Wmfs:
    """@wmfs/statebox in the program that measures."""

    name = "@wmfs/statebox in process, in memory"

    async def measure(self, cast: Cast, actions: int) -> Cell:
        """A new process for each cell."""
        ask: Json = {
            **msgspec.structs.asdict(cast),
            "actions": actions,
            "definitions": DEFINITIONS,
            "context": CONTEXT,
            "answer": ANSWER,
        }
        driver = str(PEERS / "wmfs" / "driver.js")
        outcome = msgspec.json.decode(
            await answer_of("node", "--expose-gc", driver, question=write_json(ask)), type=Outcome
        )
        return Cell(outcome, {"program": outcome.cpu_seconds / outcome.seconds})


def http_request(port: int, path: str, body: Json, headers: Mapping[str, str] | None = None) -> str:
    """A POST as it goes over the wire."""
    text = body if isinstance(body, str) else write_json_text(body)
    head = {"Host": f"127.0.0.1:{port}", "Content-Type": "application/json", **(headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"POST {path} HTTP/1.1\r\n{lines}Content-Length: {len(text.encode())}\r\n\r\n{text}"


async def loaded(ask: load.Ask, pids: Mapping[str, int], valkey: EmbeddedValkey | None = None) -> Cell:
    """A cell by the load generator, warmed up before, with the shares of the processes named."""
    if not ask.requests:
        await _generate(msgspec.structs.replace(ask, seconds=_WARM_SECONDS))
    before = {name: cpu_seconds(pid) for name, pid in pids.items()}
    redis = None if valkey is None else await figures(valkey.socket)
    outcome = await _generate(ask)
    cpu = {name: (cpu_seconds(pid) - before[name]) / outcome.seconds for name, pid in pids.items()}
    cpu["load generator"] = outcome.cpu_seconds / outcome.seconds
    after = None if valkey is None or redis is None else (await figures(valkey.socket)).since(redis)
    return Cell(outcome, cpu, after)


async def _generate(ask: load.Ask) -> Outcome:
    said = await answer_of(sys.executable, "-m", "benchmarks.contest.load", question=msgspec.json.encode(ask))
    return msgspec.json.decode(said, type=Outcome)
