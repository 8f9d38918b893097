"""What Step Functions does otherwise than JSONata: functions of its own, numbers, null, results."""

from __future__ import annotations

import pytest

from statebox.asl.data.jsonata.expressions import ExpressionFailure, parse_expression
from statebox.asl.data.jsonata.values import UNDEFINED
from statebox.asl.jsontext import Json
from tests.asl.jsonata.reading import NOW_MS, failure, scope, value


@pytest.mark.parametrize(
    ("text", "chunks"),
    [
        ("$partition([1,2,3,4,5], 2)", [[1, 2], [3, 4], [5]]),
        ("$partition([0], 1)", [[0]]),
        ("$partition([1,2,3])", [[1, 2, 3]]),
        ("$partition([1,2,3,4,5], 2.9)", [[1, 2], [3, 4], [5]]),
        ("$partition([], 2)", UNDEFINED),
        ("$partition([1,2,3], 0)", UNDEFINED),
        ("$partition([1,2,3,4], -0.5)", UNDEFINED),
        ("$partition($states.input.missing, 2)", UNDEFINED),
    ],
)
def test_partition_never_unwraps_its_chunks(text: str, chunks: Json):
    assert value(text, {}) == chunks


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("$range(0, 10, 2)", [0, 2, 4, 6, 8, 10]),
        ("$range(10, 0, -2)", [10, 8, 6, 4, 2, 0]),
        ("$range(-1.7, 2, 1)", [-1, 0, 1, 2]),
        ("$range(5, 1, -1.5)", [5, 4, 3, 2, 1]),
        ("$range(1, 9, 9)", 1),
        ("$range(5, 1, 1)", UNDEFINED),
        ("$range(1, 5, 0)", UNDEFINED),
        ("$range(1, 5)", UNDEFINED),
        ("$count($range(-9223372036854775808, 9223372036854775807, 9223372036854775807))", 3),
    ],
)
def test_range_includes_its_end_and_gives_a_single_number_bare(text: str, numbers: Json):
    assert value(text) == numbers


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        ("$hash('Hello', 'MD5')", "8b1a9953c4611296a827abf8c47804d7"),
        ("$hash('ñ', 'MD5')", "94e9342ecbb1458b6043ecd3bfcbc192"),
        ("$hash('Hello', 'SHA-1')", "f7ff9e8b7bb2e09b70935a5d785e0cc5d9d0abf0"),
        ("$hash('Hello', 'SHA-256')", "185f8db32271fe25f561a6fc938b2e264306ec304eda518007d1764826381969"),
        ("$length($hash('Hello', 'SHA-384'))", 96),
        ("$length($hash('Hello', 'SHA-512'))", 128),
        ("$hash('Hello')", UNDEFINED),
    ],
)
def test_hash_gives_the_digest_of_the_text_as_utf_8(text: str, digest: Json):
    assert value(text) == digest


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ('$parse(\'{"a":1,"b":[1,2,3]}\').b', [1, 2, 3]),
        ("$exists($parse('null'))", True),
        ("$string($parse('1.0'))", "1"),
        ("$string($parse('-0'))", "0"),
        ("$string($parse('9223372036854775807'))", "9223372036854775807"),
        ("$string($parse('9223372036854775808'))", "9223372036854776000"),
        ("$parse('123456789012345678901234567890') = 123456789012345678901234567890", False),
        ("$map(['{\"a\":1}', '{\"a\":2}'], $parse).a", [1, 2]),
        ("$parse()", UNDEFINED),
    ],
)
def test_parse_reads_json(text: str, parsed: Json):
    assert value(text) == parsed


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("$eval('1+1')", "T1006: Attempted to invoke a non-function"),
        ("$partition([1], -1)", "D3137: Second argument must be zero or greater"),
        ("$partition(null, 2)", 'T0412: Argument 1 of function "partition" must be an array of undefined'),
        ("$partition([1], 2, 'x')", 'T0410: Argument 3 of function "partition" does not match function signature'),
        ("$range(1)", 'T0410: Argument 2 of function "range" does not match function signature'),
        ("$hash(42, 'MD5')", 'T0410: Argument 1 of function "hash" does not match function signature'),
        (
            "$hash('Hello', 'md5')",
            "D3137: Hash algorithm 'md5' must be one of SHA-1, SHA-384, SHA-256, SHA-512, MD5",
        ),
        ("$parse(null)", 'T0410: Argument 1 of function "parse" does not match function signature'),
        ("$parse('not valid')", "D3137: Invalid JSON"),
        ("$parse('')", "D3137: Invalid JSON"),
        ("$parse('{} {}')", "D3137: Invalid JSON"),
        ("$parse('1e400')", "D3137: Invalid JSON"),
        ('$parse(\'{"a":1,"a":2}\')', "D3137: Invalid JSON"),
        ('$parse(\'[{"a":{"b":1,"b":2}}]\')', "D3137: Invalid JSON"),
        ("$uuid('seed')", 'T0410: Argument 1 of function "uuid" does not match function signature'),
        ("$random(1, 2)", 'T0410: Argument 2 of function "random" does not match function signature'),
        ("$sum(['a'])", 'T0412: Argument 1 of function "sum" must be an array of "numbers"'),
        ("1 < 'a'", 'T2009: The values 1 and "a" either side of operator "<" must be of the same data type'),
    ],
)
def test_functions_refuse_what_they_cannot_take(text: str, reason: str):
    assert failure(text) == reason


