"""OpenWhisk's REST API as a client without manners sees it: any request, and just what is answered."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import aiohttp
import msgspec

from statebox.asl.jsontext import Json, read_json, write_json
from statebox.openwhisk.config import Basic
from statebox.openwhisk.local.host import ActionHost


class Answer(msgspec.Struct, frozen=True):
    """An answer; `body` is its JSON."""

    status: int
    body: Json
    headers: dict[str, str]


class Rest:
    """Sends requests to an action host. Paths are below the namespace, unless they begin with a slash."""

    def __init__(self, host: ActionHost) -> None:
        self._url = host.url
        self._headers = {"Authorization": Basic(host.auth).header}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def send(self, method: str, path: str, body: Json = None, headers: dict[str, str] | None = None) -> Answer:
        """Send a request; `body` is JSON, or bytes as they are."""
        assert self._session is not None
        data = None
        sent = dict(self._headers)
        if body is not None:
            data = body if isinstance(body, bytes) else write_json(body)
            sent["Content-Type"] = "application/json"
        url = self._url + (path if path.startswith("/") else f"/api/v1/namespaces/_/{path}")
        async with self._session.request(method, url, data=data, headers=sent | (headers or {})) as answer:
            return Answer(answer.status, read_json(await answer.read()), dict(answer.headers))

    async def get(self, path: str) -> Json:
        """The body of a GET that succeeds."""
        return await self._succeed("GET", path)

    async def put(self, path: str, body: Json, *, overwrite: bool = True) -> Json:
        """The body of a PUT that succeeds."""
        return await self._succeed("PUT", f"{path}?overwrite={str(overwrite).lower()}", body)

    async def delete(self, path: str) -> Json:
        """The body of a DELETE that succeeds."""
        return await self._succeed("DELETE", path)

    async def post(self, path: str, body: Json = None) -> Answer:
        """Call an action."""
        return await self.send("POST", path, {} if body is None else body)

    async def _succeed(self, method: str, path: str, body: Json = None) -> Json:
        answer = await self.send(method, path, body)
        assert answer.status == 200, answer
        return answer.body


def python(code: str, **more: Json) -> dict[str, Json]:
    """The body that puts a Python action."""
    return {"exec": {"kind": "python:3", "code": code}, **more}
