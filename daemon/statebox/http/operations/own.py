"""The operations that AWS has not: definitions that come with the call, continuations, and what was set aside."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from statebox.asl.execution import Status
from statebox.asl.jsontext import Json
from statebox.engine.errors import InvalidExecutionInput, InvalidOutput, ValidationException
from statebox.engine.names import execution_id, machine_name
from statebox.http.operations.members import (
    Arn,
    Cause,
    ClientToken,
    Definition,
    Error,
    ListExecutionsPageToken,
    Name,
    StatePath,
    TaskToken,
    json_of,
)
from statebox.http.pages import read_dated_page_token, write_page_token
from statebox.http.protocol import Call, Operation
from statebox.http.said import answer_operation, start_operation
from statebox.http.seed_answer import continuations_of
from statebox.http.shapes import continuation_described, date, execution_described, summary_listed, waited_for
from statebox.http.validation import Request

# The name under which a machine runs that was given none.
_UNNAMED: Final = "unnamed"


class StartDefinition(Request, frozen=True):
    """A definition and an input as JSON text; `seed` starts it under the seed's contract."""

    definition: Definition
    machine: Arn = _UNNAMED
    name: Name | None = None
    input: str = "{}"
    seed: bool = False


async def start_definition(call: Call, ask: StartDefinition) -> Json:
    """Start the definition that comes with the call, under a machine's name that need not be known."""
    machine, input = machine_name(ask.machine), json_of(ask.input, InvalidExecutionInput)
    operation = start_operation(call.http, machine, ask.name, input, ask.definition, ask.seed)
    begun = await call.service.start_execution(machine, input, ask.name, ask.definition, ask.seed, operation)
    return {
        "executionArn": begun.arn,
        "execution": begun.id,
        "startDate": date(begun.started_ms),
    }


class SettleExecution(Request, frozen=True):
    """An execution, by ARN or id, and how long to wait for it."""

    execution_arn: Arn
    seconds: Annotated[float, Meta(ge=0, le=3600)]
    beyond: TaskToken | None = None


async def settle_execution(call: Call, ask: SettleExecution) -> Json:
    """Wait until it has ended or nothing but callbacks and timers is outstanding, at most so many seconds.

    As DescribeExecution, and whether it is idle and for which continuations it waits. With `beyond`, a continuation
    that was answered, it does not count as idle before it has taken in the answer.
    """
    execution = await call.settling.settle(call.http, execution_id(ask.execution_arn), ask.seconds, ask.beyond)
    return {
        **execution_described(execution, call.service.why_not_redrivable(execution)),
        "idle": execution.at_rest,
        "continuations": [waited_for(command) for command in continuations_of(execution)],
    }


class Resume(Request, frozen=True):
    """A continuation, and its output as JSON text; none says nothing but "go on"."""

    continuation: TaskToken
    output: str | None = None
    client_token: ClientToken | None = None


async def resume(call: Call, ask: Resume) -> Json:
    """Answer a continuation, with a result or without; `clientToken` makes it safe to ask again."""
    if ask.output is None:
        operation = answer_operation(call.http, client_token=ask.client_token)
        id = await call.service.resume(ask.continuation, operation)
    else:
        output = json_of(ask.output, InvalidOutput)
        operation = answer_operation(call.http, output, client_token=ask.client_token)
        id = await call.service.send_task_success(ask.continuation, output, operation)
    return _answered(call, id)


class Fail(Request, frozen=True):
    """A continuation, and what went wrong."""

    continuation: TaskToken
    error: Error | None = None
    cause: Cause | None = None
    client_token: ClientToken | None = None


async def fail(call: Call, ask: Fail) -> Json:
    """Answer a continuation with an error."""
    operation = answer_operation(call.http, error=ask.error, cause=ask.cause, client_token=ask.client_token)
    id = await call.service.send_task_failure(ask.continuation, ask.error, ask.cause, operation)
    return _answered(call, id)


