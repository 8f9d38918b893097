"""What holds for any path, document, template, call and rule."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statebox.asl.data.equality import identity, same
from statebox.asl.data.intrinsics import InvalidIntrinsic, parse_intrinsic
from statebox.asl.data.jsonpath import InvalidPath, NoValue, parse_path, parse_reference_path
from statebox.asl.data.jsonpath_grammar import compile_path
from statebox.asl.data.jsonpath_steps import MISSING
from statebox.asl.data.templates import InvalidTemplate, parse_template
from statebox.asl.data.timestamps import parse_timestamp
from statebox.asl.errors import RESULT_PATH_MATCH_FAILURE, RUNTIME, StateFailure
from statebox.asl.jsontext import Json
from statebox.asl.states.rules import COMPARISONS, parse_rule
from tests.asl.data.reading import sources

NAMES: Final = st.sampled_from(["a", "b", "x y", "Ж", "k-1", "it's", 'say "so"', "$d", "*", "a.b", "0", "in", "\\"])
DOCUMENTS: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False, allow_infinity=False) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
STEPS: Final = st.lists(NAMES | st.integers(0, 3), max_size=4)


def quoted(step: str | int) -> str:
    """A step in brackets."""
    return f"[{step}]" if isinstance(step, int) else "['" + step.replace("\\", "\\\\").replace("'", "\\'") + "']"


def reference(steps: list[str | int], dots: bool) -> str:
    """A reference path of these steps, names behind dots where wanted and possible."""
    plain = [isinstance(step, str) and step.replace("-", "").replace("$", "").isalnum() for step in steps]
    return "$" + "".join(
        f".{step}" if dots and behind_a_dot else quoted(step) for step, behind_a_dot in zip(steps, plain, strict=True)
    )


def error_of(work: Callable[[], Json]) -> str | None:
    """The error with which some work fails a state, None where it does not."""
    try:
        work()
    except StateFailure as failure:
        return failure.error
    return None


PATHS: Final = st.builds(reference, STEPS, st.booleans())
FRAGMENTS: Final = st.lists(
    st.sampled_from(
        [
            *("$", "@", "$$", "$v", ".", "..", "a", "b", "*", "[", "]", "(", ")", "0", "-1", ":", ",", "'", '"', "'a'"),
            *("?", "?(", "@.a", "==", "!=", "<", "=~", "/a/", "in", "size", "empty", "!", "&&", "||", "null", "true"),
            *(
                "{",
                "}",
                "[1]",
                "[*]",
                "[?(@.a)]",
                ".length()",
                ".max(",
                ".concat(",
                " ",
                "\\",
                "`len`",
                "+",
                "Ж",
                "1e9",
            ),
            *("States.", "States.Format(", "States.Array(", "States.UUID()", "'{}'", "\\{", "States.MathAdd(1,"),
        ]
    ),
    max_size=12,
).map("".join)


@given(PATHS, DOCUMENTS)
def test_the_fast_way_agrees_with_the_general_way(text: str, document: Json):
    """A reference path that is split by hand gives what jsonpath-ng's grammar and the general walk give."""
    path = parse_reference_path(text)
    general = compile_path(text).find(document, document)
    if general is MISSING:
        with pytest.raises(NoValue):
            path.read(sources(document))
    else:
        assert path.read(sources(document)) is general


@given(FRAGMENTS, DOCUMENTS)
def test_any_text_is_a_path_or_is_refused(text: str, document: Json):
    """With errors of ours alone; and what is a path gives a value, or says that there is none."""
    for candidate in (text, f"$.{text}", f"$[?({text})]"):
        try:
            path = parse_path(candidate)
        except InvalidPath:
            continue
        try:
            value = path.read(sources(document, context=document, variables={"v": document}))
            assert path.definite or isinstance(value, list)
        except NoValue:
            assert path.definite or path.variable is not None


@given(st.text(max_size=40))
def test_any_characters_at_all_are_taken_or_refused(text: str):
    """By everything that parses text."""
    for parse, refusal in (
        (parse_path, InvalidPath),
        (parse_reference_path, InvalidPath),
        (parse_intrinsic, InvalidIntrinsic),
    ):
        for candidate in (text, f"$.{text}", f"$['{text}']", f"States.Array('{text}')"):
            try:
                parse(candidate)
            except refusal:
                continue
    parse_timestamp(text)


@given(PATHS, DOCUMENTS, DOCUMENTS)
def test_what_was_written_is_read_again_and_the_document_stays(text: str, document: Json, value: Json):
    """Writing gives a document that has the value at the path, and never changes the one it was given."""
    path = parse_reference_path(text)
    before = copy.deepcopy(document)
    try:
        written = path.write(document, value)
    except StateFailure as failure:
        written, error = None, failure.error
    else:
        error = None
    assert error in (None, RESULT_PATH_MATCH_FAILURE)
    assert error is not None or path.read(sources(written)) is value
    assert repr(document) == repr(before)


@given(DOCUMENTS, DOCUMENTS)
def test_values_are_equal_when_their_stand_ins_are(left: Json, right: Json):
    """And a value equals itself, whatever it is."""
    assert same(left, right) is (identity(left) == identity(right))
    assert same(left, copy.deepcopy(left))
    assert hash(identity(left)) == hash(identity(copy.deepcopy(left)))


@given(FRAGMENTS, DOCUMENTS)
def test_any_call_is_refused_or_gives_a_value_or_fails_the_state(text: str, document: Json):
    """With errors of ours alone."""
    for candidate in (text, f"States.Format({text})", f"States.Array({text}"):
        try:
            call = parse_intrinsic(candidate)
        except InvalidIntrinsic:
            continue
        assert error_of(lambda call=call: call.evaluate(sources(document))) in (None, RUNTIME)


TEMPLATES: Final = st.recursive(
    st.none() | st.integers() | FRAGMENTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "a.$", "b.$", ".$", "c"]), inner | PATHS, max_size=3)
    ),
    max_leaves=8,
)


@given(TEMPLATES, DOCUMENTS)
def test_any_template_is_refused_or_gives_a_value_or_fails_the_state(value: Json, document: Json):
    """And neither it nor the input is changed by that."""
    before = copy.deepcopy((value, document))
    try:
        template = parse_template(value, "Parameters")
    except InvalidTemplate:
        return
    assert error_of(lambda: template.render(sources(document))) in (None, RUNTIME)
    assert repr((value, document)) == repr(before)


def nested(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    """Rules that are made of others."""
    return st.fixed_dictionaries({"Not": inner}) | st.dictionaries(
        st.sampled_from(["And", "Or"]), st.lists(inner, max_size=3), max_size=1
    )


LEAVES: Final[st.SearchStrategy[Json]] = st.dictionaries(
    st.sampled_from(["Variable", *COMPARISONS, "Comment", "Next"]), DOCUMENTS | PATHS | st.just("$.a"), max_size=3
)
RULES: Final = st.recursive(LEAVES, nested, max_leaves=4)


@given(RULES | DOCUMENTS, DOCUMENTS)
def test_any_rule_is_refused_or_holds_or_does_not_or_fails_the_state(value: Json, document: Json):
    """Where there are problems it never holds."""
    rule, problems = parse_rule(value, "/C")
    assert error_of(lambda: rule.matches(sources(document))) in (None, RUNTIME)
    assert not (problems and rule.matches(sources(document)))
