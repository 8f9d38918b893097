"""What each intrinsic function makes of its arguments."""

from __future__ import annotations

import hashlib
import re

import pytest

from statebox.asl.data.intrinsic_functions import IntrinsicFailure, InvalidArguments, function_named
from statebox.asl.jsontext import Json
from statebox.asl.moment import Dice
from tests.asl.data.reading import ENTROPY


def call(name: str, *arguments: Json) -> Json:
    """What the function States.<name> makes of the arguments."""
    function = function_named(f"States.{name}")
    assert function is not None
    return function(arguments, Dice(ENTROPY))


# Arguments, and the text they make.
FORMATTED: Json = [
    (["plain"], "plain"),
    (["{} and {}", "a", "b"], "a and b"),
    (["{}{}{}{}{}", None, True, 1, 1.1, -0.5], "nulltrue11.1-0.5"),
    (["{}", "{}"], "{}"),
    (["{}", {"Arg1": 1, "Arg2": []}], "{Arg1=1, Arg2=[]}"),
    (["{}", [1, "x", None, {"a": [True]}]], "[1, x, null, {a=[true]}]"),
    ([r"\{{}\}", 1], "{1}"),
    ([r"it\'s \\ {} \n", 1], r"it's \ 1 \n"),
]


@pytest.mark.parametrize(("arguments", "text"), FORMATTED)
def test_format_fills_a_template(arguments: list[Json], text: str):
    """Scalars bare, objects and arrays as Java prints them, escaped braces as themselves."""
    assert call("Format", *arguments) == text


@pytest.mark.parametrize("template", ["Hello {", "Hello {{}}", "{x}", "{ }"])
def test_format_wants_its_opening_braces_closed(template: str):
    """AWS has words of its own for it."""
    with pytest.raises(IntrinsicFailure, match=re.escape("matching '}' not found for '{'.")):
        call("Format", template, 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        (" ", None),
        ("-0", 0),
        ("null", None),
        ("1.5", 1.5),
        ('"x"', "x"),
        (' {"a":[1]} ', {"a": [1]}),
        ("true", True),
    ],
)
def test_string_to_json_parses_a_text(text: str, value: Json):
    """A blank one is null."""
    assert call("StringToJson", text) == value


@pytest.mark.parametrize("text", ["{bad json}", '{"a":1', "undefined", "NaN", "1 2", "[1,]"])
def test_string_to_json_says_what_is_wrong_with_a_text(text: str):
    """AWS has words of its own for it."""
    with pytest.raises(IntrinsicFailure, match="Cannot convert String to Json"):
        call("StringToJson", text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (0, "0"),
        (1.1, "1.1"),
        (True, "true"),
        ("Hello", '"Hello"'),
        ([1, "ж"], '[1,"ж"]'),
        ({"b": 1, "a": []}, '{"b":1,"a":[]}'),
    ],
)
def test_json_to_string_writes_compact_json(value: Json, text: str):
    """Any value, keys in their order."""
    assert call("JsonToString", value) == text


def test_array_partition_cuts_chunks():
    """The size is cut to a whole number."""
    assert call("ArrayPartition", [1, 2, 3, 4, 5], 2) == [[1, 2], [3, 4], [5]]
    assert call("ArrayPartition", [1, 2, 3, 4, 5], 2.6) == [[1, 2], [3, 4], [5]]
    assert call("ArrayPartition", [1, 2], 2147483647) == [[1, 2]]
    assert call("ArrayPartition", [], 3) == []


# Array, value, and whether it is found there.
CONTAINED: Json = [
    ([1, 2, 3], 2, True),
    ([1, 2, 3], 5, False),
    ([1, 2, 3], 2.0, True),
    ([1, None], None, True),
    ([], None, False),
    ([], [], False),
    ([[1, 2, 3], 2], [1, 2, 3], True),
    ([{"1": 2, "2": []}], {"1": 2, "2": []}, True),
    ([{"a": 1}], {"a": 1, "extra": None}, False),
    ([True, False], False, True),
    ([0, 1, -1, -1.5], False, False),
    ([{"a": 1, "b": 2}], {"b": 2, "a": 1}, False),
    (["9007199254740991"], 9007199254740991, True),
    (["true"], True, True),
]


@pytest.mark.parametrize(("items", "value", "contains"), CONTAINED)
def test_array_contains_looks_for_what_reads_the_same(items: Json, value: Json, contains: bool):
    """As seen on AWS, where the order of keys counts and "true" passes for true."""
    assert call("ArrayContains", items, value) is contains


