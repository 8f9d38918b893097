"""`statebox run`: the output on stdout, all else on stderr, and an exit code that tells how it ended."""

from __future__ import annotations

import os
import shlex
import signal
from pathlib import Path

import pytest

from statebox.asl.jsontext import Json, read_json, write_json_text
from tests.cli.conftest import ACTIONS, INCSQUARE, Call, Dev
from tests.cli.processes import Command, family, gone, run

ASK: Json = {
    "StartAt": "Ask",
    "States": {"Ask": {"Type": "Task", "Resource": "module:suspend", "TimeoutSeconds": 3600, "End": True}},
}
CALL: Json = {
    "StartAt": "Add",
    "States": {"Add": {"Type": "Task", "Resource": "openwhisk:increment", "End": True}},
}


def written(folder: Path, name: str, definition: Json) -> Path:
    file = folder / f"{name}.json"
    file.write_text(write_json_text(definition))
    return file


def hinted(command: Command) -> list[str]:
    """The words of the command that a suspended run shows, once it does."""
    lines = command.says("--output").splitlines()
    line = next(line for line in lines if line.startswith("  statebox resume "))
    return shlex.split(line)[1:]


# Everything in one process


def test_a_run_by_itself_prints_the_output_and_shows_each_transition(tmp_path: Path):
    ended = run("run", written(tmp_path, "call", CALL), "--actions", ACTIONS, "--input", '{"value": 6}', cwd=tmp_path)

    assert (ended.exit_code, ended.stdout) == (0, '{"value":7}\n')
    types = [line.split()[2] for line in ended.stderr.splitlines()]
    assert types[:2] == ["ExecutionStarted", "TaskStateEntered"]
    assert types[-2:] == ["TaskStateExited", "ExecutionSucceeded"]
    assert list(tmp_path.iterdir()) == [tmp_path / "call.json"]


def test_files_and_limits_of_the_environment_count_for_a_run(tmp_path: Path):
    """A cause that names STATEBOX_FILES as the remedy is right here too."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "numbers.json").write_text("[1, 2]")
    child: Json = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    processor: Json = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **child}
    state: Json = {
        "Type": "Map",
        "ItemReader": {"Resource": "file:numbers.json"},
        "ItemProcessor": processor,
        "End": True,
    }
    file = written(tmp_path, "all", {"StartAt": "All", "States": {"All": state}})
    files = {"STATEBOX_FILES": str(tmp_path / "files")}

    assert run("run", file, cwd=tmp_path, more=files).stdout == "[1,2]\n"
    small = run("run", file, cwd=tmp_path, more={**files, "STATEBOX_LIMITS_PAYLOAD_BYTES": "4"})
    assert (small.exit_code, "Error: States.DataLimitExceeded" in small.stderr) == (1, True)
    wrong = run("run", file, cwd=tmp_path, more={"STATEBOX_LIMITS_PAYLOAD_BYTES": "four"})
    assert (wrong.exit_code, "STATEBOX_LIMITS_PAYLOAD_BYTES" in wrong.stderr) == (78, True)


def test_a_refused_definition_is_told_with_its_places(tmp_path: Path):
    file = written(tmp_path, "wrong", {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}})

    told = run("run", file, cwd=tmp_path)

    assert told.exit_code == 1
    assert f"\n{file}:1:45: MISSING_TRANSITION_TARGET: " in told.stderr


def test_the_hint_of_a_suspended_run_resumes_it(offline: Call, tmp_path: Path):
    """The demo's actions are found by themselves where there is a folder of that name."""
    (tmp_path / "demo_actions").symlink_to(ACTIONS)
    with Command("run", INCSQUARE, "--input", "6", cwd=tmp_path) as command:
        assert offline(*hinted(command)).word.startswith("incsquare:")
        assert command.ended() == 0, command.stderr
        assert read_json(command.rest())["values"] == {"value": 50}


def test_a_run_by_itself_that_is_interrupted_leaves_nothing_but_a_word(tmp_path: Path):
    with Command("run", written(tmp_path, "ask", ASK), cwd=tmp_path, more={"TMPDIR": str(tmp_path)}) as command:
        hinted(command)
        children = family(command.pid)
        command.send(signal.SIGINT)

        assert command.ended() == 130
        assert "its data goes with this process; with --data DIR it stays" in command.stderr
        assert gone(children)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["ask.json"]


