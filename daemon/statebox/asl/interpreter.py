"""The interpreter: `advance` turns an execution and an event into the next execution and its new history events.

It is a pure function. Everything that needs nobody (Pass, Choice, Succeed, Fail, finished branches) runs through until
all branches wait, the execution has ended, or the bound of transitions is reached; then `unfinished` is set and the
event Continued goes on. All effects on the world are read off the new value by `Execution.outstanding()`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from statebox.asl.commands import AwaitCallback
from statebox.asl.data.allowance import Allowance
from statebox.asl.definition import StateMachine
from statebox.asl.events import AnyEvent, EvaluationAborted
from statebox.asl.execution import ROOT, Branch, Execution, Status
from statebox.asl.history import HistoryEvent
from statebox.asl.limits import HistoryFull, Limits
from statebox.asl.moment import Moment
from statebox.asl.stepping.happenings import happen, overflow
from statebox.asl.stepping.walking import run
from statebox.asl.stepping.working_copy import WorkingCopy

UNLIMITED: Final = Limits(payload_bytes=0, events=0)


class Step(msgspec.Struct, frozen=True):
    """What one advance (or several, joined) made of an execution.

    `changed` names the branches to write, `reloaded` those of them whose data changed, `removed` those that are over.
    `opened` are callbacks to write, `closed` the tokens of those that ended without an answer.
    """

    execution: Execution
    history: tuple[HistoryEvent, ...] = ()
    changed: frozenset[str] = frozenset()
    reloaded: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    opened: tuple[AwaitCallback, ...] = ()
    closed: tuple[str, ...] = ()

    def then(self, later: Step) -> Step:
        """This step and a later one as one."""
        opened = {command.token: command for command in (*self.opened, *later.opened)}
        gone = set(later.closed)
        return Step(
            execution=later.execution,
            history=self.history + later.history,
            changed=(self.changed | later.changed) - later.removed,
            reloaded=(self.reloaded | later.reloaded) - later.removed,
            removed=(self.removed | later.removed) - later.changed,
            opened=tuple(command for token, command in opened.items() if token not in gone),
            closed=self.closed + tuple(token for token in later.closed),
        )


def advance(
    machine: StateMachine,
    execution: Execution,
    event: AnyEvent | EvaluationAborted,
    moment: Moment,
    limits: Limits = UNLIMITED,
    *,
    allowance: Allowance | None = None,
    watch: Callable[[int], None] | None = None,
) -> Step:
    """Apply one event. An event for something that is over changes nothing.

    Raises BranchesNeeded when the execution was loaded in part and more of it is needed: load those and call again.
    Raises OutOfSteps when evaluating would take more than the allowance, or a time that nobody can foresee. `watch` is
    told the number of each evaluation that begins, so that it is known which one had to be cut off.
    """
    if execution.ended:
        return Step(execution)
    aborted: dict[int, str] = {}
    if isinstance(event, EvaluationAborted):
        aborted, event = dict(event.evaluations), event.event
    copy = WorkingCopy(machine, execution, moment, limits, allowance, watch, aborted)
    try:
        happen(copy, event)
        run(copy)
    except HistoryFull:
        overflow(copy)
    return _conclude(execution, copy)


def _conclude(before: Execution, copy: WorkingCopy) -> Step:
    branches = copy.branches()
    after = copy.execution(branches)
    changed, reloaded = _difference(before.branches, branches)
    removed = frozenset(before.branches.keys() - branches.keys())
    old = _callbacks(before, changed | removed)
    new = _callbacks(after, changed)
    answered = copy.answered
    return Step(
        execution=after,
        history=tuple(copy.history),
        changed=changed,
        reloaded=reloaded,
        removed=removed,
        opened=tuple(command for token, command in new.items() if old.get(token) != command),
        closed=tuple(token for token in old if token not in new and token not in answered),
    )


def _difference(before: Mapping[str, Branch], after: Mapping[str, Branch]) -> tuple[frozenset[str], frozenset[str]]:
    changed: list[str] = []
    reloaded: list[str] = []
    for id, branch in after.items():
        old = before.get(id)
        if old is branch:
            continue
        changed.append(id)
        if (
            old is None
            or old.data is not branch.data
            or old.arguments is not branch.arguments
            or old.items is not branch.items
        ):
            reloaded.append(id)
    return frozenset(changed), frozenset(reloaded)


def _callbacks(execution: Execution, ids: frozenset[str]) -> dict[str, AwaitCallback]:
    return {
        command.token: command
        for id in ids
        for command in execution.outstanding_of(id)
        if isinstance(command, AwaitCallback)
    }


def begin(execution: Execution, machine: StateMachine) -> Execution:
    """An execution that is about to start: it stands before the machine's first state."""
    deadline_ms = None
    if machine.timeout_seconds is not None and execution.parent is None:
        deadline_ms = execution.started_ms + machine.timeout_seconds * 1000
    root = Branch(id=ROOT, scope=execution.scope, state=machine.scopes[execution.scope].start_at, data=execution.input)
    return msgspec.structs.replace(
        execution, deadline_ms=deadline_ms, branches={ROOT: root}, status=Status.RUNNING, now_ms=execution.started_ms
    )
