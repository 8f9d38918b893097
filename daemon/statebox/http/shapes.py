"""The shapes in which the Step Functions API shows executions."""

from __future__ import annotations

from typing import Final

from statebox.asl.commands import AwaitCallback
from statebox.asl.execution import Execution, Status
from statebox.asl.jsontext import Json, write_json_text
from statebox.engine.names import Place
from statebox.engine.records import Continuation, Summary

# With data or without, as includedData says.
ALL_DATA: Final = "ALL_DATA"
METADATA_ONLY: Final = "METADATA_ONLY"


def date(at_ms: int) -> float:
    """A time as the protocol has it: seconds since the epoch."""
    return at_ms / 1000


def execution_described(
    execution: Execution, why_not_redrivable: str | None, included: str = ALL_DATA
) -> dict[str, Json]:
    """An execution as DescribeExecution shows it; and why it cannot be redriven, None where it can."""
    shown: dict[str, Json] = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": date(execution.started_ms),
    }
    if execution.stopped_ms is not None:
        shown["stopDate"] = date(execution.stopped_ms)
    shown |= data_shown(execution, included)
    if execution.map_run is not None:
        shown["mapRunArn"] = execution.map_run
    qualified = {"stateMachineVersionArn": execution.version_arn, "stateMachineAliasArn": execution.alias_arn}
    shown |= {name: arn for name, arn in qualified.items() if arn is not None}
    return shown | _redrives(execution, why_not_redrivable)


def data_shown(execution: Execution, included: str) -> dict[str, Json]:
    """What went into an execution and what came out; with METADATA_ONLY just that it is left out."""
    with_data = included == ALL_DATA
    shown: dict[str, Json] = {}
    payloads = {"input": execution.input}
    if execution.status is Status.SUCCEEDED:
        payloads["output"] = execution.output
    for name, value in payloads.items():
        if with_data:
            shown[name] = write_json_text(value)
        shown[f"{name}Details"] = {"included": with_data}
    if with_data:
        said = {"error": execution.error, "cause": execution.cause}
        shown |= {name: text for name, text in said.items() if text is not None}
    return shown


def _redrives(execution: Execution, why_not: str | None) -> dict[str, Json]:
    shown: dict[str, Json] = {"redriveCount": execution.redrives}
    if execution.redriven_ms is not None:
        shown["redriveDate"] = date(execution.redriven_ms)
    if why_not is not None:
        return {**shown, "redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": why_not}
    return {**shown, "redriveStatus": "REDRIVABLE" if execution.parent is None else "REDRIVABLE_BY_MAP_RUN"}


def summary_listed(summary: Summary, place: Place) -> dict[str, Json]:
    """An execution as ListExecutions shows it; `setAside` is ours and only there when it is so."""
    shown: dict[str, Json] = {
        "executionArn": place.execution_arn(summary.id),
        "stateMachineArn": place.machine_arn(summary.machine),
        "name": summary.name,
        "status": "PENDING_REDRIVE" if summary.pending_redrive else summary.status,
        "startDate": date(summary.started_ms),
        "redriveCount": summary.redrives,
    }
    if summary.redriven_ms is not None:
        shown["redriveDate"] = date(summary.redriven_ms)
    if summary.items is not None:
        shown["itemCount"] = summary.items
    if summary.stopped_ms is not None:
        shown["stopDate"] = date(summary.stopped_ms)
    for name, qualifier in (("stateMachineVersionArn", summary.version), ("stateMachineAliasArn", summary.alias)):
        if qualifier is not None:
            shown[name] = place.machine_arn(f"{summary.machine}:{qualifier}")
    if summary.set_aside:
        shown["setAside"] = True
    return shown


def waited_for(command: AwaitCallback) -> dict[str, Json]:
    """An open continuation of an execution; `deadline` is null when it may take for ever."""
    return {
        "continuation": command.token,
        "state": command.state,
        "since": date(command.since_ms),
        "deadline": None if command.deadline_ms is None else date(command.deadline_ms),
    }


def continuation_described(continuation: Continuation, place: Place) -> dict[str, Json]:
    """Everything about a continuation."""
    shown: dict[str, Json] = {
        "continuation": continuation.token,
        "executionArn": place.execution_arn(continuation.execution),
        "execution": continuation.execution,
        "state": continuation.state,
        "status": continuation.status,
        "since": date(continuation.since_ms),
        "deadline": None if continuation.deadline_ms is None else date(continuation.deadline_ms),
    }
    if continuation.answered_ms is not None:
        shown |= {"answered": date(continuation.answered_ms), "channel": continuation.channel}
    return shown
