"""The conformance run: recorded cases against the core, counted and told."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from conformance.__main__ import main
from conformance.functions import Functions
from statebox.asl.answers import Answer, Asked, Fails, Succeeds, Unanswered
from statebox.asl.jsontext import Json, read_json, write_json_text

# As simple as a comparer can be: all that is expected must be there.
COMPARE = """
def match(case, actual):
    ok = all(actual.get(name) == value for name, value in case["expect"].items())
    return {"ok": ok, "ok_strict": ok, "status": ok, "output": None, "why": []}
"""
NAMES = {
    "state_machine": "m",
    "execution": "e",
    "execution_arn": "arn:aws:states:us-east-1:111111111111:execution:m:e",
    "state_machine_arn": "arn:aws:states:us-east-1:111111111111:stateMachine:m",
    "role_arn": "arn:aws:iam::111111111111:role/r",
}
LAMBDA = "arn:aws:lambda:us-east-1:111111111111:function:f"
INVOKE = "arn:aws:states:::lambda:invoke"


def recorded(definition: Json, expect: Json, **more: Json) -> Json:
    return {
        "id": "a.py::test",
        "kind": "execution",
        "tier": "core",
        "category": "wait",
        "definition": definition,
        "input": {},
        "names": NAMES,
        "needs": [],
        "lambdas": {},
        "expect": expect,
        **more,
    }


def one_state(**state: Json) -> Json:
    return {"StartAt": "A", "States": {"A": state}}


def conform(folder: Path, cases: list[Json], *words: str) -> Result:
    (folder / "cases.json").write_text(write_json_text(cases))
    (folder / "compare.py").write_text(COMPARE)
    return CliRunner().invoke(main, ["--cases", str(folder), *words])


def test_without_recordings_nothing_is_run_and_nothing_is_wrong(tmp_path: Path):
    told = CliRunner().invoke(main, ["--cases", str(tmp_path)])

    assert told.exit_code == 0
    assert "There are no recordings" in told.output


def test_cases_are_counted_by_category(tmp_path: Path):
    wait = one_state(Type="Wait", Seconds=86_400, End=True)
    stop = recorded(wait, {"status": "ABORTED"}, needs=["interactive:stop_execution"])
    far = one_state(Type="Wait", TimestampPath="$.start_at", End=True)
    cases = [
        recorded(wait, {"status": "SUCCEEDED", "output": {}}),
        stop,
        recorded(far, {"status": "SUCCEEDED"}, id="too_far_in_future_boundary[3]", input={"start_at": "2016"}),
        recorded(wait, {"status": "FAILED"}, tier="nested"),
    ]

    told = conform(tmp_path, cases)

    assert told.exit_code == 0, told.output
    assert "| wait | 3 | 3 | 3 |" in told.output
    assert "LocalStack" in told.output


def test_too_many_misses_fail_and_say_what_differs(tmp_path: Path):
    good = recorded(one_state(Type="Succeed"), {"status": "SUCCEEDED"})
    cases = [recorded(one_state(Type="Succeed"), {"status": "FAILED"}, id="mine"), good, good, good]

    told = conform(tmp_path, cases, "--max-misses", "0", "--diff")

    assert told.exit_code == 1
    assert "NOT OK: mine" in told.output
    assert 'status (False): expected "FAILED", got "SUCCEEDED"' in told.output
    assert conform(tmp_path, cases, "--max-misses", "1", "--min-strict", "0").exit_code == 0
    assert "0 cases" in conform(tmp_path, cases, "--only", "yours").output


@pytest.mark.parametrize(("misses", "cases", "code"), [(1, 4, 0), (2, 9, 1), (1, 3, 1), (0, 1, 0)])
def test_a_category_bears_one_miss_and_a_small_one_none(tmp_path: Path, misses: int, cases: int, code: int):
    state = one_state(Type="Succeed")
    wrong, right = recorded(state, {"status": "FAILED"}), recorded(state, {"status": "SUCCEEDED"})

    told = conform(tmp_path, [wrong] * misses + [right] * (cases - misses), "--min-strict", "0")

    assert told.exit_code == code
    assert ("not ok for one category: wait" in told.output) is (code == 1)


def test_a_case_that_cannot_be_run_is_a_mismatch(tmp_path: Path):
    unknown = one_state(Type="Task", Resource="arn:aws:states:::sqs:sendMessage", Parameters={}, End=True)

    told = conform(tmp_path, [recorded(unknown, {"status": "SUCCEEDED"})], "--diff", "--min-strict", "0")

    assert "got Unanswered: nobody plays arn:aws:states:::sqs:sendMessage" in told.output


def test_definitions_are_accepted_refused_and_validated(tmp_path: Path):
    wrong = one_state(Type="Nap")
    cases = [
        recorded(one_state(Type="Succeed"), {"rejected": False}, kind="accepted_definition"),
        recorded(wrong, {"rejected": True, "code": "InvalidDefinition"}, kind="rejected_definition"),
        recorded(wrong, {"result": "FAIL"}, kind="validate_definition", definition_text=write_json_text(wrong)),
        recorded({}, {"status": "REJECTED"}),
    ]

    assert "| wait | 4 | 4 | 4 |" in conform(tmp_path, cases).output


def call(behaviour: str, resource: str, arguments: Json, **more: Json) -> Answer:
    functions = Functions({"lambdas": {"f": behaviour}, **more})
    return functions(Asked("A", "A", 0, resource, arguments, None, 0, "arn"))


@pytest.mark.parametrize(
    ("behaviour", "output"),
    [
        ("id_function.py", [1]),
        ("echo_function.py", {"Return": "HelloWorld"}),
        ("return_bytes_str.py", "HelloWorld!"),
        ("return_decorated_input.py", "input-event-[1]"),
    ],
)
def test_each_function_behaves_as_recorded(behaviour: str, output: Json):
    answer = call(behaviour, LAMBDA, [1])

    assert answer == Succeeds(output)


def test_functions_fail_are_slow_and_return_too_much():
    raised = call("raise_custom_exception.py", LAMBDA, {})
    large = call("large_output_string.py", LAMBDA, {})

    assert isinstance(raised, Fails)
    assert isinstance(large, Succeeds)
    assert raised.error == "CustomException"
    assert read_json(raised.cause or "")["errorMessage"] == ""
    assert len(large.output) == 257 * 1024
    assert call("wait_60_seconds.py", LAMBDA, {}).after_ms == 60_000


@pytest.mark.parametrize(("payload", "event"), [('"a"', "a"), (None, {}), ({"b": 1}, {"b": 1}), ("0", 0)])
def test_the_integration_takes_texts_for_json_and_wraps_the_result(payload: Json, event: Json):
    answer = call("id_function.py", INVOKE, {"FunctionName": "f", "Payload": payload, "LogType": "Tail"})

    assert isinstance(answer, Succeeds)
    assert answer.output["Payload"] == event
    assert {"ExecutedVersion", "LogResult", "SdkHttpMetadata", "StatusCode"} <= answer.output.keys()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"FunctionName": "other"}, "Lambda.ResourceNotFoundException"),
        ({"FunctionName": "f", "Payload": "{"}, "Lambda.InvalidRequestContentException"),
        ({}, "States.Runtime"),
    ],
)
def test_what_is_wrong_with_a_call_has_a_name(arguments: Json, error: str):
    answer = call("id_function.py", INVOKE, arguments)

    assert isinstance(answer, Fails)
    assert answer.error == error


def test_another_machine_is_run_and_waited_for():
    arn = "arn:aws:states:us-east-1:111111111111:stateMachine:other"
    machines = {arn: {"definition": one_state(Type="Wait", Seconds=60, End=True)}}
    start = {"StateMachineArn": arn, "Name": "n", "Input": {"n": 1}}

    answer = call("", "arn:aws:states:::states:startExecution.sync:2", start, aux_machines=machines)

    assert isinstance(answer, Succeeds)
    assert (answer.output["Output"], answer.after_ms) == ({"n": 1}, 60_000)
    with pytest.raises(Unanswered):
        call("", "arn:aws:states:::sns:publish", {})


def test_states_are_tried_with_what_was_recorded_as_text_or_value(tmp_path: Path):
    state: Json = {"Type": "Task", "Resource": LAMBDA, "Parameters": {"a.$": "$.a"}, "End": True}
    tried: Json = {"kind": "test_state", "lambdas": {"f": "id_function.py"}}
    request: Json = {"definition": state, "input": {"a": 1}, "input_text": '{"a": 2}'}
    worked: Json = {"response": {"output": '{"a":2}', "status": "SUCCEEDED"}}
    told = "State type 'Pass' is not supported when a mock is specified"
    wrong: Json = {"definition": {"Type": "Pass", "End": True}, "mock": {"result": "1"}}
    cases = [
        recorded(None, worked, request=request, **tried),
        recorded(None, {"error": {"code": "ValidationException", "message": told}}, request=wrong, **tried),
    ]

    assert "| wait | 2 | 2 | 2 |" in conform(tmp_path, cases).output
