"""Whatever text comes in, a definition is read or refused in words; what is read can be run."""

from __future__ import annotations

import copy
import json
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from statebox.asl.definition import StateMachine, parse, read
from statebox.asl.errors import InvalidDefinition
from statebox.asl.jsontext import Json, is_array, is_object, write_json
from tests.asl.properties.machines import definitions
from tests.asl.properties.storylines import check_between, check_history
from tests.asl.properties.world import play

SEEDS = st.integers(0, 2**32)
# The words of the language, and names that the generated states have.
_WORDS: Final = (
    "StartAt",
    "States",
    "Type",
    "Next",
    "End",
    "Choices",
    "Default",
    "Branches",
    "ItemProcessor",
    "Iterator",
    "ItemsPath",
    "Items",
    "Parameters",
    "Arguments",
    "Resource",
    "Retry",
    "Catch",
    "ErrorEquals",
    "IntervalSeconds",
    "MaxAttempts",
    "BackoffRate",
    "MaxDelaySeconds",
    "JitterStrategy",
    "Seconds",
    "SecondsPath",
    "Timestamp",
    "TimestampPath",
    "TimeoutSeconds",
    "TimeoutSecondsPath",
    "HeartbeatSeconds",
    "InputPath",
    "OutputPath",
    "ResultPath",
    "ResultSelector",
    "Result",
    "Output",
    "Assign",
    "Error",
    "Cause",
    "ErrorPath",
    "CausePath",
    "Variable",
    "Condition",
    "And",
    "Or",
    "Not",
    "StringEquals",
    "NumericGreaterThanPath",
    "IsPresent",
    "QueryLanguage",
    "Comment",
    "Version",
    "MaxConcurrency",
    "MaxConcurrencyPath",
    "ItemSelector",
    "ItemBatcher",
    "ItemReader",
    "ResultWriter",
    "ToleratedFailureCount",
    "ToleratedFailurePercentage",
    "Label",
    "ProcessorConfig",
    "Mode",
    "Credentials",
    "S1",
    "S2",
    "S3",
    "x.$",
    "v",
)
_TEXTS: Final = (
    "Pass",
    "Task",
    "Wait",
    "Choice",
    "Parallel",
    "Map",
    "Succeed",
    "Fail",
    "JSONata",
    "JSONPath",
    "DISTRIBUTED",
    "INLINE",
    "STANDARD",
    "FULL",
    "$",
    "$$",
    "$.a",
    "$..*",
    "$.a[?(@.b>1)]",
    "$.a[0:-1:2]",
    "$['a']",
    "$.a[",
    "$[",
    "$..",
    "$states.input",
    "$$.Task.Token",
    "States.Format(",
    "States.UUID()",
    "States.ArrayRange(1,9,0)",
    "States.ALL",
    "{%%}",
    "{%$states%}",
    "2024-01-01T00:00:00Z",
    "module:suspend",
    "module:work",
    "arn:",
    "=",
)
_VALUES: Final[tuple[Json, ...]] = (
    *_TEXTS,
    "",
    " ",
    "{% ( %}",
    "{% $states.input.items[k=1] %}",
    "{% $eval('1') %}",
    "{% function($x){$x}(1) %}",
    "States.Format('{}{}', 1)",
    "States.JsonMerge($, $, true)",
    "$.a[?(@.b =~ /(/)]",
    "\x00",
    "é😀",
    0,
    1,
    -1,
    1.5,
    10**30,
    1e308,
    True,
    False,
    None,
    [],
    {},
    [[]],
    [None],
    {"": ""},
    ["States.ALL"],
    {"a.$": 1},
    {"a.$": "$.a", "a": 1},
)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(_VALUES),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_WORDS) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@st.composite
def mutants(draw: st.DrawFn) -> Json:
    """A definition that was valid before some of its values were changed, dropped, moved or renamed."""
    definition: Json = copy.deepcopy(draw(definitions()))
    for _ in range(draw(st.integers(1, 3))):
        holders = _holders(definition)
        if not holders:
            break
        holder: Json = draw(st.sampled_from(holders))
        keys: list[Json] = sorted(holder) if is_object(holder) else [*range(len(holder))]
        named, key = is_object(holder), draw(st.sampled_from(keys))
        change = draw(st.integers(0, 4))
        if change == 0:
            del holder[key]
        elif change == 1 and named:
            holder[draw(st.sampled_from(_WORDS))] = holder.pop(key)
        elif change == 2 and named:
            holder[draw(st.sampled_from(_WORDS))] = copy.deepcopy(draw(st.sampled_from(_VALUES) | _JSON))
        elif change == 3:
            holder[key] = copy.deepcopy(draw(st.sampled_from(_holders(definition))))
        else:
            # A copy: the next change may be made inside it.
            holder[key] = copy.deepcopy(draw(st.sampled_from(_VALUES) | _JSON))
    return definition


def _holders(value: Json) -> list[Json]:
    """All objects and arrays in a value that are not empty."""
    inner = list(value.values()) if is_object(value) else value if is_array(value) else []
    return ([value] if inner else []) + [holder for one in inner for holder in _holders(one)]


def parsed(text: str | bytes) -> StateMachine | None:
    """What a text says; None when it is refused as it should be."""
    try:
        return parse(text)
    except InvalidDefinition as refused:
        said = refused
    assert said.problems
    assert str(said)
    return None


@settings(max_examples=300)
@given(_JSON)
def test_any_json_is_read_or_refused(value: Json):
    """Nothing but InvalidDefinition is ever raised."""
    parsed(json.dumps(value))


@settings(max_examples=200)
@given(st.binary(max_size=60) | st.text(max_size=60))
def test_any_text_and_any_bytes_are_read_or_refused(text: str | bytes):
    """They need not even be JSON, nor UTF-8."""
    parsed(text)


@settings(max_examples=150)
@given(definitions(), st.data())
def test_a_definition_with_damaged_bytes_is_read_or_refused(definition: Json, data: st.DataObject):
    """A few bytes are exchanged, lost or added."""
    text = bytearray(write_json(definition))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(text)))
        text[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    parsed(bytes(text))


@settings(max_examples=250)
@given(mutants(), SEEDS)
def test_a_changed_definition_is_refused_or_can_be_run(definition: Json, seed: int):
    """Nothing but InvalidDefinition is raised by reading, and nothing at all by running what was read."""
    machine = parsed(write_json(definition))
    if machine is not None:
        execution, history = play(machine, seed)
        check_history(execution, history)
        check_between(execution)


@settings(max_examples=100)
@given(definitions())
def test_the_generated_definitions_are_valid(definition: Json):
    """Or the other properties would be about nothing."""
    assert read(definition).scopes
    assert parsed(write_json(definition)) is not None
