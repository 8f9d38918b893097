"""The working copy of an execution during one advance: its lines, its new history, and what the step may use."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from statebox.asl.at_work import RUNNING, AtWork
from statebox.asl.data.allowance import Allowance
from statebox.asl.data.jsonata.templates import EvaluationFailure
from statebox.asl.data.jsonata_flow import JsonataFlow
from statebox.asl.definition import StateMachine
from statebox.asl.errors import RUNTIME, TOO_DEEP, StateFailure, too_large
from statebox.asl.execution import Branch, Execution, OnChildren, OnTask, OnTurn, Status
from statebox.asl.history import CODES, HistoryEvent
from statebox.asl.jsontext import Json, nests_too_deep, text_or_none
from statebox.asl.limits import HistoryFull, Limits
from statebox.asl.lines import Closed, Line, Lines
from statebox.asl.moment import Dice, Moment
from statebox.asl.states.map import Map
from statebox.asl.states.state import State
from statebox.asl.variables import Variables

_ENDINGS: Final = {
    CODES[type] for type in ("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted")
}
# How much of a payload counts as much as one more transition.
_BYTES_A_TRANSITION: Final = 16 << 10
# As many payloads of the largest size branches may hand over together: a ResultSelector can pick from these.
_MOST_TOGETHER: Final = 128


class WorkingCopy:
    """An execution that can be edited.

    `ready` are the lines that stand before a state, in turn; `budget` is how many states the step may still enter, less
    where payloads are large, and `unfinished` says that it left something undone. `answered` are the tokens of
    callbacks that got their answer. `ending` is how the execution ended, as (status, output, error, cause).
    """

    def __init__(
        self,
        machine: StateMachine,
        execution: Execution,
        moment: Moment,
        limits: Limits,
        allowance: Allowance | None = None,
        watch: Callable[[int], None] | None = None,
        aborted: Mapping[int, str] = {},
    ) -> None:
        self.machine = machine
        self.before = execution
        self.now_ms = max(moment.now_ms, execution.now_ms)
        self.dice = Dice(moment.entropy)
        self.allowance = allowance
        self.limits = limits
        self.lines = Lines(execution.branches, execution.whole)
        self.ready: deque[Line] = deque()
        self.budget = limits.transitions
        # What an earlier step left undone stays so until it is gone on with.
        self.unfinished = execution.unfinished
        self.history: list[HistoryEvent] = []
        self.next_event = execution.next_event
        self._last_event = limits.last_event
        self.variables = Variables(execution.variables_bytes, limits)
        self.answered: set[str] = set()
        # What is new about map runs, by their ARNs.
        self.map_runs: dict[str, dict[str, Json]] = {}
        self.response: Json | msgspec.UnsetType = execution.response
        self.ending: tuple[Status, Json, str | None, str | None] | None = None
        # Its history is: there is no going on from here.
        self.full = False
        # Evaluations are numbered, as those that were cut off fail when the same is done again.
        self._evaluations = 0
        self._watch = watch
        self._aborted = aborted

    # What comes of it

    def close(self) -> Closed:
        """The branches after the step."""
        if self.ending is None:
            return self.lines.close()
        if self.ending[0] is Status.SUCCEEDED or self.full:
            return Closed({}, removed=frozenset(self.before.branches))
        # What did not succeed may be redriven from where it stands.
        for line in self.ready:
            line.waiting = OnTurn()
        self.lines.restore_wreck()
        return self.lines.close()

    def execution(self, branches: Mapping[str, Branch]) -> Execution:
        """The execution after the step."""
        before = self.before
        if not self.history and branches is before.branches and before.unfinished == self.unfinished:
            return before
        status, output, error, cause = self.ending or (before.status, None, None, None)
        return msgspec.structs.replace(
            before,
            status=status,
            output=output,
            error=error,
            cause=cause,
            stopped_ms=self.now_ms if self.ending is not None else None,
            next_event=self.next_event,
            now_ms=self.now_ms,
            branches=branches,
            response=self.response,
            unfinished=self.unfinished and self.ending is None,
            variables_bytes=self.variables.bytes,
        )

    def end(self, status: Status, output: Json = None, error: str | None = None, cause: str | None = None) -> None:
        """End the execution, and with it the map runs that it still has."""
        if status is not Status.SUCCEEDED:
            for id, branch in self.before.branches.items():
                if isinstance(branch.waiting, OnTask | OnChildren) and (line := self.lines.open(id)) is not None:
                    self.abort_run(line)
        self.ending = (status, output, error, cause)

    # What a visit needs (at_work.Surroundings)

    def write(self, previous: int, code: int, *values: Json) -> int:
        """Write a history event; returns its id. Raises HistoryFull when only an ending still has room."""
        id = self.next_event
        if id >= self._last_event and code not in _ENDINGS:
            raise HistoryFull
        self.next_event = id + 1
        self.history.append(HistoryEvent(id, previous, self.now_ms, code, values))
        return id

    def check(self, payload: Json, whose: str) -> None:
        """Raise StateFailure when a payload is larger or deeper than it may be."""
        text = text_or_none(payload)
        if text is None or nests_too_deep(text):
            raise StateFailure(RUNTIME, TOO_DEEP)
        if self.limits.exceeded_by(len(text)):
            raise too_large(whose)
        # All that a step makes is written at once: large payloads use it up as many small states do.
        self.budget -= len(text) // _BYTES_A_TRANSITION

    def tell_of_run(self, map_run: str, **told: Json) -> None:
        """Note what is new about a map run."""
        self.map_runs.setdefault(map_run, {}).update(told)

    def are_too_much(self, payloads: Sequence[Json]) -> bool:
        """Whether together they are so far beyond one payload that nothing is to be made of them."""
        if len(payloads) <= _MOST_TOGETHER or self.limits.payload_bytes == 0:
            return False
        left = _MOST_TOGETHER * self.limits.payload_bytes
        for payload in payloads:
            left -= len(text_or_none(payload) or b"")
            if left < 0:
                return True
        return False

    def visible(self, line: Line) -> Mapping[str, Json]:
        """The variables that a line's state can read: its own scope's and those of the scopes around it."""
        parent = line.parent
        if parent is None:
            return line.variables
        outer = self.visible(self.opened(parent))
        return {**outer, **line.variables} if line.variables else outer

    def item_of(self, line: Line) -> tuple[int, Json, str | None] | None:
        """The map item that a line works on: that of the nearest iteration around it."""
        around = line
        while around.parent is not None:
            parent = self.opened(around.parent)
            if isinstance(self.state_of(parent), Map) and around.index is not None:
                items: Json = parent.data if parent.items is msgspec.UNSET else parent.items
                return around.index, items[around.index], None
            around = parent
        return None

    # What all that works on it needs

    def abort_run(self, line: Line) -> None:
        """The map run of a line, where it is at one, ends with what is around it."""
        state = None if line.state is None else self.state_of(line)
        if isinstance(state, Map) and state.distributed is not None:
            run = AtWork(self, line, state).run
            if run is not None and self.map_runs.get(run, {}).get("status", RUNNING) == RUNNING:
                self.tell_of_run(run, status=Status.ABORTED, stopped_ms=self.now_ms)

    def evaluating(self, line: Line, state: State) -> AtWork:
        """What the state works with. Raises StateFailure when this evaluation had to be cut off."""
        self._evaluations += 1
        if self._watch is not None:
            self._watch(self._evaluations)
        reason = self._aborted.get(self._evaluations)
        if reason is not None:
            # It was costly: what has come of it is to be written before more is tried.
            self.budget = 0
            raise (
                EvaluationFailure(None, reason)
                if isinstance(state.flow, JsonataFlow)
                else StateFailure(RUNTIME, reason)
            )
        return AtWork(self, line, state)

    def exhausted(self) -> bool:
        """Whether the lines that are ready will use up the bound of transitions; the rest is left for the next step."""
        if len(self.ready) < self.budget:
            return False
        self.unfinished = True
        return True

    def opened(self, id: str) -> Line:
        """The line of a branch that is known to be there."""
        line = self.lines.open(id)
        assert line is not None, f"branch {id} is not loaded"
        return line

    def state_of(self, line: Line) -> State:
        """The state that a line is in, or stands before."""
        assert line.state is not None
        return self.machine.scopes[line.scope].states[line.state]

    def remove_below(self, parent: str, failed: bool = False) -> None:
        """Forget all branches below a branch, which must still be waiting for them; see Lines.remove_below."""
        self.variables.forget(self.lines.variables_below(parent))
        self.lines.remove_below(parent, failed)
        if not self.ready:
            return
        prefix, left = f"{parent}.", deque[Line]()
        for line in self.ready:
            if not line.id.startswith(prefix):
                left.append(line)
            else:
                # It had not entered its state, which must be told from one that fails in it.
                line.waiting = OnTurn()
        self.ready = left
