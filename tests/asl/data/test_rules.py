"""The rules of a JSONPath Choice: when they hold, and what is wrong with those that are refused."""

from __future__ import annotations

import pytest

from statebox.asl.data.allowance import Allowance
from statebox.asl.data.jsonata.failures import OutOfSteps
from statebox.asl.data.shapes import kind
from statebox.asl.errors import RUNTIME, Problem, StateFailure
from statebox.asl.jsontext import Json
from statebox.asl.states.rules import COMPARISONS, Rule, parse_rule, variables_of
from tests.asl.data.reading import sources

VALUES: Json = [None, 0, 1.5, True, "", "text", "2012-10-09T19:00:55Z", [], {}]


def rule(value: Json) -> Rule:
    """A rule that must be in order."""
    parsed, problems = parse_rule(value, "/rule")
    assert problems == []
    return parsed


def holds(value: Json, input: Json, **others: Json) -> bool:
    """Whether a rule holds."""
    return rule(value).matches(sources(input, **others))


def problems_of(value: Json) -> list[tuple[str, str | None]]:
    """What is wrong with a rule: (message, location)."""
    parsed, problems = parse_rule(value, "/C/Choices[0]")
    assert not parsed.matches(sources({}))
    assert all(problem.code == "SCHEMA_VALIDATION_FAILED" for problem in problems)
    return [(problem.message, problem.location) for problem in problems]


@pytest.mark.parametrize(
    ("family", "low", "high"),
    [
        ("String", "AB", "B"),
        ("String", "A", "A "),
        ("String", "Z", "a"),
        ("String", "\U0001f600", "\uffee"),
        ("Numeric", -1, 0.5),
        ("Numeric", 2**53, 2**53 + 1),
        ("Timestamp", "2012-10-09T19:00:55Z", "2012-10-09T19:00:55.000000001Z"),
        ("Timestamp", "2012-10-09T19:00:55+02:00", "2012-10-09T18:00:55Z"),
        ("Timestamp", "2012-10-09T23:59:59Z", "2012-10-09T23:00:00-01:30"),
    ],
)
@pytest.mark.parametrize("suffix", ["", "Path"])
def test_strings_numbers_and_timestamps_have_an_order(family: str, low: Json, high: Json, suffix: str):
    """Strings that of their UTF-16, timestamps that of their instants; operands are literals or paths to them."""
    pairs = [("low", low, high), ("same", low, low), ("high", high, low)]
    for relation, expected in [
        ("Equals", {"same"}),
        ("LessThan", {"low"}),
        ("GreaterThan", {"high"}),
        ("LessThanEquals", {"low", "same"}),
        ("GreaterThanEquals", {"high", "same"}),
    ]:
        found = {
            name
            for name, value, operand in pairs
            if holds(
                {"Variable": "$.v", f"{family}{relation}{suffix}": operand if suffix == "" else "$.o"},
                {"v": value, "o": operand},
            )
        }
        assert found == expected


def test_equal_values_may_be_written_differently():
    """1 is 1.0, and an instant the same in each zone."""
    assert holds({"Variable": "$", "NumericEquals": 0.0}, 0)
    assert holds({"Variable": "$", "TimestampEquals": "2012-10-09T19:00:55.000Z"}, "2012-10-09T20:00:55+01:00")
    assert holds({"Variable": "$", "BooleanEquals": False}, False)
    assert not holds({"Variable": "$", "BooleanEquals": True}, False)
    assert holds({"Variable": "$.a", "BooleanEqualsPath": "$.b"}, {"a": True, "b": True})


@pytest.mark.parametrize(
    ("comparison", "operand", "of_the_kind"),
    [
        ("StringEquals", "x", "string"),
        ("StringLessThan", "zzz", "string"),
        ("StringMatches", "*", "string"),
        ("NumericGreaterThanEquals", -9, "number"),
        ("BooleanEquals", True, "boolean"),
        ("TimestampGreaterThan", "1990-01-01T00:00:00Z", "string"),
    ],
)
def test_a_value_of_another_kind_makes_a_comparison_false(comparison: str, operand: Json, of_the_kind: str):
    """Never an error; its Not is then true."""
    for value in VALUES:
        if kind(value) == of_the_kind:
            continue
        assert not holds({"Variable": "$", comparison: operand}, value)
        assert holds({"Not": {"Variable": "$", comparison: operand}}, value)