@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        ((1, 9, 2), [1, 3, 5, 7, 9]),
        ((0, 10, 3), [0, 3, 6, 9]),
        ((1, 9, 9), [1]),
        ((3, 3, -1), [3]),
        ((5, 1, -2), [5, 3, 1]),
        ((5, 1, 1), []),
        ((1, 5, -1), []),
        ((1.6, 1.4, 1), [1]),
        ((5.4, -0.6, -2.4), [5, 3, 1]),
        ((-2, 2, 2), [-2, 0, 2]),
        ((1, 1000, 1), list(range(1, 1001))),
        ((1000, 1, -1), list(range(1000, 0, -1))),
        ((0, 2**63 - 1, 2**62), [0, 2**62]),
    ],
)
def test_array_range_counts_from_first_to_last(arguments: tuple[float, ...], numbers: list[int]):
    """Both included, each cut to a whole number, up to 1,000 of them."""
    assert call("ArrayRange", *arguments) == numbers


def test_array_get_item_takes_an_element():
    """The index is cut to a whole number; an empty array has null everywhere."""
    assert call("ArrayGetItem", [10, 20, 30], 1) == 20
    assert call("ArrayGetItem", [10, 20, 30], 1.2) == 20
    assert call("ArrayGetItem", [None], 0) is None
    assert call("ArrayGetItem", [], 999) is None


def test_array_unique_keeps_the_first_of_equal_elements():
    """Kinds are told apart, 1 is 1.0, and the order of keys does not matter."""
    assert call("ArrayUnique", [1, True, "1", 1.0, None, [], [None], False, 0, None, 1.1]) == [
        *(1, True, "1", None, [], [None], False, 0, 1.1)
    ]
    assert call("ArrayUnique", [{"a": 1, "b": [2]}, {"b": [2], "a": 1}, {"a": 1}]) == [{"a": 1, "b": [2]}, {"a": 1}]
    assert [type(one) for one in call("ArrayUnique", [1, True])] == [int, bool]


def test_base64_goes_both_ways():
    """In UTF-8."""
    assert call("Base64Encode", "Data to encode ✓") == "RGF0YSB0byBlbmNvZGUg4pyT"
    assert call("Base64Decode", "RGF0YSB0byBlbmNvZGUg4pyT") == "Data to encode ✓"
    assert call("Base64Encode", "") == call("Base64Decode", "") == ""


@pytest.mark.parametrize(
    ("coded", "text"),
    [
        (" YWJj\nZA== ", "abcd"),
        ("!!!YWJj", "abc"),
        ("YWI", "ab"),
        ("YWJjZ", "abc"),
        ("YQ==YQ==", "a"),
        ("/w==", "\ufffd"),
    ],
)
def test_base64_decode_is_lenient(coded: str, text: str):
    """It skips what does not belong there, needs no padding and ends at the first one."""
    assert call("Base64Decode", coded) == text


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512"])
def test_hash_gives_hex(algorithm: str):
    """Of the text, or of the JSON text of what is none."""
    plain = hashlib.new(algorithm.replace("-", ""), b"input data").hexdigest()
    assert call("Hash", "input data", algorithm) == plain
    assert call("Hash", {"a": [1]}, algorithm) == call("Hash", '{"a":[1]}', algorithm)


def test_json_merge_is_shallow():
    """The second object wins; keys of the first come first; a third argument that is no boolean does not matter."""
    merged = call("JsonMerge", {"a": {"x": 1}, "b": 2}, {"c": 3, "a": {"y": 2}}, False)
    assert merged == {"a": {"y": 2}, "b": 2, "c": 3}
    assert list(merged) == ["a", "b", "c"]
    assert call("JsonMerge", {}, {"a": 1}, "false") == {"a": 1}


@pytest.mark.parametrize(
    ("low", "high", "seed", "number"),
    [
        (1, 100, 42, 63),
        (1, 1000, 1, 106),
        (1, 1000, 2, 806),
        (1, 10, -10, 1),
        (1, 10, 0, 7),
        (2147483640, 2147483647, 1, 2147483644),
    ],
)
def test_math_random_with_a_seed_gives_the_numbers_of_aws(low: int, high: int, seed: int, number: int):
    """All of these were drawn there."""
    assert call("MathRandom", low, high, seed) == number


def test_math_random_draws_from_low_up_to_but_not_high():
    """Both cut to whole numbers, the dice being the moment's."""
    function = function_named("States.MathRandom")
    assert function is not None
    dice = Dice(ENTROPY)
    assert {function([1.6, 4.9], dice) for _ in range(100)} == {1, 2, 3}
    assert {function([-1, 1], dice) for _ in range(100)} == {-1, 0}
    assert -(2**63) <= function([-(2**63), 2**63 - 1], dice) < 2**63
    assert call("MathRandom", 0, 2**62, 1) == call("MathRandom", 0, 2**62, 1)


@pytest.mark.parametrize(
    ("a", "b", "total"),
    [
        (-9, 3, -6),
        (1.49, 1.5, 3),
        (-1.49, -1.5, -2),
        (-1.5, 0, -1),
        (-1.51, 0, -2),
        (-0.5, 0.5, 1),
        (2.5, 0, 3),
        (-3.5, 0, -3),
        (2147483646, 1, 2147483647),
        (-2147483647, -1, -2147483648),
    ],
)
def test_math_add_rounds_half_up_before_it_adds(a: float, b: float, total: int):
    """Towards greater numbers, also below zero."""
    assert call("MathAdd", a, b) == total


