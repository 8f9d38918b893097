"""Daemons in this process, for tests of what the engine does with executions."""

from __future__ import annotations

from statebox.asl.execution import Execution
from statebox.asl.jsontext import Json, write_json_text
from statebox.config import Address, Config, HttpConfig, RedisConfig
from statebox.daemon import Daemon
from statebox.embedded import EmbeddedValkey
from tests.waiting import wait_until

ASK: Json = {"Type": "Task", "Resource": "module:suspend", "TimeoutSeconds": 300}


def daemon_on(server: EmbeddedValkey) -> Daemon:
    """A daemon on this server."""
    return Daemon(Config(redis=RedisConfig(url=server.url), http=HttpConfig(listen=Address("127.0.0.1", 0))), {})


def each(states: Json, *, distributed: bool = False, **fields: Json) -> Json:
    """A Map state over `$.items` that walks these states, the first of them first."""
    mode = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"} if distributed else {"Mode": "INLINE"}
    processor = {"ProcessorConfig": mode, "StartAt": next(iter(states)), "States": states}
    return {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": processor, **fields}


async def start(daemon: Daemon, states: Json, input: Json, name: str = "x", timeout_seconds: int = 3600) -> str:
    """Start a machine of these states, the first of them first; returns the execution's id."""
    machine = {"StartAt": next(iter(states)), "States": states, "TimeoutSeconds": timeout_seconds}
    definition = write_json_text(machine)
    return (await daemon.service.start_execution("m", input, name, definition)).id


async def ended(daemon: Daemon, id: str, seconds: float = 30) -> Execution:
    """The execution once it has ended."""

    async def has_ended() -> bool:
        return (await daemon.service.describe_execution(id)).ended

    await wait_until(has_ended, f"{id} to end", seconds=seconds)
    return await daemon.service.describe_execution(id)


async def tokens(daemon: Daemon, id: str) -> list[str]:
    """The open continuations of an execution, in the order of its branches."""
    return [continuation.token for continuation in await daemon.service.continuations(id)]
