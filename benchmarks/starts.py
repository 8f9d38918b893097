"""How many executions one daemon starts and ends in a second over AWS's API, and how long each start takes.

Run: .venv/bin/python -m benchmarks.starts [--seconds 10] [--concurrency 1,50,100] [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
from urllib.parse import urlsplit

import msgspec

from benchmarks.contest.load import Ask
from benchmarks.contest.outcome import Outcome
from benchmarks.contest.processes import answer_of
from benchmarks.contest.sides import http_request
from benchmarks.contest.workloads import CONTEXT
from benchmarks.serving import Served, cpu_seconds, serving
from statebox.asl.jsontext import Json, write_json_text
from statebox.embedded import EmbeddedValkey

_PASS: Json = {"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}}
_ROLE = "arn:aws:iam::000000000000:role/benchmark"
_START = {"X-Amz-Target": "AWSStepFunctions.StartExecution"}
_PAGE = 1000


async def measure(concurrency: int, seconds: float) -> tuple[Outcome, float, float]:
    """One round on a Valkey and a daemon of its own: the outcome, and what CPU (us) daemon and Valkey took for each."""
    async with EmbeddedValkey() as valkey, serving(valkey.url) as served:
        machine: str = (
            await served.ask("CreateStateMachine", name="starts", definition=write_json_text(_PASS), roleArn=_ROLE)
        )["stateMachineArn"]
        port = urlsplit(served.url).port
        assert port is not None
        ask = Ask(
            [port],
            concurrency,
            seconds,
            http_request(port, "/", {"stateMachineArn": machine, "input": write_json_text(CONTEXT)}, _START),
        )
        before = served.cpu_seconds(), cpu_seconds(valkey.pid)
        outcome = await _loaded(ask)
        spent = served.cpu_seconds() - before[0], cpu_seconds(valkey.pid) - before[1]
        assert outcome.errors == 0, f"{outcome.errors} starts failed"
        succeeded = await _succeeded(served, machine)
        # Nothing waits in this machine: what was started has ended.
        assert succeeded == outcome.count, f"{outcome.count} were started, {succeeded} have succeeded"
    return outcome, spent[0] * 1e6 / outcome.count, spent[1] * 1e6 / outcome.count


async def _loaded(ask: Ask) -> Outcome:
    """What the load generator measures, in a process of its own."""
    said = await answer_of(sys.executable, "-m", "benchmarks.contest.load", question=msgspec.json.encode(ask))
    return msgspec.json.decode(said, type=Outcome)


async def _succeeded(served: Served, machine: str) -> int:
    many, token = 0, dict[str, Json]()
    while True:
        page = await served.ask(
            "ListExecutions", stateMachineArn=machine, statusFilter="SUCCEEDED", maxResults=_PAGE, **token
        )
        many += len(page["executions"])
        if "nextToken" not in page:
            return many
        token = {"nextToken": page["nextToken"]}


async def measure_all(concurrencies: list[int], seconds: float, rounds: int) -> None:
    """Measure and print a Markdown table, medians of the rounds."""
    print(f"StartExecution over HTTP, unsigned: one Pass state, 1 KiB of input, {seconds:g} s, medians of {rounds}.\n")
    print("| at once | executions/s | p50 ms | p99 ms | CPU us each: daemon, Valkey | started and ended |")
    print("|---|---|---|---|---|---|")
    for concurrency in concurrencies:
        found = [await measure(concurrency, seconds) for _ in range(rounds)]
        rate = statistics.median(outcome.per_second for outcome, _, _ in found)
        p50 = statistics.median(outcome.p50_ms for outcome, _, _ in found)
        p99 = statistics.median(outcome.p99_ms for outcome, _, _ in found)
        daemon = statistics.median(spent for _, spent, _ in found)
        redis = statistics.median(spent for _, _, spent in found)
        many = sum(outcome.count for outcome, _, _ in found)
        print(f"| {concurrency} | {rate:,.0f} | {p50:.1f} | {p99:.1f} | {daemon:.0f}, {redis:.0f} | {many:,} |")


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long a round starts executions")
    parser.add_argument("--concurrency", default="1,50,100", help="how many starts at once, one or several")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    asyncio.run(measure_all([int(one) for one in options.concurrency.split(",")], options.seconds, options.rounds))


if __name__ == "__main__":
    main()
