"""The client: OpenWhisk's REST API over aiohttp. Foreign errors change here, once, and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import contextmanager
from io import BytesIO
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

import statebox
from statebox.asl.jsontext import Json
from statebox.engine.ports import Permit
from statebox.openwhisk import replies
from statebox.openwhisk.activation import Activation, Submitted
from statebox.openwhisk.config import OpenWhiskConfig
from statebox.openwhisk.errors import Lost, Unreachable
from statebox.openwhisk.names import ActionName
from statebox.openwhisk.replies import Action, Reply

_PAGE = 200  # the most that OpenWhisk lists at once
_JSON = {"Content-Type": "application/json"}
# Shorter than the idle time of any server in front of OpenWhisk (nginx 75 s, pekko 60 s), so that it is us who close: a
# request into a connection that the server has just closed can't be told from one that it began to serve.
_KEEPALIVE_S = 15
_LARGE_BYTES = 256 * 1024


class OpenWhiskClient:
    """Calls and looks at actions. Use it as an async context manager.

    At most `in_flight` invocations run at once; more of them wait here, in order. `blocking_wait_ms` asks the server to
    let a blocking call outlive its wait sooner than after the server's own limit (60 s). With `extra_logging` OpenWhisk
    is asked to store every record even where it is set up not to, as nothing can be polled otherwise.

    All methods raise Unreachable, Lost or Refused.
    """

    def __init__(
        self,
        config: OpenWhiskConfig,
        *,
        in_flight: int = 100,
        connect_timeout_s: float = 10,
        blocking_timeout_s: float = 90,
        answer_timeout_s: float = 30,
        blocking_wait_ms: int | None = None,
        extra_logging: bool = False,
    ) -> None:
        self._config = config
        self._api = config.api_url
        self._places = asyncio.Semaphore(in_flight)
        # A blocking call may be silent for as long as the server waits (60 s by default); all else answers at once.
        self._blocking = aiohttp.ClientTimeout(total=None, connect=connect_timeout_s, sock_read=blocking_timeout_s)
        self._prompt = aiohttp.ClientTimeout(total=None, connect=connect_timeout_s, sock_read=answer_timeout_s)
        self._query = "?blocking=true&result=false" + (
            "" if blocking_wait_ms is None else f"&timeout={blocking_wait_ms}"
        )
        self._headers = {
            "Authorization": config.credentials.header,
            "Accept": "application/json",
            "User-Agent": f"statebox/{statebox.__version__}",
        }
        if extra_logging:
            self._headers["X-OW-EXTRA-LOGGING"] = "on"
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"<OpenWhiskClient {self._api} namespace={self._config.namespace}>"

    async def __aenter__(self) -> Self:
        tls = self._config.tls()
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE_S, ssl=True if tls is None else tls)
        self._session = aiohttp.ClientSession(
            connector=connector, headers=self._headers, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def namespace(self) -> str:
        """The namespace of names that have none."""
        return self._config.namespace

    async def invoke(
        self,
        action: ActionName,
        parameters: bytes,
        *,
        request_id: str,
        blocking: bool = True,
        permit: Permit | None = None,
    ) -> Activation | Submitted:
        """Call an action with a JSON object as parameters.

        A blocking call gives the Activation, or Submitted when it outlives the server's wait; a call that is not
        blocking always gives Submitted. `request_id` becomes OpenWhisk's transaction id. An action that fails is an
        Activation too. `permit` is awaited right before the request, however long that waited for its place.
        """
        async with self._places:
            if permit is not None:
                await permit()
            reply = await self._send(
                "POST",
                action.path + (self._query if blocking else ""),
                body=parameters,
                headers=_JSON | {"X-Request-ID": request_id},
                timeout=self._blocking if blocking else self._prompt,
            )
        return replies.read_outcome(reply)

    async def activation(self, id: str) -> Activation | None:
        """The record of a run; None while there is none, which is so until it ends."""
        return replies.read_activation(await self._get(f"namespaces/_/activations/{id}"))

    async def action(self, name: ActionName) -> Action | None:
        """What is known about an action, without its code; None when there is none of that name."""
        return replies.read_action(await self._get(f"{name.path}?code=false"))

    async def actions(self) -> AsyncIterator[Action]:
        """All actions of the namespace, those in packages too, page by page."""
        skip = 0
        while True:
            listing = await self._get(f"namespaces/{self.namespace}/actions?limit={_PAGE}&skip={skip}")
            page = replies.read_actions(listing)
            for action in page:
                yield action
            if len(page) < _PAGE:
                return
            skip += _PAGE

    async def limits(self) -> dict[str, Json]:
        """The limits of the namespace, in OpenWhisk's own words (`concurrentInvocations`, `invocationsPerMinute`)."""
        return replies.read_object(await self._get(f"namespaces/{self.namespace}/limits"))

    async def ping(self) -> list[str]:
        """The namespaces that the credentials are good for: shows that OpenWhisk is there and knows them."""
        return replies.read_list(await self._get("namespaces"))

    async def _get(self, path: str) -> Reply:
        return await self._send("GET", path, body=None, headers=None, timeout=self._prompt)

    async def _send(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None,
        headers: Mapping[str, str] | None,
        timeout: aiohttp.ClientTimeout,
    ) -> Reply:
        assert self._session is not None, "the client is not open"
        url = URL(self._api + path, encoded=True)
        # aiohttp sends a file piece by piece, and so a large body without holding up everything else.
        data = BytesIO(body) if body is not None and len(body) > _LARGE_BYTES else body
        with _foreign_errors(self._config.host):
            # Redirects are not followed: the credentials are for this host.
            async with self._session.request(
                method, url, data=data, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                return Reply(response.status, response.headers, await response.read())


@contextmanager
def _foreign_errors(host: str) -> Generator[None]:
    """Sort aiohttp's errors by the one thing that matters: whether the request can have been served."""
    try:
        yield
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
        raise Unreachable(f"OpenWhisk at {host} cannot be reached: {error or 'no connection in time'}") from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Lost(
            f"OpenWhisk at {host} was called and gave no answer, so the action may have run:"
            f" {error or 'no answer in time'} ({type(error).__name__})"
        ) from error
