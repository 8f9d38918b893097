"""The contest measures what it says: its load generator, its action host, its ratios."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import aiohttp
import pytest

from benchmarks.contest.load import Ask
from benchmarks.contest.outcome import Outcome, summed_up
from benchmarks.contest.parts import language
from benchmarks.contest.plot import plot
from benchmarks.contest.processes import Failed, answer_of, line_of, process
from benchmarks.contest.report import Contest, Measured, report
from benchmarks.contest.results import write_results
from benchmarks.contest.sides import Cell, http_request, loaded
from benchmarks.contest.workloads import CONTEXT, DEFINITIONS
from statebox.asl.definition import read
from statebox.asl.jsontext import write_json

WMFS, INSIDE = "@wmfs/statebox in process, in memory", "statebox in process, everysec"


def rounds(side: str, *counts: int) -> list[Measured]:
    return [
        Measured(side, "pass10", 100, n, Cell(Outcome(count, 1.0, 1.0, 2.0, 0.5), {"program": 0.5}))
        for n, count in enumerate(counts)
    ]


def contest() -> Contest:
    measured = [*rounds(INSIDE, 700, 900, 800), *rounds(WMFS, 1000, 1000, 1000)]
    return Contest("a machine", measured, "bounds", "costs", 3, 2.0)


def test_an_outcome_tells_the_middle_and_the_slowest_hundredth():
    outcome = summed_up([n / 1000 for n in range(1, 101)], seconds=2, cpu_seconds=1)
    assert (outcome.per_second, outcome.p50_ms, outcome.p99_ms) == (50, 51, 100)


def test_all_run_definitions_that_are_valid_on_a_context_of_a_kibibyte():
    for definition in DEFINITIONS.values():
        read(definition)
    assert len(write_json(CONTEXT)) == 1024


async def test_the_action_host_echoes_as_openwhisk_does_and_plainly():
    async with process(sys.executable, "-m", "benchmarks.contest.actions") as host, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{await line_of(host)}"
        async with session.post(f"{url}/act", json={"a": 1}) as response:
            assert await response.json() == {"a": 1}
        async with session.post(f"{url}/api/v1/namespaces/_/actions/act", json={"a": 1}) as response:
            assert (await response.json())["response"] == {"status": "success", "success": True, "result": {"a": 1}}


async def test_the_load_generator_sends_each_request_once():
    async with process(sys.executable, "-m", "benchmarks.contest.actions") as host:
        port = int(await line_of(host))
        requests = [http_request(port, "/act", {"n": n}) for n in range(50)]
        cell = await loaded(Ask([port], 8, requests=requests), {"host": host.pid})
    assert (cell.outcome.count, cell.outcome.errors) == (50, 0)
    assert set(cell.cpu) == {"host", "load generator"}


async def test_the_load_generator_connects_again_where_the_server_closes():
    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readline():
            await reader.readuntil(b"}")
            writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve_one, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        cell = await loaded(Ask([port], 3, requests=[http_request(port, "/", {})] * 10), {})
    assert (cell.outcome.count, cell.outcome.errors) == (10, 0)


async def test_the_load_generator_counts_what_is_refused_as_errors():
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        cell = await loaded(Ask([port], 1, requests=[http_request(port, "/", {})]), {})
    assert (cell.outcome.count, cell.outcome.errors) == (0, 1)


async def test_a_process_that_fails_says_why():
    with pytest.raises(Failed, match="no such thing"):
        await answer_of(sys.executable, "-c", "raise SystemExit('no such thing')", question=b"")


def test_the_language_alone_runs_the_work_to_its_end():
    assert all(language(definition, executions=50) > 0 for name, definition in DEFINITIONS.items() if name != "suspend")


def test_a_ratio_is_the_median_of_the_rounds_with_its_spread():
    row = next(line for line in report(contest()).splitlines() if line.startswith("| pass10 in process"))
    assert row == "| pass10 in process / @wmfs/statebox, at 100 | 0.80 | 0.70 to 0.90 | ≥ 0.7 | yes |"


def test_a_second_contest_takes_the_place_of_the_first(tmp_path: Path):
    file = tmp_path / "RESULTS.md"
    file.write_text("# Measured\n\nby hand\n")
    write_results(contest(), tmp_path)
    once = file.read_text()
    write_results(contest(), tmp_path)
    assert file.read_text() == once
    assert once.startswith("# Measured\n\nby hand\n")


def test_the_plot_is_well_formed():
    assert ET.fromstring(plot(contest())).tag.endswith("svg")
