"""Checkpoints: what is to be written for a step, read off the value before it and the value after it."""

from __future__ import annotations

from collections.abc import Iterator

from statebox.asl.execution import ROOT, Execution, OnChild, OnTask
from statebox.asl.interpreter import Step
from statebox.asl.states.nested import waits_for_its_end
from statebox.engine.letters import Letter
from statebox.engine.names import child_id
from statebox.engine.nested_names import nested_in
from statebox.engine.ownership import Checkpoint


def checkpoint_of(
    step: Step, before: Execution | None = None, consumed: int = 0, parked: bool | None = None
) -> Checkpoint:
    """What to write for a step from the value before (None: the first step).

    It gives the lease back when nothing is left to be done in memory.
    """
    execution = step.execution
    if parked is None:
        parked = execution.idle
    release = parked or execution.ended
    return Checkpoint(
        execution=execution,
        changed=step.changed,
        reloaded=step.reloaded,
        removed=step.removed,
        history=step.history,
        consumed=consumed,
        opened=step.opened,
        closed=step.closed,
        deadlines={} if execution.ended else {id: _deadline(execution, id) for id in step.changed if id != ROOT},
        stopped=() if before is None else tuple(_stopped(step, before)),
        letters=tuple(letters_of(step, before)),
        map_runs=step.map_runs,
        release=release,
        due_ms=_due(execution) if release else None,
    )


def _stopped(step: Step, before: Execution) -> Iterator[str]:
    """The children that were waited for before the step and are not after it, but for those that told their end."""
    if before.ended:
        return
    ended = step.execution.ended
    for id in before.branches if ended else step.removed | step.changed:
        old, new = before.branches.get(id), step.execution.branches.get(id)
        if old is None or not isinstance(old.waiting, OnChild):
            continue
        if ended or new is None or (isinstance(new.waiting, OnChild) and new.waiting.name != old.waiting.name):
            yield child_id(old.waiting)


def letters_of(step: Step, before: Execution | None) -> Iterator[Letter]:
    """What nested executions are told, and what a nested one tells when it ends. Raises DataNeeded."""
    execution = step.execution
    if execution.ended and execution.answers is not None:
        yield Letter("end", execution.id, execution.answers)
    if before is None or not step.closed:
        return
    for id in before.branches if execution.ended else step.removed | step.changed:
        old = before.branches.get(id)
        if old is None or not isinstance(old.waiting, OnTask) or old.waiting.token not in step.closed:
            continue
        if waits_for_its_end(old.waiting.resource) and (nested := nested_in(before, old)) is not None:
            yield Letter("stop", nested, old.waiting.token)


def _deadline(execution: Execution, branch: str) -> int | None:
    found = execution.branches.get(branch)
    return None if found is None else found.deadline_ms


def _due(execution: Execution) -> int | None:
    """The first deadline of the execution itself and of its root; the store knows those of the other branches."""
    if execution.ended:
        return None
    deadlines = (execution.deadline_ms, _deadline(execution, ROOT))
    return min((ms for ms in deadlines if ms is not None), default=None)
