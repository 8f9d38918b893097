"""What an action writes: its two output streams, cut into lines and sorted by activation."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import UTC, datetime

_STREAMS = {1: "stdout", 2: "stderr"}
# OpenWhisk's limit on the logs of one activation is 10 MB; a laptop's memory need not hold that many times over.
_MOST_BYTES = 1024 * 1024
_LONGEST_LINE = 64 * 1024
# What V8 says before it aborts; the exit status alone does not tell.
_HEAP_IS_FULL = b"JavaScript heap out of memory"


class Output(asyncio.SubprocessProtocol):
    """Collects lines until each stream has shown the line `end`, which launchers write after each activation."""

    def __init__(self, end: bytes) -> None:
        self.end = end
        self.exited: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.logs: list[str] = []
        self.heap_is_full = False
        self._rest = {fd: bytearray() for fd in _STREAMS}
        self._open = set(_STREAMS)
        self._awaited: set[int] = set()
        self._bytes = 0
        self._all_ended: asyncio.Future[None] | None = None
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._transport.close()

    def begin(self) -> None:
        """An activation begins: what comes from here on is its own."""
        self.logs = []
        self._bytes = 0
        self._awaited = set(self._open)

    async def drained(self, timeout_s: float) -> None:
        """Wait until both streams have ended what the activation wrote."""
        if not self._awaited:
            return
        self._all_ended = asyncio.get_running_loop().create_future()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._all_ended
        self._all_ended = None

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        rest = self._rest[fd]
        rest += data
        *lines, last = rest.split(b"\n")
        if len(last) > _LONGEST_LINE:
            lines.append(last)
            last = bytearray()
        self._rest[fd] = last
        for line in lines:
            self._take(fd, bytes(line))

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if self._rest[fd]:
            self._take(fd, bytes(self._rest[fd]))
            self._rest[fd] = bytearray()
        self._open.discard(fd)
        self._end(fd)

    def process_exited(self) -> None:
        if not self.exited.done():
            self.exited.set_result(None)

    def _take(self, fd: int, line: bytes) -> None:
        # A line that the action did not end stands before the mark.
        text = line.removesuffix(self.end)
        if text or len(text) == len(line):
            self._log(fd, text)
        if len(text) != len(line):
            self._end(fd)

    def _log(self, fd: int, text: bytes) -> None:
        if _HEAP_IS_FULL in text:
            self.heap_is_full = True
        if self._bytes > _MOST_BYTES:
            return
        self._bytes += len(text) + 1
        shown = text.decode(errors="replace").rstrip("\r")
        if self._bytes > _MOST_BYTES:
            shown = f"Logs were truncated because the total bytes size exceeds the limit of {_MOST_BYTES} bytes."
        self.logs.append(f"{_now()} {_STREAMS[fd]}: {shown}")

    def _end(self, fd: int) -> None:
        self._awaited.discard(fd)
        if not self._awaited and self._all_ended is not None and not self._all_ended.done():
            self._all_ended.set_result(None)


def _now() -> str:
    """The time to the nanosecond, 30 characters long, as Docker has it and tools cut it off."""
    now_ns = time.time_ns()
    at = datetime.fromtimestamp(now_ns // 1_000_000_000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{now_ns % 1_000_000_000:09d}Z"