@pytest.mark.parametrize(
    ("text", "delimiters", "pieces"),
    [
        ("1,2,3", ",", ["1", "2", "3"]),
        ("This.is+a,test=string", ".+,=", ["This", "is", "a", "test", "string"]),
        (", , ,", ",", [" ", " "]),
        (",,,,", ",", []),
        ("", ",", []),
        ("", "", []),
        ("abc", "", ["abc"]),
        ("1a2b3ab4", "ab", ["1", "2", "3", "4"]),
        ("a^b]c-d\\e", "^]-\\", ["a", "b", "c", "d", "e"]),
    ],
)
def test_string_split_takes_a_set_of_delimiters(text: str, delimiters: str, pieces: list[str]):
    """And drops empty pieces."""
    assert call("StringSplit", text, delimiters) == pieces


def test_uuid_is_random_and_minds_no_arguments():
    """Of version 4, from the moment's entropy."""
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", call("UUID"))
    assert call("UUID", "x", 1) == call("UUID")


# Function and arguments.
REFUSED: Json = [
    ("ArrayContains", ("not-array", "x")),
    ("ArrayContains", ([],)),
    ("ArrayGetItem", ("not-array", 0)),
    ("ArrayGetItem", ([10], 1)),
    ("ArrayGetItem", ([10], -1)),
    ("ArrayGetItem", ([], -1)),
    ("ArrayGetItem", ([10], "0")),
    ("ArrayGetItem", ([10], 0, 0)),
    ("ArrayLength", ("x",)),
    ("ArrayLength", ()),
    ("ArrayPartition", ("x", 2)),
    ("ArrayPartition", ([1], 0.49)),
    ("ArrayPartition", ([1], -1)),
    ("ArrayPartition", ([1], None)),
    ("ArrayPartition", ([1], True)),
    ("ArrayRange", (1, 5)),
    ("ArrayRange", (1, 5, 1, 99)),
    ("ArrayRange", ("a", 5, 1)),
    ("ArrayRange", (1, 10, 0)),
    ("ArrayRange", (1, 10, 0.49)),
    ("ArrayRange", (1, 1001, 1)),
    ("ArrayRange", (1001, 1, -1)),
    ("ArrayRange", (-(2**63), 2**63 - 1, 1)),
    ("ArrayRange", (0, 1e30, 1)),
    ("ArrayUnique", ({"a": 1},)),
    ("Base64Encode", (123,)),
    ("Base64Encode", ("a" * 10_001,)),
    ("Base64Decode", ({},)),
    ("Base64Decode", ("A" * 10_001,)),
    ("Base64Decode", ("YQ==", "extra")),
    ("Format", ()),
    ("Format", (123, 1)),
    ("Format", ("{} {}", 1)),
    ("Format", ("{}", 1, 2)),
    ("Hash", ("x",)),
    ("Hash", ("x", 123)),
    ("Hash", ("x", "sha-256")),
    ("Hash", ("x", "SHA256")),
    ("Hash", ("x", "")),
    ("Hash", ("x" * 10_001, "MD5")),
    ("JsonMerge", ({}, {})),
    ("JsonMerge", ({}, {}, True)),
    ("JsonMerge", ([], {}, False)),
    ("JsonMerge", ({}, None, False)),
    ("JsonToString", ()),
    ("MathAdd", (1,)),
    ("MathAdd", (1, 2, 3)),
    ("MathAdd", ("1", 2)),
    ("MathAdd", (None, 1)),
    ("MathAdd", (True, 1)),
    ("MathAdd", (2147483647, 1)),
    ("MathAdd", (-2147483648, -1)),
    ("MathAdd", (3_000_000_000, -1_000_000_000)),
    ("MathRandom", (1,)),
    ("MathRandom", (1, 10, 5, 99)),
    ("MathRandom", (1, 1)),
    ("MathRandom", (1.4, 1.6)),
    ("MathRandom", (10, 5)),
    ("MathRandom", ("a", 10)),
    ("MathRandom", (1, 10, None)),
    ("StringSplit", (123, ",")),
    ("StringSplit", ("a", [","])),
    ("StringSplit", ("a",)),
    ("StringToJson", ()),
    ("StringToJson", (123,)),
    ("StringToJson", ("1", "2")),
]


@pytest.mark.parametrize(("name", "arguments"), REFUSED)
def test_arguments_that_do_not_fit_are_refused(name: str, arguments: tuple[Json, ...]):
    """A wrong number of them as well as wrong ones."""
    with pytest.raises(InvalidArguments):
        call(name, *arguments)


def test_the_eighteen_functions_are_known():
    """By their exact names."""
    assert function_named("States.Format") is not None
    assert function_named("States.format") is None
    assert function_named("Format") is None
