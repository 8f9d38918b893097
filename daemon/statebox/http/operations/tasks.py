"""The operations with which whoever works on a task tells how it goes."""

from __future__ import annotations

from typing import Final

from statebox.asl.jsontext import Json
from statebox.engine.errors import InvalidOutput
from statebox.http.operations.members import Cause, Error, Payload, TaskToken, json_of
from statebox.http.protocol import Call, Operation
from statebox.http.said import answer_operation
from statebox.http.validation import Request


class SendTaskSuccess(Request, frozen=True):
    """A task's token, and its result as JSON text."""

    task_token: TaskToken
    output: Payload


async def send_task_success(call: Call, ask: SendTaskSuccess) -> Json:
    """Answer a task with its result."""
    output = json_of(ask.output, InvalidOutput)
    await call.service.send_task_success(ask.task_token, output, answer_operation(call.http, output))
    return {}


class SendTaskFailure(Request, frozen=True):
    """A task's token, and what went wrong."""

    task_token: TaskToken
    error: Error | None = None
    cause: Cause | None = None


async def send_task_failure(call: Call, ask: SendTaskFailure) -> Json:
    """Answer a task with an error."""
    operation = answer_operation(call.http, error=ask.error, cause=ask.cause)
    await call.service.send_task_failure(ask.task_token, ask.error, ask.cause, operation)
    return {}


class SendTaskHeartbeat(Request, frozen=True):
    """A task's token."""

    task_token: TaskToken


async def send_task_heartbeat(call: Call, ask: SendTaskHeartbeat) -> Json:
    """Say that the work on a task goes on."""
    await call.service.send_task_heartbeat(ask.task_token)
    return {}


TASKS: Final = (
    Operation(SendTaskSuccess, send_task_success),
    Operation(SendTaskFailure, send_task_failure),
    Operation(SendTaskHeartbeat, send_task_heartbeat),
)
