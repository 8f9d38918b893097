"""Floods: a daemon that is asked for far more than it can do while its Redis hangs stays small, alive and honest."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Final

import aiohttp

from statebox.asl.jsontext import Json, write_json_text
from statebox.embedded import EmbeddedValkey
from tests.durability.machines import ask
from tests.durability.world import Daemon, Refused, World
from tests.waiting import wait_until

_REQUESTS: Final = 2000
_BODY_BYTES: Final = 20_000
_WATCHDOG_SECONDS: Final = 9.0
# What 2,000 requests of 20 KB each would take if they were all kept, 50 KB each and more, is about twice this.
_MOST_GROWTH_MIB: Final = 50


@contextlib.contextmanager
def hung(server: EmbeddedValkey) -> Generator[None]:
    """The server is there, and does not answer."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


class Supervisor:
    """What systemd hears of the daemon: when its watchdog was fed."""

    def __init__(self, path: Path) -> None:
        self.fed: list[float] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncGenerator[None]:
        asyncio.get_running_loop().add_reader(self._socket, self._hear)
        try:
            yield
        finally:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()

    def _hear(self) -> None:
        if b"WATCHDOG=1" in self._socket.recv(4096):
            self.fed.append(time.monotonic())

    def longest_pause(self, since: float) -> float:
        times = [since, *(at for at in self.fed if at > since), time.monotonic()]
        return max(later - earlier for earlier, later in itertools.pairwise(times))


def resident_mib(pid: int) -> float:
    """The memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


class Flood:
    """Starts of executions, all at once; what became of them."""

    def __init__(self, daemon: Daemon) -> None:
        self.statuses: Counter[int] = Counter()
        self.slowest = 0.0
        self.acknowledged: list[str] = []
        self.without_retry_after = 0
        self._daemon = daemon
        self._body = write_json_text(
            {"definition": write_json_text(ask()), "machine": "flood", "input": write_json_text("x" * _BODY_BYTES)}
        ).encode()

    async def run(self) -> None:
        # More at once would keep this process busy with itself, and the daemon waiting for it.
        connector = aiohttp.TCPConnector(limit=500)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=120)) as http:
            await asyncio.gather(*(self._start(http) for _ in range(_REQUESTS)))

    async def _start(self, http: aiohttp.ClientSession) -> None:
        headers = {"X-Amz-Target": "Statebox.StartDefinition"}
        began = time.monotonic()
        async with http.post(self._daemon.url, data=self._body, headers=headers) as answer:
            said: Json = await answer.json(content_type=None)
            self.statuses[answer.status] += 1
            self.slowest = max(self.slowest, time.monotonic() - began)
            if answer.status == 200:
                self.acknowledged.append(said["execution"])
            elif answer.headers.get("Retry-After") != "1":
                self.without_retry_after += 1


async def test_a_flood_while_redis_hangs_costs_neither_memory_nor_life(strict_world: World, tmp_path: Path):
    world = strict_world
    supervisor = Supervisor(tmp_path / "notify")
    async with supervisor.listening():
        daemon = await world.daemon(
            "a",
            "--max-requests=100",
            "--max-connections=200",
            NOTIFY_SOCKET=str(tmp_path / "notify"),
            WATCHDOG_USEC=str(int(_WATCHDOG_SECONDS * 1e6)),
        )
        before = [await daemon.start_execution(ask(), {"n": n}, name=f"before{n}") for n in range(20)]
        await wait_until(lambda: bool(supervisor.fed), "the watchdog to be fed")
        began, pid, small = time.monotonic(), daemon.pid, resident_mib(daemon.pid)
        largest = small
        alive: list[float] = []

        async def watch() -> None:
            nonlocal largest
            while True:
                largest = max(largest, resident_mib(pid))
                asked = time.monotonic()
                async with world.http.get(f"{daemon.url}/livez") as answer:
                    assert answer.status == 200
                alive.append(time.monotonic() - asked)
                await asyncio.sleep(0.1)

        flood = Flood(daemon)
        watching = asyncio.ensure_future(watch())
        with hung(world.valkey):
            await flood.run()
            assert not watching.done()
        watching.cancel()

        assert set(flood.statuses) == {429, 503}, flood.statuses
        assert flood.statuses[503] >= 50
        assert flood.without_retry_after == 0
        # 8 s of patience, 5 s for the last try, and the time that two shared cores take.
        assert flood.slowest < 30, flood.slowest
        assert largest - small < _MOST_GROWTH_MIB, (small, largest)
        # Measured by a process that is as busy as the daemon; supervisors give it 10 s.
        assert max(alive) < 10, max(alive)
        assert supervisor.longest_pause(began) < _WATCHDOG_SECONDS

        async def works() -> bool:
            try:
                await daemon.start_execution(ask(), {}, name="after")
            except Refused as refused:
                return refused.status != 503
            return True

        await wait_until(works, "the daemon to work again by itself", seconds=20)
        assert daemon.pid == pid
        for id in [*before, *flood.acknowledged]:
            assert (await daemon.describe(id))["status"] == "RUNNING"
            assert len(await daemon.continuations(id)) == 1
        for token in [token for id in before for token in await daemon.continuations(id)]:
            await daemon.post(f"/continuations/{token}", "yes")
        for id in before:
            assert (await daemon.ended(id))["status"] == "SUCCEEDED"
