"""The demo's actions and machines, called as a machine would call them."""

from __future__ import annotations

from pathlib import Path

import pytest

from statebox.asl.commands import InvokeTask
from statebox.asl.definition import parse
from statebox.asl.events import TaskFailed, TaskSubmitted, TaskSucceeded
from statebox.asl.jsontext import Json, read_json, write_json
from statebox.openwhisk.invoker import OpenWhiskInvoker
from statebox.openwhisk.local.host import ActionHost
from statebox.openwhisk.local.limits import HostLimits
from tests.openwhisk.conftest import HASTY, Connect, StartHost, Write, config_of
from tests.openwhisk.rest import Rest
from tests.programs import need_program
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def demo(start_host: StartHost) -> ActionHost:
    return await start_host(folder=ROOT / "demo_actions", node=str(need_program("node")))


@pytest.fixture
async def demo_invoker(demo: ActionHost, connect: Connect) -> OpenWhiskInvoker:
    return OpenWhiskInvoker(await connect(config_of(demo)), HASTY)


def task(resource: str, arguments: Json, reference: str | None = None) -> InvokeTask:
    return InvokeTask("0:5", resource, arguments, "uid-5", reference)


@pytest.mark.parametrize("folder", ["", "node/"], ids=["python", "node"])
@pytest.mark.parametrize(
    ("action", "parameters", "value"),
    [
        ("increment", {"value": 6}, 7),
        ("increment", {"value": 6, "increment": 2}, 8),
        ("increment", {"value": 0, "increment": 0}, 0),
        ("increment", {"value": None}, 1),
        ("increment", {}, 1),
        ("square", {"value": 7}, 49),
        ("square", {"value": -1.5}, 2.25),
        ("square", {}, 0),
    ],
)
async def test_the_demo_actions_count(
    demo_invoker: OpenWhiskInvoker, folder: str, action: str, parameters: dict[str, Json], value: float
):
    ended = await demo_invoker.invoke(task(f"module:{folder}{action}", parameters))
    assert isinstance(ended, TaskSucceeded)
    assert ended.output == value


async def test_the_question_is_asked_with_the_link_that_takes_the_answer(
    demo: ActionHost, demo_invoker: OpenWhiskInvoker
):
    arguments = {"token": "t-1", "question": "May we?", "to": "boss", "endpoint": "https://sb"}
    submitted = await demo_invoker.invoke(task("openwhisk:ask.waitForTaskToken", arguments))
    assert isinstance(submitted, TaskSubmitted)
    async with Rest(demo) as rest:

        async def is_there() -> bool:
            return (await rest.send("GET", f"activations/{submitted.reference}")).status == 200

        await wait_until(is_there, "the question is asked")
        lines = (await rest.get(f"activations/{submitted.reference}/logs"))["logs"]
    message = "\n".join(line[39:] for line in lines)
    assert message.startswith("To: boss\nSubject: May we?\n\n")
    assert "https://sb/continuations/t-1" in message
    assert """curl -d '{"approved": true}'""" in message


async def test_a_long_action_is_submitted_polled_and_run_once(
    start_host: StartHost, connect: Connect, write: Write, tmp_path: Path
):
    write("slow.py", "import time\ndef main(p):\n    time.sleep(0.3)\n    return {'value': p['value'] + 1}\n")
    log = tmp_path / "log"
    host = await start_host(HostLimits(blocking_wait_ms=50), invocation_log=log)
    invoker = OpenWhiskInvoker(await connect(config_of(host)), HASTY)
    submitted = await invoker.invoke(task("module:slow", {"value": 6}))
    assert isinstance(submitted, TaskSubmitted)
    ended = await invoker.invoke(task("module:slow", {"value": 6}, submitted.reference))
    assert ended == TaskSucceeded("0:5", 7, submitted.reference)
    lines = [read_json(line) for line in log.read_text().splitlines()]
    assert [(line["event"], line["transaction"]) for line in lines] == [("start", "uid-5"), ("end", "uid-5")]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("def main(p): return {'error': {'errorType': 'OutOfStock'}}", "OutOfStock"),
        ("def main(p): raise ValueError('x')", "OpenWhisk.ApplicationError"),
        ("def main(p): return 7", "OpenWhisk.ActionDeveloperError"),
        ("import os\ndef main(p): os._exit(1)", "OpenWhisk.ActionDeveloperError"),
        ("import time\ndef main(p): time.sleep(600)", "States.Timeout"),
        ("def main(p): return {'x': 'x' * 1_048_576}", "States.DataLimitExceeded"),
        ("not python", "OpenWhisk.ActionDeveloperError"),
    ],
)
async def test_what_goes_wrong_in_a_real_action_has_its_name(
    start_host: StartHost, connect: Connect, write: Write, code: str, error: str
):
    write("bad.py", code)
    invoker = OpenWhiskInvoker(await connect(config_of(await start_host(HostLimits(timeout_ms=500)))), HASTY)
    ended = await invoker.invoke(task("openwhisk:bad", {}))
    assert isinstance(ended, TaskFailed)
    assert ended.error == error
    assert ended.reference is not None


async def test_what_goes_wrong_with_a_real_call_has_its_name(start_host: StartHost, connect: Connect, write: Write):
    write("echo.py", "def main(p): return p\n")
    host = await start_host()
    invoker = OpenWhiskInvoker(await connect(config_of(host)), HASTY)

    async def error_of(resource: str, arguments: Json) -> str | None:
        ended = await invoker.invoke(task(resource, arguments))
        assert isinstance(ended, TaskFailed)
        return ended.error

    assert await error_of("openwhisk:none", {}) == "OpenWhisk.ActionNotFound"
    assert await error_of("openwhisk:/theirs/echo", {}) == "States.Permissions"
    assert await error_of("openwhisk:echo", {"text": "x" * 10_000_000}) == "States.DataLimitExceeded"
    await host.stop()
    assert await error_of("openwhisk:echo", {}) == "OpenWhisk.Unreachable"


@pytest.mark.parametrize("name", ["incsquare", "multiple-inc"])
def test_the_seeds_machines_are_wrapped_as_its_endpoint_takes_them(name: str):
    wrapper = read_json((ROOT / "state_machines" / f"{name}.json").read_bytes())
    assert list(wrapper) == ["statemachine"]
    (machine,) = wrapper["statemachine"].values()
    assert {state["Type"] for state in machine["States"].values()} == {"Task"}


@pytest.mark.parametrize("file", sorted((ROOT / "state_machines").glob("*.json")), ids=lambda file: file.stem)
def test_every_machine_is_valid(file: Path):
    machine = read_json(file.read_bytes())
    for definition in machine["statemachine"].values() if "statemachine" in machine else [machine]:
        parse(write_json(definition))
