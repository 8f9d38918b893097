"""Node actions on the local host: the same as for Python, and what is different there."""

from __future__ import annotations

import pytest

from statebox.asl.jsontext import write_json
from statebox.openwhisk.activation import Ending
from statebox.openwhisk.client import OpenWhiskClient
from statebox.openwhisk.local.host import ActionHost
from tests.openwhisk.conftest import Connect, Write, config_of
from tests.openwhisk.rest import Rest
from tests.openwhisk.running import logs, run, zipped


@pytest.fixture
async def client(node_host: ActionHost, connect: Connect) -> OpenWhiskClient:
    return await connect(config_of(node_host))


@pytest.fixture
async def rest(node_host: ActionHost):
    async with Rest(node_host) as rest:
        yield rest


@pytest.mark.parametrize(
    "code",
    [
        "const main = ({ n }) => ({ n: n + 1 })",
        "function main({ n }) { return { n: n + 1 } }",
        "async function main({ n }) { return { n: n + 1 } }",
        "exports.main = ({ n }) => Promise.resolve({ n: n + 1 })",
        "module.exports = { main: ({ n }) => ({ n: n + 1 }) }",
    ],
)
async def test_main_may_be_local_or_exported_and_may_return_a_promise(client: OpenWhiskClient, write: Write, code: str):
    write("inc.js", code)
    assert (await run(client, "inc", {"n": 6})).result == {"n": 7}
    assert (await run(client, "inc", {"n": 7})).result == {"n": 8}


@pytest.mark.parametrize(
    ("code", "ending", "error"),
    [
        ("throw new Error('sync')", Ending.DEVELOPER_ERROR, "An error has occurred: Error: sync"),
        ("return 7", Ending.DEVELOPER_ERROR, "The action did not return a dictionary."),
        ("return null", Ending.DEVELOPER_ERROR, "The action did not return a dictionary or array."),
        ("return { n: 1n }", Ending.DEVELOPER_ERROR, "The action did not produce a valid JSON response: "),
        ("process.exit(0)", Ending.DEVELOPER_ERROR, "The action did not produce a valid response and exited"),
        ("return { error: 'mine', more: 1 }", Ending.APPLICATION_ERROR, "mine"),
        ("return Promise.reject('text')", Ending.APPLICATION_ERROR, "text"),
        ("return Promise.reject()", Ending.APPLICATION_ERROR, "{}"),
        ("return Promise.reject({ code: 7 })", Ending.APPLICATION_ERROR, '{"code":7}'),
    ],
)
async def test_how_a_node_action_fails_decides_what_its_caller_is_told(
    client: OpenWhiskClient, write: Write, code: str, ending: Ending, error: str
):
    write("bad.js", f"function main() {{ {code} }}")
    activation = await run(client, "bad")
    assert activation.ending is ending
    told = activation.result["error"]
    assert (told if isinstance(told, str) else write_json(told).decode()).startswith(error)


async def test_a_rejected_error_keeps_all_it_holds(client: OpenWhiskClient, write: Write):
    write(
        "bad.js",
        """
        async function main() {
          const error = new RangeError("too far");
          error.code = "E_FAR";
          error.cause = new Error("below");
          error.self = error;
          error.when = new Date(0);
          error.call = function later() {};
          throw error;
        }
        """,
    )
    error = (await run(client, "bad")).result["error"]
    assert error.pop("stack").startswith("RangeError: too far")
    assert error.pop("cause")["message"] == "below"
    assert error == {
        "name": "RangeError",
        "message": "too far",
        "code": "E_FAR",
        "self": "[Circular]",
        "when": "1970-01-01T00:00:00.000Z",
        "call": "[Function: later]",
    }


async def test_nothing_returned_is_an_empty_object(client: OpenWhiskClient, write: Write):
    write("quiet.js", "function main() {}")
    assert (await run(client, "quiet")).result == {}


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("function main( {", "SyntaxError"),
        ("require('no-such-module')", "Cannot find module 'no-such-module'"),
        ("const x = 1", "there is no function 'main' in it"),
        ("throw 'text'", "text"),
    ],
)
async def test_code_that_cannot_be_loaded_is_an_error_of_the_developer(
    client: OpenWhiskClient, write: Write, code: str, error: str
):
    write("bad.js", code)
    activation = await run(client, "bad")
    assert activation.ending is Ending.DEVELOPER_ERROR
    assert error in activation.result["error"]


async def test_a_function_of_another_name_is_called_when_that_is_said(client: OpenWhiskClient, rest: Rest):
    code = "function go() { return { went: true } }"
    await rest.put("actions/named", {"exec": {"kind": "nodejs:default", "code": code, "main": "go"}})
    assert (await run(client, "named")).result == {"went": True}
    await rest.put("actions/evil", {"exec": {"kind": "nodejs:default", "code": code, "main": "go();go"}})
    assert "go();go cannot be a function's name" in (await run(client, "evil")).result["error"]


async def test_an_archive_is_loaded_as_a_package(client: OpenWhiskClient, rest: Rest):
    files = {
        "package.json": '{"main": "lib/start.js"}',
        "lib/start.js": "exports.main = () => ({ n: require('./n') })",
        "lib/n.js": "module.exports = 42",
    }
    await rest.put("actions/zipped", {"exec": {"kind": "nodejs:20", "code": zipped(files)}})
    assert (await run(client, "zipped")).result == {"n": 42}


async def test_the_environment_and_the_logs_are_there_as_well(client: OpenWhiskClient, rest: Rest, write: Write):
    write(
        "talk.js",
        "function main() { console.log('out'); console.error('err'); return { env: { ...process.env } } }",
    )
    activation = await run(client, "talk")
    assert activation.result["env"]["__OW_TRANSACTION_ID"] == "test"
    assert activation.result["env"]["__OW_ACTIVATION_ID"] == activation.id
    assert not {"HOME", "STATEBOX_CHANNEL"} & set(activation.result["env"])
    assert sorted(await logs(rest, activation)) == ["stderr: err", "stdout: out"]


async def test_a_large_parameter_arrives_whole(client: OpenWhiskClient, write: Write):
    write("size.js", "function main({ text }) { return { size: text.length, text } }")
    text = "äx" * 300_000
    assert (await run(client, "size", {"text": text})).result == {"size": 600_000, "text": text}


@pytest.mark.parametrize(
    "code",
    [
        "const keep = []; for (;;) keep.push(new Array(1000).fill(Math.random()))",
        "const keep = []; for (;;) keep.push(Buffer.alloc(5_000_000, 1))",
    ],
    ids=["heap", "buffers"],
)
async def test_an_action_that_takes_more_memory_than_it_may_is_aborted(client: OpenWhiskClient, rest: Rest, code: str):
    body = {"exec": {"kind": "nodejs:20", "code": f"function main() {{ {code} }}"}, "limits": {"memory": 128}}
    await rest.put("actions/greedy", body)
    activation = await run(client, "greedy")
    assert activation.result == {"error": "The action exhausted its memory and was aborted."}


async def test_an_endless_loop_is_killed_at_the_time_limit(client: OpenWhiskClient, rest: Rest):
    body = {"exec": {"kind": "nodejs:20", "code": "function main() { for (;;); }"}, "limits": {"timeout": 500}}
    await rest.put("actions/hang", body)
    assert (await run(client, "hang")).timed_out
