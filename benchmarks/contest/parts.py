"""Where the time of task5 goes in process: the CPU of its parts, measured alone, at concurrency 100."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Final

from benchmarks.contest.workloads import CONTEXT, DEFINITIONS
from statebox.asl.commands import InvokeTask
from statebox.asl.definition import read
from statebox.asl.events import AnyEvent, ExecutionStarted, TaskSucceeded
from statebox.asl.execution import Execution
from statebox.asl.interpreter import advance, begin
from statebox.asl.jsontext import Json, read_json, write_json, write_json_text
from statebox.asl.moment import Moment
from statebox.config import Address, Config, HttpConfig, OpenWhiskConfig, RedisConfig, Secret
from statebox.daemon import Daemon
from statebox.embedded import EmbeddedValkey
from statebox.engine.names import Place
from statebox.openwhisk.client import OpenWhiskClient
from statebox.openwhisk.config import Given, discover
from statebox.openwhisk.names import read_action_name

_MANY: Final = 2000
_CONCURRENCY: Final = 100
_PATIENCE_SECONDS: Final = 60.0
_ONE: Final[Json] = {"StartAt": "S", "States": {"S": {"Type": "Pass", "End": True}}}


async def table(actions: int) -> str:
    """The table; `actions` is the action host's port."""
    found = discover(Given(host=f"http://127.0.0.1:{actions}", auth="a:b"), {}, None)
    assert found is not None
    async with EmbeddedValkey() as valkey, OpenWhiskClient(found) as client:
        config = Config(
            redis=RedisConfig(url=valkey.url),
            http=HttpConfig(listen=Address("127.0.0.1", 0)),
            openwhisk=OpenWhiskConfig(apihost=f"http://127.0.0.1:{actions}", auth=Secret("a:b")),
        )
        body, act = write_json(CONTEXT), read_action_name("act")
        task5, one = write_json_text(DEFINITIONS["task5"]), write_json_text(_ONE)

        async def call() -> None:
            await client.invoke(act, body, request_id=uuid.uuid4().hex)

        async with Daemon(config, {}) as daemon:

            async def start_one() -> None:
                await daemon.service.start_execution("one", CONTEXT, None, one)

            async def run_task5() -> None:
                begun = await daemon.service.start_execution("task5", CONTEXT, None, task5)
                await daemon.service.settle(begun.id, _PATIENCE_SECONDS)

            calls = 5 * await _microseconds(call)
            start = await _microseconds(start_one)
            whole = await _microseconds(run_task5)
    advancing, starting = language(DEFINITIONS["task5"]), language(_ONE)
    rest = whole - calls - start - (advancing - starting)
    rows = (
        ("five calls of the action host, the HTTP client's part", calls),
        ("the language: six steps of `advance`, without I/O", advancing),
        ("starting: ids, one script (an execution of one Pass state, less its step)", start - starting),
        ("five checkpoints (a script each), the runner, waiting for the end", rest),
        ("all of it", whole),
    )
    lines = ["| part | µs of CPU an execution |", "|---|---:|"]
    return "\n".join([*lines, *(f"| {name} | {cost:,.0f} |" for name, cost in rows)])


async def _microseconds(work: Callable[[], Awaitable[None]]) -> float:
    """CPU of this process for one, warm."""

    async def some(many: int) -> None:
        for _ in range(many):
            await work()

    await some(_CONCURRENCY)
    cpu = time.process_time()
    await asyncio.gather(*(some(_MANY // _CONCURRENCY) for _ in range(_CONCURRENCY)))
    return (time.process_time() - cpu) / _MANY * 1e6


def language(definition: Json, executions: int = _MANY) -> float:
    """CPU of the language alone for an execution of tasks that echo, in microseconds."""
    machine, text, place = read(definition), write_json(CONTEXT), Place()
    cpu = time.process_time()
    for _ in range(executions):
        execution = begin(
            Execution(
                id="m:n",
                uid="u",
                machine="m",
                name="n",
                arn=place.execution_arn("m:n"),
                machine_arn=place.machine_arn("m"),
                role_arn=place.role_arn(),
                shard=0,
                input=CONTEXT,
                started_ms=0,
                seed=False,
            ),
            machine,
        )
        event: AnyEvent = ExecutionStarted()
        while not execution.ended:
            execution = advance(machine, execution, event, Moment(0, b"\0" * 32)).execution
            for command in execution.outstanding():
                assert isinstance(command, InvokeTask)
                event = TaskSucceeded(command.id, read_json(text))
    return (time.process_time() - cpu) / executions * 1e6
