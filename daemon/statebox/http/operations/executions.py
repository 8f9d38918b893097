"""The operations on executions: start, look, list, stop."""

from __future__ import annotations

from typing import Final, Literal

from statebox.asl.execution import Status
from statebox.asl.jsontext import Json
from statebox.engine.errors import InvalidExecutionInput, ValidationException
from statebox.engine.names import execution_id, machine_name, machine_reference, whole_machine
from statebox.http.operations.members import (
    Arn,
    Cause,
    ClientToken,
    Error,
    IncludedData,
    ListExecutionsPageToken,
    LongArn,
    Name,
    PageSize,
    PageToken,
    Payload,
    TraceHeader,
    json_of,
    page_size,
)
from statebox.http.pages import read_dated_page_token, read_event_page_token, write_page_token
from statebox.http.protocol import Call, Operation
from statebox.http.said import start_operation
from statebox.http.shapes import ALL_DATA, date, execution_described, summary_listed
from statebox.http.validation import Request


class StartExecution(Request, frozen=True):
    """A machine, by ARN or name; the input is JSON text. Idempotent where it has a name."""

    state_machine_arn: Arn
    name: Name | None = None
    input: Payload = "{}"
    trace_header: TraceHeader | None = None


async def start_execution(call: Call, ask: StartExecution) -> Json:
    """Start a machine, by its own ARN or that of a version or alias."""
    reference = whole_machine(ask.state_machine_arn)
    machine = reference.name
    input = json_of(ask.input, InvalidExecutionInput)
    operation = start_operation(call.http, machine, ask.name, input)
    begun = await call.service.start_execution(machine, input, ask.name, operation=operation, reference=reference)
    return {"executionArn": begun.arn, "startDate": date(begun.started_ms)}


class DescribeExecution(Request, frozen=True):
    """An execution, by ARN or id."""

    execution_arn: Arn
    included_data: IncludedData = ALL_DATA


async def describe_execution(call: Call, ask: DescribeExecution) -> Json:
    """One execution."""
    execution = await call.service.describe_execution(execution_id(ask.execution_arn))
    return execution_described(execution, call.service.why_not_redrivable(execution), ask.included_data)


class ListExecutions(Request, frozen=True):
    """Which executions, and from where on."""

    state_machine_arn: Arn | None = None
    status_filter: Literal["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE"] | None = None
    max_results: PageSize = 0
    next_token: ListExecutionsPageToken | None = None
    map_run_arn: LongArn | None = None
    redrive_filter: Literal["REDRIVEN", "NOT_REDRIVEN"] | None = None


async def list_executions(call: Call, ask: ListExecutions) -> Json:
    """Executions, newest first; beyond AWS also those of all machines, when none is named."""
    limit = page_size(ask.max_results)
    redriven = None if ask.redrive_filter is None else ask.redrive_filter == "REDRIVEN"
    if ask.map_run_arn is not None:
        if ask.state_machine_arn is not None:
            raise ValidationException("Only one of stateMachineArn and mapRunArn can be specified")
        first = None if ask.next_token is None else read_event_page_token(ask.next_token)
        of_run = await call.service.map_runs.children(ask.map_run_arn, ask.status_filter, redriven, limit, first)
        listed: dict[str, Json] = {
            "executions": [
                {**summary_listed(one, call.service.place), "mapRunArn": of_run.run.arn} for one in of_run.found
            ]
        }
        return listed if of_run.next is None else {**listed, "nextToken": write_page_token(of_run.next)}
    if ask.status_filter == "PENDING_REDRIVE":
        # Only children of map runs wait to be redriven.
        raise ValidationException("The statusFilter PENDING_REDRIVE can only be specified with a mapRunArn")
    if ask.state_machine_arn is not None:
        await call.service.refuse_listing(machine_reference(ask.state_machine_arn))
    found = await call.service.list_executions(
        None if ask.state_machine_arn is None else machine_name(ask.state_machine_arn),
        None if ask.status_filter is None else Status(ask.status_filter),
        limit,
        None if ask.next_token is None else read_dated_page_token(ask.next_token),
        redriven,
    )
    shown: dict[str, Json] = {"executions": [summary_listed(one, call.service.place) for one in found]}
    if len(found) == limit:
        shown["nextToken"] = write_page_token(found[-1].started_ms, found[-1].id)
    return shown


class GetExecutionHistory(Request, frozen=True):
    """Whose events, in which order, and from where on."""

    execution_arn: Arn
    max_results: PageSize = 0
    reverse_order: bool = False
    next_token: PageToken | None = None
    include_execution_data: bool = True


async def get_execution_history(call: Call, ask: GetExecutionHistory) -> Json:
    """The events of an execution, page by page."""
    id = execution_id(ask.execution_arn)
    limit = page_size(ask.max_results)
    after = 0 if ask.next_token is None else read_event_page_token(ask.next_token)
    events = await call.service.get_execution_history(id, after, limit, ask.reverse_order, ask.include_execution_data)
    shown: dict[str, Json] = {"events": list(events)}
    if len(events) == limit and not (ask.reverse_order and events[-1]["id"] == 1):
        shown["nextToken"] = write_page_token(events[-1]["id"])
    return shown


class StopExecution(Request, frozen=True):
    """An execution, by ARN or id, and why."""

    execution_arn: Arn
    error: Error | None = None
    cause: Cause | None = None


async def stop_execution(call: Call, ask: StopExecution) -> Json:
    """End an execution, ABORTED."""
    stopped_ms = await call.service.stop_execution(execution_id(ask.execution_arn), ask.error, ask.cause)
    return {"stopDate": date(stopped_ms)}


class RedriveExecution(Request, frozen=True):
    """An execution, by ARN or id; `clientToken` makes it safe to ask again."""

    execution_arn: Arn
    client_token: ClientToken | None = None


async def redrive_execution(call: Call, ask: RedriveExecution) -> Json:
    """Let an execution that ended without success go on from where it failed."""
    redriven_ms = await call.service.redrive_execution(execution_id(ask.execution_arn), ask.client_token)
    return {"redriveDate": date(redriven_ms)}


EXECUTIONS: Final = (
    Operation(StartExecution, start_execution),
    Operation(DescribeExecution, describe_execution),
    Operation(ListExecutions, list_executions),
    Operation(GetExecutionHistory, get_execution_history),
    Operation(StopExecution, stop_execution),
    Operation(RedriveExecution, redrive_execution),
)
