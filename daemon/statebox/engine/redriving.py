"""Redriving: what ended without success goes on under its own name, where it can."""

from __future__ import annotations

from typing import Final

import msgspec

from statebox.asl.events import ExecutionRedriven
from statebox.asl.execution import Execution, Status
from statebox.engine.advancing import Program
from statebox.engine.checkpoints import checkpoint_of
from statebox.engine.ownership import Ended, Started
from statebox.engine.surroundings import Surroundings

# AWS's: how long after its end, and how often, an execution can be redriven.
_REDRIVABLE_MS: Final = 14 * 24 * 3600 * 1000
_MOST_REDRIVES: Final = 1000
_MOST_EVENTS: Final = 24_999


def why_not_redrivable(execution: Execution, now_ms: int) -> str | None:
    """Why an execution cannot be redriven, in AWS's words; None where it can."""
    if execution.status in (Status.RUNNING, Status.SUCCEEDED):
        return f"Execution is {execution.status} and cannot be redriven"
    if execution.next_event > _MOST_EVENTS:
        return "Execution history event limit exceeded"
    if not execution.branches:
        return "Execution was started before the launch of RedriveExecution"
    if execution.stopped_ms is not None and now_ms - execution.stopped_ms > _REDRIVABLE_MS:
        return "Execution redrivable period exceeded"
    if execution.redrives >= _MOST_REDRIVES:
        return "Execution redrive limit exceeded"
    return None


class Redriven(msgspec.Struct, frozen=True):
    """The value after the first step of a redrive, and what the store said to it."""

    execution: Execution
    started: Started


async def redrive(around: Surroundings, program: Program, ended: Ended, operation: str) -> Redriven | None:
    """Write the first step of a redrive; None when the execution is not any more as it was read."""
    step = await around.advancing(program, ended.execution, [ExecutionRedriven()])
    checkpoint = checkpoint_of(step)
    started = await around.store.redrive(ended, checkpoint, operation)
    if started is None:
        return None
    if checkpoint.letters:
        around.post(step.execution.shard, checkpoint.letters)
    return Redriven(step.execution, started)
