"""What a Resource asks of OpenWhisk: which action, with which parameters, how, and what of its result is the task's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from statebox.asl.commands import InvokeTask
from statebox.asl.jsontext import Json
from statebox.openwhisk.activation import Activation, is_object
from statebox.openwhisk.call import Call, InvalidCall, Mode, parameters_of
from statebox.openwhisk.functions import function_call, invoke_call, is_invoke
from statebox.openwhisk.names import InvalidActionName, is_function_arn, read_action_name

_SYNC: Final = ".sync"
_CALLBACK: Final = ".waitForTaskToken"


def is_ours(resource: str) -> bool:
    """Whether OpenWhisk serves this Resource (`module:suspend` and `module:sendResponse` are the engine's own)."""
    return resource.startswith(("module:", "openwhisk:")) or is_function_arn(resource) or is_invoke(resource)


def read_call(task: InvokeTask, namespace: str, renamed: Mapping[str, str] = {}) -> Call:
    """What a task wants to be called; `renamed` maps names of functions to those of actions. Raises InvalidCall."""
    resource = task.resource
    try:
        if resource.startswith("module:"):
            name = resource.removeprefix("module:")
            return Call(read_action_name(name, namespace), parameters_of(task.arguments), Mode.WAIT, _its_value)
        if resource.startswith("openwhisk:"):
            name, mode = resource.removeprefix("openwhisk:"), Mode.WAIT
            if name.endswith(_SYNC):
                name, mode = name.removesuffix(_SYNC), Mode.SUBMIT
            elif name.endswith(_CALLBACK):
                name, mode = name.removesuffix(_CALLBACK), Mode.CALLBACK
            return Call(read_action_name(name, namespace), parameters_of(task.arguments), mode, _whole)
        if is_function_arn(resource):
            return function_call(resource, task.arguments, namespace, renamed)
        if is_invoke(resource):
            return invoke_call(resource, task.arguments, namespace, renamed)
    except InvalidActionName as error:
        raise InvalidCall(str(error)) from None
    raise InvalidCall(
        f"{resource!r} is not served here: a task calls openwhisk:<action>, module:<action>, a Lambda function, an"
        " activity or states:startExecution"
    )


def _whole(activation: Activation) -> Json:
    return activation.result


def _its_value(activation: Activation) -> Json:
    """The seed's reading: the `value` of the result, and the whole result where it has none."""
    result = activation.result
    return result["value"] if is_object(result) and "value" in result else result
