"""The one load generator of all HTTP rows: so many connections, each with one request at a time.

Run: python -m benchmarks.contest.load, an Ask as JSON on stdin; prints an Outcome.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from typing import cast

import msgspec
import uvloop

from benchmarks.contest.outcome import Outcome, summed_up

_PATIENCE_SECONDS = 120.0


class Ask(msgspec.Struct, frozen=True):
    """`request` again and again for `seconds`, or, where there are any, each of `requests` once.

    Connections go to the ports in turn. Requests are whole HTTP/1.1 messages as text.
    """

    ports: list[int]
    concurrency: int
    seconds: float = 0.0
    request: str = ""
    requests: list[str] = []


class _Run:
    """One run over all connections."""

    def __init__(self, ask: Ask) -> None:
        self._request = ask.request.encode()
        self._left = [one.encode() for one in reversed(ask.requests)]
        self._each_once = bool(ask.requests)
        self._until = time.perf_counter() + (ask.seconds or _PATIENCE_SECONDS)
        self._open = ask.concurrency
        self.latencies: list[float] = []
        self.errors = 0
        self.finished = asyncio.Event()

    def next(self) -> bytes | None:
        """What to send now; None at the end."""
        if time.perf_counter() >= self._until:
            return None
        if self._each_once:
            return self._left.pop() if self._left else None
        return self._request

    def closed(self) -> None:
        """One of so many at a time is through."""
        self._open -= 1
        if self._open == 0:
            self.finished.set()


class _Connection(asyncio.Protocol):
    """One connection: sends, waits for the whole answer, sends again; `again` makes another where the server closes."""

    def __init__(self, run: _Run, again: Callable[[], None]) -> None:
        self._run = run
        self._again = again
        self._buffer = b""
        self._began = 0.0
        self._waiting = self._through = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one, by its methods only
        self._go()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting:
            self._run.errors += 1
        if self._through:
            self._run.closed()
        else:
            self._again()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not _whole(self._buffer):
            return
        self._waiting = False
        if self._buffer.startswith((b"HTTP/1.1 2", b"HTTP/1.0 2")):
            self._run.latencies.append(time.perf_counter() - self._began)
        else:
            if self._run.errors == 0:
                sys.stderr.write(self._buffer[:500].decode(errors="replace") + "\n")
            self._run.errors += 1
        if b"\r\nconnection: close" in self._buffer[:1000].lower():
            assert self._transport is not None
            self._transport.close()
        else:
            self._go()

    def _go(self) -> None:
        assert self._transport is not None
        request = self._run.next()
        if request is None:
            self._through = True
            self._transport.close()
            return
        self._waiting = True
        self._buffer = b""
        self._began = time.perf_counter()
        self._transport.write(request)


def _whole(answer: bytes) -> bool:
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = answer[:end].lower()
    at = head.find(b"content-length:")
    if at >= 0:
        return len(answer) >= end + 4 + int(head[at + 15 :].split(b"\r\n", 1)[0])
    return answer.endswith(b"0\r\n\r\n") if b"chunked" in head else True


async def load(ask: Ask) -> Outcome:
    """Do what is asked."""
    loop = asyncio.get_running_loop()
    cpu, began = time.process_time(), time.perf_counter()
    run = _Run(ask)
    async with asyncio.timeout(ask.seconds + _PATIENCE_SECONDS), asyncio.TaskGroup() as group:

        async def connect(port: int) -> None:
            await loop.create_connection(lambda: _Connection(run, lambda: again(port)), "127.0.0.1", port)

        def again(port: int) -> None:
            group.create_task(connect(port))

        for n in range(ask.concurrency):
            await connect(ask.ports[n % len(ask.ports)])
        await run.finished.wait()
    return summed_up(run.latencies, time.perf_counter() - began, time.process_time() - cpu, run.errors)


def main() -> None:
    """Read what is asked, and print the outcome."""
    ask = msgspec.json.decode(sys.stdin.buffer.read(), type=Ask)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(load(ask))))


if __name__ == "__main__":
    main()
