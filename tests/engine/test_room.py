"""Room: a daemon that runs as many executions as it may takes no more, and what it does not take is others'."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from statebox.asl.jsontext import Json
from statebox.config import Address, Config, DaemonConfig, HttpConfig, OpenWhiskConfig, RedisConfig, Secret
from statebox.daemon import Daemon
from statebox.embedded import EmbeddedValkey
from statebox.engine.errors import TooManyRequests
from statebox.openwhisk.local.host import ActionHost
from tests.engine.running import ASK, each, ended, start, tokens
from tests.http.site import open_actions
from tests.waiting import wait_until

_QUESTION: Json = {"Ask": {**ASK, "End": True}}


def _slow(seconds: float) -> Json:
    return {"Slow": {"Type": "Task", "Resource": "module:slow", "Parameters": {"seconds": seconds}, "End": True}}


@contextlib.asynccontextmanager
async def _daemon(server: EmbeddedValkey, actions: ActionHost, name: str, max_running: int) -> AsyncGenerator[Daemon]:
    config = Config(
        redis=RedisConfig(url=server.url),
        # Only a hint or room that was made makes it look before the test's patience ends.
        daemon=DaemonConfig(name=name, max_running=max_running, drain_seconds=5, sweep_seconds=30),
        http=HttpConfig(listen=Address("127.0.0.1", 0)),
        openwhisk=OpenWhiskConfig(apihost=actions.url, auth=Secret(actions.auth)),
    )
    async with Daemon(config, {}) as daemon:
        yield daemon


async def test_an_answer_that_a_full_daemon_takes_in_is_acted_on_by_another_one(valkey: EmbeddedValkey, tmp_path: Path):
    async with (
        open_actions(tmp_path / "actions") as actions,
        _daemon(valkey, actions, "full", 1) as full,
        _daemon(valkey, actions, "idle", 100) as idle,
    ):
        question = await start(full, _QUESTION, {}, "question")
        (token,) = await tokens(full, question)
        slow = await start(full, _slow(3), {}, "slow")
        assert full.service.running_here == 1

        await full.service.send_task_success(token, "yes")

        assert (await ended(idle, question, 2.5)).output == "yes"
        assert not (await full.service.describe_execution(slow)).ended
        assert full.service.running_here == 1


async def test_a_full_daemon_comes_back_to_it_as_soon_as_it_has_room(valkey: EmbeddedValkey, tmp_path: Path):
    async with open_actions(tmp_path / "actions") as actions, _daemon(valkey, actions, "full", 1) as full:
        question = await start(full, _QUESTION, {}, "question")
        (token,) = await tokens(full, question)
        await start(full, _slow(1), {}, "slow")
        await full.service.send_task_success(token, "yes")
        assert not (await full.service.describe_execution(question)).ended

        assert (await ended(full, question, 10)).output == "yes"


async def test_a_full_daemon_stops_what_others_hold_and_refuses_to_start(valkey: EmbeddedValkey, tmp_path: Path):
    async with (
        open_actions(tmp_path / "actions") as actions,
        _daemon(valkey, actions, "full", 1) as full,
        _daemon(valkey, actions, "idle", 100),
    ):
        question = await start(full, _QUESTION, {}, "question")
        await start(full, _slow(3), {}, "slow")

        await full.service.stop_execution(question, "Enough")

        assert (await full.service.describe_execution(question)).error == "Enough"
        with pytest.raises(TooManyRequests, match="as many executions as it may"):
            await start(full, _QUESTION, {}, "other")


async def test_starts_that_come_together_do_not_go_over_the_limit(valkey: EmbeddedValkey, tmp_path: Path):
    async with open_actions(tmp_path / "actions") as actions, _daemon(valkey, actions, "one", 5) as daemon:
        begun = await asyncio.gather(
            *(start(daemon, _slow(0.5), {}, f"x{n}") for n in range(20)), return_exceptions=True
        )

        assert daemon.service.running_here == 5
        assert [type(one) for one in begun].count(TooManyRequests) == 15
        for id in begun:
            if isinstance(id, str):
                await ended(daemon, id)


async def test_the_items_of_a_map_that_find_no_room_wait_for_it(valkey: EmbeddedValkey, tmp_path: Path):
    async with open_actions(tmp_path / "actions") as actions, _daemon(valkey, actions, "one", 3) as daemon:
        most = 0

        async def has_ended() -> bool:
            nonlocal most
            most = max(most, daemon.service.running_here)
            return (await daemon.service.describe_execution(id)).ended

        machine = {"M": each({"S": next(iter(_slow(0.05).values()))}, distributed=True, End=True)}
        id = await start(daemon, machine, {"items": list(range(12))})
        await wait_until(has_ended, "the map to end", seconds=30)

        assert (await daemon.service.describe_execution(id)).output == ["done"] * 12
        assert most <= 3
