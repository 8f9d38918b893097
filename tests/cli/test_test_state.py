"""`statebox test-state`: one state tried alone by a daemon."""

from __future__ import annotations

from pathlib import Path

import pytest

from statebox.asl.jsontext import Json, write_json_text
from tests.cli.conftest import Call

INVOKE = "arn:aws:states:::lambda:invoke"
MACHINE: Json = {
    "StartAt": "Increase",
    "States": {
        "Increase": {"Type": "Task", "Resource": "openwhisk:increment", "ResultPath": "$.r", "Next": "Done"},
        "Done": {"Type": "Succeed"},
    },
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A machine in a file."""
    path = tmp_path / "machine.json"
    path.write_text(write_json_text(MACHINE))
    return path


def alone(tmp_path: Path, state: Json) -> Path:
    path = tmp_path / "state.json"
    path.write_text(write_json_text(state))
    return path


def test_the_work_of_a_task_is_done_and_each_step_is_shown(call: Call, file: Path):
    told = call("test-state", file, "--state", "Increase", "--input", '{"value": 1}')
    assert told.exit_code == 0, told.stderr
    lines = dict(line.split(None, 1) for line in told.stdout.splitlines())
    assert (lines["status"], lines["nextState"]) == ("SUCCEEDED", "Done")
    assert lines["afterParameters"] == '{"value":1}'
    assert lines["output"] == '{"value":1,"r":{"value":2}}'


def test_a_result_or_an_error_stands_for_the_work(call: Call, file: Path):
    words = ("test-state", file, "--state", "Increase", "--json")
    assert call(*words, "--result", "7").json["output"] == '{"r":7}'
    failed = call(*words, "--error", "Busy", "--cause", "later")
    assert failed.exit_code == 1
    assert '"error":"Busy","cause":"later"' in failed.stdout


def test_an_error_that_is_caught_or_would_be_retried_is_no_failure(call: Call, tmp_path: Path):
    retry: Json = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 5, "MaxAttempts": 2}]
    state: Json = {"Type": "Task", "Resource": INVOKE, "Retry": retry, "End": True}
    file = alone(tmp_path, state)
    told = call("test-state", file, "--error", "Busy", "--retried", "1", "--json").json
    assert told["inspectionData"]["errorDetails"] == {"retryIndex": 0, "retryBackoffIntervalSeconds": 10}


def test_variables_and_the_context_object_can_be_given(call: Call, tmp_path: Path):
    state: Json = {"Type": "Pass", "Parameters": {"v.$": "$v", "n.$": "$$.State.Name"}, "End": True}
    given = ("--variables", '{"v": 1}', "--context", '{"State": {"Name": "Mine"}}')
    told = call("test-state", alone(tmp_path, state), *given, "--json").json
    assert told["output"] == '{"v":1,"n":"Mine"}'


def test_problems_are_told_with_their_places_in_the_file(call: Call, tmp_path: Path):
    path = tmp_path / "state.json"
    path.write_text('{"Type": "Pass",\n "Next": 1}')
    told = call("test-state", path)
    assert told.exit_code == 1
    assert "state.json:2:" in told.stderr
    assert "Expected value of type [STRING]" in told.stderr


def test_what_cannot_be_meant_is_refused(call: Call, file: Path):
    for words, said in (
        ((file,), "Give --state NAME; there are Increase, Done"),
        ((file, "--state", "Increase", "--result", "1", "--error", "E"), "give one of them"),
        ((file, "--state", "Increase", "--cause", "c"), "give --error NAME as well"),
        ((file, "--state", "Increase", "--result", "{"), "not valid JSON"),
    ):
        told = call("test-state", *words)
        assert (told.exit_code, said in told.stderr) == (2, True), told.stderr
    missing = call("test-state", file, "--state", "Other")
    assert (missing.exit_code, "State not found in definition" in missing.stderr) == (1, True)
