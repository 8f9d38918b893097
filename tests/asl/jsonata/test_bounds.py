"""An evaluation is bounded in depth, memory and work, where AWS bounds it."""

from __future__ import annotations

import pytest

from statebox.asl.data.jsonata.expressions import ExpressionFailure, parse_expression
from statebox.asl.data.jsonata.failures import DEPTH, MEMORY, TIME, OutOfSteps
from tests.asl.jsonata.reading import failure, scope, value

RECURSION = "($f := function($x){ $x <= 0 ? 0 : 1 + $f($x - 1) }; $f(%d))"
DOUBLING = "($f := function($s, $n){ $n = 0 ? $s : $f($s & $s, $n - 1) }; $length($f('x', %d)))"
# What looks small and holds 2 to the 60th values.
SHARING = '($f := function($x, $n){ $n = 0 ? $x : $f({"a": $x, "b": $x}, $n - 1) }; %s)'


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("1" + "+1" * 99, 100),
        ("(" * 99 + "1" + ")" * 99, 1),
        ("1" + "~>$string" * 99, "1"),
        (RECURSION % 31, 31),
        ("[1..873782] ~> $count()", 873782),
        ("$count($range(1, 360145, 1))", 360145),
        (DOUBLING % 22, 4194304),
    ],
)
def test_what_aws_accepts_at_its_bounds_is_accepted(text: str, answer: object):
    assert value(text) == answer


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("1" + "+1" * 100, DEPTH),
        ("(" * 100 + "1" + ")" * 100, DEPTH),
        ("[" * 100 + "1" + "]" * 100, DEPTH),
        ("1" + "~>$string" * 100, DEPTH),
        (RECURSION % 32, DEPTH),
        ("[1..873783] ~> $count()", MEMORY),
        ("$sum([1..900000])", MEMORY),
        ("$range(1, 360146, 1)", MEMORY),
        ("$range(1, 1000000000, 1)", MEMORY),
        (DOUBLING % 23, MEMORY),
    ],
)
def test_what_aws_refuses_beyond_them_is_refused(text: str, bound: str):
    assert failure(text) == bound


def test_a_bound_has_no_code():
    """So a colon goes before it."""
    with pytest.raises(ExpressionFailure, match=r"^threw an error during evaluation: Stack overflow error: "):
        value(RECURSION % 32)


@pytest.mark.parametrize(
    "text",
    [
        "$map([1..1000], function($x){ $map([1..1000], function($y){ 1 }) })",
        "$map([1..1000], function($v){ [1..80000] })",
        SHARING % "$string($f(1, 60))",
        SHARING % "$f(1, 60) = $f(1, 60)",
        SHARING % "$count($f(1, 60).**)",
        SHARING % "$distinct([$f(1, 60), 1])",
        SHARING % "$clone($f(1, 60))",
        SHARING % "$f(1, 60)",
        "($f := function($x, $n){ $n = 0 ? $x : $f([[$x], [$x]], $n - 1) }; $f(0, 60) ? 1 : 2)",
        "$formatNumber(1, $pad('0', 600000, '0'))",
        "$parseInteger($pad('1', 600000, '1'), '0')",
        "$sort([1..10000], function($a, $b){ $a < $b })",
    ],
)
def test_what_takes_long_is_cut_off(text: str):
    with pytest.raises(OutOfSteps):
        parse_expression(text).evaluate(scope(steps=50_000))


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("($f := function($x){ $f($x + 1) }; $f(1))", TIME),
        ("$pad('x', 1e9)", MEMORY),
        ("$join($map([1..100], function($v){ $pad('x', 100000) }))", MEMORY),
        ("$replace($pad('a', 4000, 'a'), 'a', $pad('b', 4000, 'b'))", MEMORY),
        ("$encodeUrl($pad('é', 3000000, 'é'))", MEMORY),
        ("$base64encode($pad('é', 6000000, 'é'))", MEMORY),
        ("$string($map([1..80], function($v){ $pad('x', 100000) }))", MEMORY),
        ("$fromMillis(0, '[Y,999999999-999999999]')", MEMORY),
        ("$formatInteger(1e300, 'I')", MEMORY),
        ("$map([1..80], function($v){ $pad('x', 100000) })", MEMORY),
        ("($g := function($f, $n){ $n = 0 ? $f : $g($f ~> $string, $n - 1) }; $g($string, 5000)(1))", DEPTH),
        ("($f := function($n){ $map([$n - 1], $f) }; $f(1))", DEPTH),
        ("{'a': {}} ~> |a|{'me': $}|", DEPTH),
    ],
)
def test_bombs_end_with_the_bound_that_they_hit(text: str, bound: str):
    assert failure(text) == bound


def test_with_fewer_steps_an_evaluation_asks_for_more_instead_of_failing():
    """So that it can begin again where it may take long."""
    endless = parse_expression("($f := function($x){ $f($x + 1) }; $f(1))")
    with pytest.raises(OutOfSteps):
        endless.evaluate(scope(steps=1000))
    long = parse_expression("$sum($map([1..1000], function($v){ $v * 2 }))")
    with pytest.raises(OutOfSteps):
        long.evaluate(scope(steps=1000))
    assert long.evaluate(scope(steps=10000)) == 1001000


def test_values_that_are_too_large_are_left_out_of_messages():
    reason = failure("$number($pad('x', 5000000)) ")
    assert reason.startswith('D3030: Unable to cast value to a number: "x ')
    assert failure(SHARING % "-$f(1, 60)") == "D1002: The values that it failed with are too large to be shown"


def test_input_of_any_size_passes_through():
    """The bound is on what expressions make."""
    large = ["x" * 1_000_000] * 8
    assert value("$states.input.large", {"large": large}) is large
    assert failure("[$states.input.large]", {"large": large}) == MEMORY
