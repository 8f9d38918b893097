"""The proxy between one daemon and the Valkey: tells the tally what it carries, and loses, holds and cuts on demand."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Collection
from pathlib import Path
from typing import Protocol

import hiredis

from chaos.tally import HINTS, Asked, Reply, Tally


class _Parser(Protocol):
    """What is used of hiredis.Reader, whose stub says that everything is a str."""

    def feed(self, data: bytes) -> None: ...

    def gets(self) -> Reply | bool: ...


def _parser() -> _Parser:
    return hiredis.Reader()  # pyright: ignore[reportReturnType]


class Proxy:
    """`deaf` drops what pub/sub says, `hold` keeps requests until `release`, `lose` names scripts that lose a reply."""

    def __init__(self, daemon: str, folder: Path, target: Path, tally: Tally) -> None:
        self._daemon = daemon
        self._socket = folder / f"{daemon}.sock"
        self._target = target
        self._tally = tally
        self._links: set[_Link] = set()
        self._pipes: set[asyncio.Task[None]] = set()
        self.deaf = False
        self.lose: set[str] = set()
        self._free = asyncio.Event()
        self._free.set()

    @property
    def url(self) -> str:
        """Where to connect."""
        return f"unix://{self._socket}"

    @property
    def in_flight(self) -> int:
        """How many scripts the Valkey was asked for and has not answered."""
        return sum(1 for link in self._links for asked in link.pending if asked.script)

    def hold(self) -> None:
        """Keep requests; they go out, late, once `release` is called, also where nobody waits any more."""
        self._free.clear()

    def release(self) -> None:
        """Let requests go."""
        self._free.set()

    def cut(self) -> None:
        """Break all connections."""
        for link in tuple(self._links):
            link.close()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[Proxy]:
        """The proxy while it runs."""
        server = await asyncio.start_unix_server(self._serve, self._socket)
        try:
            yield self
        finally:
            server.close()
            self.cut()
            for pipe in self._pipes:
                pipe.cancel()
            await asyncio.gather(*self._pipes, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_unix_connection(self._target)
        except OSError:
            writer.close()
            return
        link = _Link(writer, server_writer)
        self._links.add(link)
        loop = asyncio.get_running_loop()
        for pipe in (self._carry(link, reader), self._carry_back(link, server_reader)):
            task = loop.create_task(pipe)
            self._pipes.add(task)
            task.add_done_callback(self._pipes.discard)

    async def _carry(self, link: _Link, reader: asyncio.StreamReader) -> None:
        parser = _parser()
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                parser.feed(data)
                await self._free.wait()
                while isinstance(command := parser.gets(), list):
                    words = [word for word in command if isinstance(word, bytes)]
                    if words[0] in (b"SUBSCRIBE", b"PSUBSCRIBE"):
                        link.listens = True
                    asked = self._tally.read(words)
                    link.pending.append(asked)
                if link.server.is_closing():
                    break
                link.server.write(data)
                await link.server.drain()
        # What was sent is carried out although nobody waits for the answer.
        with contextlib.suppress(OSError):
            link.server.write_eof()

    async def _carry_back(self, link: _Link, reader: asyncio.StreamReader) -> None:
        parser = _parser()
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                parser.feed(data)
                if link.listens:
                    self._tell(link, parser)
                    continue
                if not self._pass(link, parser) or link.client.is_closing():
                    break
                link.client.write(data)
                await link.client.drain()
        link.close()
        self._links.discard(link)

    def _pass(self, link: _Link, parser: _Parser) -> bool:
        """Note the replies that came; false when they are to be lost, all of them and with them the connection."""
        came: list[tuple[Asked, Reply]] = []
        while (reply := parser.gets()) is not False:
            asked = link.pending.popleft()
            came.append((asked, reply))
            self._tally.answered(self._daemon, asked, reply)
        if not any(asked.script in self.lose for asked, _ in came):
            return True
        self.lose -= {asked.script for asked, _ in came}
        for asked, reply in came:
            self._tally.lost(asked, reply)
        return False

    def _tell(self, link: _Link, parser: _Parser) -> None:
        while (message := parser.gets()) is not False:
            if isinstance(message, list) and message[0] in HINTS:
                self._tally.hint(self._daemon, message, heard=not self.deaf)
                if self.deaf:
                    continue
            if link.client.is_closing():
                return
            link.client.write(packed(message))


class _Link:
    """One connection of a daemon, and ours to the Valkey that stands for it."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.pending: deque[Asked] = deque()
        self.listens = False

    def close(self) -> None:
        self.client.close()
        self.server.close()


def packed(reply: Reply | bool) -> bytes:
    """A reply as it is on the wire (RESP 2)."""
    match reply:
        case None:
            return b"$-1\r\n"
        case int():
            return b":%d\r\n" % reply
        case bytes():
            return b"$%d\r\n%b\r\n" % (len(reply), reply)
        case list():
            return b"*%d\r\n" % len(reply) + b"".join(map(packed, reply))
        case _:
            return f"-{reply}\r\n".encode()


def scripts_in_flight(proxies: Collection[Proxy]) -> int:
    """How many scripts the Valkey has been asked for and has not answered."""
    return sum(proxy.in_flight for proxy in proxies)
