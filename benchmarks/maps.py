"""What one item of a Map costs where there are few and where there are many: it should be the same.

Run: .venv/bin/python -m benchmarks.maps [--few 1000] [--many 10000] [--few-answers 100] [--rounds 5] [--only inline]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import statistics
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final, TypeAlias

from aiohttp import web

from statebox.asl.execution import Status
from statebox.asl.jsontext import Json, read_json, write_json, write_json_text
from statebox.config import Address, Config, HttpConfig, LimitsConfig, OpenWhiskConfig, RedisConfig, Secret
from statebox.daemon import Daemon
from statebox.embedded import EmbeddedValkey

_PATIENCE_SECONDS: Final = 600.0
WORK: Final[Json] = {
    "StartAt": "Work",
    "States": {"Work": {"Type": "Task", "Resource": "openwhisk:echo", "End": True}},
}
ASK: Final[Json] = {
    "StartAt": "Ask",
    "States": {"Ask": {"Type": "Task", "Resource": "module:suspend", "TimeoutSeconds": 86_400, "End": True}},
}
UNLIMITED: Final = LimitsConfig(payload_bytes=0, history_events=0)

# A measurement: seconds for so many items.
Measurement: TypeAlias = Callable[[int], Awaitable[float]]


def each(processor: Json, mode: str = "INLINE", **fields: Json) -> str:
    """A machine that is one Map."""
    config: Json = {"Mode": mode, **({"ExecutionType": "STANDARD"} if mode == "DISTRIBUTED" else {})}
    state = {"Type": "Map", "ItemProcessor": {"ProcessorConfig": config, **processor}, "End": True, **fields}
    return write_json_text({"StartAt": "Each", "States": {"Each": state}})


@contextlib.asynccontextmanager
async def open_actions() -> AsyncGenerator[str]:
    """An API host whose actions answer at once with what they were given, as what they cost is not our subject."""

    async def invoke(request: web.Request) -> web.Response:
        result = read_json(await request.read())
        response = {"status": "success", "success": True, "result": result}
        return web.Response(
            body=write_json({"activationId": "0" * 32, "response": response}), content_type="application/json"
        )

    app = web.Application()
    app.router.add_post("/{path:.*}", invoke)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def open_daemon(limits: LimitsConfig) -> AsyncGenerator[Daemon]:
    """A daemon on a Valkey of its own."""
    async with EmbeddedValkey() as valkey, open_actions() as actions:
        config = Config(
            redis=RedisConfig(url=valkey.url),
            http=HttpConfig(listen=Address("127.0.0.1", 0)),
            openwhisk=OpenWhiskConfig(apihost=actions, auth=Secret("a:b")),
            limits=limits,
        )
        async with Daemon(config, {}) as daemon:
            yield daemon


async def run_to_end(definition: str, items: int, limits: LimitsConfig) -> float:
    """Seconds from the start to the end of one Map."""
    async with open_daemon(limits) as daemon:
        # So that everything is loaded and warm.
        warm = await daemon.service.start_execution("maps", [{"n": 0}], "warm", definition)
        await daemon.service.settle(warm.id, _PATIENCE_SECONDS)
        began = time.perf_counter()
        begun = await daemon.service.start_execution("maps", [{"n": n} for n in range(items)], "run", definition)
        # A map run whose children are all at work is idle, not over; and describing it takes its time.
        while await daemon.service.list_executions("maps", Status.RUNNING):  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.02)
        took = time.perf_counter() - began
        execution = await daemon.service.describe_execution(begun.id)
        assert execution.status is Status.SUCCEEDED, (execution.error, execution.cause)
        assert len(execution.output) == items
        return took


async def answer_all(items: int) -> float:
    """Seconds to answer so many suspended iterations one by one, in random order."""
    async with open_daemon(UNLIMITED) as daemon:
        input = [{"n": n} for n in range(items)]
        begun = await daemon.service.start_execution("maps", input, "asked", each(ASK))
        while not (await daemon.service.settle(begun.id, _PATIENCE_SECONDS)).idle:
            pass
        tokens = [continuation.token for continuation in await daemon.service.continuations(begun.id)]
        assert len(tokens) == items
        random.Random(1).shuffle(tokens)
        began = time.perf_counter()
        for token in tokens:
            await daemon.service.send_task_success(token, {"answer": 1})
        while not (await daemon.service.settle(begun.id, _PATIENCE_SECONDS)).ended:
            pass
        return time.perf_counter() - began


async def measure(few: int, many: int, few_answers: int, only: str, rounds: int) -> None:
    """Measure few and many in turns and print a Markdown table: medians, and between which bounds the ratios were."""
    distributed, inline = each(WORK, "DISTRIBUTED"), each(WORK)
    bounded = each(WORK, "DISTRIBUTED", MaxConcurrency=40)
    measurements: list[tuple[str, int, Measurement]] = [
        ("distributed, a Task each, default limits", few, lambda n: run_to_end(distributed, n, LimitsConfig())),
        ("distributed, MaxConcurrency 40", few, lambda n: run_to_end(bounded, n, LimitsConfig())),
        ("inline, a Task each, limits lifted", few, lambda n: run_to_end(inline, n, UNLIMITED)),
        ("inline, suspended, answered in random order", few_answers, answer_all),
    ]
    print("| Map | items | ms an item | items | ms an item | ratio |")
    print("|---|---|---|---|---|---|")
    for name, least, seconds_for in measurements:
        if only not in name:
            continue
        lows, highs = list[float](), list[float]()
        for _ in range(rounds):
            lows.append(await seconds_for(least) / least * 1000)
            highs.append(await seconds_for(many) / many * 1000)
        low, high = statistics.median(lows), statistics.median(highs)
        ratios = [after / before for before, after in zip(lows, highs, strict=True)]
        spread = f"{high / low:.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"| {name} | {least:,} | {low:.2f} | {many:,} | {high:.2f} | {spread} |", flush=True)


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, default=1000)
    parser.add_argument("--many", type=int, default=10_000)
    parser.add_argument("--few-answers", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured, in turns")
    parser.add_argument("--only", default="", help="only the Maps with this in their names")
    options = parser.parse_args()
    asyncio.run(measure(options.few, options.many, options.few_answers, options.only, options.rounds))


if __name__ == "__main__":
    main()
