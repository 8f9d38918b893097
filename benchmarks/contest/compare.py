"""Run the contest: each cell by all sides in turn, so that what else the machine does meets all of them.

Run: .venv/bin/python -m benchmarks.contest.compare [--quick] [--rounds 5] [--seconds 2] [--only task5] [--write]
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from benchmarks.contest import parts
from benchmarks.contest.limits import limits
from benchmarks.contest.moto import Moto
from benchmarks.contest.overhttp import OverHttp
from benchmarks.contest.processes import Failed, line_of, process
from benchmarks.contest.report import Contest, Measured, machine, report
from benchmarks.contest.restate import Restate, RestateInMemory
from benchmarks.contest.results import write_results
from benchmarks.contest.sides import Cast, InProcess, Side, Wmfs

_CONCURRENCIES: Final = {"pass10": (1, 10, 100, 1000), "pass10w": (100,), "task5": (1, 10, 100, 1000)}
_RESUMES: Final = (1, 10, 100, 1000)
# One after the other, a resume takes its time: enough for a p99, without all of it being waiting.
_SUSPENDED: Final = {1: 500, 10: 1000}
_QUICK: Final = {"pass10": (100,), "pass10w": (100,), "task5": (100,), "suspend": (10, 100)}
_MOTO: Final = {"pass10", "pass10w"}


class Plan(argparse.Namespace):
    """How much is measured."""

    quick: bool
    rounds: int
    seconds: float
    only: str
    side: str
    write: bool


async def run(plan: Plan) -> Contest:
    """Measure everything, and tell on stderr how far it is."""
    async with AsyncExitStack() as undo:
        actions = await undo.enter_async_context(process(sys.executable, "-m", "benchmarks.contest.actions"))
        port = int(await line_of(actions))
        bounds = await limits(plan.seconds, port, actions.pid)
        costs = await parts.table(port)
        sides = await _sides(undo, port)
        measured: list[Measured] = []
        for workload, concurrency in _cells(plan):
            suspended = 500 if plan.quick else _SUSPENDED.get(concurrency, 2000)
            cast = Cast(workload, concurrency, plan.seconds, suspended)
            for round in range(plan.rounds):
                for side in sides:
                    if plan.side in side.name and _takes_part(side, cast):
                        measured += await _measure(side, cast, port, round)
    return Contest(machine(), measured, bounds, costs, plan.rounds, plan.seconds)


def _cells(plan: Plan) -> Sequence[tuple[str, int]]:
    cells = [(workload, one) for workload, many in _CONCURRENCIES.items() for one in many]
    cells += [("suspend", one) for one in _RESUMES]
    return [
        (workload, concurrency)
        for workload, concurrency in cells
        if plan.only in ("", workload) and (not plan.quick or concurrency in _QUICK[workload])
    ]


async def _sides(undo: AsyncExitStack, actions: int) -> Sequence[Side]:
    """All that are installed."""
    sides: list[Side] = [InProcess()]
    if shutil.which("node"):
        sides.append(Wmfs())
    sides += [InProcess("always"), OverHttp()]
    restate = Restate(actions)
    for peer in (restate, Moto()):
        try:
            sides.append(await undo.enter_async_context(peer))
        except Failed as failed:
            print(f"{peer.name} is left out: {failed}", file=sys.stderr)
    if restate in sides:
        sides.append(RestateInMemory(restate))
    return [*sides, OverHttp("always"), OverHttp(daemons=2)]


def _takes_part(side: Side, cast: Cast) -> bool:
    match side:
        case Moto():
            # It does some dozens a second, whatever the concurrency.
            return cast.workload in _MOTO and cast.concurrency in (10, 100)
        case RestateInMemory():
            return cast.workload == "suspend"
        case _:
            return True


async def _measure(side: Side, cast: Cast, actions: int, round: int) -> list[Measured]:
    try:
        cell = await side.measure(cast, actions)
    except (Failed, TimeoutError) as failed:
        print(f"{cast.workload} at {cast.concurrency}, {side.name}: {failed or 'no end'}", file=sys.stderr)
        return []
    outcome = cell.outcome
    print(
        f"{time.strftime('%H:%M:%S')} {cast.workload} at {cast.concurrency}, round {round + 1}, {side.name}:"
        f" {outcome.per_second:,.0f}/s, p50 {outcome.p50_ms:.1f} ms, {outcome.errors} errors",
        file=sys.stderr,
        flush=True,
    )
    return [Measured(side.name, cast.workload, cast.concurrency, round, cell)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, measure, print the report and, where asked to, keep it in RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="two rounds of a second, at the concurrency 100 of the bars"
    )
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--only", default="", help="one workload")
    parser.add_argument("--side", default="", help="only the sides with this in their names")
    parser.add_argument("--write", action="store_true", help="keep the report in benchmarks/RESULTS.md and results.svg")
    plan = parser.parse_args(arguments, Plan())
    plan.rounds = plan.rounds or (2 if plan.quick else 5)
    plan.seconds = plan.seconds or (1.0 if plan.quick else 2.0)
    contest = asyncio.run(run(plan))
    print(report(contest))
    if plan.write:
        write_results(contest, Path(__file__).parent.parent)


def quick() -> None:
    """The short form."""
    main(["--quick"])


def full() -> None:
    """The whole contest, kept in RESULTS.md."""
    main(["--write"])


if __name__ == "__main__":
    main()
