"""The server: which path is served by what, behind one guard and with one way of telling errors."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from statebox.engine.errors import ServiceError
from statebox.engine.service import Service
from statebox.http.admission import Admission
from statebox.http.continuations import Continuations
from statebox.http.doorkeeper import Doorkeeper
from statebox.http.errors import InternalError, MethodNotAllowed, UnknownPath
from statebox.http.executions import Executions
from statebox.http.guard import Guard, check_exposure
from statebox.http.health import Health, HealthEndpoints
from statebox.http.messages import TARGET_HEADER, refusal
from statebox.http.operations import OPERATIONS
from statebox.http.protocol import Protocol
from statebox.http.seed import Seed
from statebox.http.settings import HttpSettings
from statebox.http.settling import CallerGone, Settling
from statebox.http.state_answers import StateAnswers
from statebox.http.statuses import CALLER_GONE

_log = logging.getLogger(__name__)
# What aiohttp itself has to say about requests.
_aiohttp_log = logging.getLogger("statebox.http.aiohttp")

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# What is being answered when the server stops is done in moments, as nobody waits for executions any more then.
_STOP_SECONDS: Final = 5.0
# Connections that the kernel holds until they are looked at.
_BACKLOG: Final = 1024
# Where OpenWhisk served the seed: any namespace and package, with or without the extension that chose the reply's form.
_WEB_ACTION: Final = r"/api/v1/web/{namespace}/{package}/{action:statebox(?:\.http|\.json)?}"


class _NotOurs(logging.Filter):
    """Drops what is wrong with bytes that are no HTTP: their sender is told, and could fill the log with them."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)


_aiohttp_log.addFilter(_NotOurs())


class HttpServer:
    """Serves HTTP from `start` to `stop`."""

    def __init__(self, service: Service, settings: HttpSettings, health: Health) -> None:
        self._service = service
        self._settings = settings
        self._health = health
        self._settling = Settling(service)
        self._runner: web.AppRunner | None = None
        self._listening: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. Raises RemoteWithoutToken, OSError."""
        check_exposure(self._settings)
        runner = web.AppRunner(
            self._application(),
            access_log=None,
            shutdown_timeout=_STOP_SECONDS,
            # What comes in compressed could be any size; nobody sends it.
            auto_decompress=False,
            logger=_aiohttp_log,
        )
        await runner.setup()
        assert runner.server is not None
        try:
            self._listening = await asyncio.get_running_loop().create_server(
                Doorkeeper(runner.server, self._settings.max_connections),
                self._settings.host,
                self._settings.port,
                backlog=_BACKLOG,
                reuse_port=self._settings.reuse_port or None,
            )
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner

    @property
    def port(self) -> int:
        """The port it listens on."""
        assert self._listening is not None
        return self._listening.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more, send away who waits for an execution, and finish what is being answered."""
        if self._runner is None or self._listening is None:
            return
        self._listening.close()
        self._settling.end()
        await self._runner.cleanup()
        self._runner = self._listening = None

    def _application(self) -> web.Application:
        guard = Guard(self._settings)
        admission = Admission(self._settings.max_requests, self._settings.max_requests_bytes)

        @web.middleware
        async def answer(request: web.Request, handler: _Handler) -> web.StreamResponse:
            try:
                guard.check(request)
                with admission.admit(request):
                    return await handler(request)
            except ServiceError as error:
                return refusal(request, error)
            except web.HTTPNotFound:
                return refusal(request, UnknownPath(f"There is nothing at {request.path}"))
            except web.HTTPMethodNotAllowed as error:
                return refusal(request, _method_not_allowed(request, error))
            except (CallerGone, ConnectionError):
                return web.Response(status=CALLER_GONE)
            except Exception:  # noqa: BLE001 -- whoever asked learns that it failed, and the log how
                _log.exception("%s %s failed", request.method, request.path)
                return refusal(request, InternalError())

        app = web.Application(middlewares=[answer], client_max_size=self._settings.max_body_bytes)
        seed = Seed(self._service, self._settings, self._settling)
        protocol = Protocol(self._service, self._settling, OPERATIONS, up_since_ms=round(time.time() * 1000))
        continuations = Continuations(self._service)
        executions = Executions(self._service)
        state_answers = StateAnswers(self._service)
        health = HealthEndpoints(self._health)

        async def root(request: web.Request) -> web.StreamResponse:
            """The one path that two worlds share: what names an operation of AWS's is one."""
            return await (protocol if TARGET_HEADER in request.headers else seed).post(request)

        app.add_routes(
            [
                web.post("/", root),
                web.post(_WEB_ACTION, seed.post),
                web.get("/continuations/{continuation}", continuations.get),
                web.post("/continuations/{continuation}", continuations.post),
                web.get("/executions/{machine}/{name}", executions.get),
                web.get("/executions/{machine}/{name}/answers/{state:.+}", state_answers.get),
                web.post("/executions/{machine}/{name}/answers/{state:.+}", state_answers.post),
                web.get("/livez", health.livez),
                web.get("/readyz", health.readyz),
                web.get("/healthz", health.healthz),
            ]
        )
        return app


def _method_not_allowed(request: web.Request, error: web.HTTPMethodNotAllowed) -> MethodNotAllowed:
    """What the router says, in the seed's words."""
    allowed = ", ".join(sorted(error.allowed_methods))
    expected = "post" if error.allowed_methods == {"POST"} else allowed
    return MethodNotAllowed(f"Expected {expected} method, got {request.method.lower()}", allowed)
