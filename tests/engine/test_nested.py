"""Nested executions on real daemons: started once, told of durably, and stopped with who waits for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
import pytest

from statebox.asl.events import CallbackAnswered, ExecutionStarted, TaskFailed
from statebox.asl.execution import Execution, Status
from statebox.asl.interpreter import advance, begin
from statebox.asl.jsontext import Json, read_json, write_json_text
from statebox.asl.moment import Moment
from statebox.config import Address, Config, DaemonConfig, HttpConfig, RedisConfig
from statebox.daemon import Daemon
from statebox.embedded import EmbeddedValkey
from statebox.engine.checkpoints import checkpoint_of
from statebox.engine.errors import ServiceError, StateMachineDeleting
from statebox.engine.letters import Letter
from statebox.engine.machines import definition_of
from statebox.engine.names import machine_reference
from statebox.engine.nested import Ask
from statebox.engine.ownership import Checkpoint, Claimed
from statebox.engine.records import Answer
from statebox.engine.registry.lifecycle import Settings, create_machine, delete_machine
from statebox.store.connection import RedisSettings
from statebox.store.delivering import StoreSettings
from statebox.store.redis_store import RedisStore
from tests.engine.running import ASK, ended, start, tokens
from tests.servers import ask
from tests.store.values import ended as over
from tests.store.values import execution, new_token
from tests.waiting import wait_until

SHARDS: Final = 16
MACHINES: Json = {
    "passes": {"Go": {"Type": "Pass", "Result": {"Arg1": "argument1"}, "End": True}},
    "fails": {"Go": {"Type": "Fail", "Error": "No", "Cause": "because"}},
    "asks": {"Go": {**ASK, "End": True}},
}


@asynccontextmanager
async def daemons(server: EmbeddedValkey, folder: Path, count: int = 1) -> AsyncGenerator[list[Daemon]]:
    """Daemons that know the machines, on many shards, so that parents and children live apart."""
    machines = folder / "machines"
    machines.mkdir(exist_ok=True)
    for name, states in MACHINES.items():
        (machines / f"{name}.json").write_text(write_json_text({"StartAt": "Go", "States": states}))
    async with asyncio.TaskGroup() as group:
        running: list[Daemon] = []
        for number in range(count):
            config = Config(
                redis=RedisConfig(url=server.url, shards=SHARDS),
                http=HttpConfig(listen=Address("127.0.0.1", 0)),
                daemon=DaemonConfig(name=f"d{number}", machines=machines, lease_seconds=1.0),
            )
            running.append(await Daemon(config, {}).__aenter__())
        try:
            yield running
        finally:
            for daemon in running:
                group.create_task(_leave(daemon))


async def _leave(daemon: Daemon) -> None:
    await daemon.__aexit__(None, None, None)


def calling(suffix: str, machine: str, **more: Json) -> Json:
    task = {
        "Type": "Task",
        "Resource": f"arn:aws:states:::states:startExecution{suffix}",
        "Parameters": {"StateMachineArn": f"arn:aws:states:us-east-1:000000000000:stateMachine:{machine}", **more},
        "End": True,
    }
    return {"Call": task}


def outboxes_are_empty(server: EmbeddedValkey) -> bool:
    return not any(ask(server, "EXISTS", f"statebox:{{{shard}}}:outbox") for shard in range(SHARDS))


@asynccontextmanager
async def store_on(server: EmbeddedValkey) -> AsyncGenerator[RedisStore]:
    """What a daemon has that does not live to do more than to write."""
    store = RedisStore(StoreSettings(daemon="dying", redis=RedisSettings(url=server.url), shards=SHARDS))
    await store.connect()
    try:
        yield store
    finally:
        await store.close()


async def types(daemon: Daemon, id: str) -> list[str]:
    return [event["type"] for event in await daemon.service.get_execution_history(id)]


async def child_waits(daemon: Daemon, id: str) -> Execution:
    """The child, once it waits for somebody."""

    async def waits() -> bool:
        try:
            return bool(await tokens(daemon, id))
        except ServiceError:
            # It is not there yet.
            return False

    await wait_until(waits, f"{id} to wait")
    return await daemon.service.describe_execution(id)


@pytest.mark.parametrize(
    ("suffix", "input", "output"),
    [(".sync", '{"a":1}', '{"Arg1":"argument1"}'), (".sync:2", {"a": 1}, {"Arg1": "argument1"})],
)
async def test_a_task_ends_with_the_execution_that_it_starts(
    valkey: EmbeddedValkey, tmp_path: Path, suffix: str, input: Json, output: Json
):
    async with daemons(valkey, tmp_path) as (daemon,):
        id = await start(daemon, calling(suffix, "passes", Name="child", Input={"a": 1}), {})

        told = (await ended(daemon, id)).output
        assert (told["Input"], told["Output"], told["Status"]) == (input, output, "SUCCEEDED")
        assert told["ExecutionArn"].endswith(":execution:passes:child")
        assert await types(daemon, id) == [
            "ExecutionStarted",
            "TaskStateEntered",
            "TaskScheduled",
            "TaskStarted",
            "TaskSubmitted",
            "TaskSucceeded",
            "TaskStateExited",
            "ExecutionSucceeded",
        ]


async def test_a_task_that_only_starts_one_goes_on_at_once(valkey: EmbeddedValkey, tmp_path: Path):
    async with daemons(valkey, tmp_path) as (daemon,):
        id = await start(daemon, calling("", "asks", Name="child", Input='{"text": true}'), {})

        assert (await ended(daemon, id)).output["ExecutionArn"].endswith(":execution:asks:child")
        assert (await child_waits(daemon, "asks:child")).input == {"text": True}


async def test_a_child_that_fails_fails_the_task_and_tells_how(valkey: EmbeddedValkey, tmp_path: Path):
    async with daemons(valkey, tmp_path) as (daemon,):
        id = await start(daemon, calling(".sync", "fails"), {})

        execution = await ended(daemon, id)
        assert execution.error == "States.TaskFailed"
        told = read_json(execution.cause or "")
        assert (told["Status"], told["Error"], told["Cause"]) == ("FAILED", "No", "because")


async def test_a_machine_that_is_not_there_fails_the_task_in_awss_words(valkey: EmbeddedValkey, tmp_path: Path):
    async with daemons(valkey, tmp_path) as (daemon,):
        id = await start(daemon, calling("", "nobody"), {})

        execution = await ended(daemon, id)
        assert execution.error == "StepFunctions.StateMachineDoesNotExistException"
        named = "arn:aws:states:us-east-1:000000000000:stateMachine:nobody"
        assert (execution.cause or "").startswith(f"State Machine Does Not Exist: '{named}' (Service: ")
        assert "(Service: AWSStepFunctions; Status Code: 400; Error Code: StateMachineDoesNotExist; " in (
            execution.cause or ""
        )


async def test_a_parent_is_parked_while_its_child_goes_on(valkey: EmbeddedValkey, tmp_path: Path):
    async with daemons(valkey, tmp_path) as (daemon,):
        id = await start(daemon, calling(".sync:2", "asks", Name="child"), {})
        await child_waits(daemon, "asks:child")
        await wait_until(lambda: daemon.service.running_here == 0, "all to be parked")

        (token,) = await tokens(daemon, "asks:child")
        await daemon.service.send_task_success(token, "done")

        assert (await ended(daemon, id)).output["Output"] == "done"


async def test_who_waits_for_a_parent_waits_for_its_child(valkey: EmbeddedValkey, tmp_path: Path):
    """It comes to rest with the child's end only, as nobody is asked anything."""
    async with daemons(valkey, tmp_path) as (daemon,):
        id = await start(daemon, calling(".sync:2", "asks", Name="child"), {})
        await child_waits(daemon, "asks:child")
        waiting = asyncio.create_task(daemon.service.settle(id, 20))
        await wait_until(lambda: daemon.service.running_here == 0, "all to be parked")
        assert (await daemon.service.describe_execution(id)).idle
        assert not (await daemon.service.describe_execution(id)).at_rest

        (token,) = await tokens(daemon, "asks:child")
        await daemon.service.send_task_success(token, "done")

        assert (await waiting).output["Output"] == "done"