def test_what_has_no_words_is_an_internal_error():
    """AWS says no more either."""
    for text in ("$base64decode('!!!')", "$fromMillis(0, '[Y]', 'no zone')", "$fromMillis(1e300)"):
        with pytest.raises(ExpressionFailure, match=r"^threw an internal error during evaluation\.$"):
            value(text)


def test_random_numbers_with_a_seed_are_those_of_java():
    assert value("$random(42)") == 0.7275636800328681
    assert value("$random(0)") == value("$random(0.9)") == 0.730967787376657
    assert value("$random(7)") == 0.7306990420600421


def test_time_and_randomness_come_from_the_scope():
    """So that the same moment gives the same values, and another one others."""
    text = "[$millis(), $now(), $now('[Y]'), $random() = $random(), $uuid() = $uuid(), $string($uuid())]"
    now = value(text)
    assert now[:5] == [NOW_MS, "2023-11-14T22:13:20.123Z", "2023", False, False]
    assert now == value(text)
    expression = parse_expression("{'random': $random(), 'uuid': $uuid(), 'shuffled': $shuffle([1..50])}")
    first, other = expression.evaluate(scope()), expression.evaluate(scope(entropy=b"another sixteen bytes"))
    assert first == expression.evaluate(scope())
    assert all(first[name] != other[name] for name in first)
    assert sorted(first["shuffled"]) == [*range(1, 51)] != first["shuffled"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("$string(1e19)", "10000000000000000000"),
        ("$string(1e20)", "100000000000000000000"),
        ("$string(999999999999999868928)", "999999999999999900000"),
        ("$string(-1e20)", "-100000000000000000000"),
        ("$string(1e21)", "1e+21"),
        ("$string(-1.5e21)", "-1.5e+21"),
        ("$string(1e-6)", "0.000001"),
        ("$string(1e-7)", "1e-7"),
        ("$string(0.1 + 0.2)", "0.3"),
        ("$string(1/3)", "0.333333333333333"),
        ("$string([1e20, 2])", "[100000000000000000000,2]"),
        ("$string(9007199254740993)", "9007199254740992"),
    ],
)
def test_string_writes_whole_numbers_in_full_below_1e21(text: str, shown: str):
    assert value(text) == shown


