"""Fields of JSONata states: expressions at every depth, and AWS's words where they fail."""

from __future__ import annotations

import pytest

from statebox.asl.data.jsonata.failures import OutOfSteps
from statebox.asl.data.jsonata.templates import (
    EvaluationFailure,
    InvalidJsonataTemplate,
    JsonataTemplate,
    parse_jsonata_template,
)
from statebox.asl.errors import QUERY_EVALUATION_ERROR
from statebox.asl.jsontext import Json
from tests.asl.jsonata.reading import scope


def failed(template: Json, field: str, input: Json = None) -> tuple[str | None, str | None]:
    """The location and the cause with which rendering fails."""
    with pytest.raises(EvaluationFailure) as raised:
        parse_jsonata_template(template, field).render(scope(input or {}))
    assert raised.value.error == QUERY_EVALUATION_ERROR
    return raised.value.location, raised.value.cause


def test_expressions_stand_at_every_depth():
    template = parse_jsonata_template(
        {"a": "{% 1 + 1 %}", "b": ["x", "{% $states.input.n %}", {"c": "{% $v %}"}], "{% key %}": "a {% no %} b"},
        "Output",
    )
    assert template.render(scope({"n": None}, variables={"v": [1]})) == {
        "a": 2,
        "b": ["x", None, {"c": [1]}],
        "{% key %}": "a {% no %} b",
    }
    assert template.variables == {"v"}
    assert not template.is_constant


def test_a_whole_field_may_be_an_expression():
    assert parse_jsonata_template("{% $states.input %}", "Output").render(scope({"a": 1})) == {"a": 1}


def test_what_is_constant_is_shared():
    constant: Json = {"deep": [1, {"x": None}]}
    template = parse_jsonata_template(constant, "Output")
    assert template.is_constant
    assert template.render(scope()) is constant
    mixed = parse_jsonata_template({"constant": constant, "n": "{% 1 %}"}, "Output")
    assert mixed.render(scope())["constant"] is constant


def test_templates_know_whether_they_can_be_bounded():
    assert parse_jsonata_template({"a": ["{% $match('a', /a/) %}"]}, "Output").unbounded
    assert not parse_jsonata_template({"a": ["{% 1 %}", "/a/"]}, "Output").unbounded


@pytest.mark.parametrize(
    ("template", "field", "location"),
    [
        ("{% $states.input.missing %}", "Output", "Output"),
        ({"v": "{% $states.input.missing %}"}, "Output", "Output/v"),
        ({"a": {"b": [[1, "{% $states.input.missing %}"]]}}, "Output", "Output/a/b[0][1]"),
        ({"x": {"y": "{% $states.input.missing %}"}}, "Assign", "Assign/x/y"),
        ({"FunctionName": "{% $states.input.missing %}"}, "Arguments", "Arguments/FunctionName"),
        ("{% $states.input.missing %}", "Choices[1]/Condition", "Choices[1]/Condition"),
    ],
)
def test_an_expression_without_a_value_fails_and_names_its_field(template: Json, field: str, location: str):
    cause = (
        f"The JSONata expression '$states.input.missing' specified for the field '{location}' "
        "returned nothing (undefined)."
    )
    assert failed(template, field) == (location, cause)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "'a' + 1",
            'threw an error during evaluation. T2001: The left side of the "+" operator must evaluate to a number',
        ),
        (
            "$sum(['a'])",
            'threw an error during evaluation. T0412: Argument 1 of function "sum" must be an array of "numbers"',
        ),
        (
            "[1..900000] ~> $count()",
            "threw an error during evaluation: Expression evaluation memory limit exceeded: "
            "Check for excessive memory usage",
        ),
        (
            "1" + "+1" * 100,
            "threw an error during evaluation: Stack overflow error: Check for non-terminating recursive function. "
            "Consider rewriting as tail-recursive",
        ),
        ("$fn := function($x){$x}", "returned an unsupported result type."),
        ("$base64decode('!!!')", "threw an internal error during evaluation."),
    ],
)
def test_an_expression_that_fails_says_what_it_did(text: str, reason: str):
    cause = f"The JSONata expression '{text}' specified for the field 'Output/v' {reason}"
    assert failed({"v": f"{{% {text} %}}"}, "Output") == ("Output/v", cause)


