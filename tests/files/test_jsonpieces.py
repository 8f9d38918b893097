"""Parsing in pieces: the same as parsing in one."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from statebox.asl.jsontext import InvalidJson, Json, read_json, write_json_text
from statebox.files.jsonpieces import read_json_by_pieces

_SCALARS = st.none() | st.booleans() | st.integers(-999, 999) | st.text(alphabet='ab",:[]{}\\\n\u2028é', max_size=8)
_VALUES: st.SearchStrategy[Json] = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(alphabet='ab",{', max_size=3), inner, max_size=5)
    ),
    max_leaves=30,
)
_PIECES = st.integers(0, 20)


@given(_VALUES, _PIECES, st.sampled_from(["", " ", "\n\t"]))
def test_a_text_means_the_same_in_pieces(value: Json, piece: int, blanks: str):
    text = json.dumps(value, ensure_ascii=False, separators=(f"{blanks},{blanks}", f"{blanks}:{blanks}"))
    text = blanks + text + blanks
    assert read_json_by_pieces(text, piece) == read_json(text)


@given(
    _VALUES, _PIECES, st.integers(0, 10**6), st.sampled_from(["", '"', ",", ":", "[", "]", "{", "}", "1", " ", "\\"])
)
@example([[1, 2], [3]], 0, 6, "")
@example([[1, 2], [3]], 0, 7, ",")
@example({"a": {"b": 1, "c": 2}, "d": 1}, 0, 4, ",")
def test_a_damaged_text_is_refused_in_pieces_exactly_where_it_is_refused_whole(
    value: Json, piece: int, place: int, damage: str
):
    text = write_json_text(value)
    place %= len(text)
    text = text[:place] + damage + text[place + (place % 2) :]
    try:
        expected = read_json(text)
    except InvalidJson:
        with pytest.raises(InvalidJson):
            read_json_by_pieces(text, piece)
    else:
        assert read_json_by_pieces(text, piece) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[1,\n2,\n {"a" 3}]', "Expecting ':' delimiter at line 3 column 7"),
        ("[1,\n2,]", "Expecting value at line 2 column 3"),
        ("[[1,2] [3,4]]", "Expecting ',' delimiter at line 1 column 8"),
        ("[[1,2] 3]", "Expecting ',' delimiter at line 1 column 7"),
        ("[1,2}", "Unexpected '}' at line 1 column 5"),
        ("[1,2\n", "Unexpected end at line 2 column 1"),
        ('[1,2,"a]', "Unterminated string starting at line 1 column 6"),
        ("[1,2]\n[", "Extra data at line 1 column 6"),
        ("x [1,2]", "Expecting value at line 1 column 1"),
        (",1", "Expecting value at line 1 column 1"),
        ("{[1,2]:3}", "Expecting property name enclosed in double quotes at line 1 column 2"),
        ("nul", "Expecting value at line 1 column 1"),
        ("[" * 600, "the JSON is nested too deep"),
    ],
)
def test_a_broken_text_is_refused_with_its_place_in_the_whole(text: str, message: str):
    with pytest.raises(InvalidJson) as refused:
        read_json_by_pieces(text, 0)
    assert str(refused.value) == message