@pytest.mark.parametrize(
    ("operator", "of_the_kind"),
    [
        ("IsNull", [None]),
        ("IsNumeric", [0, 1.5]),
        ("IsBoolean", [True]),
        ("IsString", ["", "text", "2012-10-09T19:00:55Z"]),
        ("IsTimestamp", ["2012-10-09T19:00:55Z"]),
        ("IsPresent", VALUES),
    ],
)
def test_kinds_can_be_asked_for(operator: str, of_the_kind: list[Json]):
    """true asks whether it is of the kind, false whether it is not."""
    for value in VALUES:
        expected = any(value is one for one in of_the_kind)
        assert holds({"Variable": "$", operator: True}, value) is expected
        assert holds({"Variable": "$", operator: False}, value) is not expected


@pytest.mark.parametrize(
    "text",
    ["2012-10-09T19:00:55", "2023-02-24", "2012-10-09 19:00:55Z", "2012-10-09t19:00:55z", "2012-13-09T19:00:55Z", "x"],
)
def test_a_timestamp_needs_its_t_and_its_zone(text: str):
    """Anything less is only a string."""
    assert holds({"Variable": "$", "IsTimestamp": False}, text)


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("invoice-2025.json", ["invoice-2025.json"], ["invoice-2025.json.gz", "invoice-2025_json", ""]),
        ("invoice-*.json", ["invoice-2025.json", "invoice-.json", "invoice-a\nb.json"], ["invoice-json", "x.json"]),
        ("logs-*-*-done", ["logs-2025-04-done", "logs----done"], ["logs-2025-done"]),
        ("*", ["", "anything\n"], []),
        ("a*a", ["aa", "aba"], ["a"]),
        ("*ab*ab*", ["abab", "xabxabx"], ["ab"]),
        ("file\\*name.txt", ["file*name.txt"], ["file-name.txt"]),
        ("a\\\\*", ["a\\", "a\\b"], ["a"]),
        ("", [""], ["x"]),
        ("[a-z]+.", ["[a-z]+."], ["abc"]),
    ],
)
def test_string_matches_takes_wildcards(pattern: str, matching: list[str], others: list[str]):
    """The whole string; `*` is any run of characters, a backslash makes `*` and itself literal."""
    for text in matching:
        assert holds({"Variable": "$", "StringMatches": pattern}, text)
    for text in others:
        assert not holds({"Variable": "$", "StringMatches": pattern}, text)


def test_a_hostile_pattern_takes_no_longer_than_reading_the_text():
    """Many wildcards and a text that nearly matches."""
    assert not holds({"Variable": "$", "StringMatches": "*a" * 2000 + "*b"}, "a" * 200_000)


def test_rules_combine():
    """And, Or and Not nest."""
    private = {"Variable": "$.type", "StringEquals": "Private"}
    twenties = {
        "And": [
            {"Variable": "$.value", "NumericGreaterThanEquals": 20},
            {"Variable": "$.value", "NumericLessThan": 30},
        ]
    }
    assert holds({"Or": [{"Not": private}, twenties]}, {"type": "Private", "value": 22})
    assert not holds({"Or": [{"Not": private}, twenties]}, {"type": "Private", "value": 30})
    assert holds({"And": [private], "Comment": "one is enough"}, {"type": "Private"})


