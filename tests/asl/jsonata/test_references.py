"""What expressions refer to is known before they run: variables, and what Step Functions refuses."""

from __future__ import annotations

import subprocess
import sys

import pytest

from statebox.asl.data.jsonata.expressions import inner_text, is_expression, parse_expression
from tests.asl.jsonata.reading import refusal, value


def problems(text: str, *allowed: str) -> list[str]:
    return list(parse_expression(text).problems(frozenset(allowed)))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("phone", ["phone"]),
        ("phone[0]", ["phone"]),
        ("phone.number", ["phone"]),
        ("aaa + bbb", ["aaa", "bbb"]),
        ("aaa = aaa", ["aaa"]),
        ("$.phone", ["$"]),
        ("$", ["$"]),
        ("$map($states.input.a, function($x){ b })", ["b"]),
        ("{aaa: 1, 'b': bbb}", ["aaa", "bbb"]),
        ("[aaa, (bbb; ccc)]", ["aaa", "bbb", "ccc"]),
        ("aaa ? bbb : ccc", ["aaa", "bbb", "ccc"]),
        ("$x := aaa", ["aaa"]),
        ("aaa ~> $sum", ["aaa"]),
        ("sum(aaa)", ["sum", "aaa"]),
        ("$f(aaa, ?)", ["aaa"]),
        ("-aaa", ["aaa"]),
        ("(aaa).bbb", ["aaa"]),
        ("'quoted'.bbb", ["quoted"]),
        ("aaa{bbb: ccc}", ["aaa"]),
        ("aaa^(bbb)[ccc]", ["aaa"]),
    ],
)
def test_names_at_the_top_have_nothing_to_refer_to(text: str, names: list[str]):
    assert problems(text) == [f"Reference to '{name}' at the top level is not supported." for name in names]


@pytest.mark.parametrize(
    "text",
    [
        "$states.input.phone",
        "$states.input.items[phone > 3]",
        "$states.input.items^(phone, $).x",
        "$states.input.items{phone: $sum(price)}",
        "$states.input.items.{'a': phone}",
        "$states.input.items.(phone; $)",
        "$states.input.items@$i#$n.sub[x = $i.y]",
        "$states.input.items[phone]#$n[$n > 1]",
        "$map($states.input.a, function($x){ $x.phone })",
        "$states.input ~> |items|{'a': phone}, 'b'|",
        "$phone",
        "$states.context.State.Name",
        "'text' & 1",
    ],
)
def test_names_behind_something_are_fine(text: str):
    assert problems(text) == []


def test_the_root_is_refused_everywhere():
    assert problems("$states.input.items[$$.a = 1]") == ["Reference to '$$' is not supported."]


def test_members_of_states_exist_in_some_fields_only():
    assert problems("$states.result.a") == ["Field '$states.result' does not exist."]
    assert problems("[1].($states.errorOutput)") == ["Field '$states.errorOutput' does not exist."]
    assert problems("$states.other") == ["Field '$states.other' does not exist."]
    assert problems("$states.result.a + $states.input.b", "result") == []
    assert problems("$states.errorOutput", "errorOutput") == []


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("$a + $b.c", {"a", "b"}),
        ("$states.input.x", set[str]()),
        ("$sum($a)", {"a"}),
        ("$unknown($a)", {"unknown", "a"}),
        ("($x := $a; $x + $y)", {"a", "y"}),
        ("($x := 1) + $x", {"x"}),
        ("function($p){ $p + $q }", {"q"}),
        ("$states.input.items[p = $limit]", {"limit"}),
        ("$states.input.items@$i.x[y = $i.z]", set[str]()),
        ("$states.input.items#$n.{'n': $n}", set[str]()),
        ("$states.input.items^($key){$name: $value}", {"key", "name", "value"}),
        ("$states.input ~> |$where|$with, $without|", {"where", "with", "without"}),
        ("$a ?: $b ?? $c", {"a", "b", "c"}),
    ],
)
def test_the_variables_that_it_reads_are_those_that_it_does_not_bind(text: str, variables: set[str]):
    assert parse_expression(text).variables == variables


def test_regular_expressions_may_run_without_bounds():
    assert parse_expression("$match($states.input.a, /x/)").unbounded
    assert parse_expression("[1, {'a': $f(function(){ /x/ })}]").unbounded
    assert not parse_expression("$match($states.input.a, $pattern) ~> $split('x')").unbounded


@pytest.mark.parametrize(
    ("text", "inner"),
    [("{% $x %}", "$x"), ("{%$x%}", "$x"), ("{%\n a %} b %}", "a %} b"), ("{%%}", "")],
)
def test_strings_in_these_brackets_are_expressions(text: str, inner: str):
    assert is_expression(text)
    assert inner_text(text) == inner


@pytest.mark.parametrize("text", ["", " {% $x %}", "{% $x %} ", "a {% x %}", "{% x", "x %}", "{%}", "{ % x % }"])
def test_all_other_strings_are_not(text: str):
    assert not is_expression(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a[1,2)", 'Expected "]", got ","'),
        ('"unterminated', "String literal must be terminated by a matching quote"),
        ("1 +", "Unexpected end of expression"),
        ("", "Unexpected end of expression"),
        ('{"a":}', 'The symbol "}" cannot be used as a unary operator'),
        ("$x :=", "Unexpected end of expression"),
        ('$match("a", /abc', "No terminating / in regular expression"),
        ("phone %.other", 'The symbol "." cannot be used as a unary operator'),
        ("/(?<=a+)b/", "Invalid regular expression: look-behind requires fixed-width pattern"),
        ("/* no end", "Comment has no closing tag"),
        ("items.%.%", "The object representing the 'parent' cannot be derived from this expression"),
        ("(" * 2000 + "1" + ")" * 2000, "The expression is nested too deep"),
        ("function($x)<(a<n>)>{1}", "Choice groups containing parameterized types are not supported"),
    ],
)
def test_what_cannot_be_parsed_is_refused_in_awss_words(text: str, message: str):
    assert refusal(text) == message


@pytest.mark.parametrize(
    ("text", "answer"), [("$a[1] ?: 5", 2), ("$a[1] ?? 5", 2), ("$a[2] ?: 5", 5), ("$a[2] ?? 5", 5)]
)
def test_the_left_side_of_a_default_is_selected_from_once(text: str, answer: int):
    """Although it stands in the condition and in the value."""
    assert value(text, variables={"a": [1, 2]}) == answer


def test_the_same_text_is_parsed_once():
    assert parse_expression("1 + 1 + 1") is parse_expression("1 + 1 + 1")


def test_the_parser_is_loaded_with_the_first_expression():
    """And leaves the limit of recursion as it was."""
    program = (
        "import sys; from statebox.asl.data.jsonata.templates import parse_jsonata_template as parse; "
        "parse({'a': 'constant'}, 'Output'); assert 'jsonata' not in sys.modules; limit = sys.getrecursionlimit(); "
        "parse('{% 1 %}', 'Output'); assert 'jsonata' in sys.modules; assert sys.getrecursionlimit() == limit"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
