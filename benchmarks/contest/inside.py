"""statebox in process: what a program that holds the engine itself measures. The counterpart of peers/wmfs/driver.js.

Run: python -m benchmarks.contest.inside, an Ask as JSON on stdin; prints an Outcome. An execution counts from
service.start_execution until its durable end is known.
"""

from __future__ import annotations

import asyncio
import sys
import time

import msgspec
import uvloop

from benchmarks.contest.outcome import Outcome, summed_up
from benchmarks.contest.workloads import ANSWER, CONTEXT, DEFINITIONS
from statebox.asl.commands import AwaitCallback
from statebox.asl.execution import Status
from statebox.asl.jsontext import write_json_text
from statebox.config import Address, Config, HttpConfig, OpenWhiskConfig, RedisConfig, Secret
from statebox.daemon import Daemon
from statebox.engine.service import Service

_PATIENCE_SECONDS = 60.0
_WARM = 200


class Ask(msgspec.Struct, frozen=True):
    """A workload for so many seconds at a concurrency; `suspended` is how many are resumed by the workload suspend."""

    workload: str
    concurrency: int
    seconds: float
    redis: str
    actions: int
    suspended: int = 0


async def measure(ask: Ask) -> Outcome:
    """Start a daemon and do what is asked."""
    config = Config(
        redis=RedisConfig(url=ask.redis),
        http=HttpConfig(listen=Address("127.0.0.1", 0)),
        openwhisk=OpenWhiskConfig(
            apihost=f"http://127.0.0.1:{ask.actions}", auth=Secret("a:b"), calls_in_flight=max(100, ask.concurrency)
        ),
    )
    async with Daemon(config, {}) as daemon:
        if ask.workload == "suspend":
            return await _resume(daemon.service, ask)
        return await _run(daemon.service, ask)


async def _run(service: Service, ask: Ask) -> Outcome:
    definition = write_json_text(DEFINITIONS[ask.workload])
    latencies: list[float] = []
    until = 0.0

    async def one() -> None:
        begun = await service.start_execution(ask.workload, CONTEXT, None, definition)
        execution = begun.execution
        if execution is None or not execution.ended:
            execution = await service.settle(begun.id, _PATIENCE_SECONDS)
        assert execution.status is Status.SUCCEEDED, (execution.error, execution.cause)

    async def again_and_again() -> None:
        while (began := time.perf_counter()) < until:
            await one()
            latencies.append(time.perf_counter() - began)

    for _ in range(_WARM):
        await one()
    cpu, began = time.process_time(), time.perf_counter()
    until = began + ask.seconds
    await asyncio.gather(*(again_and_again() for _ in range(ask.concurrency)))
    return summed_up(latencies, time.perf_counter() - began, time.process_time() - cpu)


async def _resume(service: Service, ask: Ask) -> Outcome:
    definition = write_json_text(DEFINITIONS["suspend"])
    waiting: list[tuple[str, str]] = []

    async def start(many: int) -> None:
        for _ in range(many):
            begun = await service.start_execution("suspend", CONTEXT, None, definition)
            assert begun.execution is not None
            [callback] = [one for one in begun.execution.outstanding() if isinstance(one, AwaitCallback)]
            waiting.append((begun.id, callback.token))

    latencies: list[float] = []

    async def resume() -> None:
        while waiting:
            id, token = waiting.pop()
            began = time.perf_counter()
            await service.send_task_success(token, ANSWER)
            execution = await service.settle(id, _PATIENCE_SECONDS, token)
            latencies.append(time.perf_counter() - began)
            assert execution.status is Status.SUCCEEDED, (execution.error, execution.cause)

    await asyncio.gather(*(start(ask.suspended // 20) for _ in range(20)))
    cpu, began = time.process_time(), time.perf_counter()
    await asyncio.gather(*(resume() for _ in range(ask.concurrency)))
    return summed_up(latencies, time.perf_counter() - began, time.process_time() - cpu)


def main() -> None:
    """Read what is asked, and print the outcome."""
    ask = msgspec.json.decode(sys.stdin.buffer.read(), type=Ask)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(measure(ask))))


if __name__ == "__main__":
    main()
