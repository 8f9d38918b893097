"""Retention: whatever executions did and however they ended, Redis is afterwards as if they had never been."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from statebox.asl.jsontext import Json, write_json_text
from statebox.asl.states.nested import START
from statebox.config import Address, Config, DaemonConfig, HttpConfig, OpenWhiskConfig, RedisConfig, Secret
from statebox.daemon import Daemon
from statebox.embedded import EmbeddedValkey
from statebox.engine.errors import ExecutionDoesNotExist, ServiceError
from statebox.engine.names import machine_reference
from statebox.engine.registry.lifecycle import Settings, create_machine, delete_machine
from statebox.engine.service import Service
from statebox.store.connection import RedisSettings
from statebox.store.delivering import StoreSettings
from statebox.store.redis_store import RedisStore
from tests.engine.running import ASK, each
from tests.http.site import open_actions
from tests.servers import ask
from tests.waiting import wait_until

_CALL: Json = {"Type": "Task", "Resource": "module:increment", "Parameters": {"value": 1}, "End": True}
_BREAK: Json = {"Type": "Task", "Resource": "module:broken", "End": True}
_SOON: Json = {"Type": "Task", "Resource": "module:suspend", "TimeoutSeconds": 1, "End": True}
_ASK: Json = {**ASK, "End": True}


def _parallel(*states: Json) -> Json:
    branches = [{"StartAt": f"S{n}", "States": {f"S{n}": state}} for n, state in enumerate(states)]
    return {"P": {"Type": "Parallel", "Branches": branches, "End": True}}


def _nested(machine: str) -> Json:
    started: Json = {"StateMachineArn": machine}
    return {"Type": "Task", "Resource": f"{START}.sync:2", "Parameters": started, "End": True}


ACTIVITY = "arn:aws:states:us-east-1:000000000000:activity:paint"


# Machines of one first state each; those whose names begin with `stopped` are stopped while they wait.
MACHINES: Mapping[str, Json] = {
    "ends-at-once": {"A": {"Type": "Pass", "End": True}},
    "calls": {"A": _CALL},
    "fails": {"A": {"Type": "Fail", "Error": "Oh", "Cause": "no"}},
    "fails-in-an-action": {"A": {**_BREAK, "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]}},
    "answered": {"A": _ASK},
    "answered-in-branches": _parallel(_ASK, _ASK, _CALL),
    "expires": {"A": _SOON},
    "expires-and-goes-on": {
        "A": {**_SOON, "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "B"}]},
        "B": {"Type": "Pass", "End": True},
    },
    "closed-by-a-sibling": _parallel({**ASK, "End": True}, {"Type": "Fail"}),
    "waits": {"A": {"Type": "Wait", "Seconds": 1, "End": True}},
    "inline-map": {"M": each({"S": _CALL}, End=True)},
    "inline-map-of-questions": {"M": each({"S": _ASK}, End=True)},
    "distributed-map": {"M": each({"S": _CALL}, distributed=True, End=True)},
    "distributed-map-of-questions": {"M": each({"S": _ASK}, distributed=True, End=True)},
    "distributed-map-that-fails": {
        "M": each(
            {
                "C": {
                    "Type": "Choice",
                    "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "F"}],
                    "Default": "S",
                },
                "S": _ASK,
                "F": {"Type": "Fail"},
            },
            distributed=True,
            End=True,
        )
    },
    "stopped-question": {"A": _ASK},
    "stopped-branches": _parallel(_ASK, {"Type": "Wait", "Seconds": 3600, "End": True}),
    "stopped-inline-map": {"M": each({"S": _ASK}, End=True)},
    "stopped-distributed-map": {"M": each({"S": _ASK}, distributed=True, End=True)},
    "times-out": {"A": {"Type": "Wait", "Seconds": 3600, "End": True}},
    "starts-another": {"A": _nested("passing")},
    "starts-another-twice-redriven": {"A": _nested("failing")},
    "stopped-with-another": {"A": _nested("asking")},
    "stopped-activity": {"A": {"Type": "Task", "Resource": ACTIVITY, "End": True}},
    "distributed-map-twice-redriven": {"M": each({"F": {"Type": "Fail"}}, distributed=True, End=True)},
}

# Those that are started by others; all are registered, and deleted in the end.
REGISTERED: Mapping[str, Json] = {
    "passing": {"A": {"Type": "Pass", "End": True}},
    "failing": {"A": {"Type": "Fail"}},
    "asking": {"A": _ASK},
}

_LEFT = """
local left = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local type = redis.call('TYPE', key).ok
  local size = type == 'zset' and redis.call('ZCARD', key) or type == 'set' and redis.call('SCARD', key)
    or type == 'hash' and redis.call('HLEN', key) or type == 'list' and redis.call('LLEN', key) or 1
  left[#left + 1] = key .. ' ' .. size
end
table.sort(left)
return left
"""


def _configured(server: EmbeddedValkey, shards: int, openwhisk: OpenWhiskConfig) -> Config:
    return Config(
        redis=RedisConfig(url=server.url, shards=shards),
        # So short that a test can wait for it: 1 s.
        daemon=DaemonConfig(name="one", lease_seconds=1, retention_days=1 / 86_400, drain_seconds=1),
        http=HttpConfig(listen=Address("127.0.0.1", 0)),
        openwhisk=openwhisk,
    )


async def _register(service: Service) -> None:
    for name, states in REGISTERED.items():
        text = write_json_text({"StartAt": next(iter(states)), "States": states})
        await create_machine(service.registry, name, "STANDARD", text, Settings(), {})
    await service.activities.create("paint", "", {})


async def _unregister(service: Service) -> None:
    for name in REGISTERED:
        await delete_machine(service.registry, machine_reference(name))
    await service.activities.delete("paint")


async def _redrive(service: Service, id: str) -> bool:
    """Let one go on again that wants to be redriven; whether it did."""
    execution = await service.describe_execution(id)
    if not execution.ended or execution.parent is not None or execution.redrives >= 2:
        return False
    await service.redrive_execution(id)
    return True


async def _begin(service: Service) -> Sequence[str]:
    ids: list[str] = []
    for name, states in MACHINES.items():
        timeout = 1 if name == "times-out" else 3600
        machine = {"StartAt": next(iter(states)), "States": states, "TimeoutSeconds": timeout}
        input: Json = {"items": [1, 2, 3]}
        ids.append((await service.start_execution(name, input, None, write_json_text(machine))).id)
    return ids


async def _answer_or_stop(service: Service, id: str) -> None:
    """Answer what an execution asks, or stop it."""
    if id.startswith("stopped"):
        await service.stop_execution(id, "Enough", "of this")
    elif not id.startswith(("expires", "closed")):
        for continuation in await service.continuations(id):
            await service.send_task_success(continuation.token, {"yes": True})


async def _run_all(service: Service) -> int:
    """Run every machine to its end; returns how many executions there were in all."""
    ids: set[str] = set(await _begin(service))
    seen: set[str] = set()

    async def all_ended() -> bool:
        running = False
        for one in await service.list_executions(limit=1000):
            seen.add(one.id)
            if one.status != "RUNNING":
                with contextlib.suppress(ServiceError):
                    running |= "redriven" in one.id and await _redrive(service, one.id)
                continue
            running = True
            if "fails/" in one.id or "that-fails" in one.id or (one.id.startswith("stopped") and "/" in one.id):
                continue
            try:
                await _answer_or_stop(service, one.id)
            except ServiceError:
                # It has been answered, has ended or was forgotten since it was listed.
                continue
        return not running

    await wait_until(all_ended, "all executions to end", seconds=40)
    assert ids <= seen
    return len(seen)


@pytest.mark.parametrize("shards", [1, 3])
async def test_after_retention_and_a_sweep_nothing_is_left_of_any_execution(
    valkey: EmbeddedValkey, tmp_path: Path, shards: int
):
    async with open_actions(tmp_path / "actions") as actions:
        openwhisk = OpenWhiskConfig(apihost=actions.url, auth=Secret(actions.auth), retries=0)
        async with Daemon(_configured(valkey, shards, openwhisk), {}) as daemon:
            before = ask(valkey, "EVAL", _LEFT, 0)
            await _register(daemon.service)
            assert await _run_all(daemon.service) >= len(MACHINES) + 9
            await _unregister(daemon.service)
            sweeper = RedisStore(StoreSettings(daemon="two", redis=RedisSettings(url=valkey.url), shards=shards))
            await sweeper.connect()

            async def as_before() -> bool:
                await sweeper.sweep()
                await daemon.service.registry.sweep()
                return ask(valkey, "EVAL", _LEFT, 0) == before

            try:
                await wait_until(as_before, "everything to be as before", seconds=15)
            except AssertionError:
                pytest.fail(f"left behind: {ask(valkey, 'EVAL', _LEFT, 0)}; before: {before}")
            finally:
                await sweeper.close()


async def test_a_deleted_machine_goes_with_its_last_execution_though_nobody_asks_for_it(valkey: EmbeddedValkey):
    config = Config(redis=RedisConfig(url=valkey.url), http=HttpConfig(listen=Address("127.0.0.1", 0)))
    async with Daemon(config, {}) as daemon:
        service = daemon.service
        await _register(service)
        id = (await service.start_execution("asking", {}, "x")).id
        await _unregister(service)
        await service.registry.sweep()
        assert ask(valkey, "EXISTS", "statebox:{meta}:machine:asking")

        await service.stop_execution(id)
        await service.registry.sweep()

        assert not ask(valkey, "EXISTS", "statebox:{meta}:machine:asking", "statebox:{meta}:machines")


async def test_a_history_of_thousands_of_events_is_paged_both_ways(valkey: EmbeddedValkey):
    loop: Json = {
        "Count": {
            "Type": "Pass",
            "Parameters": {"n.$": "States.MathAdd($.n, 1)"},
            "Next": "Enough",
        },
        "Enough": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.n", "NumericGreaterThanEquals": 700, "Next": "Done"}],
            "Default": "Count",
        },
        "Done": {"Type": "Succeed"},
    }
    definition = write_json_text({"StartAt": "Count", "States": loop})
    config = Config(redis=RedisConfig(url=valkey.url), http=HttpConfig(listen=Address("127.0.0.1", 0)))
    async with Daemon(config, {}) as daemon:
        service = daemon.service
        id = (await service.start_execution("m", {"n": 0}, "x", definition)).id
        assert (await service.settle(id, 30)).ended
        for limit in (250, 999, 1000):
            assert await _ids(service, id, limit, reverse=False) == list(range(1, 2805))
            assert await _ids(service, id, limit, reverse=True) == list(range(2804, 0, -1))
        with pytest.raises(ExecutionDoesNotExist):
            await service.get_execution_history("m:nobody")


async def _ids(service: Service, id: str, limit: int, *, reverse: bool) -> list[int]:
    found: list[int] = []
    while page := await service.get_execution_history(id, found[-1] if found else 0, limit, reverse, False):
        assert len(page) <= limit
        found += [event["id"] for event in page]
        if reverse and found[-1] == 1:
            break
    return found
