"""Health over HTTP: whether the daemon lives, whether it may be sent work, and how it is doing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from aiohttp import web

from statebox import __version__
from statebox.asl.jsontext import Json
from statebox.asl.moment import timestamp
from statebox.engine.errors import ServiceUnavailable
from statebox.engine.records import Counts
from statebox.http.messages import answer
from statebox.http.reply import Reply
from statebox.http.statuses import NOT_READY, READY, retry_headers

# Whoever asks for health gives up soon, and a Redis that takes so long is no help.
_REDIS_SECONDS: Final = 1.0


class Health(Protocol):
    """What the daemon says about itself."""

    @property
    def hints(self) -> str:
        """Whether keyspace notifications and pub/sub wake it early: on or off."""
        ...

    def unready(self) -> Sequence[str]:
        """Why it should not be sent work now, beside Redis (starting, stopping); empty when it may."""
        ...

    async def redis_ok(self) -> bool:
        """Whether Redis answers within a second."""
        ...

    async def counts(self) -> Counts:
        """How much there is. Raises ServiceUnavailable."""
        ...


class HealthEndpoints:
    """Serves /livez, /readyz and /healthz."""

    def __init__(self, health: Health) -> None:
        self._health = health

    async def livez(self, _: web.BaseRequest | None = None) -> Reply:
        """The event loop turns. Never touches Redis: a restart of the daemon would not mend that."""
        return answer({"status": "ok"}, READY)

    async def readyz(self, _: web.BaseRequest | None = None) -> Reply:
        """Whether it may be sent work, and why not."""
        reasons = list(self._health.unready())
        if not await self._redis_ok():
            reasons.append("Redis does not answer")
        if reasons:
            return answer({"status": "not ready", "reasons": reasons}, NOT_READY, retry_headers(NOT_READY))
        return answer({"status": "ok"}, READY)

    async def healthz(self, _: web.BaseRequest | None = None) -> Reply:
        """How it is doing, in figures; those that only Redis knows are null while it is away."""
        counts = await self._counts() if await self._redis_ok() else None
        oldest_ms = None if counts is None else counts.oldest_suspended_ms
        value: Json = {
            "status": "not ready" if counts is None or self._health.unready() else "ok",
            "version": __version__,
            "redis": "away" if counts is None else "ok",
            "running": None if counts is None else counts.running,
            "suspended": None if counts is None else counts.suspended,
            "oldest_suspended": None if oldest_ms is None else timestamp(oldest_ms),
            "set_aside": None if counts is None else counts.set_aside,
            "hints": self._health.hints,
        }
        status = NOT_READY if counts is None else READY
        return answer(value, status, retry_headers(status))

    async def _redis_ok(self) -> bool:
        try:
            async with asyncio.timeout(_REDIS_SECONDS):
                return await self._health.redis_ok()
        except (TimeoutError, ServiceUnavailable):
            return False

    async def _counts(self) -> Counts | None:
        try:
            async with asyncio.timeout(_REDIS_SECONDS):
                return await self._health.counts()
        except (TimeoutError, ServiceUnavailable):
            return None
