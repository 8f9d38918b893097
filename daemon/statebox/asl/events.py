"""The events: everything that can happen to an execution from outside. `advance` takes one at a time.

A task is addressed by the place that waits for it, `<branch>:<event id>` (the id of its TaskScheduled event), so a late
event for an attempt that is over addresses nothing and changes nothing.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from statebox.asl.jsontext import Json


class Event(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Anything that happens to an execution."""


class ExecutionStarted(Event, frozen=True):
    """The execution begins; its input stands in the Execution."""


class Continued(Event, frozen=True):
    """Go on with what the last advance left because it had reached its bound of transitions."""


class TaskSubmitted(Event, frozen=True):
    """The task runs elsewhere under a reference; from here on it is polled and never invoked again.

    `reference` is what the invoker needs to poll (an activation id), `output` the submit call's response.
    """

    task: str
    reference: str
    output: Json


class TaskSucceeded(Event, frozen=True):
    """The task's result arrived.

    `reference` names the activation where there is one; `token` the continuation when this is somebody's answer to it.
    """

    task: str
    output: Json
    reference: str | None = None
    token: str | None = None


class CallbackAnswered(Event, frozen=True):
    """Somebody answered a callback without a payload: only `module:suspend` knows what to make of nothing."""

    task: str


class TaskFailed(Event, frozen=True):
    """The task failed. Error name and cause may each be missing; the other members are as in TaskSucceeded."""

    task: str
    error: str | None = None
    cause: str | None = None
    reference: str | None = None
    token: str | None = None


class TaskHeartbeat(Event, frozen=True):
    """Whoever works on the task says that it is still at it."""

    task: str


class ActivityTaken(Event, frozen=True):
    """A worker has fetched the activity's task, and says who it is where it wants to."""

    task: str
    worker: str | None = None


class TimerFired(Event, frozen=True):
    """A deadline of a branch, or (with the empty name) of the whole execution, may have passed: look at the moment."""

    branch: str


class ExecutionStopped(Event, frozen=True):
    """Somebody stopped the execution."""

    error: str | None = None
    cause: str | None = None


class MapRunUpdated(Event, frozen=True):
    """Somebody changed how a map run goes on; what is None stays as it is. `task` is its branch and MapStateStarted."""

    task: str
    concurrency: int | None = None
    tolerated_count: int | None = None
    tolerated_percentage: float | None = None


class ExecutionRedriven(Event, frozen=True):
    """An execution that ended without success goes on from where it failed. It is told to ended executions only."""


AnyEvent: TypeAlias = (
    ExecutionStarted
    | Continued
    | TaskSubmitted
    | TaskSucceeded
    | CallbackAnswered
    | TaskFailed
    | TaskHeartbeat
    | ActivityTaken
    | TimerFired
    | ExecutionStopped
    | ExecutionRedriven
    | MapRunUpdated
)


class EvaluationAborted(msgspec.Struct, frozen=True):
    """The event happens, but evaluations that had to be cut off fail their states.

    `evaluations` are (which one of this advance, counted from 1; why). It is told to `advance` only and never stored.
    """

    event: AnyEvent
    evaluations: tuple[tuple[int, str], ...]


def place_of(event: AnyEvent) -> str | None:
    """The branch that an event is for, or None when it concerns the whole execution."""
    match event:
        case TaskSubmitted() | TaskSucceeded() | CallbackAnswered() | TaskFailed() | TaskHeartbeat() | ActivityTaken():
            return event.task.rpartition(":")[0]
        case MapRunUpdated(task):
            return task.rpartition(":")[0]
        case TimerFired():
            return event.branch or None
        case _:
            return None
