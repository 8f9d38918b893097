"""A proxy in front of a server that carries requests, and loses replies when it is told to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

from tests.cluster import ValkeyCluster, free_ports

_Streams: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Proxy:
    """`silent` swallows replies and keeps the connections; `lose` counts replies to be lost with their connections."""

    def __init__(self, folder: Path, target: Path) -> None:
        self._socket = folder / "proxy.sock"
        self.target = target
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
        servers = await self._listen()
        try:
            yield self
        finally:
            for server in servers:
                server.close()
            for pipe in self._pipes:
                pipe.cancel()
            for writer in self._writers:
                writer.close()

    async def _listen(self) -> list[asyncio.Server]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(reader, writer, lambda: asyncio.open_unix_connection(self.target))

        return [await asyncio.start_unix_server(serve, self._socket)]

    def _carried(self, data: bytes) -> bytes:
        """A reply as it is handed on."""
        return data

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connect: Callable[[], Awaitable[_Streams]]
    ) -> None:
        self.connections += 1
        server_reader, server_writer = await connect()
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
                    writer.write(self._carried(data))
                    await writer.drain()
        writer.close()
        server_writer.close()


class ClusterProxy(Proxy):
    """The same in front of all primaries of a cluster, who seem to be where the proxy listens for each."""

    def __init__(self, folder: Path, cluster: ValkeyCluster) -> None:
        super().__init__(folder, folder)
        self._ports = dict(zip(cluster.ports, free_ports(len(cluster.ports)), strict=True))

    @property
    def url(self) -> str:
        """Where to connect."""
        return f"redis+cluster://127.0.0.1:{next(iter(self._ports.values()))}"

    async def _listen(self) -> list[asyncio.Server]:
        return [await self._listen_for(port, own) for port, own in self._ports.items()]

    async def _listen_for(self, port: int, own: int) -> asyncio.Server:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(reader, writer, lambda: asyncio.open_connection("127.0.0.1", port))

        return await asyncio.start_server(serve, "127.0.0.1", own)

    def _carried(self, data: bytes) -> bytes:
        # CLUSTER SLOTS has them as numbers, MOVED as text; both are followed by the line's end.
        for port, own in self._ports.items():
            data = data.replace(b":%d\r\n" % port, b":%d\r\n" % own)
        return data
