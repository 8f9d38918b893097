"""The action host: an OpenWhisk for one machine, so that nobody needs a big one to begin."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import shutil
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Self

from aiohttp import web

from statebox.openwhisk.local.activations import Activations
from statebox.openwhisk.local.api import About, Gate
from statebox.openwhisk.local.api_actions import ActionsApi
from statebox.openwhisk.local.api_activations import ActivationsApi
from statebox.openwhisk.local.background import Background
from statebox.openwhisk.local.catalogue import Catalogue
from statebox.openwhisk.local.folder import ActionFolder
from statebox.openwhisk.local.guard import Guard
from statebox.openwhisk.local.invocations import Invocations
from statebox.openwhisk.local.limits import HostLimits
from statebox.openwhisk.local.runs import Runner
from statebox.openwhisk.local.runtimes import find_runtimes

# The credentials that every standalone OpenWhisk comes with. They are no secret, and need not be one on 127.0.0.1: they
# keep out web pages and mistakes.
GUEST_AUTH = "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"


class ActionHost:
    """Serves OpenWhisk's REST API for the actions in a folder and for those that clients put there.

    `folder` holds `*.py` and `*.js` files; a folder in it is a package. `data` keeps what clients put (without it, that
    is gone when the host stops). `host` has to be this machine only, as whoever is let in can run any code; `port` 0
    takes a free one. `node` is the command to run Node with, None for none. `invocation_log` is a file that gets a line
    of JSON for each start and end of a run.

    To be started once: `async with ActionHost(…) as host`, or `start` and `stop`.
    """

    def __init__(
        self,
        *,
        folder: Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        auth: str = GUEST_AUTH,
        namespace: str = "guest",
        data: Path | None = None,
        limits: HostLimits | None = None,
        node: str | None = "node",
        invocation_log: Path | None = None,
    ) -> None:
        if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            raise ValueError(f"the action host runs any code for who is let in, so it does not listen on {host}")
        self._folder = folder
        self._host = host
        self._asked_port = port
        self._auth = auth
        self._namespace = namespace
        self._data = data
        self._limits = limits or HostLimits()
        self._node = node
        self._invocation_log = invocation_log
        self._port: int | None = None
        self._stack = contextlib.AsyncExitStack()

    def __repr__(self) -> str:
        return f"<ActionHost {self.url if self._port is not None else 'not started'}>"

    @property
    def port(self) -> int:
        """The port it listens on, once it is started."""
        assert self._port is not None, "the action host is not started"
        return self._port

    @property
    def url(self) -> str:
        """What to set as API host, once it is started."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    @property
    def auth(self) -> str:
        """The credentials, `uuid:key`."""
        return self._auth

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Begin to serve. Raises OSError when the port is taken."""
        try:
            await self._start(self._stack)
        except BaseException:
            await self._stack.aclose()
            raise

    async def stop(self) -> None:
        """Serve no more, and end all processes: what still runs is killed."""
        await self._stack.aclose()
        self._port = None

    async def _start(self, stack: contextlib.AsyncExitStack) -> None:
        """Put the parts together; what is entered here ends in the opposite order."""
        runtimes = await find_runtimes(self._node and shutil.which(self._node))
        temporary = Path(mkdtemp(prefix="statebox-actions-"))
        stack.callback(shutil.rmtree, temporary, ignore_errors=True)
        guard = await Guard.start(temporary)
        stack.push_async_callback(guard.stop)
        log = None
        if self._invocation_log is not None:
            log = stack.enter_context(self._invocation_log.open("a", encoding="utf-8"))
        background = Background()
        folder = None
        if self._folder is not None:
            folder = ActionFolder(self._folder, self._namespace, runtimes, self._limits)
        catalogue = Catalogue(self._namespace, runtimes, self._limits, folder, self._data)
        # Actions get what they need to find programs and to write text, and nothing of what the host knows.
        environment = {name: os.environ.get(name, default) for name, default in _ENVIRONMENT.items()}
        runner = Runner(runtimes, self._limits, background, guard, temporary, lambda: self.url, self._auth, environment)
        activations = Activations(self._limits)
        invocations = Invocations(catalogue, runner, activations, self._limits, log)
        stack.push_async_callback(runner.close)
        stack.push_async_callback(background.close)
        background.spawn(runner.pool.reap())

        # The bodies' sizes are judged by the handlers, who know what is allowed where.
        app = web.Application(
            middlewares=[Gate(self._namespace, self._auth).middleware()],
            client_max_size=self._limits.put_bytes,
        )
        app.add_routes(About(self._namespace, runtimes, self._limits).routes())
        app.add_routes(ActionsApi(catalogue, invocations, background, self._limits).routes())
        app.add_routes(ActivationsApi(activations).routes())
        web_runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await web_runner.setup()
        stack.push_async_callback(web_runner.cleanup)
        site = web.TCPSite(web_runner, self._host, self._asked_port)
        await site.start()
        self._port = web_runner.addresses[0][1]


_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
