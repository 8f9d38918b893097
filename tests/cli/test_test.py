"""`statebox test`: cases against a machine, in virtual time."""

from __future__ import annotations

from pathlib import Path

import pytest

from statebox.asl.jsontext import Json, read_json, write_json_text
from tests.cli.conftest import INCSQUARE, ROOT, Call

DEFINITION: Json = {
    "StartAt": "Ask",
    "States": {
        "Ask": {
            "Type": "Task",
            "Resource": "module:suspend",
            "TimeoutSeconds": 259_200,
            "ResultPath": "$.answer",
            "Next": "Done",
        },
        "Done": {"Type": "Succeed"},
    },
}
CASES: Json = {
    "cases": [
        {"name": "answered", "answers": {"Ask": {"Return": "yes"}}, "expect": {"output": {"answer": "yes"}}},
        {"name": "nobody answers", "expect": {"error": "States.Timeout", "path": ["Ask"]}},
    ]
}


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    file = tmp_path / "ask.json"
    file.write_text(write_json_text(DEFINITION))
    return file


def written(tmp_path: Path, cases: Json) -> Path:
    file = tmp_path / "cases.json"
    file.write_text(write_json_text(cases))
    return file


def test_cases_that_are_as_expected_say_ok_and_how_long_they_would_have_taken(
    offline: Call, machine: Path, tmp_path: Path
):
    told = offline("test", machine, written(tmp_path, CASES))

    assert told.exit_code == 0
    assert told.stdout.splitlines() == [
        "ok      answered  SUCCEEDED, 0.00 s of virtual time",
        "          Ask > Done",
        "ok      nobody answers  FAILED, 3 d 00 h of virtual time",
        "          Ask",
    ]
    assert told.stderr.startswith("2 of 2 cases ok; ")


def test_a_case_that_is_not_as_expected_says_where_it_differs(offline: Call, machine: Path, tmp_path: Path):
    case = {"name": "a", "answers": {"Ask": {"Return": {"x": 1}}}, "expect": {"output": {"answer": {"x": 2}}}}

    told = offline("test", machine, written(tmp_path, {"cases": [case]}))

    assert told.exit_code == 1
    assert told.stdout.startswith("FAILED  a  SUCCEEDED")
    assert "        - output.answer.x: expected 2, got 1" in told.stdout.splitlines()
    assert told.stderr.startswith("0 of 1 case ok; ")


def test_programs_get_everything_as_json(offline: Call, machine: Path, tmp_path: Path):
    told = offline("test", machine, written(tmp_path, CASES), "--json", "--only", "nobody").json

    assert told["ok"] is True
    (case,) = told["cases"]
    assert (case["name"], case["status"], case["elapsed_seconds"]) == ("nobody answers", "FAILED", 259_200)


def test_everything_wrong_with_the_cases_is_told_with_its_line(offline: Call, machine: Path, tmp_path: Path):
    file = tmp_path / "cases.json"
    file.write_text('{"cases": [\n  {"mocks": {"Aks": {"Return": 1}}},\n  {"expect": {"paht": []}}\n]}')

    told = offline("test", machine, file)

    assert told.exit_code == 1
    assert f"{file}:2:14: the machine has no state Aks; it has Ask, Done at /cases[0]/mocks/Aks" in told.stderr
    assert f"{file}:3:15: paht means nothing here" in told.stderr


def test_a_wrong_definition_is_refused_with_its_problems(offline: Call, tmp_path: Path):
    file = tmp_path / "wrong.json"
    file.write_text('{"StartAt": "A", "States": {}}')

    told = offline("test", file, written(tmp_path, CASES))

    assert told.exit_code == 1
    assert told.stderr.splitlines()[0] == f"statebox: {file}: the definition of wrong is refused"
    assert f"{file}:1:18: " in told.stderr
    assert "/States" in told.stderr


