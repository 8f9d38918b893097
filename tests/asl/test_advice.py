"""What an express machine cannot have, and what a definition hardly means."""

from __future__ import annotations

import pytest

from statebox.asl.advice import express_problems, warnings
from statebox.asl.jsontext import Json


def machine(state: Json, **fields: Json) -> Json:
    return {"StartAt": "A", "States": {"A": {"End": True, **state}}, **fields}


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        ("arn:aws:states:::states:startExecution.sync", "'.sync' service integration"),
        ("arn:aws:states:::lambda:invoke.waitForTaskToken", "'.waitForTaskToken' service integration "),
        ("arn:aws:states:us-east-1:000000000000:activity:a", "Activity ARN"),
        ("module:suspend", "'.waitForTaskToken' service integration "),
    ],
)
def test_an_express_machine_waits_for_nothing_from_outside(resource: str, words: str):
    (problem,) = express_problems(machine({"Type": "Task", "Resource": resource}))
    assert str(problem) == (
        f"SCHEMA_VALIDATION_FAILED: Express state machine does not support {words} at /States/A/Resource"
    )


def test_what_an_express_machine_can_have_is_no_problem():
    state: Json = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke"}
    assert not list(express_problems(machine(state)))
    # What is no definition at all is said elsewhere.
    for broken in (None, 1, {"States": 1}, {"States": {"A": 1}}):
        assert not list(express_problems(broken))


def test_states_deep_inside_are_looked_at():
    state: Json = {"Type": "Task", "Resource": "openwhisk:a.sync", "End": True}
    branch: Json = {"StartAt": "C", "States": {"C": state}}
    around: Json = {"Type": "Map", "ItemProcessor": machine({"Type": "Parallel", "Branches": [branch]})}
    (problem,) = express_problems(machine(around))
    assert problem.location == "/States/A/ItemProcessor/States/A/Branches[0]/States/C/Resource"


def test_a_path_under_a_name_without_dollar_is_a_warning():
    parameters: Json = {"a": "$.x", "b.$": "$.x", "c": [{"d": "States.UUID()"}], "e": "$5"}
    found = list(warnings(machine({"Type": "Pass", "Parameters": parameters})))
    assert [(one.code, one.location) for one in found] == [
        ("NO_DOLLAR", "/States/A/Parameters/a"),
        ("NO_DOLLAR", "/States/A/Parameters/c[0]/d"),
    ]


def test_in_jsonata_such_texts_are_just_texts():
    state: Json = {"Type": "Pass", "Assign": {"a": "$.x"}}
    assert not list(warnings(machine(state, QueryLanguage="JSONata")))
    assert list(warnings(machine({**state, "QueryLanguage": "JSONPath"}, QueryLanguage="JSONata")))
