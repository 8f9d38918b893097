"""Failures: under which name Retry and Catch see what went wrong in OpenWhisk."""

from __future__ import annotations

import pytest

from statebox.asl.jsontext import Json
from statebox.openwhisk.activation import Activation, Ending
from statebox.openwhisk.errors import Lost, OpenWhiskError, Refused, Unreachable
from statebox.openwhisk.failures import Failure, failure_of_activation, failure_of_error, surely_not_started


def application_error(error: Json) -> Failure:
    return failure_of_activation(Activation("id", Ending.APPLICATION_ERROR, {"error": error}))


@pytest.mark.parametrize(
    ("error", "name"),
    [
        ({"errorType": "Boom", "errorMessage": "x"}, "Boom"),
        ({"errorType": "com.example.Boom-1", "code": "E"}, "com.example.Boom-1"),
        ({"code": "ECONNREFUSED", "name": "Error"}, "ECONNREFUSED"),
        ({"name": "TypeError", "message": "x", "stack": "…"}, "TypeError"),
        ({"error": "NotFound"}, "NotFound"),
        ({"errorType": "not a name", "name": "RangeError"}, "RangeError"),
        ({"code": 404, "error": "Gone"}, "Gone"),
    ],
)
def test_an_error_that_names_itself_keeps_its_name(error: Json, name: str):
    assert application_error(error).error == name


@pytest.mark.parametrize(
    "error",
    [
        {"name": "Error", "message": "x"},
        {"errorType": "States.Timeout"},
        {"errorType": "States.ALL", "name": "States.Permissions"},
        {"errorType": ""},
        {"errorType": "1st"},
        "boom",
        "NotFound",
        None,
        "",
        7,
        [],
        {},
    ],
)
def test_an_error_without_a_usable_name_is_an_application_error(error: Json):
    assert application_error(error).error == "OpenWhisk.ApplicationError"


def test_an_action_cannot_give_the_names_of_the_language_but_the_next_name_it_gives():
    assert application_error({"errorType": "States.ALL", "name": "Mine"}).error == "Mine"


def test_the_cause_is_the_text_or_the_compact_json_of_the_error():
    assert application_error("boom").cause == "boom"
    assert application_error({"errorType": "Boom", "n": 1}).cause == '{"errorType":"Boom","n":1}'
    assert application_error(None).cause == "null"


@pytest.mark.parametrize(
    ("activation", "name"),
    [
        (Activation("id", Ending.DEVELOPER_ERROR, {"error": "…"}, timed_out=True), "States.Timeout"),
        (
            Activation(
                "id", Ending.DEVELOPER_ERROR, {"error": "The action exceeded its time limits of 100 milliseconds."}
            ),
            "States.Timeout",
        ),
        (
            Activation("id", Ending.DEVELOPER_ERROR, {"error": "The action did not return a dictionary."}),
            "OpenWhisk.ActionDeveloperError",
        ),
        (Activation("id", Ending.INTERNAL_ERROR, {"error": "oops"}), "OpenWhisk.InternalError"),
        (
            Activation(
                "id",
                Ending.APPLICATION_ERROR,
                {"error": "The action produced a response that exceeded the allowed length: 2 > 1 bytes."},
            ),
            "States.DataLimitExceeded",
        ),
    ],
)
def test_how_a_run_ended_decides_the_name(activation: Activation, name: str):
    assert failure_of_activation(activation).error == name


@pytest.mark.parametrize(
    ("error", "name", "not_started"),
    [
        (Refused(400, "…"), "OpenWhisk.BadRequest", False),
        (Refused(401, "…"), "States.Permissions", False),
        (Refused(403, "…"), "States.Permissions", False),
        (Refused(404, "…"), "OpenWhisk.ActionNotFound", False),
        (Refused(409, "…"), "OpenWhisk.Conflict", False),
        (Refused(413, "…"), "States.DataLimitExceeded", False),
        (Refused(415, "…"), "OpenWhisk.BadRequest", False),
        (Refused(429, "…"), "OpenWhisk.TooManyRequests", True),
        (Refused(500, "…"), "OpenWhisk.InternalError", False),
        (Refused(502, "…"), "OpenWhisk.InternalError", False),
        (Refused(503, "…"), "OpenWhisk.ServiceUnavailable", True),
        (Refused(504, "…"), "OpenWhisk.InternalError", False),
        (Refused(301, "…"), "OpenWhisk.InternalError", False),
        (Unreachable("…"), "OpenWhisk.Unreachable", True),
        (Lost("…"), "OpenWhisk.Lost", False),
        (OpenWhiskError("…"), "OpenWhisk.InternalError", False),
    ],
    ids=str,
)
def test_how_a_call_went_wrong_decides_the_name_and_whether_it_is_safe_to_call_again(
    error: OpenWhiskError, name: str, not_started: bool
):
    assert failure_of_error(error) == Failure(name, str(error))
    assert surely_not_started(error) is not_started
