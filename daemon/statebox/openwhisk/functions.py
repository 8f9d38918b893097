"""Lambda's functions as actions: their names, events, envelopes and errors, so that machines of AWS run unchanged."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Final

from statebox.asl.errors import TIMEOUT
from statebox.asl.jsontext import InvalidJson, Json, read_json, write_json_text
from statebox.openwhisk.activation import Activation, Ending, is_object
from statebox.openwhisk.call import Call, InvalidCall, Mode, Naming, parameters_of
from statebox.openwhisk.failures import (
    ACTION_NOT_FOUND,
    BAD_REQUEST,
    DEVELOPER_ERROR,
    INTERNAL_ERROR,
    LOST,
    SERVICE_UNAVAILABLE,
    TOO_MANY_REQUESTS,
    UNREACHABLE,
    Failure,
)
from statebox.openwhisk.names import ActionName, read_action_name, read_function_name, split_function_name

_INVOKE: Final = re.compile(r"arn:aws[a-z-]*:states:::lambda:invoke(?P<suffix>\.waitForTaskToken)?")

# What AWS's own retriers for calls of Lambda match.
_NAMES: Final[Mapping[str, str]] = {
    TOO_MANY_REQUESTS: "Lambda.TooManyRequestsException",
    INTERNAL_ERROR: "Lambda.ServiceException",
    SERVICE_UNAVAILABLE: "Lambda.ServiceException",
    UNREACHABLE: "Lambda.SdkClientException",
    LOST: "Lambda.SdkClientException",
    BAD_REQUEST: "Lambda.InvalidParameterValueException",
    DEVELOPER_ERROR: "Lambda.Unknown",
    # Of the function's own time limit; that of the state is States.Timeout.
    TIMEOUT: "Sandbox.Timedout",
}
_NOT_FOUND: Final = "ResourceNotFoundException"
# As much of a log as Lambda gives, in bytes.
_LONGEST_LOG: Final = 4096
_NOT_JSON: Final = "Lambda.InvalidRequestContentException"


def is_invoke(resource: str) -> bool:
    """Whether it is AWS's optimised integration of Lambda."""
    return _INVOKE.fullmatch(resource) is not None


def function_call(arn: str, event: Json, namespace: str, renamed: Mapping[str, str]) -> Call:
    """What a function's ARN as Resource asks for: the result is the function's. Raises InvalidActionName."""
    action = _action(arn, namespace, renamed)
    return Call(action, parameters_of(event), Mode.WAIT, _payload, _naming(arn))


def invoke_call(resource: str, arguments: Json, namespace: str, renamed: Mapping[str, str]) -> Call:
    """What lambda:invoke asks for: the arguments name the function. Raises InvalidCall, InvalidActionName."""
    match arguments:
        case {"FunctionName": str(name)}:
            pass
        case _:
            raise InvalidCall("lambda:invoke wants a FunctionName")
    qualifier = arguments.get("Qualifier")
    if isinstance(qualifier, str) and split_function_name(name)[1] is None:
        name = f"{name}:{qualifier}"
    answered = resource.endswith(".waitForTaskToken")
    match arguments.get("InvocationType", "RequestResponse"):
        case "RequestResponse":
            mode = Mode.WAIT_AND_CALLBACK if answered else Mode.WAIT
        case "Event":
            mode = Mode.CALLBACK if answered else Mode.FORGET
        case other:
            raise InvalidCall(f"lambda:invoke knows InvocationType RequestResponse and Event, not {other!r}")
    event = parameters_of(_event(arguments.get("Payload")))
    reading = _envelope_with_log if arguments.get("LogType") == "Tail" else _envelope
    return Call(_action(name, namespace, renamed), event, mode, reading, _naming(name))


def accepted(activation: str) -> Json:
    """The result of a call that was accepted, where nobody waits for more."""
    return {"Payload": "", **_metadata(202, activation)}


def _action(function: str, namespace: str, renamed: Mapping[str, str]) -> ActionName:
    """The action of a function: as the configuration says, of `name:qualifier` or of `name`; else of the same name.

    A qualifier means nothing else here, as OpenWhisk runs an action's newest version only.
    """
    name, qualifier = split_function_name(function)
    action = renamed.get(f"{name}:{qualifier}") or renamed.get(name)
    return read_function_name(function, namespace) if action is None else read_action_name(action, namespace)


def _event(payload: Json) -> Json:
    """The event that a Payload stands for: AWS takes a text as the event's JSON, and none or null as {}."""
    if payload is None:
        return {}
    if not isinstance(payload, str):
        return payload
    try:
        return read_json(payload)
    except InvalidJson as broken:
        raise InvalidCall(f"the Payload is a text, and not JSON: {broken}", _NOT_JSON) from None


def _payload(activation: Activation) -> Json:
    """A function's return value: what stands alone under `value` and is no object was wrapped for OpenWhisk only."""
    result = activation.result
    if is_object(result) and result.keys() == {"value"} and not is_object(result["value"]):
        return result["value"]
    return result


def _envelope(activation: Activation) -> Json:
    return {"ExecutedVersion": "$LATEST", "Payload": _payload(activation), **_metadata(200, activation.id)}


def _envelope_with_log(activation: Activation) -> Json:
    """The envelope with the end of the function's log, framed as Lambda frames it, in base64."""
    id = activation.id
    log = "".join(f"{line}\n" for line in (f"START RequestId: {id}", *activation.logs, f"END RequestId: {id}"))
    return {**_envelope(activation), "LogResult": base64.b64encode(log.encode()[-_LONGEST_LOG:]).decode()}


def _metadata(status: int, activation: str) -> dict[str, Json]:
    """What AWS tells about the call itself, as far as it exists here."""
    headers = {"Content-Type": "application/json", "X-Openwhisk-Activation-Id": activation}
    return {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": status,
        },
        "SdkResponseMetadata": {"RequestId": activation},
        "StatusCode": status,
    }


def _naming(function: str) -> Naming:
    def named(failure: Failure, activation: Activation | None) -> Failure:
        if failure.error == ACTION_NOT_FOUND:
            return Failure(f"Lambda.{_NOT_FOUND}", _not_found(function))
        if activation is not None and activation.ending is Ending.APPLICATION_ERROR:
            return _raised(failure, activation)
        return Failure(_NAMES.get(failure.error, failure.error), failure.cause)

    return named


def _raised(failure: Failure, activation: Activation) -> Failure:
    """What a function has raised, told as Lambda does: with these members, and others that it has itself."""
    result = activation.result
    error = result.get("error") if is_object(result) else None
    if not is_object(error) or "errorType" not in error:
        return failure
    told: dict[str, Json] = {
        "errorMessage": "",
        "errorType": failure.error,
        "requestId": activation.id,
        "stackTrace": [],
        **error,
    }
    return Failure(failure.error, write_json_text(told))


def _not_found(function: str) -> str:
    name, _ = split_function_name(function)
    head = (
        function.partition(":function:")[0] if function.startswith("arn:") else "arn:aws:lambda:us-east-1:000000000000"
    )
    service = f"Service: AWSLambda; Status Code: 404; Error Code: {_NOT_FOUND}; Request ID: -; Proxy: null"
    return f"Function not found: {head}:function:{name}:$LATEST ({service})"
