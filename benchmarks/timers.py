"""How late Wait states end when many are due at the same time: 10,000 within 10 seconds.

Run: .venv/bin/python -m benchmarks.timers [--timers 10000] [--within 10] [--daemons 1]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from benchmarks.parkings import hearing
from benchmarks.serving import Served, cpu_seconds, percentile, serving
from statebox.asl.jsontext import Json, write_json_text
from statebox.embedded import EmbeddedValkey

_PAUSE: Json = {"StartAt": "Pause", "States": {"Pause": {"Type": "Wait", "TimestampPath": "$.at", "End": True}}}
_STARTED_AT_ONCE = 50
# Fewer than a daemon starts in a second, so that all are parked before the first is due.
_STARTED_PER_SECOND = 250
_PATIENCE_SECONDS = 60


async def start_all(daemons: Sequence[Served], due: dict[str, float]) -> None:
    """Start one execution for each name, due at that time (s since the epoch)."""
    left = iter(due.items())

    async def work(daemon: Served) -> None:
        for name, at in left:
            text = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            await daemon.ask(
                "Statebox.StartDefinition",
                definition=write_json_text(_PAUSE),
                machine="timers",
                name=name,
                input=write_json_text({"at": text}),
            )

    await asyncio.gather(*(work(daemons[n % len(daemons)]) for n in range(_STARTED_AT_ONCE)))


async def stopped(daemon: Served) -> dict[str, float]:
    """When each execution ended by its history, by name."""
    found: dict[str, float] = {}
    token: dict[str, Json] = {}
    while True:
        page = await daemon.ask("ListExecutions", statusFilter="SUCCEEDED", maxResults=1000, **token)
        found.update((line["name"], line["stopDate"]) for line in page["executions"])
        if "nextToken" not in page:
            return found
        token = {"nextToken": page["nextToken"]}


async def measure(timers: int, within: float, daemons: int) -> None:
    """Measure and print a Markdown table."""
    async with contextlib.AsyncExitStack() as undo:
        valkey = await undo.enter_async_context(EmbeddedValkey())
        served = [await undo.enter_async_context(serving(valkey.url)) for _ in range(daemons)]
        parkings = await undo.enter_async_context(hearing(valkey.socket))
        first = round(time.time() + timers / _STARTED_PER_SECOND + 2, 3)
        dice = random.Random(1)
        due = {f"n{n}": round(first + dice.uniform(0, within), 3) for n in range(timers)}
        await start_all(served, due)
        assert time.time() < first, "some were due before all were started: this machine is too busy"
        processes = [valkey.pid, *(daemon.process.pid for daemon in served)]
        before = [cpu_seconds(pid) for pid in processes]
        parkings.heard.clear()
        async with asyncio.timeout(first - time.time() + within + _PATIENCE_SECONDS):
            await parkings.of(timers)
        redis_cpu, *daemon_cpu = [cpu_seconds(pid) - was for pid, was in zip(processes, before, strict=True)]
        ended = await stopped(served[0])
    assert ended.keys() == due.keys()
    by_history = sorted((ended[name] - at) * 1000 for name, at in due.items())
    durable = sorted((parkings.heard[f"timers:{name}"] - at) * 1000 for name, at in due.items())
    print("| timers | within s | daemons | measured at | p50 ms | p99 ms | max ms | early | CPU s daemons, Redis |")
    print("|---|---|---|---|---|---|---|---|---|")
    cpu = f"{', '.join(f'{seconds:.1f}' for seconds in daemon_cpu)}; {redis_cpu:.1f}"
    for name, late in (("the event in the history", by_history), ("the end, durable", durable)):
        lateness = " | ".join(f"{ms:.1f}" for ms in (percentile(late, 0.5), percentile(late, 0.99), late[-1]))
        early = sum(ms < -0.5 for ms in late)
        print(f"| {timers} | {within:g} | {daemons} | {name} | {lateness} | {early} | {cpu} |")


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--timers", type=int, default=10_000)
    parser.add_argument("--within", type=float, default=10.0, help="seconds in which all are due")
    parser.add_argument("--daemons", type=int, default=1)
    options = parser.parse_args()
    asyncio.run(measure(options.timers, options.within, options.daemons))


if __name__ == "__main__":
    main()