def test_infinity_and_nan_become_strings_wherever_they_are():
    assert value("[1/0, -1/0, 0/0, {'k': 1e308 * 10}]") == ["Infinity", "-Infinity", "NaN", {"k": "Infinity"}]
    assert value("1/0") == "Infinity"
    assert value("$parseInteger('abc', '0')") == "NaN"
    assert value("5 % 0") == "NaN"


def test_integers_of_any_size_pass_through():
    """They are only taken for doubles once something is computed with them."""
    large = 123456789012345678901234567890
    assert value("$states.input.n", {"n": large}) == large
    assert value("{'n': $states.input.n}", {"n": large}) == {"n": large}
    assert value("$states.input.n + 1", {"n": large}) == float(large)
    assert value("$string($states.input.n)", {"n": large}) == "1.2345678901234568e+29"
    assert value("$states.input.n - $states.input.n", {"n": 10**400}) == "NaN"


def test_null_is_a_value_and_undefined_is_none():
    input: Json = {"n": None, "list": [None, 1]}
    assert value("$states.input.n", input) is None
    assert value("$states.input.missing", input) is UNDEFINED
    assert value("[$exists($states.input.n), $type($states.input.n), $count($states.input.n)]", input) == [
        True,
        "null",
        1,
    ]
    assert value("{'a': $states.input.n, 'b': $states.input.missing}", input) == {"a": None}
    assert value("[$states.input.n, $states.input.missing, $states.input.list]", input) == [None, None, 1]
    assert value("$states.input.list[0]", input) is None


def test_single_results_are_bare_unless_they_are_kept():
    assert value("$states.input.items[p > 1].n", {"items": [{"p": 1, "n": "a"}, {"p": 2, "n": "b"}]}) == "b"
    assert value("$states.input.items[p > 1].n[]", {"items": [{"p": 1, "n": "a"}, {"p": 2, "n": "b"}]}) == ["b"]
    assert value("[$states.input.items.n]", {"items": [{"n": "a"}]}) == ["a"]
    assert value("$states.input.items", {"items": [0]}) == [0]
    assert value("$states.input.items", {"items": []}) == []


@pytest.mark.parametrize(
    "text",
    [
        "$fn := function($x){$x}",
        "$sum",
        "{'f': $sum}",
        "$states.input.items.$sum",
        "[1, function(){1}]",
        "/a/",
        "$substring(?, 1)",
        "$trim ~> $length",
        "|$|{}|",
        "/a/('a')",
    ],
)
def test_functions_are_no_results(text: str):
    with pytest.raises(ExpressionFailure, match=r"^returned an unsupported result type\.$"):
        value(text, {"items": [1, 2]})


def test_variables_are_the_workflows_and_go_before_functions():
    assert value("$a.b + $c", variables={"a": {"b": 1}, "c": 2}) == 3
    assert value("$doesNotExist") is UNDEFINED
    assert value("$sum", variables={"sum": 5}) == 5
    assert failure("$count(1) + ($count := 5; $count(1))") == "T1006: Attempted to invoke a non-function"


def test_states_has_what_the_state_has():
    whole = scope({"i": 1}, context={"State": {"Name": "A"}})
    assert parse_expression("$states.context.State.Name").evaluate(whole) == "A"
    assert parse_expression("$states").evaluate(whole) == {"input": {"i": 1}, "context": {"State": {"Name": "A"}}}
    after = whole.with_result([1])
    assert parse_expression("$states.result").evaluate(after) == [1]
    caught = whole.with_error({"Error": "E"})
    assert parse_expression("$keys($states)").evaluate(caught) == ["input", "context", "errorOutput"]
    assert parse_expression("$states.result").evaluate(caught) is UNDEFINED


def test_the_context_object_is_only_made_where_it_is_read():
    def made() -> Json:
        raise AssertionError

    untouched = scope({"i": 1})
    untouched.context = made
    assert parse_expression("$states.input.i & $string($now())").evaluate(untouched)
    with pytest.raises(AssertionError):
        parse_expression("$states.context").evaluate(untouched)