def test_the_seeds_wrapper_gets_the_seeds_input(offline: Call, tmp_path: Path):
    """Of `increment` and `square` only their mocks are seen."""
    name = next(iter(read_json(INCSQUARE.read_bytes())["statemachine"]))
    states = read_json(INCSQUARE.read_bytes())["statemachine"][name]["States"]
    tasks = [state for state, body in states.items() if body["Type"] == "Task" and body["Resource"] != "module:suspend"]
    case: dict[str, Json] = {"name": "a", "mocks": {task: {"Return": {"value": 2}} for task in tasks}, "answers": {}}
    suspends = [state for state, body in states.items() if body.get("Resource") == "module:suspend"]
    case["answers"] = {state: {"Resume": True} for state in suspends}

    told = offline("test", INCSQUARE, written(tmp_path, {"cases": [case]}), "--json").json

    assert told["cases"][0]["output"]["constants"]["version"]


def test_a_wrapper_with_its_own_input_gives_that_to_cases_that_have_none(offline: Call, tmp_path: Path):
    file = tmp_path / "wrapped.json"
    machine: Json = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    file.write_text(write_json_text({"statemachine": {"done": machine}, "input": 4}))

    told = offline("test", file, written(tmp_path, {"cases": [{}]}), "--json").json

    assert told["cases"][0]["output"]["values"] == {"value": 4}


def test_a_wrapper_with_members_that_nobody_knows_is_refused(offline: Call, tmp_path: Path):
    file = tmp_path / "wrapped.json"
    file.write_text(write_json_text({"statemachine": {"ask": DEFINITION}, "inptu": 4}))

    told = offline("test", file, written(tmp_path, CASES))

    assert told.exit_code == 1
    assert told.stderr.startswith(f"statebox: {file}: nothing is known about inptu in the wrapper; there are")


def test_an_input_is_for_cases_that_have_none(offline: Call, machine: Path, tmp_path: Path):
    cases = {"cases": [{"name": "a", "answers": {"Ask": {"Return": 1}}, "expect": {"output": {"n": 1, "answer": 1}}}]}

    assert offline("test", machine, written(tmp_path, cases), "--input", '{"n": 1}').exit_code == 0


def test_a_name_that_no_case_has_is_told(offline: Call, machine: Path, tmp_path: Path):
    told = offline("test", machine, written(tmp_path, CASES), "--only", "xyz")

    assert told.exit_code == 1
    assert "no case has xyz in its name; there are answered, nobody answers" in told.stderr


def test_a_mock_config_file_with_one_machine_is_for_any_but_the_option_means_what_it_says(
    offline: Call, machine: Path, tmp_path: Path
):
    config: Json = {
        "StateMachines": {"AskLambda": {"TestCases": {"Answered": {"Ask": "Yes"}}}},
        "MockedResponses": {"Yes": {"0": {"Return": "yes"}}},
    }
    file = written(tmp_path, config)

    assert offline("test", machine, file).exit_code == 0
    assert offline("test", machine, file, "--machine", "AskLambda").exit_code == 0
    told = offline("test", machine, file, "--machine", "Other")
    assert told.exit_code == 1
    assert "there is no machine Other in it, only AskLambda: name one with --machine" in told.stderr


def test_the_cases_in_the_readme_are_those_beside_the_machine_and_they_are_ok(offline: Call):
    machines = ROOT / "state_machines"
    cases = machines / "cases" / "approval.json"

    told = offline("test", machines / "approval.json", cases)

    assert told.exit_code == 0
    readme = (ROOT / "README.md").read_text()
    for line in (*cases.read_text().splitlines(), *told.stdout.splitlines()):
        assert f"\n    {line}\n" in readme


def test_only_one_thing_comes_from_stdin(offline: Call, machine: Path):
    assert offline("test", machine, "-", input=write_json_text(CASES)).exit_code == 0
    assert offline("test", "-", "-").exit_code == 2
