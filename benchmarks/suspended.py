"""What 100,000 suspended executions of incsquare cost, and whether one is resumed as quickly among them as among 1,000.

Run: .venv/bin/python -m benchmarks.suspended [--many 100000] [--few 1000] [--runs 5] [--seconds 60] [--rate 20]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import shutil
import statistics
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from aiohttp import web
from redis import Redis

from benchmarks.parkings import Parkings, hearing
from benchmarks.serving import Served, percentile, serving
from statebox.asl.jsontext import Json, read_json, write_json, write_json_text
from statebox.embedded import EmbeddedValkey

_MACHINES: Final = Path(__file__).parent.parent / "state_machines"
_STARTED_AT_ONCE: Final = 40
# Its continuation lives for 300 seconds where nothing is said, and they have to be there until the end.
_LIFETIME_SECONDS: Final = 86_400


def incsquare() -> str:
    """The definition, whose continuation lives for a day."""
    machine: Json = read_json((_MACHINES / "incsquare.json").read_bytes())["statemachine"]["incsquare"]
    machine["States"]["Suspend"]["TimeoutSeconds"] = _LIFETIME_SECONDS
    return write_json_text(machine)


@contextlib.asynccontextmanager
async def open_actions() -> AsyncGenerator[str]:
    """An API host with increment and square, which answer at once."""

    async def invoke(request: web.Request) -> web.Response:
        value: Json = read_json(await request.read())["value"]
        result = {"value": value * value if request.path.endswith("square") else value + 1}
        response = {"status": "success", "success": True, "result": result}
        return web.Response(
            body=write_json({"activationId": "0" * 32, "response": response}), content_type="application/json"
        )

    app = web.Application()
    app.router.add_post("/{path:.*}", invoke)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


_T = TypeVar("_T")


class _Memory(msgspec.Struct):
    used_memory: int


class Population:
    """A Redis with suspended executions, and the daemon that resumes them."""

    def __init__(self, redis: EmbeddedValkey, daemon: Served, parkings: Parkings, definition: str) -> None:
        self.daemon = daemon
        self.tokens: list[str] = []
        self._redis = redis
        self._parkings = parkings
        self._definition = definition
        self._started = 0
        self._dice = random.Random(1)

    async def grow_to(self, count: int) -> None:
        """Start executions until so many are suspended."""
        left = iter(range(count - len(self.tokens)))

        async def work() -> None:
            for _ in left:
                self._started += 1
                name = f"00000000-0000-4000-8000-{self._started:012}"
                parked = self._parkings.next_of(f"incsquare:{name}")
                await self.daemon.ask(
                    "Statebox.StartDefinition",
                    definition=self._definition,
                    machine="incsquare",
                    name=name,
                    input='{"values":{"value":6}}',
                )
                await parked

        await asyncio.gather(*(work() for _ in range(_STARTED_AT_ONCE)))
        self.tokens = self._ask(list[str], "ZRANGE", "statebox:{0}:waiting", 0, -1)
        assert len(self.tokens) == count
        self._dice.shuffle(self.tokens)

    async def resume(self, rate: float, seconds: float) -> tuple[list[float], list[float]]:
        """Resume so many a second; returns, sorted, the milliseconds to the acknowledgements and to the ends."""
        took: list[tuple[float, float]] = []
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async with asyncio.TaskGroup() as group:
            for n in range(int(rate * seconds)):
                await asyncio.sleep(begun + n / rate - loop.time())
                group.create_task(self._resume_one(self.tokens.pop(), took))
        return sorted(acknowledged for acknowledged, _ in took), sorted(ended for _, ended in took)

    async def _resume_one(self, token: str, took: list[tuple[float, float]]) -> None:
        ended = self._parkings.next_of(self._ask(str, "HGET", f"statebox:{{0}}:token:{token}", "execution"))
        begun = time.time()
        async with self.daemon.http.post(f"{self.daemon.url}/continuations/{token}", data=b"{}") as answer:
            assert answer.status == 200, await answer.text()
        acknowledged = time.time()
        took.append(((acknowledged - begun) * 1000, (await ended - begun) * 1000))

    def used_memory(self) -> int:
        """What Redis uses, in bytes."""
        return self._ask(_Memory, "INFO", "memory").used_memory

    def _ask(self, reply: type[_T], *command: str | int) -> _T:
        with contextlib.closing(Redis(unix_socket_path=str(self._redis.socket), decode_responses=True)) as client:
            # redis-py leaves the replies of commands without a type.
            return msgspec.convert(client.execute_command(*command), reply)  # pyright: ignore[reportUnknownMemberType]


@contextlib.asynccontextmanager
async def populated(actions: str, definition: str) -> AsyncGenerator[Population]:
    """An empty one, on the machine's redis-server."""
    binary = shutil.which("redis-server")
    assert binary is not None, "redis-server is not installed"
    async with contextlib.AsyncExitStack() as undo:
        redis = await undo.enter_async_context(EmbeddedValkey(binary=Path(binary)))
        daemon = await undo.enter_async_context(
            serving(redis.url, f"--openwhisk-apihost={actions}", STATEBOX_OPENWHISK_AUTH="a:b")
        )
        parkings = await undo.enter_async_context(hearing(redis.socket))
        yield Population(redis, daemon, parkings, definition)


async def measure(many: int, few: int, runs: int, seconds: float, rate: float) -> None:
    """Measure and print Markdown tables."""
    definition, resumed = incsquare(), int(rate * seconds)
    async with open_actions() as actions, populated(actions, definition) as large:
        await large.grow_to(200)
        await large.resume(rate, 5)
        await asyncio.sleep(1)
        resident, used, before = large.daemon.resident_mib(), large.used_memory(), len(large.tokens)
        await large.grow_to(many)
        await asyncio.sleep(2)
        after, bytes_each = large.daemon.resident_mib(), (large.used_memory() - used) / (many - before)
        print("| suspended | daemon MiB with none | daemon MiB with all | Redis bytes for each |")
        print("|---|---|---|---|")
        print(f"| {many} | {resident:.1f} | {after:.1f} | {bytes_each:.0f} |\n", flush=True)
        print("| suspended | resumes | acknowledged p50 ms | p99 ms | ended p50 ms | p99 ms |")
        print("|---|---|---|---|---|---|")
        medians: dict[int, list[float]] = {many: [], few: []}
        async with populated(actions, definition) as small:
            for _ in range(runs):
                for population, count in ((small, few), (large, many)):
                    # So that there are as many in the middle of the run.
                    await population.grow_to(count + resumed // 2)
                    await asyncio.sleep(1)
                    acknowledged, ended = await population.resume(rate, seconds)
                    medians[count].append(percentile(ended, 0.5))
                    figures = [percentile(ms, part) for ms in (acknowledged, ended) for part in (0.5, 0.99)]
                    print(f"| {count} | {resumed} | {' | '.join(f'{ms:.2f}' for ms in figures)} |", flush=True)
    ratio = statistics.median(medians[many]) / statistics.median(medians[few])
    print(f"\nThe median of the p50 with {many} is {ratio:.2f} times that with {few}.")


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--many", type=int, default=100_000)
    parser.add_argument("--few", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=20.0)
    options = parser.parse_args()
    asyncio.run(measure(options.many, options.few, options.runs, options.seconds, options.rate))


if __name__ == "__main__":
    main()
