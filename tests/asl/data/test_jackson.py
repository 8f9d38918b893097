"""Why a text is no JSON, as Step Functions tells it."""

from __future__ import annotations

import pytest

from statebox.asl.data.jackson import complaint

SOURCE = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: {}, column: {}]"
VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


@pytest.mark.parametrize(
    ("text", "words", "line", "column"),
    [
        ("{bad json}", "Unexpected character ('b' (code 98)): was expecting double-quote to start field name", 1, 2),
        ('{"a":1,}', "Unexpected character ('}' (code 125)): was expecting double-quote to start field name", 1, 8),
        (
            '{"a" 1}',
            "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value",
            1,
            6,
        ),
        ('{"a":1 "b"}', "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries", 1, 8),
        ('{"a":\n[1 2]}', "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries", 2, 4),
        ("undefined", f"Unrecognized token 'undefined': was expecting {VALUES}", 1, 10),
        ("[1, nul]", f"Unrecognized token 'nul': was expecting {VALUES}", 1, 8),
        ("[1,]", f"Unexpected character (']' (code 93)): expected a valid value {VALUES}", 1, 4),
        ("'x'", f"Unexpected character (''' (code 39)): expected a valid value {VALUES}", 1, 1),
        ('{"a":', "Unexpected end-of-input within/between Object entries", 1, 6),
        ('{"a"', "Unexpected end-of-input within/between Object entries", 1, 5),
        ("[1,", "Unexpected end-of-input within/between Array entries", 1, 4),
    ],
)
def test_the_words_name_the_character_and_the_place(text: str, words: str, line: int, column: int):
    """The place in lines and columns that begin with 1."""
    assert complaint(text) == f"{words}\n at {SOURCE.format(line, column)}"


@pytest.mark.parametrize(
    ("text", "kind", "column", "end"),
    [
        ('{"a":1', "Object", 1, 7),
        ('{"a":"b"', "Object", 1, 9),
        ("{", "Object", 1, 2),
        ("[1", "Array", 1, 3),
        ('{"a":[{"}":[]}', "Array", 6, 15),
    ],
)
def test_an_end_that_comes_too_early_is_told_with_what_is_open(text: str, kind: str, column: int, end: int):
    """And with the place where that begins."""
    start = SOURCE.format(1, column)
    words = f"Unexpected end-of-input: expected close marker for {kind} (start marker at {start})"
    assert complaint(text) == f"{words}\n at {SOURCE.format(1, end)}"


@pytest.mark.parametrize("text", ["1", '{"a": [1]}', '"\n"', "", "[" * 100_000])
def test_for_anything_else_there_are_no_such_words(text: str):
    """What is JSON, or broken in a way that Jackson words differently."""
    assert complaint(text) is None
