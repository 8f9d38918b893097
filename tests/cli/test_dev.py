"""`statebox dev`, `demo` and `actions`: all begins together, works as the printed commands say, and ends together."""

from __future__ import annotations

import base64
import os
import signal
import urllib.request
from pathlib import Path

from statebox.asl.jsontext import Json, read_json
from tests.cli.conftest import ACTIONS, INCSQUARE, ROOT, Call, Dev
from tests.cli.processes import Command, family, gone, run, wait_for

FREE = ("--listen", "127.0.0.1:0", "--actions-listen", "127.0.0.1:0", "--actions", ACTIONS)


def post(url: str, body: bytes = b"") -> Json:
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return read_json(answer.read())


def test_the_seeds_two_calls_work_with_a_publish_between_them(dev: Dev, call: Call):
    suspended = post(f"{dev.endpoint}/?input=6", INCSQUARE.read_bytes())
    continuation: str = suspended["CONTINUATION"]
    assert suspended["values"] == {"value": 49}

    assert 290 <= int(dev.redis("TTL", f"statebox:{{0}}:continuation:{continuation}")) <= 300
    assert dev.redis("PUBLISH", "resume", continuation) == "1"

    def answered() -> bool:
        return call("resume", continuation).exit_code == 1

    wait_for(answered, "the PUBLISH to be heard")
    again = post(f"{dev.endpoint}/?input=6", INCSQUARE.read_bytes())
    resumed = post(f"{dev.endpoint}/?continuation={again['CONTINUATION']}")
    assert resumed["values"] == {"value": 50}
    assert resumed["constants"]["restartedFrom"] == again["CONTINUATION"]


def test_its_first_words_say_what_listens_where_and_what_to_try(tmp_path: Path):
    with Command("dev", *FREE, cwd=tmp_path) as dev:
        lines: list[str] = []
        while not lines or not lines[-1].startswith("Ctrl-C"):
            lines.append(dev.line())

        words = "\n".join(lines)
        assert words.startswith("daemon   http://127.0.0.1:")
        assert "\nactions  http://127.0.0.1:" in words
        assert f"\nredis    unix socket {tmp_path}/.statebox/valkey.sock\n" in words
        assert f"redis-cli -s {tmp_path}/.statebox/valkey.sock PUBLISH resume ID" in words
        assert "curl -X POST 'http://127.0.0.1:" in words
        assert 'eval "$(statebox aws-env --endpoint http://127.0.0.1:' in words
        dev.send(signal.SIGINT)
        assert dev.ended() == 0


def test_all_of_it_ends_together(tmp_path: Path):
    """Valkey, the processes of actions and whatever guards them are gone, and so are their temporary files."""
    with Command("dev", "--json", *FREE, cwd=tmp_path, more={"TMPDIR": str(tmp_path)}) as dev:
        post(f"{dev.json_line()['endpoint']}/?input=6")
        children = family(dev.pid)
        commands = [Path(f"/proc/{pid}/cmdline").read_text() for pid in children]
        assert any("valkey-server" in command for command in commands)
        assert any("launcher" in command for command in commands)

        dev.send(signal.SIGTERM)

        assert dev.ended() == 0
        assert gone(children)
    assert [file.name for file in tmp_path.iterdir()] == [".statebox"]


def test_nothing_is_left_when_it_is_killed_and_executions_go_on_with_the_next_one(tmp_path: Path):
    with Command("dev", "--json", *FREE, cwd=tmp_path, more={"TMPDIR": str(tmp_path)}) as first:
        suspended = post(f"{first.json_line()['endpoint']}/?input=6")
        children = family(first.pid)
        first.send(signal.SIGKILL)

        wait_for(
            lambda: gone(children), "every process to be gone", lambda: [pid for pid in children if not gone([pid])]
        )
        wait_for(lambda: [file.name for file in tmp_path.iterdir()] == [".statebox"], "temporary files to be gone")

    with Command("dev", "--json", *FREE, cwd=tmp_path) as second:
        resumed = post(f"{second.json_line()['endpoint']}/?continuation={suspended['CONTINUATION']}")
        assert resumed["values"] == {"value": 50}


def test_it_ends_when_its_valkey_does(tmp_path: Path):
    with Command("dev", "--json", *FREE, cwd=tmp_path) as dev:
        dev.line()
        os.kill(dev.valkey, signal.SIGKILL)

        assert dev.ended() == 1
        assert "the embedded Valkey ended with status -9" in dev.stderr
        assert "Traceback" not in dev.stderr


