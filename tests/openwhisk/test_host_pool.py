"""The pool of processes: warm, as many as are called for, up to a limit, and none that is not needed any more."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
import uvloop

from statebox.asl.jsontext import Json, write_json
from statebox.openwhisk.activation import Activation, Ending
from statebox.openwhisk.client import OpenWhiskClient
from statebox.openwhisk.errors import Refused
from statebox.openwhisk.local.host import ActionHost
from statebox.openwhisk.local.limits import HostLimits
from statebox.openwhisk.names import read_action_name
from tests.openwhisk.conftest import Connect, StartHost, Write, config_of
from tests.openwhisk.processes import children, is_running
from tests.openwhisk.rest import Rest
from tests.waiting import wait_until

# Tells which process it runs in, and holds it for as long as a file exists, beside which it leaves one of its own.
HOLD = """
import os, time

def main(params):
    if "hold" in params:
        open(f"{params['hold']}.{os.getpid()}", "w").close()
        while os.path.exists(params["hold"]):
            time.sleep(0.005)
    return {"pid": os.getpid()}
"""


async def call(client: OpenWhiskClient, name: str, parameters: dict[str, Json] | None = None) -> int:
    """Call such an action: the process it ran in."""
    activation = await client.invoke(read_action_name(name), write_json(parameters or {}), request_id="test")
    assert isinstance(activation, Activation)
    return activation.result["pid"]


def held(hold: Path) -> list[str]:
    """The processes that are or were held by that file."""
    return [file.name for file in hold.parent.glob(f"{hold.name}.*")]


def launchers() -> set[int]:
    """The processes that run actions now."""
    return {pid for pid, command in children(os.getpid()).items() if "launcher" in command}


async def test_one_warm_process_serves_one_caller(client: OpenWhiskClient, write: Write):
    write("hold.py", HOLD)
    assert len({await call(client, "hold") for _ in range(5)}) == 1


async def test_each_action_has_its_own_process(client: OpenWhiskClient, write: Write):
    write("one.py", HOLD)
    write("two.py", HOLD)
    assert await call(client, "one") != await call(client, "two")


async def test_concurrent_calls_run_at_once_up_to_the_limit_and_all_are_served(
    start_host: StartHost, connect: Connect, write: Write, tmp_path: Path
):
    write("hold.py", HOLD)
    (hold := tmp_path / "hold").touch()
    client = await connect(config_of(await start_host(HostLimits(processes=3, starting=2))))
    calls = [asyncio.create_task(call(client, "hold", {"hold": str(hold)})) for _ in range(8)]
    await wait_until(lambda: len(held(hold)) == 3, "three processes run")
    hold.unlink()
    assert len(set(await asyncio.gather(*calls))) == 3
    assert len(launchers()) == 3


async def test_an_idle_process_gives_its_room_to_another_action(start_host: StartHost, connect: Connect, write: Write):
    write("one.py", HOLD)
    write("two.py", HOLD)
    client = await connect(config_of(await start_host(HostLimits(processes=1))))
    one = await call(client, "one")
    two = await call(client, "two")
    assert one != two
    await wait_until(lambda: launchers() == {two}, "only the second process is left")
    assert one != await call(client, "one")


async def test_a_busy_process_gives_its_room_when_it_is_done(
    start_host: StartHost, connect: Connect, write: Write, tmp_path: Path
):
    write("one.py", HOLD)
    write("two.py", HOLD)
    (hold := tmp_path / "hold").touch()
    client = await connect(config_of(await start_host(HostLimits(processes=1))))
    one = asyncio.create_task(call(client, "one", {"hold": str(hold)}))
    await wait_until(lambda: len(held(hold)) == 1, "the first process runs")
    two = asyncio.create_task(call(client, "two"))
    hold.unlink()
    assert await one != await two


async def test_idle_processes_are_ended_after_a_while(start_host: StartHost, connect: Connect, write: Write):
    write("hold.py", HOLD)
    client = await connect(config_of(await start_host(HostLimits(idle_s=0.2))))
    first = await call(client, "hold")
    await wait_until(lambda: not launchers(), "the idle process is gone")
    assert await call(client, "hold") != first


async def test_a_process_that_died_while_it_was_idle_is_replaced(client: OpenWhiskClient, write: Write):
    write("hold.py", HOLD)
    first = await call(client, "hold")
    os.kill(first, 9)
    await wait_until(lambda: not launchers(), "the process is gone")

    async def is_replaced() -> bool:
        # A call that reaches the host before the news does fails as one whose process dies under it.
        activation = await client.invoke(read_action_name("hold"), b"{}", request_id="test")
        assert isinstance(activation, Activation)
        return activation.ending is Ending.SUCCESS and activation.result["pid"] != first

    await wait_until(is_replaced, "a call to be served by another process")


async def test_a_changed_file_is_run_from_the_next_call_on_and_a_running_call_ends_as_it_began(
    client: OpenWhiskClient, write: Write, tmp_path: Path
):
    write("hold.py", HOLD)
    (hold := tmp_path / "hold").touch()
    running = asyncio.create_task(call(client, "hold", {"hold": str(hold)}))
    await wait_until(lambda: len(held(hold)) == 1, "the first version runs")
    write("hold.py", "def main(params):\n    return {'pid': 'second version'}\n")
    assert await call(client, "hold") == "second version"
    hold.unlink()
    first = await running
    assert isinstance(first, int)
    await wait_until(lambda: not is_running(first), "the process of the first version is gone")


async def test_those_who_wait_for_a_version_that_is_gone_meanwhile_are_served(
    start_host: StartHost, connect: Connect, write: Write, tmp_path: Path
):
    write("hold.py", HOLD)
    (hold := tmp_path / "hold").touch()
    client = await connect(config_of(await start_host(HostLimits(processes=1))))
    old = [asyncio.create_task(call(client, "hold", {"hold": str(hold)})) for _ in range(2)]
    await wait_until(lambda: len(held(hold)) == 1, "the first version runs")
    write("hold.py", "def main(params):\n    return {'pid': 'second version'}\n")
    new = asyncio.create_task(call(client, "hold"))
    hold.unlink()
    assert len(set(await asyncio.gather(*old))) == 1
    assert await new == "second version"


async def test_every_waiting_call_of_an_action_that_cannot_be_loaded_is_told(client: OpenWhiskClient, write: Write):
    write("bad.py", "raise ValueError('never')\n")
    name = read_action_name("bad")
    ended = await asyncio.gather(*(client.invoke(name, b"{}", request_id=str(n)) for n in range(5)))
    for activation in ended:
        assert isinstance(activation, Activation)
        assert "ValueError: never" in activation.result["error"]


async def test_more_calls_at_once_than_allowed_are_told_to_come_back(
    start_host: StartHost, connect: Connect, write: Write, tmp_path: Path
):
    write("hold.py", HOLD)
    (hold := tmp_path / "hold").touch()
    client = await connect(config_of(await start_host(HostLimits(concurrent=1))))
    running = asyncio.create_task(call(client, "hold", {"hold": str(hold)}))
    await wait_until(lambda: len(held(hold)) == 1, "the first call runs")
    with pytest.raises(Refused, match=r"Too many concurrent requests in flight \(count: 2, allowed: 1\)") as refused:
        await call(client, "hold")
    assert refused.value.status == 429
    hold.unlink()
    await running
    await call(client, "hold")


async def test_more_calls_in_a_minute_than_allowed_are_told_to_come_back(
    start_host: StartHost, connect: Connect, write: Write
):
    write("hold.py", HOLD)
    client = await connect(config_of(await start_host(HostLimits(per_minute=1))))
    ended = await asyncio.gather(*(call(client, "hold") for _ in range(3)), return_exceptions=True)
    # Between them a new minute may begin, in which one more is allowed.
    refused = [error for error in ended if isinstance(error, Refused)]
    assert len(refused) in (1, 2)
    assert {error.status for error in refused} == {429}
    assert refused[-1].message.startswith("Too many requests in the last minute (count: ")


async def test_a_call_that_waits_longer_than_it_may_is_answered_with_its_id_and_goes_on(
    start_host: StartHost, write: Write, tmp_path: Path
):
    write("hold.py", HOLD)
    (hold := tmp_path / "hold").touch()
    host = await start_host(HostLimits(blocking_wait_ms=10_000))
    async with Rest(host) as rest:
        answer = await rest.post("actions/hold?blocking=true&timeout=50", {"hold": str(hold)})
        assert answer.status == 202
        id = answer.body["activationId"]
        assert (await rest.send("GET", f"activations/{id}")).status == 404
        hold.unlink()

        async def is_there() -> bool:
            return (await rest.send("GET", f"activations/{id}")).status == 200

        await wait_until(is_there, "the record appears")
        assert (await rest.get(f"activations/{id}"))["response"]["success"]


async def test_a_caller_who_goes_away_does_not_end_the_run(
    host: ActionHost, client: OpenWhiskClient, rest: Rest, write: Write, tmp_path: Path
):
    write("hold.py", HOLD)
    (hold := tmp_path / "hold").touch()
    caller = asyncio.create_task(call(client, "hold", {"hold": str(hold)}))
    await wait_until(lambda: len(held(hold)) == 1, "the call runs")
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    hold.unlink()

    async def is_there() -> bool:
        return len(await rest.get("activations")) == 1

    await wait_until(is_there, "the record appears")


async def test_stopping_the_host_ends_its_processes_and_leaves_no_files(
    start_host: StartHost, connect: Connect, write: Write, tmp_path: Path
):
    write("hold.py", HOLD)
    write("idle.py", "import os\ndef main(p): return {'pid': os.getpid(), 'cwd': os.getcwd()}\n")
    (hold := tmp_path / "hold").touch()
    async with ActionHost(folder=tmp_path / "actions", node=None) as host:
        client = await connect(config_of(host))
        idle = await client.invoke(read_action_name("idle"), b"{}", request_id="x")
        assert isinstance(idle, Activation)
        busy = asyncio.create_task(call(client, "hold", {"hold": str(hold)}))
        await wait_until(lambda: len(launchers()) == 2, "two processes run")
    with pytest.raises(Exception, match=r"500|gave no answer"):
        await busy
    assert not launchers()
    assert not os.path.exists(idle.result["cwd"])  # noqa: PTH110, ASYNC240 - a look at a local file
    assert not [command for command in children(os.getpid()).values() if "guardian" in command]


async def test_a_host_that_is_stopped_while_a_process_starts_leaves_none(
    start_host: StartHost, connect: Connect, write: Write, tmp_path: Path
):
    write("hang.py", f"open({str(tmp_path / 'loading')!r}, 'w').close()\nwhile True: pass\n")
    host = await start_host()
    client = await connect(config_of(host))
    await client.invoke(read_action_name("hang"), b"{}", request_id="x", blocking=False)
    await wait_until(lambda: bool(list(tmp_path.glob("loading"))), "the action is being loaded")
    await host.stop()
    assert not launchers()


def test_the_host_works_on_uvloop_as_well(write: Write, tmp_path: Path):
    write("hold.py", HOLD)
    write("hang.py", "print('loaded')\ndef main(p):\n    while True: pass\n")

    async def main() -> None:
        host = ActionHost(folder=tmp_path / "actions", limits=HostLimits(timeout_ms=500), node=None)
        async with host, OpenWhiskClient(config_of(host)) as client:
            await asyncio.gather(*(call(client, "hold") for _ in range(5)))
            hung = await client.invoke(read_action_name("hang"), b"{}", request_id="x")
            assert isinstance(hung, Activation)
            assert hung.timed_out
        assert not launchers()

    uvloop.run(main())