class AnswerState(Request, frozen=True):
    """An execution, by ARN or id, the path of a state in it, and its output as JSON text, or what went wrong.

    Neither says nothing but "go on".
    """

    execution_arn: Arn
    state: StatePath
    output: str | None = None
    error: Error | None = None
    cause: Cause | None = None
    client_token: ClientToken | None = None


async def answer_state(call: Call, ask: AnswerState) -> Json:
    """Answer a state by its path: ANSWERED, or KEPT until the state waits; `clientToken` makes it safe to ask again."""
    id, error, cause = execution_id(ask.execution_arn), ask.error, ask.cause
    output = msgspec.UNSET if ask.output is None else json_of(ask.output, InvalidOutput)
    if output is not msgspec.UNSET and (error is not None or cause is not None):
        raise ValidationException("A state is answered with `output` or with `error` and `cause`, not with both")
    operation = answer_operation(call.http, output, error, cause, ask.client_token)
    taken = await call.service.answer_state(id, ask.state, output, error, cause, operation)
    return {**_answered(call, id), "status": "ANSWERED" if taken else "KEPT"}


class DescribeContinuation(Request, frozen=True):
    """A continuation."""

    continuation: TaskToken


async def describe_continuation(call: Call, ask: DescribeContinuation) -> Json:
    """What is waited for, and how it was answered."""
    return continuation_described(await call.service.continuation(ask.continuation), call.service.place)


class ListContinuations(Request, frozen=True):
    """An execution, by ARN or id."""

    execution_arn: Arn


async def list_continuations(call: Call, ask: ListContinuations) -> Json:
    """The open continuations of an execution."""
    found = await call.service.continuations(execution_id(ask.execution_arn))
    return {"continuations": [continuation_described(one, call.service.place) for one in found]}


class RetryExecution(Request, frozen=True):
    """An execution, by ARN or id."""

    execution_arn: Arn


async def retry_execution(call: Call, ask: RetryExecution) -> Json:
    """Try an execution again that was set aside."""
    await call.service.retry_execution(execution_id(ask.execution_arn))
    return {}


class ListSetAside(Request, frozen=True):
    """Nothing."""


async def list_set_aside(call: Call, _: ListSetAside) -> Json:
    """The executions that were set aside, as each claim of them had failed."""
    found = await call.service.list_set_aside()
    return {"executions": [summary_listed(one, call.service.place) for one in found]}


class PurgeExecutions(Request, frozen=True):
    """Which ended executions: of one machine and its map runs, with one status, ended before a time."""

    machine: Arn | None = None
    status_filter: Literal["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"] | None = None
    ended_before: float | None = None
    dry_run: bool = False
    next_token: ListExecutionsPageToken | None = None


async def purge_executions(call: Call, ask: PurgeExecutions) -> Json:
    """Forget them, or count them (dryRun): a page at a time, of as many as a listing has at once."""
    purged = await call.service.purge_executions(
        None if ask.machine is None else machine_name(ask.machine),
        None if ask.status_filter is None else Status(ask.status_filter),
        None if ask.ended_before is None else round(ask.ended_before * 1000),
        None if ask.next_token is None else read_dated_page_token(ask.next_token),
        ask.dry_run,
    )
    shown: dict[str, Json] = {"executions": purged.executions}
    if purged.next is not None:
        shown["nextToken"] = write_page_token(*purged.next)
    return shown


def _answered(call: Call, id: str) -> Json:
    return {"executionArn": call.service.place.execution_arn(id), "execution": id}


OWN: Final = (
    Operation(StartDefinition, start_definition),
    Operation(SettleExecution, settle_execution),
    Operation(Resume, resume),
    Operation(Fail, fail),
    Operation(AnswerState, answer_state),
    Operation(DescribeContinuation, describe_continuation),
    Operation(ListContinuations, list_continuations),
    Operation(RetryExecution, retry_execution),
    Operation(ListSetAside, list_set_aside),
    Operation(PurgeExecutions, purge_executions),
)
