"""What a Resource asks of OpenWhisk: which action, with which parameters, how, and what of its result is the task's."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from statebox.asl.commands import InvokeTask
from statebox.asl.jsontext import InvalidJson, Json, read_json
from statebox.openwhisk.activation import Activation, is_object
from statebox.openwhisk.names import (
    ActionName,
    InvalidActionName,
    is_function_arn,
    read_action_name,
    read_function_name,
)

_LAMBDA_INVOKE = re.compile(r"arn:aws[a-z-]*:states:::lambda:invoke(?P<suffix>\.waitForTaskToken)?")
_SYNC = ".sync"
_CALLBACK = ".waitForTaskToken"

# What the task's result is, given how the action ended.
Reading: TypeAlias = Callable[[Activation], Json]


class Mode(Enum):
    """How an action is called."""

    WAIT = "blocking; polled when it outlives the server's wait"
    SUBMIT = "not blocking; polled from the start"
    CALLBACK = "not blocking; somebody answers the task's token"
    FORGET = "not blocking; done once it is accepted"


class InvalidCall(ValueError):
    """The Resource or its arguments do not say what to call; the message says why."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `parameters` is always a JSON object."""

    action: ActionName
    parameters: dict[str, Json]
    mode: Mode
    reading: Reading


def is_ours(resource: str) -> bool:
    """Whether OpenWhisk serves this Resource (`module:suspend` and `module:sendResponse` are the engine's own)."""
    return (
        resource.startswith(("module:", "openwhisk:"))
        or is_function_arn(resource)
        or _LAMBDA_INVOKE.fullmatch(resource) is not None
    )


def read_call(task: InvokeTask, namespace: str) -> Call:
    """What a task wants to be called. OpenWhisk takes JSON objects only: any other value goes as {"value": …}.

    Raises InvalidCall.
    """
    resource = task.resource
    try:
        if resource.startswith("module:"):
            name = resource.removeprefix("module:")
            return Call(read_action_name(name, namespace), _object(task.arguments), Mode.WAIT, _its_value)
        if resource.startswith("openwhisk:"):
            name, mode = resource.removeprefix("openwhisk:"), Mode.WAIT
            if name.endswith(_SYNC):
                name, mode = name.removesuffix(_SYNC), Mode.SUBMIT
            elif name.endswith(_CALLBACK):
                name, mode = name.removesuffix(_CALLBACK), Mode.CALLBACK
            return Call(read_action_name(name, namespace), _object(task.arguments), mode, _whole)
        if is_function_arn(resource):
            return Call(read_function_name(resource, namespace), _object(task.arguments), Mode.WAIT, _payload)
        if match := _LAMBDA_INVOKE.fullmatch(resource):
            return _lambda_invoke(task.arguments, namespace, Mode.CALLBACK if match["suffix"] else Mode.WAIT)
    except InvalidActionName as error:
        raise InvalidCall(str(error)) from None
    raise InvalidCall(f"{resource!r} is not an OpenWhisk resource")


def _lambda_invoke(arguments: Json, namespace: str, mode: Mode) -> Call:
    """AWS's optimised integration: the arguments name the function. A Qualifier means nothing to OpenWhisk."""
    match arguments:
        case {"FunctionName": str(name)}:
            pass
        case _:
            raise InvalidCall("lambda:invoke wants a FunctionName")
    match arguments.get("InvocationType", "RequestResponse"):
        case "RequestResponse":
            pass
        case "Event":
            mode = Mode.FORGET if mode is Mode.WAIT else mode
        case other:
            raise InvalidCall(f"lambda:invoke knows InvocationType RequestResponse and Event, not {other!r}")
    return Call(read_function_name(name, namespace), _object(_event(arguments.get("Payload"))), mode, _envelope)


def _event(payload: Json) -> Json:
    """The event that a Payload stands for: AWS takes a text as the event's JSON, and none or null as {}."""
    if payload is None:
        return {}
    if not isinstance(payload, str):
        return payload
    try:
        return read_json(payload)
    except InvalidJson as broken:
        raise InvalidCall(f"the Payload is a text, and not JSON: {broken}") from None


def accepted(activation: str) -> Json:
    """The result of a task whose call was accepted and which does not wait for more (Mode.FORGET)."""
    return {"Payload": "", **_metadata(202, activation)}


def _object(value: Json) -> dict[str, Json]:
    return value if is_object(value) else {"value": value}


def _whole(activation: Activation) -> Json:
    return activation.result


def _its_value(activation: Activation) -> Json:
    """The seed's reading: the `value` of the result, and the whole result where it has none."""
    result = activation.result
    return result["value"] if is_object(result) and "value" in result else result


def _payload(activation: Activation) -> Json:
    """A function's return value: what stands alone under `value` and is no object was wrapped for OpenWhisk only."""
    result = activation.result
    if is_object(result) and result.keys() == {"value"} and not is_object(result["value"]):
        return result["value"]
    return result


def _envelope(activation: Activation) -> Json:
    return {"ExecutedVersion": "$LATEST", "Payload": _payload(activation), **_metadata(200, activation.id)}


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
