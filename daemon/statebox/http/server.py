"""The server: which path is served by what, behind one guard and with one way of telling errors."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from aiohttp.http_exceptions import HttpProcessingError

from statebox.engine.errors import ServiceError
from statebox.engine.service import Service
from statebox.http.admission import Admission
from statebox.http.continuations import Continuations
from statebox.http.doorkeeper import Doorkeeper
from statebox.http.errors import InternalError
from statebox.http.executions import Executions
from statebox.http.guard import Guard, check_exposure
from statebox.http.health import Health, HealthEndpoints
from statebox.http.messages import TARGET_HEADER, look_at_bytes, refusal
from statebox.http.operations import OPERATIONS
from statebox.http.protocol import Protocol
from statebox.http.reply import Reply
from statebox.http.roles import check_role
from statebox.http.routes import Routes
from statebox.http.seed import Seed
from statebox.http.settings import HttpSettings
from statebox.http.settling import CallerGone, Settling
from statebox.http.state_answers import StateAnswers
from statebox.http.statuses import CALLER_GONE

_log = logging.getLogger(__name__)
# What aiohttp itself has to say about requests.
_aiohttp_log = logging.getLogger("statebox.http.aiohttp")

# What is being answered when the server stops is done in moments, as nobody waits for executions any more then.
_STOP_SECONDS: Final = 5.0
# Connections that the kernel holds until they are looked at.
_BACKLOG: Final = 1024
# Where OpenWhisk served the seed: any namespace and package, with or without the extension that chose the reply's form.
_WEB_ACTIONS: Final = tuple(
    "/api/v1/web/{namespace}/{package}/statebox" + extension for extension in ("", ".http", ".json")
)


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
        self._runner: web.ServerRunner | None = None
        self._listening: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. Raises RemoteWithoutToken, OSError."""
        check_exposure(self._settings)
        # Not an Application: its router and its middleware would cost each request more than ours.
        server = web.Server(
            _Answering(self._settings, self._routes()),
            request_factory=self._request,
            access_log=None,
            # What comes in compressed could be any size; nobody sends it.
            auto_decompress=False,
            logger=_aiohttp_log,
        )
        runner = web.ServerRunner(server, shutdown_timeout=_STOP_SECONDS)
        await runner.setup()
        try:
            self._listening = await asyncio.get_running_loop().create_server(
                Doorkeeper(server, self._settings.max_connections),
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

    def _request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        loop, most = asyncio.get_running_loop(), self._settings.max_body_bytes
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=most)

    def _routes(self) -> Routes:
        seed = Seed(self._service, self._settings, self._settling)
        up_since_ms, payload_bytes = round(time.time() * 1000), self._settings.payload_bytes
        protocol = Protocol(self._service, self._settling, OPERATIONS, up_since_ms, payload_bytes)
        continuations = Continuations(self._service)
        executions = Executions(self._service)
        state_answers = StateAnswers(self._service)
        health = HealthEndpoints(self._health)

        async def root(request: web.BaseRequest) -> Reply:
            """The one path that two worlds share: what names an operation of AWS's is one."""
            return await (protocol if TARGET_HEADER in request.headers else seed).post(request)

        return Routes(
            {
                "/": {"POST": root},
                "/continuations/{continuation}": {"GET": continuations.get, "POST": continuations.post},
                "/executions/{machine}/{name}": {"GET": executions.get},
                "/executions/{machine}/{name}/answers/{state...}": {
                    "GET": state_answers.get,
                    "POST": state_answers.post,
                },
                "/livez": {"GET": health.livez},
                "/readyz": {"GET": health.readyz},
                "/healthz": {"GET": health.healthz},
                **{path: {"POST": seed.post} for path in _WEB_ACTIONS},
            }
        )


class _Answering:
    """Answers each request: guard first, then as many at once as may be, and errors in one way."""

    def __init__(self, settings: HttpSettings, routes: Routes) -> None:
        self._guard = Guard(settings)
        self._admission = Admission(settings.max_requests, settings.max_requests_bytes)
        self._routes = routes

    async def __call__(self, request: web.BaseRequest) -> Reply:
        try:
            signed = self._guard.check(request)
            with self._admission.admit(request):
                if signed is not None:
                    signed.verify(await look_at_bytes(request))
                    check_role(signed.key.role, signed.key.id, request)
                return await self._routes.serve(request)
        except ServiceError as error:
            return refusal(request, error)
        except (CallerGone, ConnectionError):
            return Reply(b"", CALLER_GONE, {})
        except Exception:  # noqa: BLE001 -- whoever asked learns that it failed, and the log how
            _log.exception("%s %s failed", request.method, request.path)
            return refusal(request, InternalError())
