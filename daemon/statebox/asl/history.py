"""The history: every event that Step Functions' GetExecutionHistory knows, as compact rows and as AWS's JSON.

The table says, for each type, under which member AWS puts its details and which fields those have. A row holds the
values of those fields in the table's order. Fields of kind PAYLOAD hold JSON values (AWS shows them as JSON text, with
`…Details` beside them); the others hold what AWS shows. The place in the table is the number a stored row carries, so
new types go to the end and nothing is ever removed.
"""

from __future__ import annotations

from typing import Final

import msgspec

from statebox.asl.jsontext import Json, write_json_text

ABSENT: Final = msgspec.UNSET

# Fields that hold a JSON value and are shown as JSON text.
_PAYLOADS: Final = frozenset({"input", "output", "parameters"})
# Payloads that AWS accompanies with {"truncated": false}.
_DETAILED: Final = frozenset({"input", "output"})

_ENTERED: Final = ("stateEnteredEventDetails", ("name", "input"))
_EXITED: Final = ("stateExitedEventDetails", ("name", "output", "assignedVariables"))
_ERROR: Final = ("error", "cause")
_TASK: Final = ("resourceType", "resource")
_QUALIFIED: Final = ("stateMachineVersionArn", "stateMachineAliasArn")
_ITERATION: Final = ("name", "index")
_NONE: Final = (None, ())

_TABLE: Final[dict[str, tuple[str | None, tuple[str, ...]]]] = {
    "ExecutionStarted": ("executionStartedEventDetails", ("input", "roleArn", *_QUALIFIED)),
    "ExecutionSucceeded": ("executionSucceededEventDetails", ("output",)),
    "ExecutionFailed": ("executionFailedEventDetails", _ERROR),
    "ExecutionTimedOut": ("executionTimedOutEventDetails", _ERROR),
    "ExecutionAborted": ("executionAbortedEventDetails", _ERROR),
    "ExecutionRedriven": ("executionRedrivenEventDetails", ("redriveCount",)),
    "PassStateEntered": _ENTERED,
    "PassStateExited": _EXITED,
    "TaskStateEntered": _ENTERED,
    "TaskStateExited": _EXITED,
    "TaskStateAborted": _NONE,
    "ChoiceStateEntered": _ENTERED,
    "ChoiceStateExited": _EXITED,
    "WaitStateEntered": _ENTERED,
    "WaitStateExited": _EXITED,
    "WaitStateAborted": _NONE,
    "SucceedStateEntered": _ENTERED,
    "SucceedStateExited": _EXITED,
    "FailStateEntered": _ENTERED,
    "ParallelStateEntered": _ENTERED,
    "ParallelStateStarted": _NONE,
    "ParallelStateSucceeded": _NONE,
    "ParallelStateFailed": _NONE,
    "ParallelStateAborted": _NONE,
    "ParallelStateExited": _EXITED,
    "MapStateEntered": _ENTERED,
    "MapStateStarted": ("mapStateStartedEventDetails", ("length",)),
    "MapStateSucceeded": _NONE,
    "MapStateFailed": _NONE,
    "MapStateAborted": _NONE,
    "MapStateExited": _EXITED,
    "MapIterationStarted": ("mapIterationStartedEventDetails", _ITERATION),
    "MapIterationSucceeded": ("mapIterationSucceededEventDetails", _ITERATION),
    "MapIterationFailed": ("mapIterationFailedEventDetails", _ITERATION),
    "MapIterationAborted": ("mapIterationAbortedEventDetails", _ITERATION),
    "TaskScheduled": (
        "taskScheduledEventDetails",
        (*_TASK, "region", "parameters", "timeoutInSeconds", "heartbeatInSeconds", "taskCredentials"),
    ),
    "TaskStarted": ("taskStartedEventDetails", _TASK),
    "TaskStartFailed": ("taskStartFailedEventDetails", (*_TASK, *_ERROR)),
    "TaskSubmitted": ("taskSubmittedEventDetails", (*_TASK, "output")),
    "TaskSubmitFailed": ("taskSubmitFailedEventDetails", (*_TASK, *_ERROR)),
    "TaskSucceeded": ("taskSucceededEventDetails", (*_TASK, "output", "activationId")),
    "TaskFailed": ("taskFailedEventDetails", (*_TASK, *_ERROR, "activationId")),
    "TaskTimedOut": ("taskTimedOutEventDetails", (*_TASK, *_ERROR)),
    "LambdaFunctionScheduled": (
        "lambdaFunctionScheduledEventDetails",
        ("resource", "input", "timeoutInSeconds", "taskCredentials"),
    ),
    "LambdaFunctionScheduleFailed": ("lambdaFunctionScheduleFailedEventDetails", _ERROR),
    "LambdaFunctionStarted": _NONE,
    "LambdaFunctionStartFailed": ("lambdaFunctionStartFailedEventDetails", _ERROR),
    "LambdaFunctionSucceeded": ("lambdaFunctionSucceededEventDetails", ("output", "activationId")),
    "LambdaFunctionFailed": ("lambdaFunctionFailedEventDetails", (*_ERROR, "activationId")),
    "LambdaFunctionTimedOut": ("lambdaFunctionTimedOutEventDetails", _ERROR),
    "ActivityScheduled": (
        "activityScheduledEventDetails",
        ("resource", "input", "timeoutInSeconds", "heartbeatInSeconds"),
    ),
    "ActivityScheduleFailed": ("activityScheduleFailedEventDetails", _ERROR),
    "ActivityStarted": ("activityStartedEventDetails", ("workerName",)),
    "ActivitySucceeded": ("activitySucceededEventDetails", ("output",)),
    "ActivityFailed": ("activityFailedEventDetails", _ERROR),
    "ActivityTimedOut": ("activityTimedOutEventDetails", _ERROR),
    "MapRunStarted": ("mapRunStartedEventDetails", ("mapRunArn",)),
    "MapRunSucceeded": _NONE,
    "MapRunFailed": ("mapRunFailedEventDetails", _ERROR),
    "MapRunAborted": _NONE,
    "MapRunRedriven": ("mapRunRedrivenEventDetails", ("mapRunArn", "redriveCount")),
    "EvaluationFailed": ("evaluationFailedEventDetails", (*_ERROR, "location", "state")),
}