def test_a_run_with_a_data_folder_goes_on_in_dev(offline: Call, tmp_path: Path):
    data = tmp_path / "data"
    with Command("run", written(tmp_path, "ask", ASK), "--name", "kept", "--data", data, cwd=tmp_path) as command:
        hinted(command)
        command.send(signal.SIGTERM)
        assert command.ended() == 143
        assert f"it goes on with: statebox dev --data '{data}'" in command.stderr

    free = ("--listen", "127.0.0.1:0", "--actions-listen", "127.0.0.1:0")
    with Command("dev", "--json", "--data", data, *free, cwd=tmp_path) as dev:
        endpoint = ("--endpoint", dev.json_line()["endpoint"])
        assert offline("resume", "ask:kept", *endpoint).word == "ask:kept"
        followed = offline("history", "ask:kept", "--follow", *endpoint)
        assert followed.stdout.splitlines()[-1].split()[2] == "ExecutionSucceeded"


# Against a daemon


def test_a_run_on_a_daemon_is_one_of_its_executions(call: Call, tmp_path: Path):
    told = call("run", written(tmp_path, "call", CALL), "--name", "there", "--input", '{"value": 1}', "--quiet")

    assert (told.exit_code, told.stdout, told.stderr) == (0, '{"value":2}\n', "")
    assert "status   SUCCEEDED\n" in call("describe", "call:there").stdout


def test_a_failed_run_says_error_and_cause_on_stderr(call: Call, tmp_path: Path):
    file = written(
        tmp_path,
        "fail",
        {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Out.OfStock", "Cause": "none left"}}},
    )

    told = call("run", file, "--name", "one", "--quiet")
    as_json = call("run", file, "--name", "two", "--quiet", "--json")

    assert (told.exit_code, told.stdout) == (1, "")
    assert told.stderr == "statebox: fail:one FAILED\nError: Out.OfStock\nCause: none left\n"
    assert as_json.exit_code == 1
    assert read_json(as_json.stdout)["error"] == "Out.OfStock"


def test_a_run_that_times_out_or_is_stopped_did_not_succeed(dev: Dev, call: Call, tmp_path: Path):
    late: Json = {**ASK, "TimeoutSeconds": 1}
    timed_out = call("run", written(tmp_path, "late", late), "--name", "one", "--quiet")
    assert timed_out.exit_code == 1
    assert "late:one TIMED_OUT" in timed_out.stderr

    ask = written(tmp_path, "ask", ASK)
    with Command("run", ask, "--name", "stopped", "--endpoint", dev.endpoint, cwd=tmp_path) as command:
        hinted(command)
        assert call("stop", "ask:stopped", "--error", "Enough").exit_code == 0
        assert command.ended() == 1
        assert "ask:stopped ABORTED\nError: Enough\n" in command.stderr


def test_programs_get_the_description_and_events_as_json(call: Call, tmp_path: Path):
    told = call("run", written(tmp_path, "call", CALL), "--input", '{"value": 1}', "--json")

    assert told.json["output"] == '{"value":2}'
    events = [read_json(line) for line in told.stderr.splitlines()]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_on_a_daemon_goes_on_there(
    dev: Dev, call: Call, tmp_path: Path, signum: signal.Signals, code: int
):
    name = f"interrupted-{signum}"
    ask = written(tmp_path, "ask", ASK)
    with Command("run", ask, "--name", name, "--endpoint", dev.endpoint, cwd=tmp_path) as command:
        hinted(command)
        command.send(signum)
        assert command.ended() == code
        assert f"ask:{name} goes on in the daemon:" in command.stderr
        assert f"statebox history ask:{name} --follow --endpoint {dev.endpoint}" in command.stderr

    assert call("describe", f"ask:{name}", "--json").json["status"] == "RUNNING"


def test_a_run_outlasts_a_restart_of_its_daemon(offline: Call, tmp_path: Path):
    """While no daemon answers it says so once and tries again."""
    data = tmp_path / "data"
    ports = ("--actions-listen", "127.0.0.1:0")
    ask = written(tmp_path, "ask", ASK)
    with Command("dev", "--json", "--data", data, "--listen", "127.0.0.1:0", *ports, cwd=tmp_path) as first:
        endpoint: str = first.json_line()["endpoint"]
        with Command("run", ask, "--name", "patient", "--endpoint", endpoint, cwd=tmp_path) as command:
            hinted(command)
            first.send(signal.SIGKILL)
            first.ended()
            command.says("trying again for a minute")

            address = endpoint.removeprefix("http://")
            with Command("dev", "--json", "--data", data, "--listen", address, *ports, cwd=tmp_path) as second:
                second.line()
                assert offline("resume", "ask:patient", "--endpoint", endpoint).exit_code == 0
                assert command.ended() == 0, command.stderr
                assert command.rest() == "{}\n"
            assert command.stderr.count("trying again") == 1


def test_a_run_by_itself_ends_when_its_valkey_does(tmp_path: Path):
    with Command("run", written(tmp_path, "ask", ASK), cwd=tmp_path) as command:
        hinted(command)
        os.kill(command.valkey, signal.SIGKILL)

        assert command.ended() == 1
        assert "the embedded Valkey ended with status -9" in command.stderr
        assert "Traceback" not in command.stderr
