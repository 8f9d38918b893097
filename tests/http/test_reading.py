"""How requests are read: the parameters of the seed, the inputs of operations; and that each error has its status."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import botocore.session
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from statebox.asl.jsontext import Json, read_json
from statebox.engine.errors import ServiceError, TaskAlreadyAnswered, TooManyRequests, ValidationException
from statebox.http.errors import MethodNotAllowed, SerializationException
from statebox.http.operations import OPERATIONS
from statebox.http.pages import read_dated_page_token, read_event_page_token, write_page_token
from statebox.http.seed_request import Fresh, GoOn, read_asked
from statebox.http.statuses import headers_of, protocol_status_of, protocol_type_of, status_of
from statebox.http.validation import SENSITIVE, Request, Structure, pattern_shown, read_request

PASS: Json = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}


def values_for(query: dict[str, str], body: Json | msgspec.UnsetType = msgspec.UNSET) -> Json:
    """What a machine that is started with these works on."""
    asked = read_asked(query, body)
    assert isinstance(asked, Fresh)
    return asked.values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("6", 6), ("0", 0), ("-5", -5), ("+5", 5), ("12.9xyz", 12), ("  7 ", 7), ("\ufeff8", 8), ("1e3", 1),
        ("0x10", 0), ("007", 7), ("", 1), ("9" * 30, int("9" * 30)), ("-0", 0),
    ],
)  # fmt: skip
def test_text_is_read_as_parse_int_reads_it(text: str, value: int):
    assert values_for({"input": text}) == {"value": value}
    assert values_for({}, {"input": text}) == {"value": value}


@pytest.mark.parametrize("text", ["abc", "-", " ", ".5", "NaN", "٣", "Infinity", "1" * 5000])
def test_text_that_is_no_number_is_refused(text: str):
    with pytest.raises(ValidationException, match=r"^`input` "):
        read_asked({"input": text}, msgspec.UNSET)


def test_no_input_is_1():
    for body in (msgspec.UNSET, {}, {"input": None}, {"input": ""}):
        assert values_for({}, body) == {"value": 1}


@given(st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans(), st.lists(st.integers())))
def test_other_json_is_the_value(input: Json):
    assert values_for({"input": "7"}, {"input": input}) == {"value": input}


@given(st.dictionaries(st.text(), st.integers()))
def test_an_object_holds_the_values(input: Json):
    assert values_for({}, {"input": input}) == input


def test_a_name_that_no_execution_may_have_is_made_one():
    """To the seed it meant nothing, so no machine may fail for it."""
    for name, made in (("in & out", "in-out"), ("a/b", "a-b"), ("", "-"), ("x" * 100, "x" * 80), ("größe", "größe")):
        asked = read_asked({}, {"statemachine": {name: PASS}})
        assert isinstance(asked, Fresh)
        assert asked.machine == made
        assert read_json(asked.definition) == PASS


@pytest.mark.parametrize(
    ("body", "payload"),
    [
        (msgspec.UNSET, msgspec.UNSET),
        ({}, msgspec.UNSET),
        ({"statemachine": 1, "input": 2}, msgspec.UNSET),
        ({"input": 2, "a": 1}, {"a": 1}),
        (None, None),
        ([1], [1]),
        (0, 0),
    ],
)
def test_the_body_beside_a_continuation_is_the_answer_to_it(body: Json, payload: Json):
    assert read_asked({"continuation": "K1", "input": "abc"}, body) == GoOn("K1", payload)


def test_a_continuation_in_the_body_wins():
    assert read_asked({"continuation": "K1"}, {"continuation": "K2", "a": 1}) == GoOn("K2", {"a": 1})


def test_a_continuation_too_short_to_be_one_is_noted():
    for query, noted in (({"continuation": "x"}, "x"), ({"continuation": ""}, None), ({}, None)):
        asked = read_asked(query, msgspec.UNSET)
        assert isinstance(asked, Fresh)
        assert asked.restarted_from == noted


# Inputs of operations


class Part(Structure, frozen=True):
    """A structure within."""

    x: Annotated[str, Meta(min_length=1)]


class Sample(Request, frozen=True):
    """One member of each kind."""

    some_name: Annotated[str, Meta(min_length=2, max_length=4)]
    count: Annotated[int, Meta(ge=1, le=9)] = 5
    part: Annotated[float, Meta(ge=0.5)] | None = None
    kind: Literal["A", "B"] | None = None
    on: bool = True
    tags: tuple[str, ...] = ()
    secret: Annotated[str, Meta(max_length=3, extra=SENSITIVE)] | None = None
    word: Annotated[str, Meta(pattern="^[a-z]+$", extra=pattern_shown("[a-z]+"))] | None = None
    parts: Annotated[tuple[Part, ...], Meta(min_length=1)] | None = None


def test_members_are_read_by_their_name_in_camel_case():
    assert read_request(Sample, {"someName": "abc", "on": False}) == Sample(some_name="abc", on=False)


def test_null_and_unknown_members_count_for_nothing():
    read = read_request(Sample, {"someName": "abc", "count": None, "on": None, "kind": None, "new": {}})
    assert read == Sample(some_name="abc")
    within = read_request(Sample, {"someName": "abc", "on": None, "parts": [{"x": "y", "new": None}]})
    assert within == Sample(some_name="abc", parts=(Part(x="y"),))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            {},
            "1 validation error detected: Value null at 'someName' failed to satisfy constraint: "
            "Member must not be null",
        ),
        (
            {"someName": "a"},
            "1 validation error detected: Value 'a' at 'someName' failed to satisfy constraint: "
            "Member must have length greater than or equal to 2",
        ),
        (
            {"someName": "abcde", "count": 0, "part": 0.25, "kind": "C"},
            "4 validation errors detected: Value 'abcde' at 'someName' failed to satisfy constraint: "
            "Member must have length less than or equal to 4; "
            "Value '0' at 'count' failed to satisfy constraint: Member must have value greater than or equal to 1; "
            "Value '0.25' at 'part' failed to satisfy constraint: Member must have value greater than or equal to 0.5; "
            "Value 'C' at 'kind' failed to satisfy constraint: Member must satisfy enum value set: [A, B]",
        ),
        (
            {"someName": "x" * 10_000},
            "1 validation error detected: Value at 'someName' failed to satisfy constraint: "
            "Member must have length less than or equal to 4",
        ),
        (
            {"someName": "abc", "secret": "my password"},
            "1 validation error detected: Value at 'secret' failed to satisfy constraint: "
            "Member must have length less than or equal to 3",
        ),
        (
            {"someName": "abc", "word": "a b"},
            "1 validation error detected: Value 'a b' at 'word' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-z]+",
        ),
        (
            {"someName": "abc", "parts": []},
            "1 validation error detected: Value '[]' at 'parts' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1",
        ),
        (
            {"someName": "abc", "parts": [{"x": "a"}, {"x": None}, None, {"x": ""}]},
            "3 validation errors detected: "
            "Value null at 'parts.2.member.x' failed to satisfy constraint: Member must not be null; "
            "Value null at 'parts.3.member' failed to satisfy constraint: Member must not be null; "
            "Value '' at 'parts.4.member.x' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1",
        ),
    ],
)
def test_all_constraints_that_are_broken_are_told(raw: Json, message: str):
    with pytest.raises(ValidationException) as refused:
        read_request(Sample, raw)
    assert refused.value.message == message


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"someName": 7}, "NUMBER_VALUE can not be converted to a String at 'someName'"),
        ({"someName": "abc", "count": "7"}, "STRING_VALUE can not be converted to an Integer at 'count'"),
        ({"someName": "abc", "count": True}, "TRUE_VALUE can not be converted to an Integer at 'count'"),
        ({"someName": "abc", "count": 1.5}, "DECIMAL_VALUE can not be converted to an Integer at 'count'"),
        ({"someName": "abc", "part": "7"}, "STRING_VALUE can not be converted to a Float at 'part'"),
        ({"someName": "abc", "on": 1}, "NUMBER_VALUE can not be converted to a Boolean at 'on'"),
        ({"someName": {}}, "Start of structure or map found where not expected at 'someName'"),
        ({"someName": []}, "Start of list found where not expected at 'someName'"),
        ({"someName": "abc", "tags": [1]}, "NUMBER_VALUE can not be converted to a String at 'tags.1.member'"),
        ({"someName": "abc", "tags": "a"}, "Expected list or null at 'tags'"),
        ({"someName": "abc", "parts": ["a"]}, "Expected structure or map or null at 'parts.1.member'"),
        (
            {"someName": "abc", "parts": [{"x": 1}]},
            "NUMBER_VALUE can not be converted to a String at 'parts.1.member.x'",
        ),
        ({"someName": False, "count": 99}, "FALSE_VALUE can not be converted to a String at 'someName'"),
        ([], "The input of an operation is a JSON object"),
    ],
)
def test_a_wrong_type_cannot_be_read(raw: Json, message: str):
    with pytest.raises(SerializationException) as refused:
        read_request(Sample, raw)
    assert refused.value.message == message


def test_the_operations_that_there_are():
    """Those named AWSStepFunctions and Logs are AWS's, those named Statebox ours, none of a name that AWS has."""
    # botocore has no types.
    session: Json = botocore.session.Session()
    of_aws: dict[str, list[str]] = {
        prefix: session.get_service_model(service).operation_names
        for prefix, service in (("AWSStepFunctions", "stepfunctions"), ("Logs_20140328", "logs"))
    }
    for target in OPERATIONS:
        service, _, name = target.partition(".")
        assert name in of_aws[service] if service != "Statebox" else name not in of_aws["AWSStepFunctions"], target


# Page tokens


@given(st.integers(min_value=0, max_value=2**53), st.text())
def test_a_page_token_says_where_to_go_on(at: int, id: str):
    assert read_dated_page_token(write_page_token(at, id)) == (at, id)
    assert read_event_page_token(write_page_token(at)) == at


# Statuses


def _all_errors(of: type[ServiceError] = ServiceError) -> Iterator[type[ServiceError]]:
    for one in of.__subclasses__():
        yield one
        yield from _all_errors(one)


def test_every_error_has_a_status():
    for error in _all_errors():
        one = MethodNotAllowed("no", "POST") if error is MethodNotAllowed else error()
        assert 400 <= status_of(one) <= 599
        assert one.message
        assert isinstance(headers_of(one), dict)


def test_the_protocol_says_400_for_what_is_the_requests_fault():
    assert protocol_status_of(TaskAlreadyAnswered()) == 400
    assert protocol_status_of(TooManyRequests()) == 429
    assert protocol_type_of(TaskAlreadyAnswered(), for_aws=True) == "TaskTimedOut"
    assert protocol_type_of(TaskAlreadyAnswered(), for_aws=False) == "TaskAlreadyAnswered"