CODES: Final[dict[str, int]] = {type: code for code, type in enumerate(_TABLE)}
TYPES: Final[tuple[str, ...]] = tuple(_TABLE)
# For each code: whether each value of its row is a JSON value (a payload) or shown as it is.
PAYLOADS: Final[tuple[tuple[bool, ...], ...]] = tuple(
    tuple(field in _PAYLOADS for field in fields) for _, fields in _TABLE.values()
)


class HistoryEvent(msgspec.Struct, frozen=True, gc=False):
    """One event: its id, the id it points back to, its time, its type's code, and its values in the table's order.

    A value is ABSENT where the event does not have that field; trailing absent values may be left out.
    """

    id: int
    previous: int
    at_ms: int
    code: int
    values: tuple[Json, ...]

    @property
    def type(self) -> str:
        """The type's name, as in GetExecutionHistory."""
        return TYPES[self.code]


def or_absent(value: Json) -> Json:
    """The value of a field that is left out when there is none."""
    return ABSENT if value is None else value


def describe(event: HistoryEvent, include_data: bool = True) -> dict[str, Json]:
    """The event as GetExecutionHistory shows it; `timestamp` is seconds since the epoch.

    Without `include_data` inputs and outputs are left out, as with includeExecutionData=false.
    """
    member, fields = _TABLE[event.type]
    shown: dict[str, Json] = {
        "timestamp": event.at_ms / 1000,
        "type": event.type,
        "id": event.id,
        "previousEventId": event.previous,
    }
    if member is None:
        return shown
    details: dict[str, Json] = {}
    for field, value in zip(fields, event.values, strict=False):
        if value is ABSENT:
            continue
        if field in _DETAILED:
            if include_data:
                details[field] = write_json_text(value)
                details[f"{field}Details"] = {"truncated": False}
        elif field in _PAYLOADS:
            details[field] = write_json_text(value)
        elif field == "assignedVariables":
            if include_data:
                details[field] = {name: write_json_text(value[name]) for name in sorted(value)}
                details[f"{field}Details"] = {"truncated": False}
        else:
            details[field] = value
    shown[member] = details
    return shown
