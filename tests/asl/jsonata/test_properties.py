"""What holds for any text, template and input."""

from __future__ import annotations

import contextlib
import copy
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from statebox.asl.data.jsonata.copying import plain
from statebox.asl.data.jsonata.expressions import ExpressionFailure, parse_expression
from statebox.asl.data.jsonata.failures import OutOfSteps
from statebox.asl.data.jsonata.grammar import InvalidExpression, parse
from statebox.asl.data.jsonata.meter import MOST_STEPS, Meter
from statebox.asl.data.jsonata.numbers import written
from statebox.asl.data.jsonata.paths import Reference
from statebox.asl.data.jsonata.regexes import InvalidRegex, compile_regex
from statebox.asl.data.jsonata.runtime import Frame, Run
from statebox.asl.data.jsonata.templates import EvaluationFailure, InvalidJsonataTemplate, parse_jsonata_template
from statebox.asl.data.jsonata.values import UNDEFINED, identity, same
from statebox.asl.jsontext import Json, is_array, is_object, write_json
from tests.asl.jsonata.reading import scope

NAMES: Final = st.sampled_from(["a", "b", "x y", "Ж", "$d", "0"])
DOCUMENTS: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
FRAGMENTS: Final = st.lists(
    st.sampled_from(
        [
            *("$states.input", "$states", ".a", ".b", "[0]", "[-1]", "[]", "[a]", "[$ = 1]", "*", "**", "%", "$", "$$"),
            *("$x", "$x := ", "@$i", "#$i", "^(a)", "^(>b)", "{a: b}", "{$string(a): $}", "(", ")", "[", "]", "{", "}"),
            *("1", "0", "-1.5", "1e400", "'s'", '"', "null", "true", "a", "`x y`", " ", ",", ";", ":", "?", "??", "?:"),
            *("+", "-", "/", "=", "!=", "<", ">=", "&", "and", "or", "in", "..", "~>", "|", "/a*/i", "/(/", "/*", "*/"),
            *("$sum(", "$map(", "$string(", "$count(", "$substring(?, 1)", "$split(", "$number(", "$sort(", "$merge("),
            *("function($v){", "function($v)<n:n>{", "$spread(", "$distinct(", "$formatNumber(", "$fromMillis("),
            *("$keys", "$uppercase", "$each(", "$zip(", "$reduce(", "$now()", "$random()", "$replace(", "\\", "!", "Ж"),
        ]
    ),
    max_size=12,
).map("".join)
EXPRESSIONS: Final = st.recursive(
    st.sampled_from(["$states.input", "$states.input.a", "$states.input.**", "$x", "1", "'s'", "null", "[]", "{}"]),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "=", "<", "&", "and", "in", "~>", "%"]), inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{{'a': {}, 'b': {}}}".format, inner, inner),
        st.builds(
            "({}){}".format, inner, st.sampled_from(["[0]", "[]", ".a", ".*", "^($)", "{$string(): $}", "#$i.$i"])
        ),
        st.builds("($x := {}; {})".format, inner, inner),
        st.builds("{}({})".format, st.sampled_from(["$string", "$count", "$spread", "$clone", "$reverse"]), inner),
        st.builds("$map({}, function($v, $i){{ {} }})".format, inner, inner),
        st.builds("({} ~> |$|{{'new': {}}}, 'a'|)".format, inner, inner),
        st.sampled_from(["$random()", "$uuid()", "$now()", "$shuffle([1..9])"]),
    ),
    max_leaves=8,
)


def outcome(text: str, document: Json, entropy: bytes = b"sixteen bytes...") -> Json:
    """What an evaluation gives, or how it fails."""
    try:
        return parse_expression(text).evaluate(
            scope(document, variables={"x": document}, entropy=entropy, steps=20_000)
        )
    except ExpressionFailure as failure:
        return ("failed", str(failure))
    except OutOfSteps:
        return "out of steps"


@given(FRAGMENTS | st.text(), DOCUMENTS)
def test_any_text_is_refused_or_evaluated_with_errors_of_ours_alone(text: str, document: Json):
    """What comes out is JSON, or undefined."""
    try:
        expression = parse_expression(text)
    except InvalidExpression:
        return
    assert isinstance(expression.problems(), tuple)
    value = outcome(text, document)
    assert value is UNDEFINED or write_json(value)


@given(EXPRESSIONS, DOCUMENTS)
def test_evaluating_changes_neither_input_nor_variables(text: str, document: Json):
    before = repr(document)
    outcome(text, document)
    assert repr(document) == before


@given(EXPRESSIONS, DOCUMENTS, st.binary(min_size=16, max_size=16))
def test_the_same_entropy_gives_the_same_value(text: str, document: Json, entropy: bytes):
    assert repr(outcome(text, document, entropy)) == repr(outcome(text, copy.deepcopy(document), entropy))


@given(EXPRESSIONS, DOCUMENTS)
def test_results_are_plain_json_without_anything_of_ours_in_it(text: str, document: Json):
    def check(value: Json) -> None:
        assert type(value) in (type(None), bool, int, float, str, list, dict)
        if is_object(value) or is_array(value):
            for member in value.values() if is_object(value) else value:
                check(member)

    value = outcome(text, document)
    if value is not UNDEFINED and not isinstance(value, tuple):
        check(value)


TEMPLATES: Final = st.recursive(
    st.none() | st.integers() | FRAGMENTS | FRAGMENTS.map("{{% {} %}}".format) | EXPRESSIONS.map("{{% {} %}}".format),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


@given(TEMPLATES, DOCUMENTS)
def test_any_template_is_refused_or_gives_a_value_or_fails_the_state(value: Json, document: Json):
    """And neither it nor the input is changed by that."""
    before = copy.deepcopy((value, document))
    with contextlib.suppress(InvalidJsonataTemplate, EvaluationFailure, OutOfSteps):
        template = parse_jsonata_template(value, "Output")
        write_json(template.render(scope(document, steps=20_000)))
    assert repr((value, document)) == repr(before)


@given(st.lists(st.sampled_from(["a", "b", "0"]), max_size=4), DOCUMENTS)
def test_the_short_way_through_objects_leads_where_the_long_one_does(names: list[str], document: Json):
    node = parse("$x" + "".join(f".`{name}`" for name in names) + ("" if names else ".a"))
    assert isinstance(node, Reference)

    def frame() -> Frame:
        return Frame(Run(scope(variables={"x": document}), {}), None, {})

    short, long = node.evaluate(UNDEFINED, frame()), node.path.evaluate(UNDEFINED, frame())
    assert short is long or (short == long and type(short) is type(long))


@given(DOCUMENTS, DOCUMENTS)
def test_values_are_equal_when_their_stand_ins_are(left: Json, right: Json):
    meter = Meter(MOST_STEPS)
    assert same(left, right, meter) is (identity(left, meter) == identity(right, meter))
    assert same(left, copy.deepcopy(left), meter)


@given(DOCUMENTS)
def test_json_is_handed_out_as_it_is(document: Json):
    assert plain(document, Meter(MOST_STEPS)) is document


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1))
def test_numbers_are_read_as_they_were_written(value: float):
    text = written(value)
    assert float(text) == float(value)
    assert len(text) <= 25


@given(st.text(alphabet="ab|()[]^$*+?{}1,.\\dwsSbBk<n>-=!:", max_size=20), st.booleans(), st.booleans())
def test_any_pattern_is_compiled_or_refused(pattern: str, ignore_case: bool, multiline: bool):
    with contextlib.suppress(InvalidRegex):
        compile_regex(pattern, ignore_case, multiline)
