"""Python actions on the local host: what they get, and what becomes of what they do."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from statebox.asl.jsontext import Json
from statebox.openwhisk.activation import Activation, Ending
from statebox.openwhisk.client import OpenWhiskClient
from statebox.openwhisk.errors import Refused
from statebox.openwhisk.local.host import ActionHost
from statebox.openwhisk.local.limits import HostLimits
from statebox.openwhisk.names import read_action_name
from tests.openwhisk.conftest import Connect, StartHost, Write, config_of
from tests.openwhisk.processes import is_running
from tests.openwhisk.rest import Rest
from tests.openwhisk.running import logs, run, zipped
from tests.programs import need_program
from tests.waiting import wait_until


async def test_a_python_action_gets_its_parameters_and_its_result_is_the_answer(client: OpenWhiskClient, write: Write):
    write("echo.py", "def main(params):\n    return {'got': params}\n")
    value = {"big": 123456789012345678901234567890, "float": 1.5, "text": "äß\n😀", "none": None, "list": [1, [2]]}
    activation = await run(client, "echo", value)
    assert (activation.ending, activation.result) == (Ending.SUCCESS, {"got": value})


async def test_an_array_is_a_result_too(client: OpenWhiskClient, write: Write):
    write("two.py", "def main(params):\n    return [1, 2]\n")
    assert (await run(client, "two")).result == [1, 2]


@pytest.mark.parametrize(
    ("code", "ending", "error"),
    [
        ("def main(p): raise ValueError('no such thing')", Ending.APPLICATION_ERROR, "no such thing"),
        (
            "def main(p): return {'error': {'errorType': 'Mine'}, 'more': 1}",
            Ending.APPLICATION_ERROR,
            {"errorType": "Mine"},
        ),
        ("def main(p): return {'error': None}", Ending.APPLICATION_ERROR, None),
        (
            "def main(p): return None",
            Ending.DEVELOPER_ERROR,
            "The action did not return a dictionary or array.",
        ),
        ("def main(p): return 7", Ending.DEVELOPER_ERROR, "The action did not return a dictionary or array."),
        (
            "def main(p): return {'x': object}",
            Ending.DEVELOPER_ERROR,
            "The action did not produce a valid JSON response: Object of type type is not JSON serializable",
        ),
        (
            "def main(p): return {'x': float('nan')}",
            Ending.DEVELOPER_ERROR,
            "The action did not produce a valid JSON response: Out of range float values are not JSON compliant",
        ),
        (
            "import sys\ndef main(p): sys.exit(0)",
            Ending.DEVELOPER_ERROR,
            "The action did not produce a valid response and exited unexpectedly.",
        ),
        (
            "import os\ndef main(p): os._exit(3)",
            Ending.DEVELOPER_ERROR,
            "The action did not produce a valid response and exited unexpectedly.",
        ),
        (
            "import os, signal\ndef main(p): os.kill(os.getpid(), signal.SIGSEGV)",
            Ending.DEVELOPER_ERROR,
            "The action did not produce a valid response and exited unexpectedly.",
        ),
    ],
)
async def test_how_a_python_action_fails_decides_what_its_caller_is_told(
    client: OpenWhiskClient, write: Write, code: str, ending: Ending, error: Json
):
    write("bad.py", code)
    activation = await run(client, "bad")
    assert (activation.ending, activation.result) == (ending, {"error": error})


async def test_an_exceptions_traceback_is_in_the_logs_with_the_file_it_comes_from(
    client: OpenWhiskClient, rest: Rest, write: Write
):
    file = write("bad.py", "def main(params):\n    raise ValueError('no')\n")
    written = await logs(rest, await run(client, "bad"))
    assert written[:2] == ["stderr: Traceback (most recent call last):", f'stderr:   File "{file}", line 2, in main']
    assert written[-1] == "stderr: ValueError: no"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("def main(p) return", "SyntaxError"),
        ("import no_such_module\ndef main(p): return {}", "No module named 'no_such_module'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("x = 1", "there is no function 'main' in it"),
    ],
)
async def test_code_that_cannot_be_loaded_is_an_error_of_the_developer(
    client: OpenWhiskClient, write: Write, code: str, error: str
):
    write("bad.py", code)
    activation = await run(client, "bad")
    assert activation.ending is Ending.DEVELOPER_ERROR
    assert activation.result["error"].startswith("Initialization has failed due to: ")
    assert error in activation.result["error"]
    assert "launcher.py" not in activation.result["error"]


async def test_code_that_ends_the_process_while_it_is_loaded_is_an_error_of_the_developer(
    client: OpenWhiskClient, write: Write
):
    write("bad.py", "import os\nos._exit(0)\n")
    activation = await run(client, "bad")
    assert activation.result == {"error": "The action did not produce a valid response and exited unexpectedly."}


async def test_what_an_action_writes_is_kept_line_by_line_and_per_activation(
    client: OpenWhiskClient, rest: Rest, write: Write
):
    write(
        "talk.py",
        """
        import sys
        def main(params):
            print("hello", params["n"])
            print("über\\n\\nlines")
            print("to err", file=sys.stderr)
            print("no newline", end="")
            return {}
        """,
    )
    for n in (1, 2):
        activation = await run(client, "talk", {"n": n})
        written = await logs(rest, activation)
        assert [line for line in written if line.startswith("stdout")] == [
            f"stdout: hello {n}",
            "stdout: über",
            "stdout: ",
            "stdout: lines",
            "stdout: no newline",
        ]
        assert [line for line in written if line.startswith("stderr")] == ["stderr: to err"]


async def test_logs_and_single_lines_without_end_are_cut(client: OpenWhiskClient, rest: Rest, write: Write):
    write("flood.py", "def main(params):\n    print('x' * 3_000_000)\n    print('end')\n    return {}\n")
    activation = await run(client, "flood")
    assert activation.ending is Ending.SUCCESS
    shown = await rest.get(f"activations/{activation.id}/logs")
    assert sum(map(len, shown["logs"])) < 1_200_000
    assert shown["logs"][-1].endswith(
        "Logs were truncated because the total bytes size exceeds the limit of 1048576 bytes."
    )


async def test_an_action_may_close_or_divert_its_streams(client: OpenWhiskClient, write: Write):
    write("close.py", "import sys\ndef main(p):\n    sys.stdout.close()\n    return {'n': 1}\n")
    assert (await run(client, "close")).result == {"n": 1}
    assert (await run(client, "close")).result == {"n": 1}
    # Here the mark that ends its lines goes nowhere while the stream stays open.
    write(
        "divert.py",
        """
        import os
        def main(p):
            os.dup(1)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            print("unseen")
            return {"n": 1}
        """,
    )
    assert (await run(client, "divert")).result == {"n": 1}


async def test_the_environment_is_what_openwhisk_gives_and_nothing_of_the_hosts(
    client: OpenWhiskClient, host: ActionHost, write: Write
):
    write(
        "math/env.py",
        """
        import os
        first = dict(os.environ)
        def main(params):
            return {"env": dict(os.environ), "cwd": os.getcwd(), "files": os.listdir()}
        """,
    )
    assert "HOME" in os.environ
    activation = await client.invoke(read_action_name("math/env"), b"{}", request_id="attempt-7")
    assert isinstance(activation, Activation)
    environment = activation.result["env"]
    deadline = int(environment.pop("__OW_DEADLINE"))
    assert deadline > 1_700_000_000_000
    assert environment == {
        "PATH": os.environ["PATH"],
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "__OW_API_HOST": host.url,
        "__OW_NAMESPACE": "guest",
        "__OW_ACTION_NAME": "/guest/math/env",
        "__OW_ACTION_VERSION": "0.0.1",
        "__OW_ACTIVATION_ID": activation.id,
        "__OW_TRANSACTION_ID": "attempt-7",
    } | {key: environment[key] for key in ("LC_CTYPE",) if key in environment}
    assert Path(activation.result["cwd"]).name == "work"
    assert activation.result["files"] == []


async def test_an_action_that_hangs_is_killed_with_all_it_started_at_its_time_limit(
    start_host: StartHost, connect: Connect, write: Write, tmp_path: Path
):
    write(
        "hang.py",
        f"""
        import subprocess, time
        def main(params):
            child = subprocess.Popen(["sleep", "600"])
            open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
            print("about to hang")
            time.sleep(600)
        """,
    )
    host = await start_host(HostLimits(timeout_ms=400))
    activation = await run(await connect(config_of(host)), "hang")
    assert activation.ending is Ending.DEVELOPER_ERROR
    assert activation.timed_out
    assert activation.result == {"error": "The action exceeded its time limits of 400 milliseconds."}
    async with Rest(host) as rest:
        assert await logs(rest, activation) == ["stdout: about to hang"]
    pid = int((tmp_path / "pid").read_text())
    await wait_until(lambda: not is_running(pid), "what the action had started is gone")


async def test_an_action_that_hangs_while_it_is_loaded_is_killed_too(
    start_host: StartHost, connect: Connect, write: Write
):
    write("hang.py", "while True: pass\n")
    host = await start_host(HostLimits(timeout_ms=300))
    activation = await run(await connect(config_of(host)), "hang")
    assert activation.timed_out
    assert activation.result == {
        "error": "The action exceeded its time limits of 300 milliseconds during initialization."
    }


@pytest.mark.parametrize(
    "code",
    [
        "def main(p):\n    keep = b'x' * 400_000_000\n    return {}",
        "import mmap\ndef main(p):\n    keep = mmap.mmap(-1, 600_000_000)\n"
        "    keep.write(b'x' * 100_000_000)\n    while True: keep.write(b'x' * 1_000_000)\n",
    ],
    ids=["allocates", "maps"],
)
async def test_an_action_that_takes_more_memory_than_it_may_is_aborted(
    client: OpenWhiskClient, write: Write, code: str
):
    write("greedy.py", code)
    activation = await run(client, "greedy")
    assert activation.ending is Ending.DEVELOPER_ERROR
    assert activation.result == {"error": "The action exhausted its memory and was aborted."}
    write("greedy.py", "def main(p):\n    return {'after': 1}\n")
    assert (await run(client, "greedy")).result == {"after": 1}


async def test_parameters_of_more_than_a_megabyte_are_refused(client: OpenWhiskClient, write: Write):
    write("size.py", "def main(params):\n    return {'size': len(params['text'])}\n")
    fits = 1_048_576 - len('{"text":""}')
    assert (await run(client, "size", {"text": "x" * fits})).result == {"size": fits}
    for size in (fits + 1, 10_000_000):
        with pytest.raises(Refused, match="Request larger than allowed: ") as refused:
            await run(client, "size", {"text": "x" * size})
        assert refused.value.status == 413


async def test_a_result_of_more_than_a_megabyte_is_an_application_error(client: OpenWhiskClient, write: Write):
    write("size.py", "def main(params):\n    return {'text': 'x' * params['size']}\n")
    fits = 1_048_576 - len('{"text":""}')
    assert len((await run(client, "size", {"size": fits})).result["text"]) == fits
    activation = await run(client, "size", {"size": fits + 1})
    assert activation.ending is Ending.APPLICATION_ERROR
    assert activation.result == {
        "error": "The action produced a response that exceeded the allowed length: 1048577 > 1048576 bytes."
    }


async def test_a_result_without_bounds_ends_the_process(client: OpenWhiskClient, write: Write):
    write("huge.py", "def main(params):\n    return {'text': 'x' * 70_000_000}\n")
    assert (await run(client, "huge")).ending is Ending.DEVELOPER_ERROR


async def test_an_archive_brings_modules_and_a_virtual_environment(client: OpenWhiskClient, rest: Rest):
    code = zipped(
        {
            "__main__.py": "import beside, packed\ndef go(params):\n    return {'n': beside.N + packed.N}\n",
            "beside.py": "N = 1",
            "virtualenv/lib/python3.11/site-packages/packed.py": "N = 2",
        }
    )
    await rest.put("actions/zipped", {"exec": {"kind": "python:3", "code": code, "main": "go"}})
    assert (await run(client, "zipped")).result == {"n": 3}


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (zipped({"other.py": ""}), "the archive has no __main__.py at its root"),
        (base64.b64encode(b"PK\x03\x04" + b"garbage" * 9).decode(), "SyntaxError"),
    ],
)
async def test_an_archive_without_an_entry_cannot_be_started(
    client: OpenWhiskClient, rest: Rest, code: str, error: str
):
    await rest.put("actions/zipped", {"exec": {"kind": "python:3", "code": code}})
    activation = await run(client, "zipped")
    assert activation.ending is Ending.DEVELOPER_ERROR
    assert error in activation.result["error"]


async def test_text_that_looks_like_base64_is_text(client: OpenWhiskClient, rest: Rest):
    await rest.put("actions/text", {"exec": {"kind": "python:3", "code": "pass"}})
    assert "there is no function 'main'" in (await run(client, "text")).result["error"]


async def test_an_action_that_wants_the_key_gets_it(client: OpenWhiskClient, host: ActionHost, rest: Rest):
    code = "import os\ndef main(p): return {'key': os.environ.get('__OW_API_KEY')}"
    wanting = [{"key": "provide-api-key", "value": True}]
    await rest.put("actions/with", {"exec": {"kind": "python:3", "code": code}, "annotations": wanting})
    await rest.put("actions/without", {"exec": {"kind": "python:3", "code": code}})
    assert (await run(client, "with")).result == {"key": host.auth}
    assert (await run(client, "without")).result == {"key": None}


@pytest.mark.parametrize("content", ["not a program", "#!/bin/sh\necho v\n"], ids=["no program", "no node"])
async def test_a_node_that_is_none_is_as_good_as_none(start_host: StartHost, tmp_path: Path, content: str):
    (fake := tmp_path / "node").write_text(content)
    fake.chmod(0o755)
    async with Rest(await start_host(node=str(fake))) as rest:
        assert list((await rest.get("/"))["runtimes"]) == ["python"]


async def test_an_action_whose_language_is_gone_cannot_be_started(
    start_host: StartHost, connect: Connect, write: Write, tmp_path: Path
):
    (node := tmp_path / "node").symlink_to(need_program("node"))
    write("inc.js", "function main() {}")
    data = tmp_path / "data"
    host = await start_host(node=str(node), data=data)
    async with Rest(host) as rest:
        await rest.put("actions/put", {"exec": {"kind": "nodejs:20", "code": "function main() {}"}})
    node.unlink()
    ended = await run(await connect(config_of(host)), "inc")
    assert "Initialization has failed due to: [Errno 2]" in ended.result["error"]
    without = await start_host(data=data)
    ended = await run(await connect(config_of(without)), "put")
    assert "there is nothing here to run nodejs:20 with" in ended.result["error"]
