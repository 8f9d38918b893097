"""Happenings: what can happen to an execution from outside, and how it reaches the line that waits for it."""

from __future__ import annotations

import msgspec

from statebox.asl.errors import RUNTIME, TIMEOUT
from statebox.asl.events import (
    AnyEvent,
    CallbackAnswered,
    Continued,
    ExecutionRedriven,
    ExecutionStarted,
    ExecutionStopped,
    MapRunUpdated,
    TaskFailed,
    TaskSucceeded,
    TimerFired,
    place_of,
)
from statebox.asl.execution import ROOT, Branch, OnChild, OnChildren, OnRetry, OnTask, OnTimer, OnTurn, Status
from statebox.asl.history import CODES, or_absent
from statebox.asl.lines import BranchesNeeded
from statebox.asl.stepping.forks import begin_children, hear_of_child, update_run
from statebox.asl.stepping.redriving import redrive
from statebox.asl.stepping.walking import go_on_with, resume, try_again
from statebox.asl.stepping.working_copy import WorkingCopy


def happen(copy: WorkingCopy, event: AnyEvent) -> None:
    """Let an event happen; nothing changes when nobody waits for it."""
    match event:
        case ExecutionStarted():
            _start(copy)
        case Continued():
            _go_on(copy)
        case ExecutionRedriven():
            redrive(copy)
        case ExecutionStopped(error, cause):
            copy.lines.require_whole(ROOT)
            copy.write(0, CODES["ExecutionAborted"], or_absent(error), or_absent(cause))
            copy.end(Status.ABORTED, None, error, cause)
        case TimerFired(""):
            _time_out(copy)
        case _:
            branch = place_of(event)
            assert branch is not None
            _reach(copy, branch, event)


def overflow(copy: WorkingCopy) -> None:
    """End the execution because its history is as long as it may be."""
    copy.lines.require_whole(ROOT)
    cause = f"The execution reached the maximum number of history events ({copy.limits.events})."
    copy.full = True
    copy.write(copy.next_event - 1, CODES["ExecutionFailed"], RUNTIME, cause)
    copy.end(Status.FAILED, None, RUNTIME, cause)


def _start(copy: WorkingCopy) -> None:
    started = copy.before
    qualified = [arn for arn in (started.version_arn, started.alias_arn) if arn is not None]
    copy.write(0, CODES["ExecutionStarted"], started.input, started.role_arn, *qualified)
    copy.ready.append(copy.opened(ROOT))


def _time_out(copy: WorkingCopy) -> None:
    """End the execution when its own deadline has passed."""
    deadline_ms = copy.before.deadline_ms
    if deadline_ms is None or copy.now_ms < deadline_ms:
        return
    copy.lines.require_whole(ROOT)
    copy.write(0, CODES["ExecutionTimedOut"], TIMEOUT)
    # AWS tells the error in the event only.
    copy.end(Status.TIMED_OUT)


def _go_on(copy: WorkingCopy) -> None:
    """Go on with what the bound of transitions had left: first lines that are there, then those still to begin."""
    copy.unfinished = False
    left = sorted((b for b in copy.lines.before() if _is_left(b)), key=lambda b: [int(n) for n in b.id.split(".")])
    # Not always the same one first: what loops must not keep the others from their turn.
    first = copy.next_event % len(left) if left else 0
    for branch in left[first:] + left[:first]:
        if copy.exhausted():
            return
        # One that gave up may have taken others with it.
        line = copy.lines.open(branch.id)
        if line is None or copy.ending is not None:
            continue
        if isinstance(line.waiting, OnTurn):
            copy.ready.append(line)
        elif isinstance(line.waiting, OnChildren):
            go_on_with(copy, begin_children(copy, line, copy.state_of(line), line.waiting.started))


def _is_left(branch: Branch) -> bool:
    """Whether the bound of transitions left something of a branch to be gone on with."""
    match branch.waiting:
        case OnTurn():
            return True
        case OnChildren(begun=begun, total=total, running=running, concurrency=concurrency, pending=pending):
            return (begun < total or pending > 0) and (concurrency == 0 or running < concurrency)
        case _:
            return False


def _reach(copy: WorkingCopy, branch: str, event: AnyEvent) -> None:
    """Let an event reach the branch that waits for it."""
    found = copy.before.branches.get(branch)
    if found is None and not copy.before.whole:
        raise BranchesNeeded(ROOT)
    match None if found is None else found.waiting:
        case OnTimer(until_ms) if isinstance(event, TimerFired) and copy.now_ms >= until_ms:
            resume(copy, copy.opened(branch), event)
        case OnRetry(until_ms) if isinstance(event, TimerFired) and copy.now_ms >= until_ms:
            try_again(copy, copy.opened(branch))
        case OnChildren() if isinstance(event, MapRunUpdated):
            line = copy.opened(branch)
            go_on_with(copy, update_run(copy, line, copy.state_of(line), event))
        case OnTask(deadline_ms=deadline_ms) if isinstance(event, TimerFired):
            if deadline_ms is not None and copy.now_ms >= deadline_ms:
                resume(copy, copy.opened(branch), event)
        case OnTask() as waiting:
            if getattr(event, "task", None) == f"{branch}:{waiting.event}":
                _note_answer(copy, waiting, event)
                resume(copy, copy.opened(branch), event)
        case OnChild() as waiting:
            if getattr(event, "task", None) == f"{branch}:{waiting.event}":
                go_on_with(copy, hear_of_child(copy, copy.opened(branch), waiting, event))
        case _:
            pass


def _note_answer(copy: WorkingCopy, waiting: OnTask, event: AnyEvent) -> None:
    match event:
        case CallbackAnswered():
            token = waiting.token
        case TaskSucceeded(token=token) | TaskFailed(token=token):
            pass
        case _:
            token = None
    if token is not None:
        copy.answered.add(token)
        # Whoever waited for the reply has had it; what comes now is for whoever answered.
        copy.response = msgspec.UNSET
