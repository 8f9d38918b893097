"""CSV text: what its records and fields are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statebox.asl.data.csvtext import InvalidCsv, read_records


def records(text: str, delimiter: str = ",") -> list[list[str]]:
    return list(read_records(text, delimiter))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("a,b\n1,2\n", [["a", "b"], ["1", "2"]]),
        ("a,b\r\n1,2\r3,4", [["a", "b"], ["1", "2"], ["3", "4"]]),
        ("a\n\n\nb", [["a"], ["b"]]),
        ("a,,b,", [["a", "", "b", ""]]),
        (" a , b ", [[" a ", " b "]]),
        ("a\u2028b", [["a\u2028b"]]),
    ],
)
def test_lines_are_records_and_empty_ones_are_passed_over(text: str, expected: list[list[str]]):
    assert records(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"a,b",c', [["a,b", "c"]]),
        ('"a\r\nb",c\nd', [["a\r\nb", "c"], ["d"]]),
        ('"say ""hi""",""', [['say "hi"', ""]]),
        ('{""k"":""v""},x', [['{"k":"v"}', "x"]]),
        ('5" pipe,x', [['5" pipe', "x"]]),
        ('"a"b,c', [["ab", "c"]]),
        ('"a"\n"b"', [["a"], ["b"]]),
    ],
)
def test_quotes_take_the_meaning_from_delimiters_and_line_ends(text: str, expected: list[list[str]]):
    assert records(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"C:\\Program Files\\App.exe,1", [[r"C:\Program Files\App.exe", "1"]]),
        (r"a\,b,c", [["a,b", "c"]]),
        (r"say \"hi\",c", [['say "hi"', "c"]]),
        (r'"say \"hi\"",c', [['say "hi"', "c"]]),
        (r"a\bc", [["abc"]]),
        ("a\\\nb", [["a"], ["b"]]),
        ("a\\", [["a"]]),
    ],
)
def test_a_backslash_escapes_a_special_character_and_is_dropped_before_others(text: str, expected: list[list[str]]):
    assert records(text) == expected


def test_the_delimiter_can_be_another_one():
    assert records('a|"b|c"|d\\|e', "|") == [["a", "b|c", "d|e"]]
    assert records("a,b\tc", "\t") == [["a,b", "c"]]


def test_a_quote_that_is_never_closed_is_refused_with_the_line_where_it_begins():
    with pytest.raises(InvalidCsv, match="line 4: the double quote"):
        records('a,b\n"1\n2",\n3,"4\n5')
    with pytest.raises(InvalidCsv, match="line 2: the double quote"):
        records('a\n"')


_CELLS = st.text(alphabet='ab,"\\\n\r é', max_size=6)


@given(st.lists(st.lists(_CELLS, min_size=2, max_size=4), max_size=5))
def test_whatever_is_quoted_and_escaped_comes_back(table: list[list[str]]):
    lines = [",".join('"' + cell.replace("\\", "\\\\").replace('"', '""') + '"' for cell in row) for row in table]
    assert records("\n".join(lines)) == table