@pytest.mark.parametrize(
    ("text", "was"),
    [
        ("1", "'number' for value: 1"),
        ("'string'", "'string' for value: \"string\""),
        ("{'foo': 'bar'}", '\'object\' for value: {"foo":"bar"}'),
        ("true", "'boolean' for value: true"),
        ("null", "'null' for value: null"),
    ],
)
def test_fields_that_need_a_kind_of_value_refuse_others(text: str, was: str):
    items = parse_jsonata_template(f"{{% {text} %}}", "Items")
    with pytest.raises(EvaluationFailure) as raised:
        items.expect("array", scope())
    assert raised.value.cause == (
        f"The JSONata expression '{text}' specified for the field 'Items' returned an unexpected result type. "
        f"Expected 'array', but was {was}"
    )


def test_fields_that_need_a_kind_of_value_take_it():
    assert parse_jsonata_template("{% [1] %}", "Items").expect("array", scope()) == [1]
    assert parse_jsonata_template([1, "{% $number('2') %}", 3], "Items").expect("array", scope()) == [1, 2, 3]
    assert parse_jsonata_template(True, "Condition").expect("boolean", scope()) is True


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("1.6", "The TimeoutSeconds field cannot be parsed as an integer: 1.6"),
        ("-1", "TimeoutSeconds must be between 0 and 99999999 but was: -1"),
        ("1e8", "TimeoutSeconds must be between 0 and 99999999 but was: 100000000"),
        ("1/0", None),
    ],
)
def test_whole_numbers_are_checked(text: str, cause: str | None):
    seconds = parse_jsonata_template(f"{{% {text} %}}", "TimeoutSeconds")
    with pytest.raises(EvaluationFailure) as raised:
        seconds.integer(0, 99999999, scope())
    assert raised.value.location == "TimeoutSeconds"
    assert cause is None or raised.value.cause == cause


def test_numbers_within_bounds_are_given():
    seconds = parse_jsonata_template("{% $variable := 1 %}", "TimeoutSeconds").integer(0, 99999999, scope())
    assert (seconds, type(seconds)) == (1, int)
    assert parse_jsonata_template("{% $states.input.n %}", "Seconds").integer(0, 9, scope({"n": 5.0})) == 5
    assert parse_jsonata_template("{% 12.5 %}", "ToleratedFailurePercentage").number(0, 100, scope()) == 12.5
    with pytest.raises(EvaluationFailure, match=r"must be between 0 and 100 but was: 100\.5"):
        parse_jsonata_template("{% 100.5 %}", "ToleratedFailurePercentage").number(0, 100, scope())


def test_a_field_is_refused_with_all_its_problems():
    with pytest.raises(InvalidJsonataTemplate) as raised:
        parse_jsonata_template(
            {"a": ["{% 1 + %}", "{% x + $states.result %}"], "b": {"c": "{% $$ %}"}, "ok": "{% 1 %}"}, "Output"
        )
    assert raised.value.problems == (
        ("/a[0]", "INVALID_JSONATA_EXPRESSION", "Unexpected end of expression"),
        ("/a[1]", "UNSUPPORTED_JSONATA_EXPRESSION", "Reference to 'x' at the top level is not supported."),
        ("/a[1]", "UNSUPPORTED_JSONATA_EXPRESSION", "Field '$states.result' does not exist."),
        ("/b/c", "UNSUPPORTED_JSONATA_EXPRESSION", "Reference to '$$' is not supported."),
    )
    assert str(raised.value).startswith("Unexpected end of expression at /a[0], Reference to 'x'")


def test_a_problem_of_the_whole_field_has_no_place_in_it():
    with pytest.raises(InvalidJsonataTemplate) as raised:
        parse_jsonata_template("{% $states.result %}", "Arguments")
    assert [where for where, *_ in raised.value.problems] == [""]
    assert parse_jsonata_template("{% $states.result %}", "Output", frozenset({"result"}))


def test_fields_that_are_nested_too_deep_are_refused():
    deep: Json = "{% 1 %}"
    for _ in range(3000):
        deep = [deep]
    with pytest.raises(InvalidJsonataTemplate, match="The value of the field 'Output' is nested too deep"):
        parse_jsonata_template(deep, "Output")


def test_templates_are_equal_when_they_say_the_same():
    def parsed(value: Json, field: str = "Output") -> JsonataTemplate:
        return parse_jsonata_template(value, field)

    assert parsed({"a": "{% $x %}"}) == parsed({"a": "{% $x %}"})
    assert hash(parsed({"a": "{% $x %}"})) == hash(parsed({"a": "{% $x %}"}))
    assert parsed({"a": "{% $x %}"}) != parsed({"a": "{% $x %}"}, "Assign")
    assert repr(parsed("{% $x %}")) == "JsonataTemplate('{% $x %}', 'Output')"


def test_with_fewer_steps_a_field_asks_for_more():
    template = parse_jsonata_template(["{% $sum([1..1000]) %}"], "Output")
    with pytest.raises(OutOfSteps):
        template.render(scope(steps=100))
