"""Calls of intrinsic functions: their syntax, what is refused in a definition, and how they fail in a state."""

from __future__ import annotations

import pytest

from statebox.asl.data.intrinsics import InvalidIntrinsic, parse_intrinsic
from statebox.asl.errors import RUNTIME, StateFailure
from statebox.asl.jsontext import Json
from tests.asl.data.reading import sources


def evaluate(text: str, input: Json = None, **others: Json) -> Json:
    """What a call gives."""
    return parse_intrinsic(text).evaluate(sources(input, **others))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("States.Array()", []),
        ("States.Array( )", []),
        ("States.Array(1,-2.5 ,1e2, true,false , null)", [1, -2.5, 100.0, True, False, None]),
        ("States.Array( $.a , $['b, c)'] )", [1, 2]),
        ("States.Array($.list[?(@ > 1 && @ != ')')], $.list.length())", [[2, 3], 3]),
        ("States.Array($.a\\,b, $)", [4, {"a": 1, "b, c)": 2, "list": [1, 2, 3], "a,b": 4}]),
        ("States.Array('', ' x ', 'a\nb', '🆗', '(,)')", ["", " x ", "a\nb", "🆗", "(,)"]),
        (r"States.Array('it\'s \{\} \\')", [r"it's {} \\"[:-1]]),
        ('States.Array(\'{"a": "}"}\')', ['{"a": "}"}']),
        ("States.Array(States.Array(1), States.ArrayLength(States.Array(1, 2)))", [[1], 2]),
        ("States.Array(123456789012345678901234567890)", [123456789012345678901234567890]),
    ],
)
def test_arguments_are_literals_paths_and_calls(text: str, value: Json):
    """With blanks around them, and commas and parentheses in strings and paths meaning nothing."""
    assert evaluate(text, {"a": 1, "b, c)": 2, "list": [1, 2, 3], "a,b": 4}) == value


def test_paths_may_start_anywhere():
    """At the input, the context object or a variable."""
    text = "States.Array($.a, $$.Execution.Name, $v[0])"
    assert evaluate(text, {"a": 1}, context={"Execution": {"Name": "x"}}, variables={"v": [2]}) == [1, "x", 2]
    assert parse_intrinsic(text).variables == {"v"}
    assert parse_intrinsic("States.Format('{}', States.Array($v, $w.x, $.v))").variables == {"v", "w"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "States",
        "States.UUID",
        "States.UUID(",
        "States.UUID)",
        "States.UUID(,)",
        "States.UUID() trailing",
        "States.UUID() ",
        " States.UUID()",
        "States.UUID ()",
        "states.UUID()",
        "States.Uuid()",
        "States.NoSuchIntrinsic($.value)",
        "Math.Add(1, 2)",
        "States.Array(1,)",
        "States.Array(1 2)",
        "States.Array($.a, )",
        "States.Array([1,2])",
        "States.Array({})",
        "States.Array(1.)",
        "States.Array(.5)",
        "States.Array(01)",
        "States.Array(+1)",
        "States.Array(1e999)",
        "States.Array(True)",
        "States.Array(text)",
        "States.Array('open)",
        'States.Array("text")',
        r"States.Array('\n')",
        r"States.Array('a\"b')",
        r"States.Array('\u0041')",
        "States.Array('\\",
        "States.Array($.a[)",
        "States.Array($.a\\",
        "States.Array($states.input)",
        "States.Array($.a b)",
    ],
)
def test_what_aws_refuses_in_a_definition_is_refused(text: str):
    """Broken syntax, unknown functions, literals that are none, escapes that are not allowed."""
    with pytest.raises(InvalidIntrinsic):
        parse_intrinsic(text)


def test_calls_may_be_nested_ten_deep():
    """Not eleven."""
    assert evaluate("States.Array(" * 10 + ")" * 10) == [[[[[[[[[[]]]]]]]]]]
    with pytest.raises(InvalidIntrinsic):
        parse_intrinsic("States.Array(" * 11 + ")" * 11)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("States.ArrayRange(1, 5)", "Invalid arguments in States.ArrayRange"),
        ("States.Format('Hello {', $.a)", "Invalid template in States.Format: matching '}' not found for '{'."),
        ("States.Format('}')", "Invalid template in States.Format: matching '{' not found for '}'."),
        ("States.Array(States.ArrayLength(States.JsonToString($.a)))", "Invalid arguments in States.ArrayLength"),
    ],
)
def test_a_failing_function_fails_the_state_and_names_the_whole_expression(text: str, reason: str):
    """The cause has the expression as it was written."""
    with pytest.raises(StateFailure) as failure:
        evaluate(text, {"a": "x"})
    assert failure.value.error == RUNTIME
    assert failure.value.cause == f"There was an error while evaluating the intrinsic function: {text}. {reason}"


@pytest.mark.parametrize("path", ["$.nope", "$$.nope", "$nope", "$.other[0]", "$.list[1]"])
def test_a_path_without_a_value_fails_the_state(path: str):
    """With the whole expression, the path and the input in its cause."""
    text = f"States.Format('{{}}', States.JsonToString({path}))"
    with pytest.raises(StateFailure) as failure:
        evaluate(text, {"other": 1, "list": []}, context={})
    assert failure.value.error == RUNTIME
    assert failure.value.cause == (
        f"The function '{text}' had the following error: The JsonPath argument for the field '{path}' "
        """could not be found in the input '{"other":1,"list":[]}'"""
    )


def test_a_path_to_null_is_a_value():
    """And so is an indefinite path that finds nothing."""
    assert evaluate("States.Array($.a, $.b[*])", {"a": None}) == [None, []]


def test_data_that_is_too_deep_fails_the_state():
    """Not the daemon."""
    deep: Json = []
    for _ in range(5000):
        deep = [deep]
    for call in ("States.JsonToString($)", "States.Format('{}', $)", "States.ArrayUnique($)"):
        with pytest.raises(StateFailure, match="nested too deep"):
            evaluate(call, deep)
