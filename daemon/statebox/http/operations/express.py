"""The operation on express machines alone: start one and wait for its end."""

from __future__ import annotations

import math
from typing import Final

from statebox.asl.execution import Execution, Status
from statebox.asl.jsontext import Json
from statebox.engine.errors import InvalidExecutionInput
from statebox.engine.names import whole_machine
from statebox.http.operations.members import Arn, IncludedData, Name, Payload, TraceHeader, json_of
from statebox.http.protocol import Call, Operation
from statebox.http.shapes import ALL_DATA, data_shown, date
from statebox.http.validation import Request

# As AWS bills it: the memory in steps of 64 MB, the time in steps of 100 ms.
_MEMORY_MB: Final = 64
_STEP_MS: Final = 100


class StartSyncExecution(Request, frozen=True):
    """An express machine, and its input as JSON text."""

    state_machine_arn: Arn
    name: Name | None = None
    input: Payload = "{}"
    trace_header: TraceHeader | None = None
    included_data: IncludedData = ALL_DATA


async def start_sync_execution(call: Call, ask: StartSyncExecution) -> Json:
    """Run an express machine, and answer when it has ended."""
    input = json_of(ask.input, InvalidExecutionInput)
    ended = await call.service.start_sync_execution(whole_machine(ask.state_machine_arn), input, ask.name)
    shown = _ended_shown(ended, ask.included_data)
    return shown if ask.trace_header is None else {**shown, "traceHeader": ask.trace_header}


def _ended_shown(execution: Execution, included: str) -> dict[str, Json]:
    stopped_ms = execution.started_ms if execution.stopped_ms is None else execution.stopped_ms
    # What a daemon that stops cuts off is ABORTED in its record, which this operation has no word for.
    status = Status.FAILED if execution.status is Status.ABORTED else execution.status
    shown: dict[str, Json] = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine_arn,
        "name": execution.name,
        "startDate": date(execution.started_ms),
        "stopDate": date(stopped_ms),
        "status": status,
        "billingDetails": {
            "billedMemoryUsedInMB": _MEMORY_MB,
            "billedDurationInMilliseconds": max(1, math.ceil((stopped_ms - execution.started_ms) / _STEP_MS))
            * _STEP_MS,
        },
    }
    return shown | data_shown(execution, included)


EXPRESS: Final = (Operation(StartSyncExecution, start_sync_execution),)
