"""Working with executions on a daemon: start, list, describe, history, resume, stop, retry."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from statebox.asl.jsontext import Json, read_json
from tests.cli.conftest import INCSQUARE, Call, Dev
from tests.cli.processes import wait_for


def status_of(call: Call, id: str) -> str:
    return call("describe", id, "--json").json["status"]


def wait_for_status(call: Call, id: str, status: str) -> None:
    wait_for(lambda: status_of(call, id) == status, f"{id} to be {status}", lambda: call("describe", id).stdout)


def continuations(call: Call, id: str) -> list[Json]:
    """What an execution waits for, once it waits."""

    def waiting() -> list[Json]:
        return call("describe", id, "--json").json["continuations"]

    wait_for(lambda: bool(waiting()), f"{id} to wait for an answer")
    return waiting()


def test_a_started_machine_is_known_by_its_short_id(call: Call):
    id = call("start", "echo", "--name", "first", "--input", '{"a": 1.50, "b": 123456789012345678901234567890}').word

    assert id == "echo:first"
    wait_for_status(call, id, "SUCCEEDED")
    told = call("describe", id).stdout
    assert "id       echo:first\n" in told
    assert "status   SUCCEEDED\n" in told
    assert 'output   {"a":1.5,"b":123456789012345678901234567890}\n' in told
    arn: str = call("describe", id, "--json").json["executionArn"]
    assert arn.endswith(":execution:echo:first")
    assert call("describe", arn).stdout == told


def test_starting_again_under_the_same_name_gives_the_execution_that_is_there(call: Call):
    assert call("start", "ask", "--name", "again").word == call("start", "ask", "--name", "again").word

    refused = call("start", "ask", "--name", "again", "--input", "2")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "again" in refused.stderr


def test_a_definition_in_a_file_is_started_under_the_files_name(call: Call, tmp_path: Path):
    file = tmp_path / "hello.json"
    file.write_text('{"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": "hi", "End": true}}}')

    id = call("start", file, "--name", "one", "--json").json["executionArn"].partition(":execution:")[2]
    other = call("start", file, "--machine", "greeting").word
    piped = call("start", "-", "--name", "two", input=file.read_text()).word

    assert id == "hello:one"
    assert other.startswith("greeting:")
    assert piped == "stdin:two"
    for one in (id, other, piped):
        wait_for_status(call, one, "SUCCEEDED")


@pytest.mark.parametrize(("input", "value"), [("6", 49), ('"6 apples"', 49), ('{"value": 1}', 4), (None, 4)])
def test_the_seeds_wrapper_is_started_as_the_seed_did(call: Call, input: str | None, value: int):
    id = call("start", INCSQUARE, *(() if input is None else ("--input", input))).word
    (waits,) = continuations(call, id)

    resumed = call("resume", waits["continuation"])

    assert resumed.word == id
    wait_for_status(call, id, "SUCCEEDED")
    output = read_json(call("describe", id, "--json").json["output"])
    assert output["values"] == {"value": value + 1}
    assert output["constants"]["restartedFrom"] == waits["continuation"]


def test_the_input_may_come_from_a_file_or_from_stdin(call: Call, tmp_path: Path):
    file = tmp_path / "input.json"
    file.write_text('\ufeff{"from": "a file"}', encoding="utf-8")

    read = call("start", "echo", "--input", f"@{file}").word
    piped = call("start", "echo", "--input", "-", input='{"from": "stdin"}').word

    assert read_json(call("describe", read, "--json").json["input"]) == {"from": "a file"}
    assert read_json(call("describe", piped, "--json").json["input"]) == {"from": "stdin"}


def test_an_answer_is_the_output_and_is_taken_once(call: Call):
    id = call("start", "ask", "--input", '{"question": "go?"}').word
    (waits,) = continuations(call, id)
    assert "waits    in Ask since " in call("describe", id).stdout
    assert f"statebox resume {waits['continuation']}" in call("describe", id).stdout

    assert call("resume", waits["continuation"], "--output", '{"go": true}').word == id
    second = call("resume", waits["continuation"], "--output", '{"go": false}')

    assert second.exit_code == 1
    assert "answered" in second.stderr
    wait_for_status(call, id, "SUCCEEDED")
    assert read_json(call("describe", id, "--json").json["output"]) == {"question": "go?", "go": True}


def test_an_answer_may_be_an_error(call: Call):
    id = call("start", "ask").word
    continuations(call, id)

    assert call("resume", id, "--error", "Refused", "--cause", "over budget", "--json").json["execution"] == id

    wait_for_status(call, id, "FAILED")
    told = call("describe", id).stdout
    assert "error    Refused\n" in told
    assert "cause    over budget\n" in told
    over = call("resume", id)
    assert over.exit_code == 1
    assert f"{id} waits for no answer; see `statebox describe {id}`" in over.stderr


def test_of_several_answers_one_has_to_be_named(call: Call):
    id = call("start", "ask-twice").word
    wait_for(lambda: len(continuations(call, id)) == 2, "both branches to wait")

    vague = call("resume", id)

    assert vague.exit_code == 1
    assert f"{id} waits for 2 answers; name one of them:" in vague.stderr
    for waits in continuations(call, id):
        assert waits["continuation"] in vague.stderr
        assert waits["state"] in vague.stderr
        assert call("resume", waits["continuation"], "--output", f'"{waits["state"]}"').exit_code == 0
    wait_for_status(call, id, "SUCCEEDED")


def test_a_stopped_execution_says_why(call: Call):
    id = call("start", "wait").word

    assert call("stop", id, "--error", "Order.Withdrawn", "--cause", "changed her mind").word == f"{id} ABORTED"
    assert call("stop", id, "--json").json["error"] == "Order.Withdrawn"
    assert "cause    changed her mind\n" in call("describe", id).stdout


def test_the_list_is_newest_first_and_can_be_narrowed(call: Call):
    names = [f"list-{n}-{uuid.uuid4()}" for n in range(3)]
    ids = [call("start", "wait", "--name", name).word for name in names]
    call("stop", ids[0])

    def listed(*words: str) -> list[str]:
        executions: list[Json] = call("list", "--machine", "wait", "--json", *words).json["executions"]
        return [one["name"] for one in executions if one["name"] in names]

    assert listed() == names[::-1]
    assert listed("--status", "running") == names[:0:-1]
    assert listed("--status", "ABORTED") == names[:1]
    table = call("list", "--machine", "wait").stdout.splitlines()
    assert table[0].split() == ["ID", "STATUS", "STARTED", "TOOK"]
    assert table[1].split()[:2] == [ids[2], "RUNNING"]
    assert next(line for line in table if line.startswith(ids[0])).split()[1] == "ABORTED"


def test_a_long_list_goes_on_with_its_token(call: Call):
    for _ in range(3):
        call("start", "echo")

    first = call("list", "--machine", "echo", "--limit", "2")
    token = first.stderr.strip().rpartition("--next-token ")[2].strip("'")
    second = call("list", "--machine", "echo", "--limit", "1", "--next-token", token)
    everything = call("list", "--machine", "echo", "--all")

    assert len(first.stdout.splitlines()) == 3
    assert second.stdout.splitlines()[1] == everything.stdout.splitlines()[3]
    assert "more" not in everything.stderr


def test_a_long_list_says_how_to_go_on_with_the_same_list(call: Call):
    for _ in range(2):
        call("start", "echo")

    hint = call("list", "--machine", "echo", "--status", "succeeded", "--limit", "1").stderr

    assert "statebox list --status SUCCEEDED --machine echo --limit 1 --next-token W" in hint


def test_nothing_to_list_is_told_on_stderr_only(call: Call):
    told = call("list", "--machine", "nobody")

    assert (told.exit_code, told.stdout, told.stderr) == (0, "", "none\n")
    assert call("list", "--machine", "nobody", "--json").json == {"executions": []}


def test_the_history_has_a_line_for_each_event(call: Call):
    id = call("start", "echo", "--input", '{"a": 1}').word
    wait_for_status(call, id, "SUCCEEDED")

    lines = [line.split(None, 4) for line in call("history", id).stdout.splitlines()]

    assert [line[2] for line in lines] == [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionSucceeded",
    ]
    assert lines[1][1:] == ["2", "PassStateEntered", "Echo", '{"a":1}']
    assert [event["id"] for event in call("history", id, "--json").json["events"]] == [1, 2, 3, 4]
    assert len(call("history", id, "--limit", "2").stdout.splitlines()) == 2
    assert call("history", id, "--reverse", "--limit", "1").stdout.split()[2] == "ExecutionSucceeded"


def test_following_a_history_ends_with_the_execution(call: Call):
    id = call("start", "echo").word

    lines = call("history", id, "--follow").stdout.splitlines()
    events = [read_json(line) for line in call("history", id, "--follow", "--json").stdout.splitlines()]

    assert len(lines) == 4
    assert [event["id"] for event in events] == [1, 2, 3, 4]


def test_what_was_set_aside_is_listed_and_goes_on_after_a_retry(call: Call, dev: Dev):
    id = call("start", "wait").word
    untouched = call("retry", id)
    assert untouched.exit_code == 1
    assert "set aside" in untouched.stderr

    # As if daemon after daemon had claimed it, and died.
    dev.redis("HSET", f"statebox:{{0}}:execution:{id}", "claims", "5")
    dev.redis("ZADD", "statebox:{0}:due", "0", id)

    def set_aside() -> list[str]:
        executions: list[Json] = call("list", "--set-aside", "--json").json["executions"]
        return [one["executionArn"].partition(":execution:")[2] for one in executions]

    wait_for(lambda: id in set_aside(), f"{id} to be set aside")
    assert "RUNNING, set aside" in call("list", "--set-aside").stdout
    assert f"RUNNING, set aside: it goes on after `statebox retry {id}`" in call("describe", id).stdout
    assert call("describe", id, "--json").json["setAside"] is True
    assert call("retry", id).word == f"{id} goes on"
    assert id not in set_aside()
    assert "set aside" not in call("describe", id).stdout
    assert call("stop", id).word == f"{id} ABORTED"


def test_what_failed_goes_on_from_where_it_failed(call: Call):
    id = call("start", "ask", "--name", "failing").word
    (waits,) = continuations(call, id)
    call("resume", waits["continuation"], "--error", "Refused")
    wait_for_status(call, id, "FAILED")

    assert call("redrive", id).stdout == f"{id} goes on\n"
    (again,) = continuations(call, id)
    assert call("resume", again["continuation"], "--output", '"yes"').exit_code == 0
    wait_for_status(call, id, "SUCCEEDED")

    refused = call("redrive", id)
    assert (refused.exit_code, refused.stdout) == (1, "")