def test_and_and_or_stop_when_they_are_decided():
    """So an IsPresent in front protects what follows."""
    guarded = {"And": [{"Variable": "$.a", "IsPresent": True}, {"Variable": "$.a", "NumericEquals": 1}]}
    assert not holds(guarded, {})
    assert holds({"Or": [{"Variable": "$.a", "IsPresent": False}, {"Variable": "$.a", "NumericEquals": 1}]}, {})


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"Variable": "$.approved", "BooleanEquals": True}, "$.approved"),
        ({"Variable": "$.approved", "IsNull": True}, "$.approved"),
        ({"Variable": "$.approved", "IsString": False}, "$.approved"),
        ({"Variable": "$.approved", "StringMatches": "*"}, "$.approved"),
        ({"Variable": "$.here", "NumericEqualsPath": "$.approved"}, "$.approved"),
        ({"Variable": "$.list[1]", "NumericEquals": 1}, "$.list[1]"),
        ({"Variable": "$$.Execution.No", "NumericEquals": 1}, "$$.Execution.No"),
        ({"Variable": "$nope", "NumericEquals": 1}, "$nope"),
        ({"Not": {"Variable": "$.approved", "NumericEquals": 1}}, "$.approved"),
    ],
)
def test_a_path_that_leads_nowhere_fails_the_state(value: Json, path: str):
    """For every comparison but IsPresent."""
    with pytest.raises(StateFailure) as failure:
        holds(value, {"here": 1, "list": [0]}, context={"Execution": {}})
    assert failure.value.error == RUNTIME
    assert failure.value.cause == (
        f"Invalid path '{path}': The choice state's condition path references an invalid value."
    )


def test_is_present_tells_missing_from_null():
    """Also for elements of arrays, the context object and variables."""
    input = {"null": None, "list": [0]}
    for path, present in {
        "$.null": True,
        "$.no": False,
        "$.no.no": False,
        "$.list[0]": True,
        "$.list[1]": False,
        "$$.Execution": True,
        "$$.Task": False,
        "$v": True,
        "$w": False,
    }.items():
        context: Json = {"Execution": {}}
        assert holds({"Variable": path, "IsPresent": True}, input, context=context, variables={"v": 1}) is present
        assert holds({"Variable": path, "IsPresent": False}, input, context=context, variables={"v": 1}) is not present


def test_a_rule_knows_its_variables():
    """Those of its variable and of its operand."""
    value = {
        "Or": [
            {"Not": {"Variable": "$a.x", "NumericEqualsPath": "$b"}},
            {"And": [{"Variable": "$c", "IsPresent": True}, {"Variable": "$.d", "StringMatches": "$e"}]},
        ]
    }
    assert list(variables_of(rule(value))) == ["a", "b", "c"]


_COMPARISONS = ", ".join(COMPARISONS)


def test_the_comparisons_are_those_of_aws():
    """All 39 of them, in the order of AWS's messages."""
    assert len(COMPARISONS) == len(set(COMPARISONS)) == 39
    assert (COMPARISONS[0], COMPARISONS[-1]) == ("StringEquals", "NumericGreaterThanEqualsPath")


