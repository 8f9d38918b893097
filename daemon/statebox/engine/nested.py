"""Nested executions: starts them for the tasks that want it, once for each attempt."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import msgspec

from statebox.asl.commands import InvokeTask
from statebox.asl.events import TaskFailed, TaskSubmitted, TaskSucceeded
from statebox.asl.jsontext import InvalidJson, Json, is_object, read_json
from statebox.asl.states.nested import START, start_reply, waits_for_its_end
from statebox.engine.errors import (
    ExecutionAlreadyExists,
    InvalidExecutionInput,
    InvalidName,
    ServiceError,
    ServiceUnavailable,
    TooManyRequests,
    ValidationException,
)
from statebox.engine.nested_names import name_for
from statebox.engine.ports import Permit

# How long to wait before it is tried again while the store is away.
_PAUSE_SECONDS: Final = 0.5


class Ask(msgspec.Struct, frozen=True):
    """What to start: a machine, version or alias, and the continuation that its end answers, where one does.

    `operation` is the same for each try.
    """

    machine: str
    input: Json
    name: str
    operation: str
    answers: str | None


class Begun(msgspec.Struct, frozen=True):
    """An execution that was started, or had been by the same ask."""

    arn: str
    started_ms: int


Start: TypeAlias = Callable[[Ask], Awaitable[Begun]]


class NestedExecutions:
    """Serves `startExecution`. `start` is given before anything is invoked."""

    start: Start

    async def invoke(
        self, task: InvokeTask, permit: Permit | None = None
    ) -> TaskSucceeded | TaskFailed | TaskSubmitted:
        """Start the execution; see engine.ports.Invoker."""
        try:
            ask = _ask(task)
            while True:
                try:
                    if permit is not None:
                        await permit()
                    begun = await self.start(ask)
                    break
                except (ServiceUnavailable, TooManyRequests):
                    await asyncio.sleep(_PAUSE_SECONDS)
        except ServiceError as refused:
            return _failed(task, refused)
        reply = start_reply(begun.arn, begun.started_ms)
        if task.resource == START:
            return TaskSucceeded(task.id, reply)
        return TaskSubmitted(task.id, begun.arn, reply)


def _ask(task: InvokeTask) -> Ask:
    given = task.arguments
    if not is_object(given) or not isinstance(machine := given.get("StateMachineArn"), str):
        raise ValidationException("The field 'StateMachineArn' is required but was missing")
    name = name_for(given, task.attempt_id)
    if not isinstance(name, str):
        raise InvalidName(f"Invalid Name: '{name}'")
    answers = task.token if waits_for_its_end(task.resource) else None
    return Ask(machine, _input(given.get("Input")), name, task.attempt_id, answers)


def _input(given: Json) -> Json:
    """The input: none or null is {}, and a text is the input's JSON, as in the operation StartExecution."""
    if given is None:
        return {}
    if not isinstance(given, str):
        return given
    try:
        return read_json(given)
    except InvalidJson as invalid:
        raise InvalidExecutionInput(f"Invalid State Machine Execution Input: '{invalid}'") from None


def _failed(task: InvokeTask, refused: ServiceError) -> TaskFailed:
    """What AWS makes of an error of its own operation."""
    code = type(refused).__name__
    error = f"StepFunctions.{code.removesuffix('Exception')}Exception"
    request_id = uuid.uuid5(uuid.NAMESPACE_OID, task.attempt_id)
    cause = (
        f"{refused.message} (Service: AWSStepFunctions; Status Code: 400; Error Code: {code}; "
        f"Request ID: {request_id}; Proxy: null)"
    )
    return TaskFailed(task.id, error, cause)


def refuse_anothers(ask: Ask, answers: str | None) -> None:
    """Refuse to wait for an execution of that name which somebody else has started. Raises ExecutionAlreadyExists."""
    if ask.answers is not None and ask.answers != answers:
        raise ExecutionAlreadyExists(f"Execution Already Exists: '{ask.name}'")