async def test_who_stops_the_parent_stops_the_child(valkey: EmbeddedValkey, tmp_path: Path):
    async with daemons(valkey, tmp_path) as (daemon,):
        id = await start(daemon, calling(".sync", "asks", Name="child"), {})
        await child_waits(daemon, "asks:child")

        await daemon.service.stop_execution(id)

        assert (await ended(daemon, "asks:child")).status is Status.ABORTED


async def test_a_task_that_times_out_stops_its_child(valkey: EmbeddedValkey, tmp_path: Path):
    """And nobody minds that the child ends after that."""
    async with daemons(valkey, tmp_path) as (daemon,):
        states = calling(".sync", "asks", Name="child")
        states["Call"]["TimeoutSeconds"] = 1
        id = await start(daemon, states, {})

        assert (await ended(daemon, id)).error == "States.Timeout"
        assert (await ended(daemon, "asks:child")).status is Status.ABORTED


async def test_an_execution_that_somebody_else_has_started_is_neither_waited_for_nor_stopped(
    valkey: EmbeddedValkey, tmp_path: Path
):
    async with daemons(valkey, tmp_path) as (daemon,):
        await daemon.service.start_execution("asks", {}, "mine")
        id = await start(daemon, calling(".sync", "asks", Name="mine"), {})

        assert (await ended(daemon, id)).error == "StepFunctions.ExecutionAlreadyExistsException"
        await wait_until(lambda: outboxes_are_empty(valkey), "all letters to arrive")
        assert (await daemon.service.describe_execution("asks:mine")).status is Status.RUNNING


