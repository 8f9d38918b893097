"""Resources: which action they call with what, and what they make of its result."""

from __future__ import annotations

import base64

import pytest

from statebox.asl.commands import InvokeTask
from statebox.asl.jsontext import Json, read_json, write_json_text
from statebox.openwhisk.activation import Activation, Ending
from statebox.openwhisk.call import Call, InvalidCall, Mode
from statebox.openwhisk.calls import is_ours, read_call
from statebox.openwhisk.failures import Failure, failure_of_activation
from statebox.openwhisk.functions import accepted

ARN = "arn:aws:lambda:us-east-1:123456789012:function:inc"
INVOKE = "arn:aws:states:::lambda:invoke"


def call(resource: str, arguments: Json) -> Call:
    return read_call(InvokeTask("0:1", resource, arguments, "attempt"), "_")


def result_of(call: Call, result: Json) -> Json:
    return call.reading(Activation("id", Ending.SUCCESS, result))


@pytest.mark.parametrize(
    ("resource", "action", "mode"),
    [
        ("module:inc", "/_/inc", Mode.WAIT),
        ("module:math/inc", "/_/math/inc", Mode.WAIT),
        ("module:v1.sync", "/_/v1.sync", Mode.WAIT),
        ("openwhisk:inc", "/_/inc", Mode.WAIT),
        ("openwhisk:/guest/math/inc", "/guest/math/inc", Mode.WAIT),
        ("openwhisk:inc.sync", "/_/inc", Mode.SUBMIT),
        ("openwhisk:math/inc.waitForTaskToken", "/_/math/inc", Mode.CALLBACK),
        (ARN, "/_/inc", Mode.WAIT),
        (f"{ARN}:PROD", "/_/inc", Mode.WAIT),
    ],
)
def test_the_resource_names_the_action_and_how_it_is_called(resource: str, action: str, mode: Mode):
    assert is_ours(resource)
    made = call(resource, {"n": 1})
    assert (str(made.action), made.mode, made.parameters) == (action, mode, {"n": 1})


@pytest.mark.parametrize("resource", ["module:inc", "openwhisk:inc", "openwhisk:inc.sync", ARN])
@pytest.mark.parametrize("value", [6, None, [1, 2], "six", True])
def test_what_is_no_object_is_passed_as_value(resource: str, value: Json):
    assert call(resource, value).parameters == {"value": value}


def test_the_result_of_a_module_is_its_value_and_all_of_it_where_there_is_none():
    module = call("module:inc", {})
    assert result_of(module, {"value": 0, "dropped": 1}) == 0
    assert result_of(module, {"value": None}) is None
    assert result_of(module, {"sum": 1}) == {"sum": 1}
    assert result_of(module, {}) == {}
    assert result_of(module, [1]) == [1]


def test_the_result_of_an_openwhisk_action_is_all_of_it():
    assert result_of(call("openwhisk:inc", {}), {"value": 7}) == {"value": 7}
    assert result_of(call("openwhisk:inc.sync", {}), {"value": 7}) == {"value": 7}


def test_the_result_of_a_function_that_stands_alone_under_value_is_unwrapped():
    function = call(ARN, {})
    assert result_of(function, {"value": 7}) == 7
    assert result_of(function, {"value": None}) is None
    assert result_of(function, {"value": [1]}) == [1]
    assert result_of(function, {"value": {"a": 1}}) == {"value": {"a": 1}}
    assert result_of(function, {"value": 7, "more": 1}) == {"value": 7, "more": 1}
    assert result_of(function, {}) == {}


def test_lambda_invoke_takes_the_function_and_its_payload_from_the_arguments():
    made = call(INVOKE, {"FunctionName": f"{ARN}:1", "Payload": {"n": 1}, "Qualifier": "2"})
    assert (str(made.action), made.mode, made.parameters) == ("/_/inc", Mode.WAIT, {"n": 1})
    assert call(INVOKE, {"FunctionName": "inc"}).parameters == {}
    assert call(INVOKE, {"FunctionName": "inc", "Payload": None}).parameters == {}
    assert call(INVOKE, {"FunctionName": "inc", "Payload": '"text"'}).parameters == {"value": "text"}
    assert call(INVOKE, {"FunctionName": "inc", "Payload": '{"n": 1}'}).parameters == {"n": 1}
    with pytest.raises(InvalidCall, match="the Payload is a text, and not JSON"):
        call(INVOKE, {"FunctionName": "inc", "Payload": "text"})
    assert call(f"{INVOKE}.waitForTaskToken", {"FunctionName": "inc"}).mode is Mode.WAIT_AND_CALLBACK


@pytest.mark.parametrize(
    ("function", "qualifier", "action"),
    [
        ("total", None, "/_/shop/total"),
        ("total:7", None, "/_/shop/total"),
        ("total:canary", None, "/_/shop/next"),
        ("total", "canary", "/_/shop/next"),
        ("arn:aws:lambda:us-east-1:123456789012:function:total:canary", None, "/_/shop/next"),
        ("123456789012:function:total", None, "/_/shop/total"),
        ("other", None, "/_/other"),
    ],
)
def test_functions_can_stand_for_actions_of_other_names(function: str, qualifier: str | None, action: str):
    """As the configuration says, for all of a function or for one version or alias of it."""
    renamed = {"total": "shop/total", "total:canary": "shop/next"}
    arguments = {"FunctionName": function, "Qualifier": qualifier}

    made = read_call(InvokeTask("0:1", INVOKE, arguments, "attempt"), "_", renamed)
    assert str(made.action) == action
    if qualifier is None and function.startswith("arn:"):
        assert str(read_call(InvokeTask("0:1", function, {}, "attempt"), "_", renamed).action) == action