def test_definitions_are_read_again_when_they_change(offline: Call, tmp_path: Path):
    machines = tmp_path / "machines"
    machines.mkdir()
    with Command("dev", "--json", *FREE, "--machines", machines, cwd=tmp_path) as dev:
        start = ("start", "new", "--endpoint", dev.json_line()["endpoint"])
        assert offline(*start).exit_code == 1

        (machines / "new.json").write_text('{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}')
        wait_for(lambda: offline(*start).exit_code == 0, "the new machine to be known")
        (machines / "new.json").write_text('{"StartAt": "A"}')
        dev.says("the machines were not read again")
        assert offline(*start).exit_code == 0


def test_wrong_definitions_are_all_told_before_anything_runs(tmp_path: Path):
    machines = tmp_path / "machines"
    machines.mkdir()
    (machines / "broken.json").write_text("{")
    (machines / "wrong.json").write_text('{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}')

    told = run("dev", *FREE, "--machines", machines, cwd=tmp_path)

    assert told.exit_code == 78
    lines = told.stderr.splitlines()
    assert any(line.startswith("statebox: broken: INVALID_JSON_DESCRIPTION: ") for line in lines)
    assert "wrong: MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A/Next" in lines
    assert lines[-1] == "`statebox validate FILE` shows lines and columns"


def test_what_is_in_use_is_named_with_its_remedy(dev: Dev, tmp_path: Path):
    taken = dev.endpoint.removeprefix("http://")
    data = dev.socket.parent

    port = run("dev", "--listen", taken, "--actions-listen", "127.0.0.1:0", "--data", tmp_path / "data", cwd=tmp_path)
    actions = run("actions", "--listen", taken, cwd=tmp_path)
    folder = run("dev", "--listen", "127.0.0.1:0", "--actions-listen", "127.0.0.1:0", "--data", data, cwd=tmp_path)

    for ended in (port, actions):
        assert ended.exit_code == 69
        assert (
            f"{taken} cannot be listened on: Address already in use; end what uses it, or choose another"
            in ended.stderr
        )
        assert "with --listen" in ended.stderr
    assert folder.exit_code == 69
    assert f"the data folder {data} is in use by process" in folder.stderr


def test_a_wrong_definition_or_option_keeps_it_from_starting(tmp_path: Path):
    machines = tmp_path / "machines"
    machines.mkdir()
    (machines / "bad.json").write_text('{"StartAt": "A"}')

    wrong = run("dev", *FREE, "--machines", machines, cwd=tmp_path)
    unknown = run("dev", *FREE, cwd=tmp_path, more={"STATEBOX_DRIAN_SECONDS": "1", "STATEBOX_TOKEN": "of a client"})

    assert wrong.exit_code == 78
    assert "bad: SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /" in wrong.stderr
    assert unknown.exit_code == 78
    assert (
        "environment STATEBOX_DRIAN_SECONDS: there is no such option; did you mean STATEBOX_DRAIN_SECONDS?"
        in unknown.stderr
    )
    assert "STATEBOX_TOKEN" not in unknown.stderr.replace("STATEBOX_TOKENS", "")


def test_the_action_host_runs_alone(tmp_path: Path):
    with Command("actions", ACTIONS, "--listen", "127.0.0.1:0", "--json", cwd=tmp_path) as command:
        where = command.json_line()
        opener = urllib.request.build_opener()
        request = urllib.request.Request(
            f"{where['url']}/api/v1/namespaces/_/actions/increment?blocking=true&result=true",
            data=b'{"value": 6}',
            headers={"Content-Type": "application/json", "Authorization": f"Basic {basic(where['auth'])}"},
        )
        with opener.open(request, timeout=60) as answer:
            assert read_json(answer.read()) == {"value": 7}
        children = family(command.pid)

        command.send(signal.SIGTERM)
        assert command.ended() == 0
        wait_for(lambda: gone(children), "the actions' processes to be gone")


def test_the_demo_ends_with_the_final_json_on_its_last_line():
    ended = run("demo", cwd=ROOT)

    assert ended.exit_code == 0, ended.stderr
    *story, last = ended.stdout.splitlines()
    final = read_json(last)
    continuation = final["constants"]["restartedFrom"]
    assert final["values"] == {"value": 50}
    assert any(f"PUBLISH resume {continuation}" in line for line in story)
    assert any('"values":{"value":49}' in line and continuation in line for line in story)
    ttl = story[next(place for place, line in enumerate(story) if " TTL " in line) + 1]
    assert 290 <= int(ttl) <= 300


def test_the_demo_needs_no_particular_folder_and_prints_one_line_for_programs(tmp_path: Path):
    ended = run("demo", "--json", cwd=tmp_path)

    assert ended.json["values"] == {"value": 50}
    assert ended.stderr == ""
    assert list(tmp_path.iterdir()) == []


def basic(auth: str) -> str:
    return base64.b64encode(auth.encode()).decode()
