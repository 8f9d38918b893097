"""The clock: Redis time as this daemon sees it, read off CLOCK_BOOTTIME, which goes on while the machine sleeps."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from statebox.engine.errors import ServiceUnavailable

_log = logging.getLogger(__name__)

_ROUND_TRIPS: Final = 5
# Clocks that are being corrected drift by up to 0.5 ms a second.
_EVERY_SECONDS: Final = 5.0
_CLOCK: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boottime() -> float:
    """Seconds of CLOCK_BOOTTIME (of CLOCK_MONOTONIC where there is none)."""
    return time.clock_gettime(_CLOCK)


class RedisClock:
    """Redis time without asking Redis. `ask` returns Redis TIME in microseconds.

    It is never ahead of Redis: the answer to TIME is older than its arrival, so that each round trip gives a lower
    bound, and the best of a few counts. So no deadline fires early; it is behind by less than the quickest way back.
    `failures` counts how often it could not be measured again.
    """

    def __init__(
        self,
        ask: Callable[[], Awaitable[int]],
        boottime: Callable[[], float] = boottime,
        every_seconds: float = _EVERY_SECONDS,
    ) -> None:
        self._ask = ask
        self._boottime = boottime
        self._every_seconds = every_seconds
        self._ahead_us = 0.0
        self._last_ms = 0
        self.failures = 0

    def now_ms(self) -> int:
        """Redis time, in milliseconds since the epoch; never less than it was before. 0 until it is measured."""
        self._last_ms = max(self._last_ms, int((self._boottime() * 1e6 + self._ahead_us) // 1000))
        return self._last_ms

    def boottime(self) -> float:
        """Seconds of CLOCK_BOOTTIME."""
        return self._boottime()

    async def measure(self) -> None:
        """Compare with Redis. Raises ServiceUnavailable."""
        self._ahead_us = max([await self._ask() - self._boottime() * 1e6 for _ in range(_ROUND_TRIPS)])

    async def follow(self) -> None:
        """Measure again and again, for ever: clocks drift, and after a failover there is another Redis."""
        while True:
            await asyncio.sleep(self._every_seconds)
            try:
                await self.measure()
            except ServiceUnavailable as away:
                self.failures += 1
                _log.debug("Redis time could not be measured: %s", away.message)
