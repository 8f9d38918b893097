"""The interpreter: `advance` turns an execution and an event into the next execution and its new history events.

It is a pure function. Everything that needs nobody (Pass, Choice, Succeed, Fail, finished branches) runs through until
all branches wait, the execution has ended, or the bound of transitions is reached; then `unfinished` is set and the
event Continued goes on. All effects on the world are read off the new value by `Execution.outstanding()`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from statebox.asl.commands import AwaitCallback
from statebox.asl.data.allowance import Allowance
from statebox.asl.definition import StateMachine
from statebox.asl.events import AnyEvent, EvaluationAborted, ExecutionRedriven
from statebox.asl.execution import ROOT, Branch, Execution, Status
from statebox.asl.history import HistoryEvent
from statebox.asl.jsontext import Json
from statebox.asl.limits import HistoryFull, Limits
from statebox.asl.moment import Moment
from statebox.asl.stepping.happenings import happen, overflow
from statebox.asl.stepping.redriving import running_again
from statebox.asl.stepping.walking import run
from statebox.asl.stepping.working_copy import WorkingCopy

UNLIMITED: Final = Limits(payload_bytes=0, events=0, variables_bytes=0)


class Step(msgspec.Struct, frozen=True):
    """What one advance (or several, joined) made of an execution.

    `changed` names the branches to write, `reloaded` those of them whose data changed, `removed` those that are over.
    `opened` are callbacks to write, `closed` the tokens of those that ended without an answer. `map_runs` is what is
    new about map runs, by their ARNs; see engine.records.MapRun.
    """

    execution: Execution
    history: tuple[HistoryEvent, ...] = ()
    changed: frozenset[str] = frozenset()
    reloaded: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    opened: tuple[AwaitCallback, ...] = ()
    closed: tuple[str, ...] = ()
    map_runs: Mapping[str, Mapping[str, Json]] = {}

    def then(self, later: Step) -> Step:
        """This step and a later one as one."""
        return joined([self, later])


def joined(steps: Sequence[Step]) -> Step:
    """Steps that follow each other as one; there must be one at least."""
    if len(steps) == 1:
        return steps[0]
    changed: set[str] = set()
    reloaded: set[str] = set()
    removed: set[str] = set()
    opened: dict[str, AwaitCallback] = {}
    map_runs: dict[str, Mapping[str, Json]] = {}
    for step in steps:
        changed |= step.changed
        changed -= step.removed
        reloaded |= step.reloaded
        reloaded -= step.removed
        removed |= step.removed
        removed -= step.changed
        for arn, told in step.map_runs.items():
            map_runs[arn] = {**map_runs.get(arn, {}), **told}
        opened.update((command.token, command) for command in step.opened)
        for token in step.closed:
            opened.pop(token, None)
    return Step(
        execution=steps[-1].execution,
        history=tuple(event for step in steps for event in step.history),
        changed=frozenset(changed),
        reloaded=frozenset(reloaded),
        removed=frozenset(removed),
        opened=tuple(opened.values()),
        closed=tuple(token for step in steps for token in step.closed),
        map_runs=map_runs,
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
    """Apply one event. An event for something that is over changes nothing, but for a redrive of what did not succeed.

    Raises BranchesNeeded when the execution was loaded in part and more of it is needed: load those and call again.
    Raises OutOfSteps when evaluating would take more than the allowance, or a time that nobody can foresee. `watch` is
    told the number of each evaluation that begins, so that it is known which one had to be cut off.
    """
    aborted: dict[int, str] = {}
    if isinstance(event, EvaluationAborted):
        aborted, event = dict(event.evaluations), event.event
    before = execution
    if isinstance(event, ExecutionRedriven) and execution.ended and execution.branches:
        execution = running_again(execution, machine, max(moment.now_ms, execution.now_ms))
    elif execution.ended or isinstance(event, ExecutionRedriven):
        return Step(execution)
    copy = WorkingCopy(machine, execution, moment, limits, allowance, watch, aborted)
    try:
        happen(copy, event)
        run(copy)
    except HistoryFull:
        overflow(copy)
    return _conclude(before, copy)


def _conclude(before: Execution, copy: WorkingCopy) -> Step:
    closed = copy.close()
    after = copy.execution(closed.branches)
    # Whatever it still stands at when it has ended, nobody waits there any more.
    old = _callbacks(before, frozenset(before.branches) if after.ended else closed.changed | closed.removed)
    new = _callbacks(after, closed.changed)
    answered = copy.answered
    return Step(
        execution=after,
        history=tuple(copy.history),
        changed=closed.changed,
        reloaded=closed.reloaded,
        removed=closed.removed,
        opened=tuple(command for token, command in new.items() if old.get(token) != command),
        closed=tuple(token for token in old if token not in new and token not in answered),
        map_runs=copy.map_runs,
    )


def _callbacks(execution: Execution, ids: frozenset[str]) -> dict[str, AwaitCallback]:
    if execution.ended:
        return {}
    return {
        command.token: command
        for id in ids
        # Most branches wait for no callback: their commands need not be made.
        if (branch := execution.branches.get(id)) is not None and getattr(branch.waiting, "token", None) is not None
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
