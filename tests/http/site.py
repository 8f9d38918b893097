"""A daemon to talk to: in this process, on a free port, where wanted with an action host."""

from __future__ import annotations

import contextlib
import io
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from statebox.asl.jsontext import Json, read_json, write_json
from statebox.config import Address, Config, DaemonConfig, HttpConfig, OpenWhiskConfig, RedisConfig, Secret
from statebox.daemon import Daemon
from statebox.embedded import EmbeddedValkey
from statebox.openwhisk.local.host import ActionHost
from tests.waiting import wait_until

ROOT: Final = Path(__file__).parents[2]

_ANY_PORT: Final = Address("127.0.0.1", 0)
_LARGE_BYTES: Final = 1_000_000
_SLOW: Final = """
import time

def main(params):
    time.sleep(params.get("seconds", 1))
    return {"value": "done"}
"""
_BROKEN: Final = """
def main(params):
    return {"error": "no luck today"}
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def json(self) -> Json:
        """The body."""
        return read_json(self.raw)


class Site:
    """A running daemon and a client of it."""

    def __init__(self, daemon: Daemon, client: aiohttp.ClientSession) -> None:
        self.daemon = daemon
        self.client = client

    async def ask(
        self, method: str, path: str, *, json: Json = ..., data: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> Answer:
        """One request; `json` is sent as it is, None included."""
        body = data if json is ... else write_json(json)
        # A client of aiohttp's warns of large bytes.
        sent = body if body is None or len(body) < _LARGE_BYTES else io.BytesIO(body)
        async with self.client.request(method, self.daemon.url + path, data=sent, headers=headers) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def get(self, path: str, **headers: str) -> Answer:
        """GET."""
        return await self.ask("GET", path, headers=headers)

    async def post(self, path: str, json: Json = ...) -> Answer:
        """POST, with a JSON body where one is given."""
        return await self.ask("POST", path, json=json)

    async def run(self, definition: Json, query: str = "", **more: Json) -> Answer:
        """Run a definition at the seed's endpoint."""
        return await self.post(f"/{query}", {"statemachine": {"machine": definition}, **more})

    async def operate(self, operation: str, **members: Json) -> Answer:
        """An operation: one of AWS's by its bare name, one of ours as `Statebox.X`."""
        target = operation if "." in operation else f"AWSStepFunctions.{operation}"
        return await self.ask("POST", "/", json=members, headers={"X-Amz-Target": target})

    async def execution(self, id: str) -> Json:
        """An execution as people see it."""
        answer = await self.get("/executions/" + id.replace(":", "/"))
        assert answer.status == 200, answer.raw
        return answer.json

    async def ended(self, id: str) -> Json:
        """Wait until an execution has ended; returns it."""

        async def has_ended() -> bool:
            return (await self.execution(id))["status"] != "RUNNING"

        await wait_until(has_ended, f"{id} to end")
        return await self.execution(id)


@contextlib.asynccontextmanager
async def open_site(
    server: EmbeddedValkey,
    home: Path,
    *,
    actions: ActionHost | None = None,
    machines: Path | None = None,
    max_running: int = 100,
    listen: Address = _ANY_PORT,
    name: str = "site",
    **http: Json,
) -> AsyncGenerator[Site]:
    """A site that knows the machines in a folder; `http` are further options of [http]."""
    openwhisk = OpenWhiskConfig()
    if actions is not None:
        openwhisk = OpenWhiskConfig(apihost=actions.url, auth=Secret(actions.auth))
    config = Config(
        redis=RedisConfig(url=f"unix://{server.socket}"),
        daemon=DaemonConfig(name=name, drain_seconds=0.2, machines=machines, max_running=max_running),
        http=HttpConfig(listen=listen, **http),
        openwhisk=openwhisk,
    )
    async with Daemon(config, environment={}, home=home) as running, aiohttp.ClientSession() as client:
        yield Site(running, client)


@contextlib.asynccontextmanager
async def open_actions(folder: Path) -> AsyncGenerator[ActionHost]:
    """An action host with the demo's actions, a slow one and one that fails."""
    _fill(folder)
    async with ActionHost(folder=folder, node=None) as actions:
        yield actions


def _fill(folder: Path) -> None:
    folder.mkdir()
    for name in ("increment.py", "square.py"):
        (folder / name).write_bytes((ROOT / "demo_actions" / name).read_bytes())
    (folder / "slow.py").write_text(_SLOW)
    (folder / "broken.py").write_text(_BROKEN)


def states(start_at: str, **states: Mapping[str, Json]) -> Json:
    """A definition of these states."""
    return {"StartAt": start_at, "States": states}


# Suspends with its input, and gives out what it has when it is resumed.
SUSPENDING: Final[Json] = states("Ask", Ask={"Type": "Task", "Resource": "module:suspend", "End": True})
PASSING: Final[Json] = states("Pass", Pass={"Type": "Pass", "End": True})


def suspending(next: str | None = None, **fields: Json) -> Json:
    """A state that suspends."""
    return {
        "Type": "Task",
        "Resource": "module:suspend",
        **({"End": True} if next is None else {"Next": next}),
        **fields,
    }
