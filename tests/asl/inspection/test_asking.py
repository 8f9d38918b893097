"""The arguments of a trial, and what is wrong with them; the context object that is made up or given."""

from __future__ import annotations

import pytest

from statebox.asl.jsontext import Json
from tests.asl.inspection.trying import INVOKE, mocked, refused, task, tried

PASS: Json = {"Type": "Pass", "End": True}
SHOWING: Json = {"Type": "Pass", "Parameters": {"c.$": "$$"}, "OutputPath": "$.c", "End": True}
NOT_GOOD = "ValidationException: Invalid Context object provided: "


def test_a_state_that_stands_alone_may_lead_anywhere():
    assert tried({"Type": "Pass", "Next": "Nowhere"}, input={})["nextState"] == "Nowhere"


def test_a_wrong_definition_is_refused_with_all_that_is_wrong():
    told = refused({"Type": "Pass", "Next": 1, "Catch": []})
    assert told.startswith("InvalidDefinition: Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: ")
    assert told.count("SCHEMA_VALIDATION_FAILED") == 2
    assert "/States/StateName" in told


def test_a_machine_is_looked_at_as_a_whole():
    machine: Json = {"StartAt": "A", "States": {"A": PASS, "B": PASS}}
    assert 'State "B" is not reachable.' in refused(machine, stateName="A")


def test_a_state_that_is_not_there_is_refused():
    machine: Json = {"StartAt": "A", "States": {"A": PASS}}
    assert refused(machine, stateName="B") == "ValidationException: State not found in definition"


@pytest.mark.parametrize("name", ["variables", "context"])
def test_variables_and_context_are_objects(name: str):
    assert "must be a valid JSON object" in refused(PASS, **{name: [1]})


def test_the_context_object_that_is_made_up_is_that_of_an_express_execution():
    shown = tried(SHOWING, input={"a": 1}, roleArn="arn:aws:iam::000000000000:role/r")["output"]
    assert shown["State"] == {"Name": "StateName", "EnteredTime": "2026-01-01T00:00:00.000Z"}
    assert shown["Execution"]["Input"] == {"a": 1}
    assert shown["Execution"]["RoleArn"] == "arn:aws:iam::000000000000:role/r"
    assert ":express:" in shown["Execution"]["Id"]
    assert tried(SHOWING, input={})["output"]["Execution"]["RoleArn"] is None


def test_the_context_object_that_is_given_is_taken_as_it_is():
    given: Json = {"Execution": {"RoleArn": None}, "State": {"Name": "Mine", "RetryCount": 3}}
    assert tried(SHOWING, input={}, context=given)["output"] == given


@pytest.mark.parametrize(
    ("context", "wrong"),
    [
        ({"Execution": {"pokemon": 1}}, "Field 'pokemon' is not allowed"),
        ({"More": 1}, "Field 'More' is not allowed"),
        ({"State": 1}, "Field 'State' must be an object"),
        ({"State": {"RetryCount": "1"}}, "Field 'RetryCount' must be a number"),
        ({"Execution": {"StartTime": 1}}, "Field 'StartTime' must be a string"),
        ({"Map": {"Item": {"Index": 0}}}, "Context object contains 'Map' when state is not a Map state"),
        ({"Task": {"Token": "t"}}, "Context object contains 'Task' when state is not a Task state with a '.sync' or"),
    ],
)
def test_a_context_object_has_only_what_belongs_there(context: Json, wrong: str):
    assert refused(PASS, context=context).startswith(NOT_GOOD + wrong)


def test_a_task_that_waits_for_its_token_can_be_given_one():
    state = task(f"{INVOKE}.waitForTaskToken", Parameters={"t.$": "$$.Task.Token"})
    said = tried(state, input={}, context={"Task": {"Token": "mine"}}, mock=mocked(1))
    assert said["inspectionData"]["afterParameters"] == {"t": "mine"}


def test_a_state_inside_a_map_can_be_given_its_item():
    inside: Json = {"Type": "Pass", "Parameters": {"v.$": "$$.Map.Item.Value"}, "End": True}
    around: Json = {"Type": "Map", "ItemProcessor": {"StartAt": "In", "States": {"In": inside}}, "End": True}
    machine: Json = {"StartAt": "Around", "States": {"Around": around}}
    context: Json = {"Map": {"Item": {"Index": 1, "Value": 7}}}
    assert tried(machine, stateName="In", input={}, context=context)["output"] == {"v": 7}


def test_a_retry_count_stands_in_the_context_object_that_is_made_up():
    state = task(Parameters={"n.$": "$$.State.RetryCount"})
    said = tried(state, input={}, mock=mocked({}), stateConfiguration={"retrierRetryCount": 2})
    assert said["inspectionData"]["afterParameters"] == {"n": 2}
