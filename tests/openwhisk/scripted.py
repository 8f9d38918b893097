"""A server that answers as the test says: for what a healthy OpenWhisk does not do on demand."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeAlias

import msgspec
from aiohttp import web

from statebox.asl.jsontext import Json, write_json
from statebox.openwhisk.config import Basic, OpenWhiskConfig


class Asked(msgspec.Struct, frozen=True):
    """A request as it arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


# What to do with a request: answer, or something worse.
Step: TypeAlias = Callable[[web.Request], web.Response]


def answer(status: int, body: Json = None, headers: Mapping[str, str] | None = None) -> Step:
    """Answer with JSON, or with just this body when it is bytes."""

    def step(request: web.Request) -> web.Response:
        if isinstance(body, bytes):
            return web.Response(status=status, body=body, headers=headers)
        return web.Response(status=status, body=write_json(body), headers=headers, content_type="application/json")

    return step


def hang_up(request: web.Request) -> web.Response:
    """Read the request and close the connection without an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


class Scripted:
    """Does the steps one after the other, and the last one for ever; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.steps: deque[Step] = deque()
        self.silence = asyncio.Event()
        self.silence.set()
        self.url = ""

    def will(self, *steps: Step) -> None:
        """From here on do this."""
        self.steps = deque(steps)

    @property
    def config(self) -> OpenWhiskConfig:
        """How to reach it."""
        return OpenWhiskConfig(host=self.url, credentials=Basic("some:body"))

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.asked.append(Asked(request.method, request.raw_path, request.query, request.headers, body))
        await self.silence.wait()
        return (self.steps.popleft() if len(self.steps) > 1 else self.steps[0])(request)


@asynccontextmanager
async def scripted_server() -> AsyncGenerator[Scripted]:
    """Run one."""
    server = Scripted()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        server.silence.set()
        await runner.cleanup()


def record(result: Json, status: str = "success", **more: Json) -> dict[str, Json]:
    """An activation record."""
    return {
        "activationId": "a" * 32,
        "response": {"status": status, "success": status == "success", "result": result},
        "logs": [],
        "annotations": [],
        **more,
    }