def failure_of(made: Call, error: Json, ending: Ending = Ending.APPLICATION_ERROR) -> Failure:
    activation = Activation("id", ending, {"error": error})
    return made.naming(failure_of_activation(activation), activation)


def test_what_a_function_raises_is_told_as_lambda_does():
    """With the members that Lambda's errors have; those that it names itself stand."""
    error = {"errorType": "OutOfStock", "errorMessage": "none left", "stackTrace": ["  line 1"]}

    failure = failure_of(call(ARN, {}), error)

    assert failure.error == "OutOfStock"
    assert read_json(failure.cause) == {**error, "requestId": "id"}
    assert failure_of(call("openwhisk:inc", {}), error).cause == write_json_text(error)


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        ("OpenWhisk.TooManyRequests", "Lambda.TooManyRequestsException"),
        ("OpenWhisk.ServiceUnavailable", "Lambda.ServiceException"),
        ("OpenWhisk.InternalError", "Lambda.ServiceException"),
        ("OpenWhisk.Unreachable", "Lambda.SdkClientException"),
        ("OpenWhisk.ActionDeveloperError", "Lambda.Unknown"),
        ("States.Timeout", "Sandbox.Timedout"),
        ("States.Permissions", "States.Permissions"),
    ],
)
def test_calls_of_functions_fail_with_the_names_that_machines_of_aws_retry(failure: str, error: str):
    assert call(INVOKE, {"FunctionName": "inc"}).naming(Failure(failure, "why"), None) == Failure(error, "why")
    assert call("openwhisk:inc", {}).naming(Failure(failure, "why"), None).error == failure


@pytest.mark.parametrize(
    ("function", "arn"), [("inc", "arn:aws:lambda:us-east-1:000000000000:function:inc"), (f"{ARN}:7", ARN)]
)
def test_a_function_that_is_not_there_is_told_in_awss_words(function: str, arn: str):
    failure = call(INVOKE, {"FunctionName": function}).naming(Failure("OpenWhisk.ActionNotFound", "no"), None)

    assert failure.error == "Lambda.ResourceNotFoundException"
    assert failure.cause.startswith(f"Function not found: {arn}:$LATEST (Service: AWSLambda; Status Code: 404; ")


def test_lambda_invoke_wraps_the_result_as_aws_does():
    headers = {"Content-Type": "application/json", "X-Openwhisk-Activation-Id": "id"}
    assert result_of(call(INVOKE, {"FunctionName": "inc"}), {"value": 7}) == {
        "ExecutedVersion": "$LATEST",
        "Payload": 7,
        "SdkHttpMetadata": {
            "AllHttpHeaders": {"Content-Type": ["application/json"], "X-Openwhisk-Activation-Id": ["id"]},
            "HttpHeaders": headers,
            "HttpStatusCode": 200,
        },
        "SdkResponseMetadata": {"RequestId": "id"},
        "StatusCode": 200,
    }


def test_lambda_invoke_gives_the_end_of_the_log_where_it_is_asked_for():
    """In base64, 4 KiB of it at the most."""
    made = call(INVOKE, {"FunctionName": "inc", "LogType": "Tail"})

    told = made.reading(Activation("id", Ending.SUCCESS, {"value": 7}, logs=("one", "two")))
    assert base64.b64decode(told["LogResult"]) == b"START RequestId: id\none\ntwo\nEND RequestId: id\n"

    told = made.reading(Activation("id", Ending.SUCCESS, {}, logs=("x" * 10_000,)))
    assert len(base64.b64decode(told["LogResult"])) == 4096


def test_lambda_invoke_of_type_event_is_done_once_it_is_accepted():
    assert call(INVOKE, {"FunctionName": "inc", "InvocationType": "Event"}).mode is Mode.FORGET
    waiting = call(f"{INVOKE}.waitForTaskToken", {"FunctionName": "inc", "InvocationType": "Event"})
    assert waiting.mode is Mode.CALLBACK
    envelope = accepted("id")
    assert (envelope["Payload"], envelope["StatusCode"]) == ("", 202)
    assert envelope["SdkResponseMetadata"] == {"RequestId": "id"}


@pytest.mark.parametrize(
    ("resource", "arguments", "why"),
    [
        ("openwhisk:a/b/c/d", {}, "not the name of an action"),
        ("module:", {}, "not a name that OpenWhisk allows"),
        ("openwhisk:.sync", {}, "not a name that OpenWhisk allows"),
        (INVOKE, {}, "FunctionName"),
        (INVOKE, {"FunctionName": 7}, "FunctionName"),
        (INVOKE, [], "FunctionName"),
        (INVOKE, {"FunctionName": "arn:aws:s3:::x"}, "not the ARN of a function"),
        (INVOKE, {"FunctionName": "inc", "InvocationType": "DryRun"}, "DryRun"),
        ("arn:aws:states:::sqs:sendMessage", {}, "is not served here: a task calls openwhisk:<action>"),
    ],
)
def test_what_does_not_say_what_to_call_is_refused(resource: str, arguments: Json, why: str):
    with pytest.raises(InvalidCall, match=why):
        call(resource, arguments)


def test_other_resources_are_not_ours():
    assert not is_ours("arn:aws:states:::sqs:sendMessage")
    assert not is_ours("arn:aws:states:us-east-1:123456789012:activity:a")
    assert not is_ours(f"{INVOKE}.sync")
