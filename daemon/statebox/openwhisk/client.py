"""The client: OpenWhisk's REST API. What goes wrong on the way changes here, once, into what is known of the call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self
from urllib.parse import quote

import aiohttp
from aiohttp.connector import Connection
from yarl import URL

from statebox.asl.jsontext import Json
from statebox.engine.ports import Permit
from statebox.openwhisk import replies
from statebox.openwhisk.activation import Activation, Submitted
from statebox.openwhisk.config import OpenWhiskConfig
from statebox.openwhisk.errors import Lost, Unreachable
from statebox.openwhisk.http1 import Closed, HttpConnection, NoAnswer
from statebox.openwhisk.names import ActionName
from statebox.openwhisk.pool import Pool
from statebox.openwhisk.replies import Action, Reply
from statebox.openwhisk.requests import Requests

_PAGE = 200  # the most that OpenWhisk lists at once
# Shorter than the idle time of any server in front of OpenWhisk (nginx 75 s, pekko 60 s), so that it is us who close: a
# request into a connection that the server has just closed can't be told from one that it began to serve.
_KEEPALIVE_S = 15


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
        self._requests = Requests(config, blocking_wait_ms=blocking_wait_ms, extra_logging=extra_logging)
        self._places = asyncio.Semaphore(in_flight)
        self._connecting = aiohttp.ClientTimeout(total=None, connect=connect_timeout_s)
        # A blocking call may be silent for as long as the server waits (60 s by default); all else answers at once.
        self._blocking_timeout_s = blocking_timeout_s
        self._answer_timeout_s = answer_timeout_s
        self._connector: aiohttp.TCPConnector | None = None
        self._pool: Pool | None = None

    def __repr__(self) -> str:
        return f"<OpenWhiskClient {self._config.api_url} namespace={self._config.namespace}>"

    async def __aenter__(self) -> Self:
        tls = self._config.tls()
        # The places bound the calls; polls and the like are not to wait for them.
        self._connector = aiohttp.TCPConnector(limit=0, ssl=True if tls is None else tls)
        self._pool = Pool(self._connect, _KEEPALIVE_S)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            await self._pool.close()
            self._pool = None
        if self._connector is not None:
            await self._connector.close()
            self._connector = None

    @property
    def namespace(self) -> str:
        """The namespace of names that have none."""
        return self._config.namespace

    @property
    def _place(self) -> str:
        return f"namespaces/{quote(self.namespace, safe='')}"

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
        request = self._requests.call(action, parameters, request_id, blocking=blocking)
        silence_s = self._blocking_timeout_s if blocking else self._answer_timeout_s
        async with self._places:
            reply = await self._ask(request, silence_s, permit)
        return replies.read_outcome(reply)

    async def activation(self, id: str) -> Activation | None:
        """The record of a run; None while there is none, which is so until it ends."""
        return replies.read_activation(await self._get(f"namespaces/_/activations/{quote(id, safe='')}"))

    async def action(self, name: ActionName) -> Action | None:
        """What is known about an action, without its code; None when there is none of that name."""
        return replies.read_action(await self._get(f"{name.path}?code=false"))

    async def actions(self) -> AsyncIterator[Action]:
        """All actions of the namespace, those in packages too, page by page."""
        skip = 0
        while True:
            listing = await self._get(f"{self._place}/actions?limit={_PAGE}&skip={skip}")
            page = replies.read_actions(listing)
            for action in page:
                yield action
            if len(page) < _PAGE:
                return
            skip += _PAGE

    async def limits(self) -> dict[str, Json]:
        """The limits of the namespace, in OpenWhisk's own words (`concurrentInvocations`, `invocationsPerMinute`)."""
        return replies.read_object(await self._get(f"{self._place}/limits"))

    async def ping(self) -> list[str]:
        """The namespaces that the credentials are good for: shows that OpenWhisk is there and knows them."""
        return replies.read_list(await self._get("namespaces"))

    async def _get(self, path: str) -> Reply:
        request = self._requests.look(path)
        try:
            return await self._ask(request, self._answer_timeout_s)
        except Lost as lost:
            # The server closed the connection just then; to look once more changes nothing.
            if not isinstance(lost.__cause__, Closed):
                raise
        return await self._ask(request, self._answer_timeout_s)

    async def _ask(self, request: bytes, silence_s: float, permit: Permit | None = None) -> Reply:
        """Send a request and wait for its answer. No redirect is followed: the credentials are for this host."""
        pool = self._pool
        assert pool is not None, "the client is not open"
        connection = await self._free_connection(pool, permit)
        try:
            return await connection.ask(request, silence_s)
        except NoAnswer as error:
            raise Lost(
                f"OpenWhisk at {self._config.host} was called and gave no answer, so the action may have run: {error}"
            ) from error
        finally:
            pool.give_back(connection)

    async def _free_connection(self, pool: Pool, permit: Permit | None) -> HttpConnection:
        """A connection on which the request can be sent at once, with the permit to do so."""
        while True:
            try:
                connection = await pool.take()
            except (aiohttp.ClientError, OSError) as error:
                raise Unreachable(
                    f"OpenWhisk at {self._config.host} cannot be reached: {error or 'no connection in time'}"
                ) from error
            if permit is None:
                return connection
            try:
                await permit()
            except BaseException:
                pool.give_back(connection)
                raise
            # To permit may take its time, and the server may have closed the connection meanwhile.
            if connection.free:
                return connection
            pool.give_back(connection)

    async def _connect(self) -> Connection:
        assert self._connector is not None
        url = URL(self._config.api_url)
        return await self._connector.connect(aiohttp.ClientRequest("GET", url), [], self._connecting)
