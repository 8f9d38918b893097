"""Fields of JSONata states: what they may hold, and how messages call them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest

from statebox.asl.definition import InvalidDefinition, read
from statebox.asl.driver import drive
from statebox.asl.jsontext import Json
from statebox.asl.walk import new_execution

ONLY_JSONPATH: Final = (
    "The QueryLanguage is set to 'JSONata', but field '{}' is only supported for the 'JSONPath' QueryLanguage"
)
ONLY_JSONATA: Final = (
    "The QueryLanguage is set to 'JSONPath', but field '{}' is only supported for the 'JSONata' QueryLanguage"
)
END: Final[Json] = {"Type": "Succeed"}
TASK: Final[Json] = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Next": "End"}
MAP: Final[Json] = {
    "Type": "Map",
    "ItemProcessor": {"StartAt": "Item", "States": {"Item": {"Type": "Pass", "End": True}}},
    "Next": "End",
}
DISTRIBUTED: Final[Json] = {
    **MAP,
    "ItemProcessor": {
        **MAP["ItemProcessor"],
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
    },
}
READER: Final = "arn:aws:states:::s3:getObject"


def machine(state: Mapping[str, Json], language: str = "JSONata") -> Json:
    """A definition that begins with this state."""
    return {"QueryLanguage": language, "StartAt": "S", "States": {"S": state, "End": END}}


def problems(state: Mapping[str, Json], language: str = "JSONata") -> list[tuple[str, str]]:
    """What is wrong with a definition: (location within the state, message)."""
    with pytest.raises(InvalidDefinition) as raised:
        read(machine(state, language))
    return [((one.location or "").removeprefix("/States/S"), one.message) for one in raised.value.problems]


def location(state: Mapping[str, Json], input: Json) -> Json:
    """The field that the EvaluationFailed event of a run names."""
    outcome = drive(read(machine(state)), new_execution(input, machine="m", name="n", started_ms=0))
    assert outcome.error == "States.QueryEvaluationError"
    (failed,) = [event for event in outcome.history if event["type"] == "EvaluationFailed"]
    return failed["evaluationFailedEventDetails"]["location"]


@pytest.mark.parametrize(
    ("state", "field"),
    [
        ({**TASK, "TimeoutSeconds": "{% ( %}"}, "/TimeoutSeconds"),
        ({**TASK, "HeartbeatSeconds": "{% ( %}"}, "/HeartbeatSeconds"),
        ({**TASK, "Credentials": "{% ( %}"}, "/Credentials"),
        ({**MAP, "Items": "{% ( %}"}, "/Items"),
        ({**MAP, "MaxConcurrency": "{% ( %}"}, "/MaxConcurrency"),
        ({**MAP, "ToleratedFailurePercentage": "{% ( %}"}, "/ToleratedFailurePercentage"),
        ({"Type": "Wait", "Seconds": "{% ( %}", "Next": "End"}, "/Seconds"),
        ({"Type": "Wait", "Timestamp": "{% ( %}", "Next": "End"}, "/Timestamp"),
        ({"Type": "Choice", "Choices": [{"Condition": "{% ( %}", "Next": "End"}]}, "/Choices[0]/Condition"),
    ],
)
def test_an_expression_that_does_not_parse_is_one_problem(state: Mapping[str, Json], field: str):
    assert problems(state) == [(field, 'Expected ")" before end of expression')]


def test_a_member_of_states_that_is_not_there_is_one_problem():
    assert problems({**TASK, "TimeoutSeconds": "{% $states.result %}"}) == [
        ("/TimeoutSeconds", "Field '$states.result' does not exist.")
    ]


@pytest.mark.parametrize("literal", [5, "items", {}, None, True])
def test_items_are_an_array_or_an_expression(literal: Json):
    assert problems({**MAP, "Items": literal}) == [("/Items", "Expected value of type [ARRAY]")]


@pytest.mark.parametrize("literal", [[], [1, "{% $states.input.n %}", ["{% 3 %}"]]])
def test_an_array_of_items_may_hold_expressions(literal: Json):
    outcome = drive(
        read(machine({**MAP, "Items": literal})), new_execution({"n": 2}, machine="m", name="n", started_ms=0)
    )
    assert outcome.output == ([1, 2, [3]] if literal else [])


@pytest.mark.parametrize(
    ("state", "where", "field"),
    [
        ({**MAP, "Parameters": {}}, "", "Parameters"),
        ({**MAP, "ItemReader": {"Resource": READER, "Parameters": {}}}, "/ItemReader", "Parameters"),
        (
            {**MAP, "ItemReader": {"Resource": READER, "ReaderConfig": {"MaxItemsPath": "$.n"}}},
            "/ItemReader/ReaderConfig",
            "MaxItemsPath",
        ),
        ({**MAP, "ItemBatcher": {"MaxItemsPerBatchPath": "$.n"}}, "/ItemBatcher", "MaxItemsPerBatchPath"),
        (
            {"Type": "Choice", "Choices": [{"Condition": True, "Variable": "$.n", "Next": "End"}]},
            "/Choices[0]",
            "Variable",
        ),
        (
            {**TASK, "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "End"}]},
            "/Catch[0]",
            "ResultPath",
        ),
    ],
)
def test_what_only_jsonpath_has_is_told(state: Mapping[str, Json], where: str, field: str):
    assert problems(state) == [(where, ONLY_JSONPATH.format(field))]


@pytest.mark.parametrize(
    ("state", "where", "field"),
    [
        ({**MAP, "ItemReader": {"Resource": READER, "Arguments": 1}}, "/ItemReader", "Arguments"),
        ({**TASK, "Catch": [{"ErrorEquals": ["States.ALL"], "Output": 1, "Next": "End"}]}, "/Catch[0]", "Output"),
    ],
)
def test_what_only_jsonata_has_is_told(state: Mapping[str, Json], where: str, field: str):
    assert problems(state, "JSONPath") == [(where, ONLY_JSONATA.format(field))]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"ItemReader": {"Resource": READER, "Arguments": {"Key": "{% $no %}"}}}, "ItemReader/Arguments/Key"),
        (
            {"ItemReader": {"Resource": READER, "ReaderConfig": {"MaxItems": "{% $no %}"}}},
            "ItemReader/ReaderConfig/MaxItems",
        ),
        ({"ItemBatcher": {"MaxItemsPerBatch": "{% $no %}"}}, "ItemBatcher/MaxItemsPerBatch"),
        ({"ItemBatcher": {"MaxItemsPerBatch": 1, "BatchInput": ["{% $no %}"]}}, "ItemBatcher/BatchInput[0]"),
        ({"ItemSelector": {"a": "{% $no %}"}}, "ItemSelector/a"),
        ({"ToleratedFailureCount": "{% $no %}"}, "ToleratedFailureCount"),
    ],
)
def test_failures_name_the_field_by_its_way_from_the_state(fields: Mapping[str, Json], expected: str):
    assert location({**DISTRIBUTED, **fields}, [1]) == expected
