"""JSON texts: what is wrong with one is told with its place, and finding it takes no longer than the text is."""

from __future__ import annotations

import pytest

from statebox.asl.jsontext import InvalidJson, read_json


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Expecting value at line 1 column 1"),
        ('{"a": 1,\n}', "Expecting property name enclosed in double quotes at line 2 column 1"),
        ('{"a": "b', "Unterminated string starting at line 1 column 7"),
        ('["a\n"]', "Invalid control character at line 1 column 4"),
        ('{"a":\n NaN}', "NaN is not a JSON number at line 2 column 2"),
        ('["NaN", -Infinity]', "-Infinity is not a JSON number at line 1 column 9"),
        ("[1,\n" + "9" * 4301 + "]", "an integer has more than 4300 digits at line 2 column 1"),
        ("[-1e400]", "a number is too large to be kept at line 1 column 2"),
        ('["ä", "\\ud800"]', "a string has half a character in it (an unpaired surrogate) at line 1 column 7"),
        ("[" * 250 + "\n[", "the JSON is nested too deep: more than 250 levels at line 2 column 1"),
        (b'["\xff"]', "the text is not UTF-8"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_column(text: str | bytes, told: str):
    with pytest.raises(InvalidJson) as refused:
        read_json(text)

    assert str(refused.value) == told


def test_long_integers_and_pairs_of_surrogates_are_kept():
    assert read_json("9" * 4300) == 10**4300 - 1
    assert read_json('"\\ud83d\\ude00"') == "😀"


def test_a_string_that_never_ends_is_looked_through_once():
    """With a look from each of its quotes to the end of the text this would take hours."""
    with pytest.raises(InvalidJson, match="Expecting ',' delimiter at line 1 column 243"):
        read_json("[" * 240 + "[]" * 20 + '"' + '\\"' * 1_000_000)
