"""The pool: the connections to one OpenWhisk, kept open between calls."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from aiohttp.connector import Connection

from statebox.openwhisk.http1 import HttpConnection


class Pool:
    """Hands out connections, the one used last first, so that those which are too many are idle and end.

    How many there are is bound by those who take them. One that was idle for `idle_s` is closed.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]], idle_s: float) -> None:
        self._connect = connect
        self._idle_s = idle_s
        self._loop = asyncio.get_running_loop()
        self._all: set[HttpConnection] = set()
        # With when each was given back, the oldest first.
        self._idle: deque[tuple[float, HttpConnection]] = deque()
        self._sweeping: asyncio.TimerHandle | None = None
        self._closed = False

    async def take(self) -> HttpConnection:
        """A free connection. Raises what `connect` raises, and ConnectionError when the pool is closed."""
        idle = self._idle
        while idle:
            _, connection = idle.pop()
            if connection.free:
                return connection
        made = await self._connect()
        if self._closed:
            made.close()
            raise ConnectionError("the connections are closed")
        connection = HttpConnection(made)
        self._all.add(connection)
        connection.gone.add_done_callback(lambda _: self._all.discard(connection))
        return connection

    def give_back(self, connection: HttpConnection) -> None:
        """Keep a connection for the next who wants one, if it can be used again."""
        if not connection.free:
            connection.close()
            return
        self._idle.append((self._loop.time(), connection))
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(self._idle_s, self._sweep)

    async def close(self) -> None:
        """End all connections, those in use too, and make no more."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        self._idle.clear()
        connections = list(self._all)
        for connection in connections:
            connection.close()
        for connection in connections:
            await connection.gone

    def _sweep(self) -> None:
        """Close what was idle for too long, and come back when the next one will have been."""
        self._sweeping = None
        idle, now = self._idle, self._loop.time()
        while idle and (idle[0][0] + self._idle_s <= now or not idle[0][1].free):
            idle.popleft()[1].close()
        if idle:
            self._sweeping = self._loop.call_at(idle[0][0] + self._idle_s, self._sweep)
