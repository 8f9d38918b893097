"""Waits for executions on behalf of callers: until they come to rest, time is up, or nobody is there any more."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from statebox.asl.execution import Execution
from statebox.engine.errors import ServiceUnavailable
from statebox.engine.service import Service

# How long a wait may go on for a caller who has hung up.
_LOOK_FOR_CALLER_SECONDS: Final = 5.0


class CallerGone(Exception):
    """Whoever asked has closed the connection; there is nobody to answer to."""


class Settling:
    """The waits of one server."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._scopes: set[asyncio.Timeout] = set()
        self._ended = False

    async def settle(self, request: web.BaseRequest, id: str, seconds: float, beyond: str | None = None) -> Execution:
        """Wait as Service.settle does, at most `seconds`; the execution goes on in any case.

        Raises CallerGone, ServiceUnavailable (also when this daemon stops), ExecutionDoesNotExist.
        """
        try:
            async with asyncio.timeout(0 if self._ended else None) as scope:
                self._scopes.add(scope)
                try:
                    return await self._settle(request, id, seconds, beyond)
                finally:
                    self._scopes.discard(scope)
        except TimeoutError:
            raise ServiceUnavailable("This daemon is stopping; the execution goes on", execution=id) from None

    def end(self) -> None:
        """The daemon stops: send everybody who waits away."""
        self._ended = True
        for scope in self._scopes:
            scope.reschedule(0)

    async def _settle(self, request: web.BaseRequest, id: str, seconds: float, beyond: str | None) -> Execution:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            until = min(deadline, loop.time() + _LOOK_FOR_CALLER_SECONDS)
            execution = await self._service.settle(id, until - loop.time(), beyond)
            if loop.time() < until or until == deadline:
                return execution
            if request.transport is None or request.transport.is_closing():
                raise CallerGone
