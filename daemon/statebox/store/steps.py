"""Steps as arguments: what a checkpoint changes, in the order in which parts/write_step.lua reads it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from statebox.asl.commands import AwaitCallback
from statebox.asl.errors import RUNTIME
from statebox.asl.events import ExecutionStopped, TaskFailed, TaskSucceeded, place_of
from statebox.asl.execution import Branch, Execution, Status
from statebox.engine.ownership import Checkpoint
from statebox.store.chunks import write_chunk
from statebox.store.codec import FORMAT, Texts, write_data, write_record, write_state
from statebox.store.connection import Argument
from statebox.store.entries import write_entry
from statebox.store.keys import shard_of_token
from statebox.store.map_runs import run_fields, run_of

# The cause of a child that is stopped with its map run.
_STOPPED: Final = "The map run ended without this item"


def step_arguments(
    checkpoint: Checkpoint,
    token: str,
    sequence: int,
    lease_ms: int,
    daemon: str,
    retention_ms: int,
    texts: Texts,
    first: bool = False,
) -> list[Argument]:
    """The arguments for a step. The first one writes all branches there are. Raises ValueError for a foreign token."""
    execution = checkpoint.execution
    branches = execution.branches
    history = checkpoint.history
    arguments: list[Argument] = [
        token,
        sequence,
        lease_ms,
        daemon,
        FORMAT,
        "1" if checkpoint.release else "",
        _or_nothing(checkpoint.due_ms),
        retention_ms,
        execution.status,
        _or_nothing(execution.stopped_ms),
        execution.machine,
        execution.started_ms,
        write_state(execution, texts),
        checkpoint.consumed,
        write_chunk(history, texts) if history else "",
        *_told_parent(execution),
        write_entry(ExecutionStopped(RUNTIME, _STOPPED)) if checkpoint.stopped else "",
        "" if execution.map_run is None else run_of(execution.map_run),
        execution.items,
    ]
    if first:
        fields = _fields(branches.values(), branches.values(), texts)
    else:
        fields = _fields(
            [branches[id] for id in checkpoint.changed], [branches[id] for id in checkpoint.reloaded], texts
        )
    opened = _opened(checkpoint.opened, execution.shard)
    deadlines: list[Argument] = []
    for branch, deadline_ms in checkpoint.deadlines.items():
        deadlines += (branch, _or_nothing(deadline_ms))
    letters = [str(letter) for letter in checkpoint.letters]
    runs = [text for arn, told in checkpoint.map_runs.items() for text in run_fields(run_of(arn), told)]
    for values in (fields, checkpoint.removed, opened, checkpoint.closed, deadlines, checkpoint.stopped, letters, runs):
        arguments.append(len(values))
        arguments += values
    return arguments


def waiting_place(execution: Execution) -> tuple[Argument, Argument]:
    """For a map run's child its parent and the branch of it that waits, else nothing."""
    if execution.parent is None or execution.parent_task is None:
        return "", ""
    return execution.parent, place_of(TaskSucceeded(execution.parent_task, None)) or ""


def qualified(execution: Execution) -> Argument:
    """By which version and alias it was started, as start.lua reads it: empty for none."""
    if execution.version is None:
        return ""
    return str(execution.version) if execution.alias is None else f"{execution.version} {execution.alias}"


def _told_parent(execution: Execution) -> tuple[Argument, Argument]:
    """Who is told of the end of a map run's child, and what: the parent's id and the inbox entry."""
    if not execution.ended or execution.parent is None or execution.parent_task is None:
        return "", ""
    task = execution.parent_task
    if execution.status is Status.SUCCEEDED:
        return execution.parent, write_entry(TaskSucceeded(task, execution.output))
    return execution.parent, write_entry(TaskFailed(task, execution.error, execution.cause))


def _fields(changed: Iterable[Branch], reloaded: Iterable[Branch], texts: Texts) -> list[Argument]:
    fields: list[Argument] = []
    for branch in changed:
        fields += (f"b:{branch.id}", write_record(branch))
    for branch in reloaded:
        fields += (f"i:{branch.id}", write_data(branch, texts))
    return fields


def _opened(callbacks: Iterable[AwaitCallback], shard: int) -> list[Argument]:
    opened: list[Argument] = []
    for callback in callbacks:
        if shard_of_token(callback.token) != shard:
            raise ValueError(f"the continuation {callback.token} does not belong to shard {shard}")
        opened += (callback.token, callback.id, callback.state, callback.since_ms, _or_nothing(callback.deadline_ms))
    return opened


def _or_nothing(ms: int | None) -> Argument:
    return "" if ms is None else ms
