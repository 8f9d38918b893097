"""Redriving: an execution that ended without success goes on; what had succeeded in it is not done again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from statebox.asl.at_work import RUNNING
from statebox.asl.definition import StateMachine
from statebox.asl.execution import ROOT, ChildEnded, Execution, OnChild, OnChildren, OnRetry, OnTask, OnTurn, Status
from statebox.asl.history import CODES
from statebox.asl.lines import Line
from statebox.asl.states.map import Map
from statebox.asl.states.resource import READ_ITEMS, WRITE_RESULT
from statebox.asl.stepping.forks import begin_children
from statebox.asl.stepping.walking import go_on_with, try_again
from statebox.asl.stepping.working_copy import WorkingCopy
from statebox.asl.variables import bytes_of

_MAP_RUN_REDRIVEN: Final = CODES["MapRunRedriven"]
# These do their work anew in the state that they are in, the others enter theirs once more.
_TRIED_AGAIN: Final = ("Task", "Wait", "Parallel", "Map")


def running_again(execution: Execution, machine: StateMachine, now_ms: int) -> Execution:
    """The execution as it begins its redrive: with the whole of its time before it."""
    deadline_ms = None
    if machine.timeout_seconds is not None and execution.parent is None:
        deadline_ms = now_ms + machine.timeout_seconds * 1000
    return msgspec.structs.replace(
        execution,
        status=Status.RUNNING,
        output=None,
        error=None,
        cause=None,
        stopped_ms=None,
        deadline_ms=deadline_ms,
        redrives=execution.redrives + 1,
        redriven_ms=now_ms,
        variables_bytes=sum(bytes_of(branch.variables) for branch in execution.branches.values()),
    )


def redrive(copy: WorkingCopy) -> None:
    """Let every branch that has not succeeded go on from the state in which it stands."""
    before = copy.before
    event = copy.write(before.next_event - 1, CODES["ExecutionRedriven"], before.redrives)
    # First all are made ready, as one that fails at once may take others with it.
    lines = list(_made_ready(copy, copy.opened(ROOT), event))
    for line in lines:
        if copy.ending is not None:
            return
        if copy.lines.look(line.id) is not line:
            continue
        match line.waiting:
            case OnRetry() if copy.budget > 0:
                copy.budget -= 1
                try_again(copy, line)
            case OnChildren() as waiting:
                go_on_with(copy, begin_children(copy, line, copy.state_of(line), waiting.redriven or event))
            case _:
                pass


def _made_ready(copy: WorkingCopy, line: Line, event: int) -> Iterator[Line]:
    """Of a branch and those below it, those that are to be gone on with: innermost first."""
    line.retried = ()
    state = copy.state_of(line)
    match line.waiting:
        case OnTurn():
            copy.ready.append(line)
        case OnTask(resource=resource) if resource in (READ_ITEMS, WRITE_RESULT):
            # A map run that is read or written: it is wanted still.
            run = copy.evaluating(line, state).run
            if run is not None:
                copy.tell_of_run(run, status=RUNNING, stopped_ms=None)
        case OnChildren() as waiting if any(copy.lines.look(id) is not None for id in _below(line, waiting)):
            if isinstance(state, Map) and state.distributed is not None:
                _redrive_run(copy, line, waiting, event)
            else:
                for id in _below(line, waiting):
                    child = copy.lines.look(id)
                    if child is not None and child.state is not None:
                        yield from _made_ready(copy, copy.opened(id), event)
            yield line
        case _ if state.type not in _TRIED_AGAIN:
            line.waiting, line.last = OnTurn(), event
            copy.ready.append(line)
        case _:
            # What the bound of transitions leaves of these is tried again when that time has come, which is at once.
            line.waiting, line.last = OnRetry(copy.now_ms), event
            yield line


def _below(line: Line, waiting: OnChildren) -> Iterator[str]:
    """The branches below a fork; none of them is there where the fork itself has failed, so that it is begun anew."""
    return (f"{line.id}.{index}" for index in range(waiting.begun))


def _redrive_run(copy: WorkingCopy, line: Line, waiting: OnChildren, event: int) -> None:
    """A map run goes on: each child that has not succeeded is to be redriven in its turn."""
    pending = 0
    for id in _below(line, waiting):
        found = copy.lines.look(id)
        match None if found is None else found.waiting:
            case OnChild(name=name):
                child = copy.opened(id)
                child.waiting = ChildEnded(name, child.entered_ms, copy.now_ms, failed=True)
                pending += 1
            case ChildEnded(failed=True):
                pending += 1
            case _:
                pass
    redrives = waiting.redrives + 1
    line.last = copy.write(event, _MAP_RUN_REDRIVEN, waiting.map_run, redrives)
    copy.tell_of_run(
        waiting.map_run, status=RUNNING, stopped_ms=None, redrives=redrives, redriven_ms=copy.now_ms, pending=pending
    )
    line.waiting = msgspec.structs.replace(
        waiting, running=0, failed=0, redrives=redrives, redriven=line.last, pending=pending, again=0
    )
