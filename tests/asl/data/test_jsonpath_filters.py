"""Filters in paths: which candidates pass."""

from __future__ import annotations

import pytest

from statebox.asl.data.jsonpath import parse_path
from statebox.asl.errors import StateFailure
from statebox.asl.jsontext import Json
from tests.asl.data.reading import STORE, read, sources

ROWS: Json = [
    {"id": 0, "n": 1, "t": "1", "tags": ["a", "b"], "flag": True, "x": None},
    {"id": 1, "n": 1.0, "t": "one", "tags": [], "flag": False},
    {"id": 2, "n": -2, "t": "", "tags": ["c"], "o": {"k": 1}},
    {"id": 3, "n": 20, "t": "ONE", "tags": "a", "o": {}},
]


def passing(filter: str) -> list[int]:
    """The ids of the rows that pass."""
    return read(f"$[?({filter})].id", ROWS)


@pytest.mark.parametrize(
    ("filter", "ids"),
    [
        ("@.n == 1", [0, 1]),
        ("1 == @.n", [0, 1]),
        ("@.n != 1", [2, 3]),
        ("@.n < 1", [2]),
        ("@.n <= 1.0", [0, 1, 2]),
        ("@.n>1", [3]),
        ("@.n>=-2e0", [0, 1, 2, 3]),
        ("@.t == '1'", [0]),
        ('@["t"] == "one"', [1]),
        ("@.t > 'O'", [1, 3]),
        ("@.flag == true", [0]),
        ("@.flag == 1", []),
        ("@.x == null", [0]),
        ("@.x != null", [1, 2, 3]),
        ("@.tags == ['a','b']", [0]),
        ('@.o == {"k": 1.0}', [2]),
        ("@.o == {'k': 1}", [2]),
        ("@.n == @.id", [1]),
        ("@.id == $[1].id", [1]),
        ("@.no == @.no", []),
        ("@.no != @.no", [0, 1, 2, 3]),
    ],
)
def test_comparisons_are_about_values(filter: str, ids: list[int]):
    """1 is 1.0 but not true; what is missing equals nothing, not even itself."""
    assert passing(filter) == ids


@pytest.mark.parametrize(
    ("filter", "ids"),
    [
        ("@.n == '1'", [0, 1]),
        ("@.n == '1.0'", [0, 1]),
        ("@.n == ' 1'", []),
        ("@.n == '1e99999999999999999999'", []),
        ("@.n == 'x'", []),
        ("@.t == 1", [0]),
        ("@.t == 1.0", []),
        ("@.n != '20'", [0, 1, 2]),
        ("@.n in ['20']", [3]),
        ("['20'] contains @.n", [3]),
        ("@.n === '1'", []),
        ("@.n === 1", [0, 1]),
        ("@.n !== '20'", [0, 1, 2, 3]),
        ("@.no !== 1", [0, 1, 2, 3]),
    ],
)
def test_a_number_equals_the_text_that_reads_as_it(filter: str, ids: list[int]):
    """Jayway's `==` does not look at kinds where a text meets a number; its `===` does."""
    assert passing(filter) == ids


@pytest.mark.parametrize("filter", ["@.t < 5", "@.n < 'x'", "@.flag < true", "@.x >= null", "@.tags > []", "@.no <= 1"])
def test_only_two_numbers_or_two_strings_have_an_order(filter: str):
    """Anything else is neither less nor greater."""
    assert passing(filter) == []


@pytest.mark.parametrize(
    ("filter", "ids"),
    [
        ("@.t =~ /one/", [1]),
        ("@.t =~ /one/i", [1, 3]),
        ("@.t =~ /on/", []),
        ("@.t =~ /o.*/", [1]),
        ("@.n =~ /1.*/", [0, 1]),
        ("@.flag =~ /t.+/", [0]),
        ("@.tags =~ /[ac]/", [0, 2, 3]),
        ("@.o =~ /.+/", []),
        (r"@.t =~ /\d\/?/", [0]),
    ],
)
def test_regular_expressions_match_the_whole_text(filter: str, ids: list[int]):
    """Numbers and booleans as their texts, arrays when one element matches."""
    assert passing(filter) == ids


@pytest.mark.parametrize(
    ("filter", "ids"),
    [
        ("@.n in [1, 'x']", [0, 1]),
        ("@.n IN [1]", [0, 1]),
        ("@.t nin ['1', 'one']", [2, 3]),
        ("@.no nin [1]", [0, 1, 2, 3]),
        ("@.t in $[0].tags", []),
        ("@.n in 5", []),
        ("@.tags subsetof ['b','a']", [0, 1]),
        ("@.tags anyof ['a','c']", [0, 2]),
        ("@.tags noneof ['a']", [1, 2]),
        ("@.tags all ['a']", [0]),
        ("@.tags contains 'c'", [2]),
        ("@.t contains 'n'", [1]),
        ("@.tags size 2", [0]),
        ("@.t size 3", [1, 3]),
        ("@.o size 1", []),
        ("@.tags empty true", [1]),
        ("@.t empty false", [0, 1, 3]),
        ("@.o empty true", [3]),
        ("@.tags.length() >= 1", [0, 2]),
    ],
)
def test_operators_with_names(filter: str, ids: list[int]):
    """Membership, sets, sizes."""
    assert passing(filter) == ids


@pytest.mark.parametrize(
    ("filter", "ids"),
    [
        ("@.o", [2, 3]),
        ("@.x", [0]),
        ("!@.o", [0, 1]),
        ("! @.o && @.n == 1", [0, 1]),
        ("!(@.o || @.x)", [1]),
        ("!(!(@.o))", [2, 3]),
        ("@.n == 20 || @.n == 1 && @.t == 'one'", [1, 3]),
        ("(@.n == 20 || @.n == 1) && @.t == 'one'", [1]),
        ("@.tags[?(@ == 'a')]", [0]),
        ("@['o']['k']", [2]),
        ("@.o['k'] == 1", [2]),
        ("@.no.x[3].y", []),
        ("$[0].x", [0, 1, 2, 3]),
    ],
)
def test_filters_combine(filter: str, ids: list[int]):
    """Existence (null exists), negation, and before or, parentheses, filters in filters."""
    assert passing(filter) == ids


def test_a_filter_tests_elements_of_an_array_and_an_object_itself():
    """Not the object's members; and nothing else passes at all."""
    assert read("$.users[?(@.status == 0)]", {"users": [{"status": 0}, {"status": 1}]}) == [{"status": 0}]
    assert read("$.[?(@.a == 1)].b", {"a": 1, "b": 2}) == [2]
    assert read("$[?(@.a)]", {"x": {"a": 1}}) == []
    assert read("$[?(@ > 2)]", [1, 2, 3, 4]) == [3, 4]
    assert read("$.a[?(@ > 2)]", {"a": 3}) == []


def test_a_filter_behind_two_dots_finds_each_object_once():
    """In document order, wherever it stands."""
    assert read("$..[?(@.price < 10)].title", STORE) == ["Sayings of the Century", "Moby Dick"]
    assert read("$..[?(@.x)].x", {"x": 1, "a": [{"x": 2, "b": {"x": 3}}]}) == [1, 2, 3]


def test_strings_in_filters_have_escapes():
    """As in Java."""
    assert read(r"$[?(@ == 'it\'s\n\u0041')]", ["it's\nA", "x"]) == ["it's\nA"]


def test_a_candidate_that_is_too_deep_fails_the_state():
    """Comparing what is nested deeper than Python can go is a failure of the state, not of the daemon."""
    deep: Json = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(StateFailure, match="nested too deep"):
        parse_path("$[?(@ == [])]").read(sources([deep]))