@pytest.mark.parametrize(
    ("value", "message", "place"),
    [
        ("x", "Expected value of type [OBJECT]", ""),
        (
            {"Variable": "$.a"},
            f"This object should have only one of the following fields: [{_COMPARISONS}]",
            "",
        ),
        (
            {"Variable": "$.a", "StringEquals": "1", "NumericGreaterThan": 0},
            f"There should only be one of the following fields: [{_COMPARISONS}]",
            "",
        ),
        ({"StringEquals": "1"}, "The field 'Variable' is required", ""),
        ({"Variable": "a", "IsNull": True}, "Value is not a Reference Path: Reference path didn't start with '$'", "V"),
        ({"Variable": "$..a", "IsNull": True}, "Value is not a Reference Path", "V"),
        ({"Variable": 5, "IsNull": True}, "Expected value of type String", "V"),
        (
            {"Variable": "$.a", "StringEqualsPath": "$[*]"},
            "Value is not a Reference Path: '[' must be followed by ' or '['",
            "/StringEqualsPath",
        ),
        ({"Variable": "$.a", "StringEqualsPath": 5}, "Expected value of type String", "/StringEqualsPath"),
        ({"Variable": "$.a", "StringEquals": 5}, "Expected value of type String", "/StringEquals"),
        ({"Variable": "$.a", "StringMatches": None}, "Expected value of type String", "/StringMatches"),
        ({"Variable": "$.a", "StringMatches": "a\\b"}, "String is not a valid pattern", "/StringMatches"),
        ({"Variable": "$.a", "StringMatches": "a\\"}, "String is not a valid pattern", "/StringMatches"),
        ({"Variable": "$.a", "NumericEquals": "5"}, "Expected value of type Number", "/NumericEquals"),
        ({"Variable": "$.a", "NumericEquals": True}, "Expected value of type Number", "/NumericEquals"),
        ({"Variable": "$.a", "BooleanEquals": 1}, "Expected value of type Boolean", "/BooleanEquals"),
        ({"Variable": "$.a", "IsPresent": "true"}, "Expected value of type Boolean", "/IsPresent"),
        (
            {"Variable": "$.a", "TimestampEquals": "2020-01-01"},
            "String does not match RFC3339 timestamp",
            "/TimestampEquals",
        ),
        ({"Variable": "$.a", "IsNull": True, "Extra": 1}, "Field 'Extra' is not supported", ""),
        (
            {"Variable": "$.a", "IsNull": True, "Condition": True},
            "The QueryLanguage is set to 'JSONPath', but field 'Condition' is only supported for the 'JSONata' "
            "QueryLanguage",
            "",
        ),
        ({"And": []}, "Value cannot be empty", "/And"),
        ({"Not": {"Or": []}}, "Value cannot be empty", "/Not/Or"),
        ({"And": {}}, "Expected value of type [ARRAY]", "/And"),
        ({"Not": []}, "Expected value of type [OBJECT]", "/Not"),
        ({"And": [{"Variable": "$.a", "IsNull": 1}]}, "Expected value of type Boolean", "/And[0]/IsNull"),
        ({"Or": [{"Variable": "$.a", "IsNull": True, "Next": "X"}]}, "Field 'Next' is not supported", "/Or[0]"),
        ({"Not": {"Variable": "$", "IsNull": True}, "Variable": "$"}, "Field 'Variable' is not supported", ""),
        (
            {"Not": {"Variable": "$", "IsNull": True}, "And": []},
            "There should only be one of the following fields: [Not, Or, And]",
            "",
        ),
    ],
)
def test_a_rule_that_is_wrong_is_refused_in_words_of_aws(value: Json, message: str, place: str):
    """Each finding with its place in the definition."""
    assert problems_of(value) == [(message, "/C/Choices[0]" + ("/Variable" if place == "V" else place))]


def test_all_that_is_wrong_with_a_rule_is_told_at_once():
    """Also about its operand where there is no variable, and about all rules that it is made of."""
    _, problems = parse_rule({"And": [{"IsNull": 1, "X": 1}, {"Or": []}]}, "/C")
    assert problems == [
        Problem("SCHEMA_VALIDATION_FAILED", "Field 'X' is not supported", "/C/And[0]"),
        Problem("SCHEMA_VALIDATION_FAILED", "The field 'Variable' is required", "/C/And[0]"),
        Problem("SCHEMA_VALIDATION_FAILED", "Expected value of type Boolean", "/C/And[0]/IsNull"),
        Problem("SCHEMA_VALIDATION_FAILED", "Value cannot be empty", "/C/And[1]/Or"),
    ]


def test_rules_may_be_nested_a_hundred_deep():
    """Not deeper: they are looked at by recursion."""
    nested: Json = {"Variable": "$", "IsNull": True}
    for _ in range(99):
        nested = {"Not": nested}
    assert not holds(nested, None)
    assert problems_of({"Not": nested})[0][0] == "Rules may be nested 100 deep at the most"


@pytest.mark.parametrize(
    ("value", "document"),
    [
        ({"And": [{"Variable": "$.a", "IsString": True}] * 100}, {"a": "x"}),
        ({"And": [{"Variable": "$.a", "IsPresent": True}] * 100}, {"a": "x"}),
        ({"Variable": "$.a", "StringMatches": "*y"}, {"a": "x" * 1_000_000}),
        ({"Variable": "$.a", "StringLessThanPath": "$.a"}, {"a": "x" * 1_000_000}),
    ],
)
def test_many_rules_and_long_texts_are_paid_for(value: Json, document: Json):
    """What would keep others waiting is done where it can be killed."""
    paying = sources(document)
    paying.allowance = Allowance(200)

    with pytest.raises(OutOfSteps):
        rule(value).matches(paying)
