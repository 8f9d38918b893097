"""Positions: a location leads to the line and the column of the thing that it names."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statebox.asl.jsontext import Json, is_array, is_object
from statebox.testing.positions import Positions

TEXT = """{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Task", "Retry": [{"ErrorEquals": []}, {"x": 1}]},
    "B/C": {"Type": "Pass"},
    "B": {"D": 1},
    "\\u00e4 [0]": {"Next": true},
    "A\\"": {"End": [[], [1, {"deep": null}]]}
  }
}"""


@pytest.mark.parametrize(
    ("location", "line", "column"),
    [
        (None, 1, 1),
        ("/", 1, 1),
        ("/StartAt", 2, 3),
        ("/States/A", 4, 5),
        ("/States/A/Retry[0]", 4, 37),
        ("/States/A/Retry[0]/ErrorEquals", 4, 38),
        ("/States/A/Retry[1]/x", 4, 59),
        ("/States/B/C/Type", 5, 13),
        ("/States/B/C", 5, 5),
        ("/States/ä [0]/Next", 7, 20),
        ('/States/A"/End[1][1]/deep', 8, 30),
    ],
)
def test_a_location_leads_to_the_name_of_the_member(location: str | None, line: int, column: int):
    found = Positions(TEXT).at(location)

    assert (found.line, found.column) == (line, column)


def test_what_is_not_there_leads_to_what_is_around_it():
    positions = Positions(TEXT)

    assert positions.at("/States/A/Next") == positions.at("/States/A")
    assert positions.at("/Nothing[3]/here") == positions.at(None)


def test_steps_lead_into_a_part_of_the_text():
    assert Positions('{"a": {"StartAt": 1}}').at("/StartAt", "a").column == 8


def test_of_members_with_the_same_name_the_last_one_counts():
    positions = Positions('{"A": {"x": 1, "y": 2},\n "A": {"y": 3}}')

    assert (positions.at("/A").line, positions.at("/A/y").line) == (2, 2)
    assert positions.at("/A/x") == positions.at("/A")


def test_a_large_text_with_deep_nesting_is_read_at_once():
    began = time.monotonic()
    wide = "{" + ",".join(f'"s{n}": {{"Type": "Pass", "Next": "s{n + 1}"}}' for n in range(30_000)) + "}"
    deep = "[" * 1000 + "]" * 1000

    assert Positions(wide).at("/s29999/Next").column > 1_000_000
    assert Positions(deep).at("[0][0][0]").column == 4
    assert time.monotonic() - began < 5


def test_a_definition_with_thousands_of_problems_is_told_about_at_once():
    text = "{" + ",".join(f'"s{n}": {{"Type": "Pass"}}' for n in range(20_000)) + "}"
    positions = Positions(text)
    began = time.monotonic()

    columns = [positions.at(f"/s{n}/Type").column for n in range(20_000)]

    assert columns == sorted(columns)
    assert time.monotonic() - began < 3


def test_names_without_letters_and_brackets_without_numbers_are_told_apart():
    positions = Positions('{"": {"": 1}, "a]": 2, "a": [{"": 3}]}')

    assert positions.at("//").column == 7
    assert positions.at("[a]").column == 1
    assert positions.at("/a[0]/").column == 31
    assert positions.at("/a[0]").column == 30


names = st.text(max_size=5)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


@given(values, st.sampled_from([None, 0, 2]), st.booleans())
def test_every_member_of_any_json_is_found_by_its_steps(value: Json, indent: int | None, ascii: bool):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii)
    positions = Positions(text)
    lines = text.split("\n")

    def look(value: Json, *steps: str | int) -> None:
        inner = value.items() if is_object(value) else enumerate(value) if is_array(value) else ()
        for step, one in inner:
            at = positions.at("", *steps, step)
            written = json.dumps(step if isinstance(step, str) else one, indent=indent, ensure_ascii=ascii)
            assert lines[at.line - 1][at.column - 1 :].startswith(written.split("\n")[0])
            look(one, *steps, step)

    look(value)
