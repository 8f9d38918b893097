"""Parkings: what scripts publish the moment an execution is parked or has ended, and when it was heard."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import hiredis


class Parkings:
    """`heard` has, for each execution, when it was last heard of (s since the epoch)."""

    def __init__(self) -> None:
        self.heard: dict[str, float] = {}
        self._wanted: dict[str, asyncio.Future[float]] = {}
        self._more = asyncio.Event()

    async def of(self, count: int) -> None:
        """Wait until so many executions were heard of."""
        while len(self.heard) < count:
            self._more.clear()
            await self._more.wait()

    def next_of(self, id: str) -> asyncio.Future[float]:
        """When it is heard of next."""
        wanted: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._wanted[id] = wanted
        return wanted

    def tell(self, id: str) -> None:
        """It was parked or has ended: this is what makes it durable."""
        now = self.heard[id] = time.time()
        self._more.set()
        wanted = self._wanted.pop(id, None)
        if wanted is not None and not wanted.done():
            wanted.set_result(now)


@contextlib.asynccontextmanager
async def hearing(socket: Path, prefix: str = "statebox") -> AsyncGenerator[Parkings]:
    """Listens on a connection of its own."""
    reader, writer = await asyncio.open_unix_connection(str(socket))
    parkings, parser = Parkings(), hiredis.Reader()

    async def listen() -> None:
        while data := await reader.read(65536):
            parser.feed(data)
            # hiredis gives False where there is no whole reply yet.
            while (message := parser.gets()) is not False:
                if message[0] == b"message":
                    parkings.tell(message[2].decode())

    writer.write(f"SUBSCRIBE {prefix}:parked\r\n".encode())
    listening = asyncio.ensure_future(listen())
    try:
        yield parkings
    finally:
        listening.cancel()
        writer.close()
