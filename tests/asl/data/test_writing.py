"""Writing at a reference path, as ResultPath does."""

from __future__ import annotations

import copy

import pytest

from statebox.asl.data.jsonpath import parse_path, parse_reference_path
from statebox.asl.errors import RESULT_PATH_MATCH_FAILURE, StateFailure
from statebox.asl.jsontext import Json

# Path, document, and what the document becomes.
WRITTEN: Json = [
    ("$", {"a": 1}, "new"),
    ("$.a", {}, {"a": "new"}),
    ("$.a", {"a": {"b": 1}, "c": 2}, {"a": "new", "c": 2}),
    ("$.a.b.c", {"x": 1}, {"x": 1, "a": {"b": {"c": "new"}}}),
    ("$.a.b", {"a": {"c": 1}}, {"a": {"c": 1, "b": "new"}}),
    ("$['a b'].c", {}, {"a b": {"c": "new"}}),
    ("$[1]", [1, 2, 3], [1, "new", 3]),
    ("$[1].x", [1, {"y": 2}], [1, {"y": 2, "x": "new"}]),
    ("$.a[0].b", {"a": [{}, 1]}, {"a": [{"b": "new"}, 1]}),
    ("$[0][0]", [[1]], [["new"]]),
]
# Path, document, and the document's text.
WITHOUT_A_PLACE: Json = [
    ("$.x", "text", '"text"'),
    ("$.x", None, "null"),
    ("$.x", [1], "[1]"),
    ("$.a.x", {"a": 5}, '{"a":5}'),
    ("$.a.x", {"a": None}, '{"a":null}'),
    ("$[0]", {}, "{}"),
    ("$.a[0]", {}, "{}"),
    ("$.a[1]", {"a": [0]}, '{"a":[0]}'),
]


@pytest.mark.parametrize(("path", "document", "written"), WRITTEN)
def test_a_value_is_written_at_a_path(path: str, document: Json, written: Json):
    """Missing objects are made, what stood there is replaced and not merged, elements must exist."""
    before = copy.deepcopy(document)
    assert parse_reference_path(path).write(document, "new") == written
    assert document == before


@pytest.mark.parametrize(("path", "document", "text"), WITHOUT_A_PLACE)
def test_a_document_without_a_place_for_the_value_fails_the_state(path: str, document: Json, text: str):
    """With the error that ResultPath gives, and with the input in its cause."""
    with pytest.raises(StateFailure) as failure:
        parse_reference_path(path).write(document, "new")
    assert failure.value.error == RESULT_PATH_MATCH_FAILURE
    assert failure.value.cause == f"Unable to apply ReferencePath {path} to input {text}"


def test_only_what_stands_on_the_way_is_copied():
    """Everything beside the path is shared with the document."""
    document: Json = {"a": {"b": {}}, "c": {"d": 1}}
    written = parse_reference_path("$.a.b.x").write(document, 1)
    assert written["c"] is document["c"]


def test_nothing_can_be_written_at_another_path():
    """That would be a mistake of ours: definitions are checked."""
    with pytest.raises(ValueError, match="not a reference path"):
        parse_path("$.a[*]").write({}, 1)


def test_a_document_too_deep_to_be_shown_still_fails_the_state():
    """The cause says so instead of showing it."""
    deep: Json = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(StateFailure, match="nested too deep to be shown"):
        parse_reference_path("$.x").write(deep, 1)
    while deep:
        deep = deep.pop()
