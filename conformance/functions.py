"""Functions: the behaviours that the recorded machines call as Lambda functions, and the machines they start."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from statebox.asl.answers import Answer, Asked, Fails, Succeeds, Unanswered
from statebox.asl.definition import read
from statebox.asl.driver import drive
from statebox.asl.execution import Status
from statebox.asl.jsontext import InvalidJson, Json, is_object, read_json, write_json_text
from statebox.asl.moment import timestamp
from statebox.asl.walk import new_execution

INVOKE: Final = "arn:aws:states:::lambda:invoke"
START_EXECUTION: Final = "arn:aws:states:::states:startExecution"
_REQUEST_ID: Final = "8d3c2d6e-6d2a-4b8e-9a53-0c1f6f1c9f10"
_LARGE: Final = "a" * (257 * 1024)


def _raised(type: str, message: str, line: int, statement: str) -> Fails:
    trace = f'  File "/var/task/handler.py", line {line}, in handler\n    {statement}\n'
    cause = {"errorMessage": message, "errorType": type, "requestId": _REQUEST_ID, "stackTrace": [trace]}
    return Fails(type, write_json_text(cause))


_BEHAVIOURS: Final[Mapping[str, Callable[[Json], Answer]]] = {
    "id_function.py": Succeeds,
    "echo_function.py": lambda _: Succeeds({"Return": "HelloWorld"}),
    "raise_exception.py": lambda _: _raised(
        "Exception", "Some exception was raised.", 2, 'raise Exception("Some exception was raised.")'
    ),
    "raise_custom_exception.py": lambda _: _raised("CustomException", "", 9, "raise CustomException()"),
    "return_bytes_str.py": lambda _: Succeeds("HelloWorld!"),
    "return_decorated_input.py": lambda event: Succeeds(f"input-event-{event}"),
    "large_output_string.py": lambda _: Succeeds(_LARGE),
    "wait_60_seconds.py": lambda event: Succeeds(event, after_ms=60_000),
}


class Functions:
    """Answers the tasks of one case."""

    def __init__(self, case: Mapping[str, Json]) -> None:
        self._functions: Mapping[str, str] = case.get("lambdas") or {}
        self._machines: Mapping[str, Json] = case.get("aux_machines") or {}

    def __call__(self, asked: Asked) -> Answer:
        """What a task comes to. Raises Unanswered for services that nobody plays here."""
        if asked.resource.startswith(INVOKE):
            return self._invoke(asked.arguments)
        if asked.resource.startswith(START_EXECUTION):
            return self._start(asked)
        if ":function:" in asked.resource:
            answer = self._call(asked.resource.partition(":function:")[2].partition(":")[0], asked.arguments)
            return answer or Fails("Lambda.ResourceNotFoundException", f"Function not found: {asked.resource}")
        raise Unanswered(f"nobody plays {asked.resource}")

    def _call(self, name: str, event: Json) -> Answer | None:
        behaviour = self._functions.get(name)
        return None if behaviour is None else _BEHAVIOURS[behaviour](event)

    def _invoke(self, arguments: Json) -> Answer:
        """The integration of Lambda: a text is taken for the event's JSON, null for no event, which is {}."""
        if not is_object(arguments) or not isinstance(function := arguments.get("FunctionName"), str):
            return Fails("States.Runtime", "The field 'FunctionName' is required but was missing")
        name = function.partition(":function:")[2].partition(":")[0] or function
        payload: Json = arguments.get("Payload")
        try:
            event: Json = {} if payload is None else read_json(payload) if isinstance(payload, str) else payload
        except InvalidJson:
            return _service_fault("InvalidRequestContentException", 400, "Could not parse request body into json")
        answer = self._call(name, event)
        if answer is None:
            arn = f"arn:aws:lambda:us-east-1:111111111111:function:{name}"
            return _service_fault("ResourceNotFoundException", 404, f"Function not found: {arn}:$LATEST")
        if not isinstance(answer, Succeeds):
            return answer
        return Succeeds(_envelope(answer.output, arguments), after_ms=answer.after_ms)

    def _start(self, asked: Asked) -> Answer:
        """An execution of another machine of the case, waited for in virtual time."""
        machine_arn: str = asked.arguments["StateMachineArn"]
        definition = self._machines[machine_arn]["definition"]
        name, input = asked.arguments["Name"], asked.arguments.get("Input", {})
        arn = f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
        started = new_execution(
            input, machine=machine_arn.rpartition(":")[2], name=name, arn=arn, started_ms=asked.now_ms
        )
        ended = drive(read(definition), started, tasks=self)
        told: dict[str, Json] = {
            "ExecutionArn": arn,
            "Input": write_json_text(input),
            "InputDetails": {"Included": True},
        }
        told |= {"Name": name, "StartDate": timestamp(asked.now_ms), "StateMachineArn": machine_arn}
        told |= {"Status": ended.status.value, "StopDate": timestamp(asked.now_ms + ended.elapsed_ms)}
        submitted: Json = {"ExecutionArn": arn, "StartDate": timestamp(asked.now_ms), **_sdk(161)}
        if ended.status is Status.SUCCEEDED:
            output: Json = ended.output if asked.resource.endswith(":2") else write_json_text(ended.output)
            told |= {"Output": output, "OutputDetails": {"Included": True}}
            return Succeeds(told, after_ms=ended.elapsed_ms, submitted=submitted)
        told |= {name: value for name, value in (("Error", ended.error), ("Cause", ended.cause)) if value is not None}
        cause = write_json_text(dict(sorted(told.items())))
        return Fails("States.TaskFailed", cause, after_ms=ended.elapsed_ms, submitted=submitted)


def _service_fault(code: str, status: int, words: str) -> Fails:
    service = f"Service: AWSLambda; Status Code: {status}; Error Code: {code}; Request ID: {_REQUEST_ID}; Proxy: null"
    return Fails(f"Lambda.{code}", f"{words} ({service})")


def _envelope(result: Json, arguments: Json) -> Json:
    envelope: dict[str, Json] = {"ExecutedVersion": "$LATEST"}
    if arguments.get("LogType") == "Tail":
        envelope["LogResult"] = "U1RBUlQgRU5E"
    return {**envelope, "Payload": result, **_sdk(len(json.dumps(result))), "StatusCode": 200}


def _sdk(length: int) -> dict[str, Json]:
    """What AWS's client library adds to a response."""
    headers = {"Connection": "keep-alive", "Content-Length": str(length), "x-amzn-RequestId": _REQUEST_ID}
    every = {name: [value] for name, value in headers.items()}
    http = {"AllHttpHeaders": every, "HttpHeaders": headers, "HttpStatusCode": 200}
    return {"SdkHttpMetadata": http, "SdkResponseMetadata": {"RequestId": _REQUEST_ID}}
