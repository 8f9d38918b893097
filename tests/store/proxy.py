"""A proxy in front of a server that carries requests, and loses replies when it is told to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path


class Proxy:
    """`silent` swallows replies and keeps the connections; `lose` counts replies to be lost with their connections."""

    def __init__(self, folder: Path, target: Path) -> None:
        self._socket = folder / "proxy.sock"
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self._pipes: set[asyncio.Task[None]] = set()
        self.silent = False
        self.lose = 0
        self.lost = 0
        self.carried = 0
        self.connections = 0

    @property
    def url(self) -> str:
        """Where to connect."""
        return f"unix://{self._socket}"

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[Proxy]:
        """The proxy while it runs."""
        server = await asyncio.start_unix_server(self._serve, self._socket)
        try:
            yield self
        finally:
            server.close()
            for pipe in self._pipes:
                pipe.cancel()
            for writer in self._writers:
                writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        server_reader, server_writer = await asyncio.open_unix_connection(self._target)
        self._writers |= {writer, server_writer}
        back = asyncio.get_running_loop().create_task(self._carry_back(server_reader, writer, server_writer))
        self._pipes.add(back)
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                server_writer.write(data)
                await server_writer.drain()
        server_writer.close()

    async def _carry_back(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server_writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if self.silent:
                    self.lost += 1
                elif self.lose:
                    self.lose -= 1
                    self.lost += 1
                    break
                else:
                    self.carried += 1
                    writer.write(data)
                    await writer.drain()
        writer.close()
        server_writer.close()
