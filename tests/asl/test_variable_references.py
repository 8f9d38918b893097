"""Variable references: which variables each state of a definition reads."""

from __future__ import annotations

from statebox.asl.jsontext import Json, write_json_text
from statebox.asl.variable_references import variable_references


def references(language: str = "JSONPath", **states: Json) -> dict[str, list[str]]:
    """Those of a definition of these states."""
    return variable_references(write_json_text({"QueryLanguage": language, "StartAt": "A", "States": states}))


def test_expressions_read_the_variables_that_they_name():
    output = "{% $sum($prices) + $states.input.n + ($own := 1; $own) %}"
    said = {"Type": "Pass", "Output": {"a": [output, "$literal"], "b": "{% $tax %}"}, "End": True}
    assert references("JSONata", A=said, B={"Type": "Succeed"}) == {"A": ["prices", "tax"]}


def test_paths_and_functions_read_the_variables_that_they_name():
    assert references(
        A={"Type": "Pass", "InputPath": "$order.id", "Parameters": {"a.$": "$total", "plainPath": "$no"}, "Next": "B"},
        B={"Type": "Pass", "Parameters": {"a.$": "States.Format('{} {}', $who, States.UUID())"}, "Next": "C"},
        C={"Type": "Wait", "SecondsPath": "$.input", "Next": "D"},
        D={
            "Type": "Choice",
            "Choices": [{"Variable": "$left", "NumericEqualsPath": "$right", "Next": "E"}],
            "Default": "E",
        },
        E={"Type": "Succeed", "OutputPath": "$$.Execution"},
    ) == {"A": ["order", "total"], "B": ["who"], "D": ["left", "right"]}


def test_states_within_states_are_told_by_their_own_names():
    inner: Json = {"StartAt": "In", "States": {"In": {"Type": "Pass", "Output": "{% $x %}", "End": True}}}
    walked: Json = {"Type": "Map", "Items": "{% $items %}", "ItemProcessor": inner, "Next": "P"}
    other: Json = {"StartAt": "Old", "States": {"Old": {"Type": "Pass", "InputPath": "$y", "End": True}}}
    assert references(
        M={"QueryLanguage": "JSONata", **walked}, P={"Type": "Parallel", "Branches": [other], "End": True}
    ) == {"M": ["items"], "In": ["x"], "Old": ["y"]}
