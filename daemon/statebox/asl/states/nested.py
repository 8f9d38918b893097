"""Nested executions: what a `startExecution` task is told of the execution that it started, as AWS has it."""

from __future__ import annotations

from typing import Final

from statebox.asl.errors import TASK_FAILED
from statebox.asl.execution import NESTED, Execution, Status
from statebox.asl.jsontext import Json, is_object, write_json_text
from statebox.asl.moment import Dice

START: Final = NESTED.removesuffix(".sync")
# Of an envelope: what `.sync` has as JSON text and `.sync:2` as the value itself.
_PAYLOADS: Final = ("Input", "Output")


def waits_for_its_end(resource: str) -> bool:
    """Whether the task ends when the execution does that it started: `.sync` and `.sync:2`."""
    return resource.startswith(NESTED)


def start_reply(arn: str, started_ms: int) -> Json:
    """What starting it responds, always the same: who asks is told after the fact sometimes."""
    request_id = str(Dice(arn.encode()).uuid4())
    headers: dict[str, Json] = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-RequestId": request_id}
    return {
        "ExecutionArn": arn,
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": 200,
        },
        "SdkResponseMetadata": {"RequestId": request_id},
        "StartDate": started_ms,
    }


def envelope(ended: Execution) -> dict[str, Json]:
    """An execution that has ended, as `.sync:2` tells of it; times in milliseconds since the epoch."""
    told: dict[str, Json] = {
        "Cause": ended.cause,
        "Error": ended.error,
        "ExecutionArn": ended.arn,
        "Input": ended.input,
        "InputDetails": {"Included": True},
        "Name": ended.name,
        "RedriveCount": ended.redrives,
        "RedriveStatus": "REDRIVABLE",
        "StartDate": ended.started_ms,
        "StateMachineArn": ended.machine_arn,
        "Status": ended.status,
        "StopDate": ended.stopped_ms,
    }
    for absent in [name for name in ("Cause", "Error") if told[name] is None]:
        del told[absent]
    if ended.status is Status.SUCCEEDED:
        told |= {"Output": ended.output, "OutputDetails": {"Included": True}, "RedriveStatus": "NOT_REDRIVABLE"}
        told["RedriveStatusReason"] = "Execution is SUCCEEDED and cannot be redriven"
    return dict(sorted(told.items()))


def result_for(resource: str, told: Json) -> Json:
    """What the task's result is of an envelope: for `.sync` its payloads are JSON text."""
    if not is_object(told) or not resource.endswith(".sync"):
        return told
    return {name: write_json_text(value) if name in _PAYLOADS else value for name, value in told.items()}


def failure_for(resource: str, told: Json) -> tuple[str, str]:
    """Error and cause of the task when the execution did not succeed, as its envelope says."""
    return TASK_FAILED, write_json_text(result_for(resource, told))


def reply_in(told: Json) -> Json:
    """What starting it had responded, read off its envelope."""
    return start_reply(told["ExecutionArn"], told["StartDate"])
