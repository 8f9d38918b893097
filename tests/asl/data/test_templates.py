"""Payload templates: what is dynamic in them, and what is refused."""

from __future__ import annotations

import pytest

from statebox.asl.data.templates import InvalidTemplate, parse_field, parse_template
from statebox.asl.errors import RUNTIME, StateFailure
from statebox.asl.jsontext import Json
from tests.asl.data.reading import sources

_NOT_VALID = "The value for the field '{}' must be a valid JSONPath or a valid intrinsic function call"


def render(template: Json, input: Json = None, **others: Json) -> Json:
    """What a template makes."""
    return parse_template(template, "Parameters").render(sources(input, **others))


def test_only_names_that_end_in_a_dollar_are_dynamic():
    """At any depth of objects, also within arrays; the name loses its end, the order stays."""
    template = {
        "first.$": "$.a",
        "literal": "$.a",
        "list": ["$.a", "$$", "States.UUID()", "{% $x %}", {"inner.$": "$.b[0]", "n": 1}],
        "nested": {"deep": {"deeper.$": "States.Format('{}!', $.a)"}},
        "$": "$.a",
        "last": None,
    }
    rendered = render(template, {"a": "A", "b": [2]})
    assert rendered == {
        "first": "A",
        "literal": "$.a",
        "list": ["$.a", "$$", "States.UUID()", "{% $x %}", {"inner": 2, "n": 1}],
        "nested": {"deep": {"deeper": "A!"}},
        "$": "$.a",
        "last": None,
    }
    assert list(rendered) == ["first", "literal", "list", "nested", "$", "last"]


def test_a_dynamic_field_is_a_path_of_any_root_or_a_call():
    """`$$` alone is the whole context object, `$` the whole input."""
    template = {
        "all.$": "$",
        "context.$": "$$",
        "id.$": "$$.Execution.Id",
        "variable.$": "$v.x",
        "many.$": "$[*]",
        "called.$": "States.ArrayLength($)",
    }
    context = {"Execution": {"Id": "e"}}
    assert render(template, [1, 2], context=context, variables={"v": {"x": 3}}) == {
        "all": [1, 2],
        "context": context,
        "id": "e",
        "variable": 3,
        "many": [1, 2],
        "called": 2,
    }


@pytest.mark.parametrize("template", [None, "text", "$.a", 5, [], [{"a": [1]}], {"a": {"b": ["$.c"]}}])
def test_a_template_without_dynamic_parts_is_its_own_value(template: Json):
    """Not a copy of it; any JSON will do."""
    assert render(template) is template


def test_constant_parts_are_shared():
    """Only what holds something dynamic is made anew."""
    template: Json = {"constant": {"a": [1]}, "list": [[2], {"x.$": "$"}]}
    rendered = render(template, 1)
    assert rendered["constant"] is template["constant"]
    assert rendered["list"][0] is template["list"][0]
    assert template == {"constant": {"a": [1]}, "list": [[2], {"x.$": "$"}]}


def test_an_index_past_the_end_of_an_array_gives_null():
    """A definite path that ends with it; whatever else is missing fails."""
    assert render({"x.$": "$.list[5]"}, {"list": []}) == {"x": None}
    with pytest.raises(StateFailure):
        render({"x.$": "$.list[5].y"}, {"list": []})


@pytest.mark.parametrize("path", ["$.no_such", "$.a.b.c", "$$.Execution.no", "$v", "$.a[0]"])
def test_a_path_that_leads_nowhere_fails_the_state(path: str):
    """In AWS's words, which name the field and show the input, whatever the path starts from."""
    with pytest.raises(StateFailure) as failure:
        render({"outer": {"value.$": path}}, {"int-literal": 0, "a": {}}, context={"Execution": {}})
    assert failure.value.error == RUNTIME
    assert failure.value.cause == (
        f"The JSONPath '{path}' specified for the field 'value.$' could not be found in the input "
        """'{"int-literal":0,"a":{}}'"""
    )


def test_all_problems_of_a_template_are_found_at_once():
    """Each with the place of the object that has the field, relative to the template."""
    template = {
        "path.$": "$.a[",
        "fine.$": "$.a",
        "text.$": "not a path",
        "nested": [{"call.$": "States.UUID("}, {"deep": {"number.$": 5, "array.$": ["$.a"]}}],
        "twice": 1,
        "twice.$": "$.a",
    }
    with pytest.raises(InvalidTemplate) as invalid:
        parse_template(template, "Parameters")
    assert invalid.value.problems == (
        ("", _NOT_VALID.format("path.$")),
        ("", _NOT_VALID.format("text.$")),
        ("/nested[0]", _NOT_VALID.format("call.$")),
        (
            "/nested[1]/deep",
            "The value for the field 'number.$' must be a STRING that contains a JSONPath but was a NUMBER",
        ),
        (
            "/nested[1]/deep",
            "The value for the field 'array.$' must be a STRING that contains a JSONPath but was an ARRAY",
        ),
        ("", "The fields 'twice' and 'twice.$' cannot both be present"),
    )
    assert f"{_NOT_VALID.format('call.$')} at /nested[0]" in str(invalid.value)


def test_a_single_field_holds_a_path_or_a_call():
    """As ErrorPath and CausePath do; in causes it has its own name."""
    assert parse_field("ErrorPath", "$.e").render(sources({"e": "E"})) == "E"
    assert parse_field("ErrorPath", "States.Format('{}', $.e)").render(sources({"e": "E"})) == "E"
    with pytest.raises(StateFailure) as failure:
        parse_field("ErrorPath", "$.ErrorX").render(sources({"Error": "error-value"}))
    assert failure.value.cause == (
        "The JSONPath '$.ErrorX' specified for the field 'ErrorPath' could not be found in the input "
        """'{"Error":"error-value"}'"""
    )
    with pytest.raises(InvalidTemplate) as invalid:
        parse_field("ErrorPath", "text")
    assert invalid.value.problems == (("", _NOT_VALID.format("ErrorPath")),)


def test_a_template_knows_its_variables():
    """In paths and in calls."""
    template = {"a.$": "$x.y", "b": [{"c.$": "States.Array($y, $.z, $$.w)"}], "d": "$not"}
    assert parse_template(template, "Assign").variables == {"x", "y"}
    assert parse_template({"a": 1}, "Assign").variables == frozenset()


def test_templates_of_equal_values_are_equal():
    """So that definitions can be compared."""
    one, other = parse_template({"a.$": "$"}, "Parameters"), parse_template({"a.$": "$"}, "ItemSelector")
    assert one == other
    assert hash(one) == hash(other)
    assert one != parse_template({"a": "$"}, "Parameters")
    assert repr(one) == "Template({'a.$': '$'})"


def test_a_template_that_is_too_deep_is_refused():
    """Not with an error of Python's."""
    deep: Json = {"x.$": "$"}
    for _ in range(5000):
        deep = {"a": deep}
    with pytest.raises(InvalidTemplate, match="The value of the field 'Parameters' is nested too deep"):
        parse_template(deep, "Parameters")


def test_a_template_rendered_close_to_the_end_of_the_stack_fails_the_state():
    """What could be parsed may still be too deep where it is rendered."""
    deep: Json = {"x.$": "$"}
    for _ in range(100):
        deep = {"a": [deep]}
    template = parse_template(deep, "Parameters")

    def descend(levels: int) -> Json:
        return template.render(sources(1)) if levels == 0 else descend(levels - 1)

    assert descend(0) is not None
    with pytest.raises(StateFailure, match="nested too deep"):
        list(map(descend, range(0, 900, 50)))
