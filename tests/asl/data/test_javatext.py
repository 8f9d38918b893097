"""How values read as texts: as Java prints them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statebox.asl.data.javatext import bare_text, json_text, number_text
from statebox.asl.jsontext import Json, read_json


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (-1, "-1"),
        (2**70, "1180591620717411303424"),
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (0.001, "0.001"),
        (0.00099, "9.9E-4"),
        (9999999.5, "9999999.5"),
        (1e7, "1.0E7"),
        (12345678.9, "1.23456789E7"),
        (-2.5e-9, "-2.5E-9"),
        (1e21, "1.0E21"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (5e-324, "5.0E-324"),
    ],
)
def test_a_number_reads_as_java_writes_it(number: float, text: str):
    """Plain from a thousandth up to ten millions, else with an exponent; whole ones in full."""
    assert number_text(number) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, 2.5, "1.5", None, True], "é": {}}, '{"a":[1,2.5,"1.5",null,true],"é":{}}'),
        ([12345678.9, {"1.5": 1e-7}], '[1.23456789E7,{"1.5":1.0E-7}]'),
        ("3.0 \n", '"3.0 \\n"'),
    ],
)
def test_json_is_compact_and_reads_back(value: Json, text: str):
    """Only the notation of numbers is Java's."""
    assert json_text(value) == text
    assert read_json(text) == value


def test_within_a_text_objects_and_arrays_are_maps_and_lists():
    """Strings have no quotes at any depth."""
    assert bare_text({"a": [1e7, "x", None, {"b": False}], "c": {}}) == "{a=[1.0E7, x, null, {b=false}], c={}}"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_the_same_on_its_own_and_within_json(number: float):
    """Whichever way it is written, and it reads back as what it was."""
    assert json_text([number]) == f"[{number_text(number)}]"
    assert float(number_text(number)) == number
