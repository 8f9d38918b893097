"""What must be so of any history, and of any execution between two events."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from statebox.asl.execution import Execution, OnChild, OnChildren, OnTurn, Status
from statebox.asl.history import HistoryEvent
from statebox.asl.variables import bytes_of

_ENDINGS: Final = {"ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"}
# The start, the root's first state, and what ends all from outside point back to nothing.
_POINT_NOWHERE: Final = {"ExecutionStarted", "ExecutionTimedOut", "ExecutionAborted"}


def check_history(execution: Execution, history: Sequence[HistoryEvent]) -> None:
    """Ids without gaps, pointers back, times in order, one end at the end, each Exited after its Entered."""
    types = [event.type for event in history]
    assert types[0] == "ExecutionStarted"
    assert types.count("ExecutionStarted") == 1
    assert [event.id for event in history] == list(range(1, len(history) + 1))
    assert execution.next_event == len(history) + 1
    assert all(0 <= event.previous < event.id for event in history)
    nowhere = [event for event in history if event.previous == 0 and event.type not in _POINT_NOWHERE]
    # AWS lets a failed evaluation point at what was before the state.
    assert all(event.type.endswith("StateEntered") or event.type == "EvaluationFailed" for event in nowhere)
    assert len([event for event in nowhere if event.type != "EvaluationFailed"]) <= 1
    assert all(one.at_ms <= other.at_ms for one, other in pairwise(history))
    endings = [place for place, type in enumerate(types) if type in _ENDINGS]
    assert endings == ([len(history) - 1] if execution.ended else [])
    for event in history:
        if event.type.endswith("StateExited"):
            assert entered_before(history, event) is not None, f"{event.type} {event.id} has no Entered"


def entered_before(history: Sequence[HistoryEvent], exited: HistoryEvent) -> HistoryEvent | None:
    """The Entered of the same state that the chain of an Exited comes to, going back."""
    wanted = exited.type.replace("Exited", "Entered")
    at = exited
    while at.previous:
        at = history[at.previous - 1]
        if at.type == wanted and at.values[0] == exited.values[0]:
            return at
    return None


def check_between(execution: Execution) -> None:
    """Somebody looks after every branch: the bound of transitions and its marks agree, and forks count right."""
    branches = execution.branches
    if execution.ended:
        assert not branches or execution.status is not Status.SUCCEEDED
        assert not execution.unfinished
        assert not list(execution.outstanding())
        return
    assert execution.variables_bytes == sum(bytes_of(branch.variables) for branch in branches.values())
    left_undone = False
    for branch in branches.values():
        assert branch.parent is None or branch.parent in branches
        assert branch.state is None or branch.waiting is not None, f"nobody looks after {branch.id}"
        if isinstance(branch.waiting, OnTurn):
            left_undone = True
        if isinstance(branch.waiting, OnChildren):
            fork = branch.waiting
            room = fork.concurrency == 0 or fork.running < fork.concurrency
            left_undone |= fork.begun < fork.total and room
            children = [one for one in branches.values() if one.parent == branch.id]
            assert {one.index for one in children} == set(range(fork.begun))
            running = [one for one in children if one.state is not None or isinstance(one.waiting, OnChild)]
            assert len(running) == fork.running, f"{branch.id} counts wrong"
            assert running or left_undone
    assert execution.unfinished or not left_undone
    assert not (execution.idle and left_undone)