async def test_an_end_that_its_daemon_did_not_live_to_tell_is_told_by_another(valkey: EmbeddedValkey, tmp_path: Path):
    """What is in the outbox is delivered after a lease."""
    async with daemons(valkey, tmp_path) as (daemon,):
        id = await start(daemon, calling(".sync:2", "asks", Name="child"), {})
        await child_waits(daemon, "asks:child")
        (token,) = await tokens(daemon, "asks:child")
        async with store_on(valkey) as dying:
            claimed = await dying.answer(Answer(token, CallbackAnswered, "op", "test"))
            assert isinstance(claimed, Claimed)
            child = over(claimed.execution, "late", at_ms=claimed.execution.now_ms)
            assert child.answers is not None
            letters = (Letter("end", child.id, child.answers),)
            step = Checkpoint(child, removed=frozenset("0"), consumed=1, letters=letters, release=True)
            await dying.checkpoint(claimed.lease, step)

        assert (await ended(daemon, id)).output["Output"] == "late"


async def test_many_parents_on_several_daemons_all_hear_of_their_children(valkey: EmbeddedValkey, tmp_path: Path):
    async with daemons(valkey, tmp_path, count=2) as (one, other):
        ids = [
            await start(daemon, calling(".sync:2", machine), {}, f"p{n}")
            for n in range(40)
            for daemon, machine in [((one, other)[n % 2], ("passes", "fails")[n // 2 % 2])]
        ]
        for n, id in enumerate(ids):
            status = Status.FAILED if n // 2 % 2 else Status.SUCCEEDED
            assert (await ended(one, id)).status is status


async def test_a_start_that_its_daemon_did_not_live_to_make_is_made_by_another(valkey: EmbeddedValkey, tmp_path: Path):
    """What the parent's first step wants is in Redis: whoever takes it over after a lease starts the child."""
    async with daemons(valkey, tmp_path) as (daemon,):
        definition = definition_of(
            write_json_text({"StartAt": "Call", "States": calling(".sync:2", "passes", Name="c")})
        )
        machine = daemon.service.machines.machine(definition)
        parent = begin(execution("left", shards=SHARDS, input={}, started_ms=round(time.time() * 1000)), machine)
        step = advance(machine, parent, ExecutionStarted(), Moment(parent.started_ms, b"dice"))
        async with store_on(valkey) as dying:
            await dying.start(definition, checkpoint_of(step), "op")

        assert (await ended(daemon, "m:left")).output["Output"] == {"Arg1": "argument1"}


async def test_an_end_that_was_redriven_before_it_was_told_is_told_when_it_has_ended_again(
    valkey: EmbeddedValkey, tmp_path: Path
):
    async with daemons(valkey, tmp_path) as (daemon,):
        id = await start(daemon, calling(".sync:2", "asks", Name="child"), {})
        await child_waits(daemon, "asks:child")
        (token,) = await tokens(daemon, "asks:child")
        async with store_on(valkey) as dying:
            fails = Answer(token, lambda task: TaskFailed(task, "No", None, None, token), "op", "test")
            claimed = await dying.answer(fails)
            assert isinstance(claimed, Claimed)
            definition = definition_of(claimed.definition)
            step = advance(
                daemon.service.machines.machine(definition),
                claimed.execution,
                claimed.inbox[0],
                Moment(claimed.execution.now_ms, b"dice"),
            )
            written = checkpoint_of(step, consumed=1)
            assert [letter.kind for letter in written.letters] == ["end"]
            await dying.checkpoint(claimed.lease, written)

        await daemon.service.redrive_execution("asks:child")
        await child_waits(daemon, "asks:child")
        # Once it is looked at for the second time, the first try is over.
        outbox, letter = f"statebox:{{{claimed.lease.shard}}}:outbox", str(written.letters[0])
        for _ in range(2):
            assert ask(valkey, "ZADD", outbox, "XX", "CH", 1, letter) == 1
            await wait_until(lambda: not ask(valkey, "ZCOUNT", outbox, 1, 1), "the letter to be looked at")
        (token,) = await tokens(daemon, "asks:child")
        await daemon.service.send_task_success(token, "better")

        assert (await ended(daemon, id)).output["Output"] == "better"
        await wait_until(lambda: outboxes_are_empty(valkey), "all letters to arrive")


async def test_a_start_that_its_daemon_did_not_live_to_tell_of_is_found_though_its_machine_is_deleted(
    valkey: EmbeddedValkey, tmp_path: Path
):
    """Else it would run on for nobody, and the task would fail for what has succeeded."""
    async with daemons(valkey, tmp_path) as (daemon,):
        reference = machine_reference("registered")
        text = write_json_text({"StartAt": "Go", "States": MACHINES["asks"]})
        await create_machine(daemon.service.registry, "registered", "STANDARD", text, Settings(), {})
        asked = Ask(reference.text, {}, "child", "attempt", new_token())
        begun = await daemon.service.start_nested(asked)
        await delete_machine(daemon.service.registry, reference)

        assert await daemon.service.start_nested(asked) == begun
        for other in (msgspec.structs.replace(asked, answers=None), msgspec.structs.replace(asked, name="other")):
            with pytest.raises(StateMachineDeleting):
                await daemon.service.start_nested(other)