def test_transforming_changes_a_copy_only():
    """Even where the pattern finds the input itself."""
    input: Json = {"a": {"b": 1}, "list": [{"n": 1}, {"n": 2}]}
    assert value("$states.input ~> |list|{'n': n + 1, 'new': true}|", input)["list"] == [
        {"n": 2, "new": True},
        {"n": 3, "new": True},
    ]
    assert value("$states.input.a ~> |$states.input.a|{'b': 2}, 'b'|", input) == {"b": 1}
    assert input == {"a": {"b": 1}, "list": [{"n": 1}, {"n": 2}]}


def test_functions_may_stand_for_regular_expressions():
    """A matcher gives a match with the function that finds the next one."""
    matcher = (
        "$m := function($s) { {'match': 'a', 'start': 0, 'end': 1, 'groups': [], "
        "'next': function() { {'match': 'c', 'start': 2, 'end': 3, 'groups': ['g'], 'next': function(){ $none }} }} }; "
    )
    assert value(f"({matcher} $split('abcd', $m))") == ["", "b", "d"]
    assert value(f"({matcher} $match('abcd', $m).groups)") == "g"
    assert value(f"({matcher} $replace('abcd', $m, '-'))") == "-b-d"
    assert value(f"({matcher} $contains('abcd', $m))") is True
    reason = (
        'T1010: The matcher function argument passed to function "match" does not return the correct object structure'
    )
    assert failure("$match('a', function(){ 5 })") == reason
    assert failure("$match('a', function(){ {'next': $sum, 'groups': [], 'match': 1} })") == reason


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"$match('a\nb', /a$/)", UNDEFINED),
        (r"$contains('a\nb', /a$/m)", True),
        (r"$contains('a\n', /a$/)", False),
        (r"$replace('x1y22', /(?<digit>\d+)/, '<$1>')", "x<1>y<22>"),
        (r"$contains('aa', /(?<l>a)\k<l>/)", True),
        (r"$contains('abab', /(ab)\1/)", True),
        (r"$contains('٣', /\d/)", False),
        (r"$contains('é', /\w/)", False),
        (r"$contains('\u00a0', /\s/)", True),
        (r"$contains('A', /\u0041\x42?\cA?/)", True),
        (r"$contains('a', /[^]/)", True),
        (r"$contains('a', /[]/)", False),
        (r"$contains('\n', /./)", False),
        (r"$split('a[b&c', /[\[&]/)", ["a", "b", "c"]),
        (r"$contains('a-b_', /[\w\-]+\b[\d\s\W]?/)", True),
        (r"$contains('\b', /[\b]/)", True),
        (r"$contains('a - b', /\S\D\W\B[\S\D\W]/)", True),
        (r"$contains('😀', /^.$/)", True),
        (r"$contains('\u0000', /\0/)", True),
        (r"$contains('É', /é/i)", True),
    ],
)
def test_regular_expressions_are_javascripts(text: str, answer: Json):
    assert value(text) == answer


def test_dates_reach_as_far_as_javascripts():
    assert value("$fromMillis(8.64e15, '[Y]-[M]-[D]')") == "275760-9-13"
    assert value("$toMillis('20240229102030', '[Y0001][M01][D01][H01][m01][s01]')") == 1709202030000
    assert value("$toMillis('10:20 am', '[h]:[m01] [P]')") == 1699957200000
    assert value("$toMillis('2024-02-29 -05:30', '[Y0001]-[M01]-[D01] [Z]')") == 1709184600000
    assert value("$fromMillis(0, '[H01]:[m01] [Z]', '-0530')") == "18:30 -05:30"
    assert failure("$toMillis('1 2', '[D] [D]')").startswith("D3136")
    assert failure("$toMillis('2024-13-01')").startswith("D3110")
