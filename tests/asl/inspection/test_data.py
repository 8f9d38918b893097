"""The steps of a state's data that a trial shows."""

from __future__ import annotations

from statebox.asl.events import TaskFailed, TaskSucceeded
from statebox.asl.inspection.setting import Wanted
from statebox.asl.jsontext import Json
from tests.asl.inspection.trying import mocked, task, tried, wanted

JSONATA: Json = {"QueryLanguage": "JSONata"}


def test_a_pass_state_shows_each_step_from_its_input_to_its_output():
    state: Json = {
        "Type": "Pass",
        "InputPath": "$.a",
        "Parameters": {"b.$": "$.b"},
        "ResultPath": "$.c",
        "OutputPath": "$.c",
        "Next": "Nowhere",
    }
    assert tried(state, input={"a": {"b": 1}}) == {
        "status": "SUCCEEDED",
        "output": {"b": 1},
        "nextState": "Nowhere",
        "inspectionData": {
            "input": {"a": {"b": 1}},
            "afterInputPath": {"b": 1},
            "afterParameters": {"b": 1},
            "afterResultSelector": {"b": 1},
            "afterResultPath": {"a": {"b": 1}, "c": {"b": 1}},
        },
    }


def test_info_shows_no_data_but_the_output():
    assert tried({"Type": "Succeed"}, input=1, level="INFO") == {"status": "SUCCEEDED", "output": 1}


def test_a_state_in_jsonata_shows_only_what_it_gives_to_its_work():
    state = task(Arguments={"FunctionName": "{% 'f' & $states.input %}"}, Output="{% $states.result.x %}", **JSONATA)
    assert tried(state, input="g", mock=mocked({"x": 2}))["inspectionData"] == {
        "input": "g",
        "afterArguments": {"FunctionName": "fg"},
        "result": {"x": 2},
    }


def test_a_parallel_shows_what_becomes_of_its_result():
    branch: Json = {"StartAt": "B", "States": {"B": {"Type": "Pass", "End": True}}}
    state: Json = {"Type": "Parallel", "Branches": [branch], "InputPath": "$.x", "ResultPath": "$.y", "End": True}
    assert tried(state, input={"x": 1}, mock=mocked([2]))["inspectionData"] == {
        "input": {"x": 1},
        "afterResultSelector": [2],
        "afterResultPath": {"x": 1, "y": [2]},
    }


def test_the_steps_before_a_failure_are_shown():
    state: Json = {"Type": "Pass", "InputPath": "$.a", "Parameters": {"b.$": "$.none"}, "End": True}
    said = tried(state, input={"a": {}})
    assert (said["status"], said["error"]) == ("FAILED", "States.Runtime")
    assert said["inspectionData"] == {"input": {"a": {}}, "afterInputPath": {}}


def test_variables_are_read_and_those_in_scope_afterwards_are_shown():
    state: Json = {"Type": "Pass", "Assign": {"b.$": "$a"}, "Parameters": {"b.$": "$b"}, "End": True}
    said = tried(state, variables={"a": 1, "b": 2})
    assert said["output"] == {"b": 2}
    assert said["inspectionData"]["variables"] == {"a": 1, "b": 1}


def test_a_choice_says_where_it_leads():
    state: Json = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.n", "NumericGreaterThan": 1, "Next": "Many"}],
        "Default": "Few",
    }
    assert tried(state, input={"n": 2})["nextState"] == "Many"
    assert tried(state, input={"n": 1})["nextState"] == "Few"


def test_a_wait_state_keeps_nobody_waiting():
    state: Json = {"Type": "Wait", "Seconds": 3600, "OutputPath": "$.a", "End": True}
    said = tried(state, input={"a": 1})
    assert (said["status"], said["output"]) == ("SUCCEEDED", 1)


def test_a_state_deep_in_a_machine_is_tried_in_the_language_of_the_machine():
    inner: Json = {"Type": "Pass", "Output": "{% $states.input + 1 %}", "End": True}
    around: Json = {"Type": "Map", "ItemProcessor": {"StartAt": "In", "States": {"In": inner}}, "End": True}
    machine: Json = {"StartAt": "Around", "QueryLanguage": "JSONata", "States": {"Around": around}}
    assert tried(machine, stateName="In", input=1)["output"] == 2


def test_work_without_a_mock_is_wanted_and_its_answer_goes_through_the_state():
    state = task(Parameters={"FunctionName": "f"}, ResultPath="$.r", TimeoutSeconds=7)
    work = wanted(state, input={"a": 1})
    assert isinstance(work, Wanted)
    assert (work.call.resource, work.call.arguments) == (state["Resource"], {"FunctionName": "f"})
    assert work.deadline_ms is not None
    said = tried(state, TaskSucceeded(work.call.id, "done"), input={"a": 1})
    assert (said["output"], said["inspectionData"]["result"]) == ({"a": 1, "r": "done"}, "done")
    assert tried(state, TaskFailed(work.call.id, "E", "why"), input={"a": 1})["cause"] == "why"


def test_a_result_that_is_too_large_fails_the_state():
    said = tried(task(), mock=mocked({"Payload": "x" * 300_000}), input={})
    assert (said["status"], said["error"]) == ("FAILED", "States.DataLimitExceeded")
