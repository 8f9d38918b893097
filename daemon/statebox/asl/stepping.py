"""Stepping: one advance at work. It walks lines through states, writes the history, and joins and aborts branches."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from statebox.asl.at_work import AtWork
from statebox.asl.data.allowance import Allowance
from statebox.asl.data.jsonata.templates import EvaluationFailure
from statebox.asl.data.jsonata_flow import JsonataFlow
from statebox.asl.definition import StateMachine
from statebox.asl.errors import (
    EXCEED_TOLERATED_FAILURE_THRESHOLD,
    HEARTBEAT_TIMEOUT,
    QUERY_EVALUATION_ERROR,
    RUNTIME,
    TIMEOUT,
    TOO_DEEP,
    StateFailure,
    too_large,
)
from statebox.asl.events import AnyEvent, CallbackAnswered, TaskFailed, TaskSubmitted, TaskSucceeded, TimerFired
from statebox.asl.execution import (
    ROOT,
    Branch,
    Execution,
    OnChild,
    OnChildren,
    OnRetry,
    OnTask,
    OnTimer,
    OnTurn,
    Status,
    Tolerated,
)
from statebox.asl.history import ABSENT, CODES, HistoryEvent
from statebox.asl.jsontext import Json, nests_too_deep, text_or_none
from statebox.asl.limits import HistoryFull, Limits
from statebox.asl.lines import BranchesNeeded, Line, Lines
from statebox.asl.moment import Dice, Moment, uuid_text
from statebox.asl.recovery import find_catcher, find_retrier
from statebox.asl.states.map import Map
from statebox.asl.states.parallel import Parallel
from statebox.asl.states.state import Await, Broken, Leave, State, Transition

_ABORTED: Final = {
    "Task": CODES["TaskStateAborted"],
    "Wait": CODES["WaitStateAborted"],
    "Parallel": CODES["ParallelStateAborted"],
    "Map": CODES["MapStateAborted"],
}
_SUCCEEDED: Final = {"Parallel": CODES["ParallelStateSucceeded"], "Map": CODES["MapStateSucceeded"]}
_FAILED: Final = {"Parallel": CODES["ParallelStateFailed"], "Map": CODES["MapStateFailed"]}
_ENDINGS: Final = {
    CODES[type] for type in ("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted")
}
# How the causes begin that name an expression, and not only its value.
_EXPRESSION: Final = "The JSONata expression "
_ITERATION_STARTED: Final = CODES["MapIterationStarted"]
_ITERATION_SUCCEEDED: Final = CODES["MapIterationSucceeded"]
_ITERATION_FAILED: Final = CODES["MapIterationFailed"]
_ITERATION_ABORTED: Final = CODES["MapIterationAborted"]


class Stepping:
    """The working copy of an execution during one advance."""

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
        self.history: list[HistoryEvent] = []
        self.answered: set[str] = set()
        self.now_ms = max(moment.now_ms, execution.now_ms)
        self.dice = Dice(moment.entropy)
        self.allowance = allowance
        self.before = execution
        self.response: Json | msgspec.UnsetType = execution.response
        self._machine = machine
        self._lines = Lines(execution.branches, execution.whole)
        self._ready: deque[Line] = deque()
        self._limits = limits
        self._budget = limits.transitions
        # What an earlier step left undone stays so until it is gone on with.
        self._unfinished = execution.unfinished
        self._next_event = execution.next_event
        # Evaluations are numbered, as those that were cut off fail when the same is done again.
        self._evaluations = 0
        self._watch = watch
        self._aborted = aborted
        self._ending: tuple[Status, Json, str | None, str | None] | None = None

    # What can happen

    def start(self) -> None:
        """Write the start and make the root ready."""
        self.write(0, CODES["ExecutionStarted"], self.before.input, self.before.role_arn)
        root = self._lines.open(ROOT)
        assert root is not None
        self._ready.append(root)

    def go_on(self) -> None:
        """Go on with what the bound of transitions had left: first lines that are there, then those still to begin."""
        self._unfinished = False
        left = sorted((b for b in self._lines.before() if _is_left(b)), key=lambda b: [int(n) for n in b.id.split(".")])
        # Not always the same one first: what loops must not keep the others from their turn.
        first = self._next_event % len(left) if left else 0
        for branch in left[first:] + left[:first]:
            if self._exhausted():
                return
            # One that gave up may have taken others with it.
            line = self._lines.open(branch.id)
            if line is None or self._ending is not None:
                continue
            if isinstance(line.waiting, OnTurn):
                self._ready.append(line)
            elif isinstance(line.waiting, OnChildren):
                self._begin_children(line, self._state_of(line), line.waiting.started)

    def abort(self, error: str | None, cause: str | None) -> None:
        """End the execution because somebody stopped it."""
        self._lines.require_whole(ROOT)
        self.write(0, CODES["ExecutionAborted"], _or_absent(error), _or_absent(cause))
        self._end_execution(Status.ABORTED, None, error, cause)

    def time_out(self) -> None:
        """End the execution when its own deadline has passed."""
        deadline_ms = self.before.deadline_ms
        if deadline_ms is None or self.now_ms < deadline_ms:
            return
        self._lines.require_whole(ROOT)
        self.write(0, CODES["ExecutionTimedOut"], TIMEOUT)
        # AWS tells the error in the event only.
        self._end_execution(Status.TIMED_OUT, None, None, None)

    def happen(self, branch: str, event: AnyEvent) -> None:
        """Let an event reach the branch that waits for it; nothing changes when none does."""
        if branch not in self.before.branches and not self.before.whole:
            raise BranchesNeeded(ROOT)
        waiting = self.before.branches[branch].waiting if branch in self.before.branches else None
        match waiting:
            case OnTimer(until_ms) if isinstance(event, TimerFired) and self.now_ms >= until_ms:
                self._resume(self._opened(branch), event)
            case OnRetry(until_ms) if isinstance(event, TimerFired) and self.now_ms >= until_ms:
                line = self._opened(branch)
                line.waiting = None
                self._go_on_with(line, self._attempt(line, self._state_of(line)))
            case OnTask() if isinstance(event, TimerFired):
                if waiting.deadline_ms is not None and self.now_ms >= waiting.deadline_ms:
                    self._resume(self._opened(branch), event)
            case OnTask():
                if getattr(event, "task", None) == f"{branch}:{waiting.event}":
                    self._note_answer(waiting, event)
                    self._resume(self._opened(branch), event)
            case OnChild():
                if getattr(event, "task", None) == f"{branch}:{waiting.event}":
                    self._child_told(self._opened(branch), waiting, event)
            case _:
                pass

    def run(self) -> None:
        """Walk every line that is ready until it waits."""
        while self._ready and self._ending is None:
            self._walk(self._ready.popleft())

    def overflow(self) -> None:
        """End the execution because its history is as long as it may be."""
        self._lines.require_whole(ROOT)
        cause = f"The execution reached the maximum number of history events ({self._limits.events})."
        self.write(self._next_event - 1, CODES["ExecutionFailed"], RUNTIME, cause)
        self._end_execution(Status.FAILED, None, RUNTIME, cause)

    # What comes of it

    def branches(self) -> Mapping[str, Branch]:
        """The branches after the step."""
        return {} if self._ending is not None else self._lines.close()

    def execution(self, branches: Mapping[str, Branch]) -> Execution:
        """The execution after the step."""
        before = self.before
        if not self.history and branches is before.branches and before.unfinished == self._unfinished:
            return before
        status, output, error, cause = self._ending or (before.status, None, None, None)
        return msgspec.structs.replace(
            before,
            status=status,
            output=output,
            error=error,
            cause=cause,
            stopped_ms=self.now_ms if self._ending is not None else None,
            next_event=self._next_event,
            now_ms=self.now_ms,
            branches=branches,
            response=self.response,
            unfinished=self._unfinished and self._ending is None,
        )

    def write(self, previous: int, code: int, *values: Json) -> int:
        """Write a history event; returns its id."""
        id = self._next_event
        if id >= self._limits.last_event and code not in _ENDINGS:
            raise HistoryFull
        self._next_event = id + 1
        self.history.append(HistoryEvent(id, previous, self.now_ms, code, values))
        return id

    def check(self, payload: Json, whose: str) -> None:
        """Raise StateFailure when a payload is larger or deeper than it may be."""
        text = text_or_none(payload)
        if text is None or nests_too_deep(text):
            raise StateFailure(RUNTIME, TOO_DEEP)
        if self._limits.exceeded_by(len(text)):
            raise too_large(whose)

    def visible(self, line: Line) -> Mapping[str, Json]:
        """The variables that a line's state can read: its own scope's and those of the scopes around it."""
        parent = line.parent
        if parent is None:
            return line.variables
        outer = self.visible(self._opened(parent))
        return {**outer, **line.variables} if line.variables else outer

    def item_of(self, line: Line) -> tuple[int, Json] | None:
        """The map item that a line works on: that of the nearest iteration around it."""
        around = line
        while around.parent is not None:
            parent = self._opened(around.parent)
            if isinstance(self._state_of(parent), Map) and around.index is not None:
                items: Json = parent.data if parent.items is msgspec.UNSET else parent.items
                return around.index, items[around.index]
            around = parent
        return None

    # One line

    def _walk(self, line: Line) -> None:
        # A fair share, then the others that are ready have their turn.
        for _ in range(max(1, self._budget // (len(self._ready) + 1))):
            if self._ending is not None:
                return
            if self._budget <= 0:
                line.waiting = OnTurn()
                self._unfinished = True
                return
            self._budget -= 1
            state = self._state_of(line)
            line.waiting = None
            line.entered_ms = self.now_ms
            line.came_from = line.last
            line.entered = line.last = self.write(line.last, state.entered_code, state.name, line.data)
            if not self._settle(line, state, self._attempt(line, state)):
                return
        self._ready.append(line)

    def _attempt(self, line: Line, state: State) -> Transition:
        line.arguments = line.items = msgspec.UNSET
        try:
            return state.enter(self._evaluating(line, state))
        except StateFailure as failure:
            return Broken(self._located(line, failure))

    def _evaluating(self, line: Line, state: State) -> AtWork:
        """What the state works with. Raises StateFailure when this evaluation had to be cut off."""
        self._evaluations += 1
        if self._watch is not None:
            self._watch(self._evaluations)
        reason = self._aborted.get(self._evaluations)
        if reason is not None:
            # It was costly: what has come of it is to be written before more is tried.
            self._budget = 0
            raise (
                EvaluationFailure(None, reason)
                if isinstance(state.flow, JsonataFlow)
                else StateFailure(RUNTIME, reason)
            )
        return AtWork(self, line, state)

    def _resume(self, line: Line, event: AnyEvent) -> None:
        state = self._state_of(line)
        waiting = line.waiting
        assert waiting is not None
        try:
            transition = state.resume(self._evaluating(line, state), waiting, event)
        except StateFailure as failure:
            transition = Broken(self._located(line, failure))
        match transition:
            case None:
                pass
            case Await(OnTask() as waiting):
                line.waiting = waiting
            case _:
                self._go_on_with(line, transition)

    def _go_on_with(self, line: Line, transition: Transition) -> None:
        if self._settle(line, self._state_of(line), transition):
            self._ready.append(line)

    def _settle(self, line: Line, state: State, transition: Transition) -> bool:
        """Do what the state said; true when the line stands before its next state."""
        match transition:
            case Leave(output, next, assigned):
                return self._leave(line, state, output, next, assigned)
            case Await(waiting, arguments, items):
                line.waiting, line.arguments, line.items = waiting, arguments, items
                if isinstance(waiting, OnChildren):
                    if waiting.total == 0:
                        return self._join(line, state)
                    self._begin_children(line, state, waiting.started)
                return False
            case Broken(failure):
                return self._broken(line, state, failure)

    def _wrong_with(
        self, line: Line, state: State, output: Json, assigned: Mapping[str, Json] | None
    ) -> StateFailure | None:
        """Why a state cannot hand this output on, and these variables."""
        try:
            if output is not line.data:
                self.check(output, state.name)
            if assigned:
                self.check(assigned, state.name)
        except StateFailure as failure:
            return failure if failure.error != RUNTIME else self._located(line, failure)
        return None

    def _leave(
        self, line: Line, state: State, output: Json, next: str | None, assigned: Mapping[str, Json] | None
    ) -> bool:
        wrong = self._wrong_with(line, state, output, assigned)
        if wrong is not None:
            return self._broken(line, state, wrong)
        if state.exited_code is not None:
            if assigned:
                line.last = self.write(line.last, state.exited_code, state.name, output, assigned)
                line.variables = {**line.variables, **assigned}
            else:
                line.last = self.write(line.last, state.exited_code, state.name, output)
        line.data = output
        line.retried = ()
        line.waiting = None
        line.arguments = line.items = msgspec.UNSET
        if next is not None:
            line.state = next
            return True
        self._end(line, state)
        return False

    def _end(self, line: Line, state: State) -> None:
        if line.parent is None:
            self.write(line.last, CODES["ExecutionSucceeded"], line.data)
            self._end_execution(Status.SUCCEEDED, line.data, None, None)
            return
        line.state = None
        parent = self._opened(line.parent)
        fork = self._state_of(parent)
        waiting = parent.waiting
        assert isinstance(waiting, OnChildren)
        latest = line.last
        if isinstance(fork, Map):
            latest = self.write(line.last, _ITERATION_SUCCEEDED, fork.name, line.index)
        parent.waiting = msgspec.structs.replace(
            waiting, running=waiting.running - 1, latest=max(waiting.latest, latest)
        )
        self._one_less(parent, fork, line.last)

    def _one_less(self, parent: Line, fork: State, latest: int) -> None:
        """A branch of a fork has ended: begin the next one, or join them all."""
        waiting = parent.waiting
        assert isinstance(waiting, OnChildren)
        if waiting.begun < waiting.total:
            self._begin_children(parent, fork, latest)
        elif waiting.running == 0 and self._join(parent, fork):
            self._ready.append(parent)

    def _child_told(self, line: Line, waiting: OnChild, event: AnyEvent) -> None:
        """What a distributed Map hears of one of its children."""
        assert line.parent is not None
        parent = self._opened(line.parent)
        fork = self._state_of(parent)
        children = parent.waiting
        assert isinstance(children, OnChildren)
        match event:
            case TaskSubmitted():
                line.waiting = msgspec.structs.replace(waiting, handed_over=True)
            case TaskSucceeded(output=output):
                line.waiting, line.data = None, output
                parent.waiting = msgspec.structs.replace(children, running=children.running - 1)
                self._one_less(parent, fork, children.started)
            case TaskFailed():
                line.waiting, line.data = Tolerated(), None
                children = msgspec.structs.replace(children, running=children.running - 1, failed=children.failed + 1)
                parent.waiting = children
                if children.failed <= children.bearable:
                    self._one_less(parent, fork, children.started)
                    return
                # All of them, so that none stays behind in the store.
                self._lines.children(parent.id, children.begun)
                self._remove_below(parent.id)
                failure = StateFailure(
                    EXCEED_TOLERATED_FAILURE_THRESHOLD, "The specified tolerated failure threshold was exceeded"
                )
                parent.last = self.write(parent.last, CODES["MapRunFailed"], failure.error, failure.cause)
                if self._broken(parent, fork, failure, forked=True):
                    self._ready.append(parent)
            case _:
                pass

    # Failures

    def _broken(self, line: Line, state: State, failure: StateFailure, forked: bool = False) -> bool:
        retriers, catchers = state.recovery
        place = find_retrier(retriers, failure)
        if place is not None:
            retried = line.retried or (0,) * len(retriers)
            if retried[place] < retriers[place].max_attempts:
                delay_ms = retriers[place].delay_ms(retried[place], self.dice)
                line.retried = (*retried[:place], retried[place] + 1, *retried[place + 1 :])
                line.waiting = OnRetry(self.now_ms + delay_ms)
                line.arguments = line.items = msgspec.UNSET
                return False
        if forked or (failure.error == QUERY_EVALUATION_ERROR and state.type in _FAILED):
            line.last = self.write(line.last, _FAILED[state.type])
        catcher = find_catcher(catchers, failure)
        if catcher is None:
            self._fail(line, state, failure)
            return False
        error: Json = {"Error": _shown(failure.error), "Cause": failure.cause}
        if failure.cause is None and error["Error"] == TIMEOUT:
            error["Cause"] = ""
        try:
            sources = self._evaluating(line, state).sources()
            output, assigned = catcher.flow.output(sources, error), catcher.flow.assigned(sources, error)
        except StateFailure as second:
            self._fail(line, state, self._located(line, second))
            return False
        return self._leave(line, state, output, catcher.next, assigned)

    def _fail(self, line: Line, state: State, failure: StateFailure) -> None:
        if line.parent is None:
            error = _shown(failure.error)
            self.write(line.last, CODES["ExecutionFailed"], _or_absent(error), _or_absent(failure.cause))
            self._end_execution(Status.FAILED, None, error, failure.cause)
            return
        parent = self._opened(line.parent)
        fork = self._state_of(parent)
        waiting = parent.waiting
        assert isinstance(waiting, OnChildren)
        siblings = self._lines.children(parent.id, waiting.begun)
        if isinstance(fork, Map):
            self.write(line.last, _ITERATION_FAILED, fork.name, line.index)
        if state.type in _ABORTED:
            self.write(line.last, _ABORTED[state.type])
        self._abort_children(parent, [sibling for sibling in siblings if sibling is not line], line.last)
        parent.last = line.last
        if self._broken(parent, fork, failure, forked=True):
            self._ready.append(parent)

    def _abort_children(self, parent: Line, children: Sequence[Line], failed: int) -> None:
        """Cut off branches at work because of the event `failed`, and forget all below their parent."""
        fork = self._state_of(parent)
        for child in children:
            if child.state is not None:
                if isinstance(fork, Map):
                    self.write(failed, _ITERATION_ABORTED, fork.name, child.index)
                self._write_aborted(child, failed)
        self._remove_below(parent.id)

    def _write_aborted(self, line: Line, failed: int) -> None:
        waiting = line.waiting
        if waiting is None or isinstance(waiting, OnTurn):
            return  # it had not entered its state
        if isinstance(waiting, OnChildren):
            self._abort_children(line, self._lines.children(line.id, waiting.begun), failed)
        code = _ABORTED.get(self._state_of(line).type)
        if code is not None:
            self.write(failed, code)

    def _located(self, line: Line, failure: StateFailure) -> StateFailure:
        """An evaluation's failure, told with the state where it happened; one of JSONata's has an event of its own."""
        cause = failure.cause or ""
        where = (
            f"An error occurred while executing the state '{line.state}' (entered at the event id #{line.entered}). "
        )
        located = StateFailure(failure.error, where + cause)
        if isinstance(failure, EvaluationFailure):
            # AWS lets it point at the event before the state when an expression fails before any work was done.
            before_work = line.last == line.entered and cause.startswith(_EXPRESSION)
            previous = line.came_from if before_work else line.last
            location = ABSENT if failure.location is None else failure.location
            line.last = self.write(
                previous, CODES["EvaluationFailed"], located.error, located.cause, location, line.state
            )
        return located

    # Children

    def _begin_children(self, line: Line, state: State, previous: int) -> None:
        waiting = line.waiting
        assert isinstance(waiting, OnChildren)
        begun, running = waiting.begun, waiting.running
        while begun < waiting.total and (waiting.concurrency == 0 or running < waiting.concurrency):
            if self._exhausted():
                break
            try:
                self._begin_child(line, state, begun, previous)
            except StateFailure as failure:
                line.waiting = msgspec.structs.replace(waiting, begun=begun, running=running)
                self._give_up(line, state, self._located(line, failure))
                return
            begun += 1
            running += 1
        line.waiting = msgspec.structs.replace(waiting, begun=begun, running=running)

    def _begin_child(self, line: Line, state: State, index: int, previous: int) -> None:
        match state:
            case Map():
                items: Json = line.data if line.items is msgspec.UNSET else line.items
                data = state.item_input(self._evaluating(line, state), index, items)
                if data is not items[index]:
                    self.check(data, state.name)
                if state.distributed is not None:
                    self._lines.add(self._distributed_child(line, state.name, index, data))
                    return
                last = self.write(previous, _ITERATION_STARTED, state.name, index)
            case Parallel():
                data, last = line.given, previous
            case _:
                raise AssertionError(f"{state.type} has no branches")
        scope = state.scope_of(index)
        start_at = self._machine.scopes[scope].start_at
        child = Branch(id=f"{line.id}.{index}", scope=scope, state=start_at, data=data, last=last, index=index)
        self._ready.append(self._lines.add(child))

    def _distributed_child(self, line: Line, scope: str, index: int, data: Json) -> Branch:
        waiting = line.waiting
        assert isinstance(waiting, OnChildren)
        id, uid = f"{line.id}.{index}", self.before.uid
        # The same for every try, so that a start that is repeated finds the child that is there.
        name = uuid_text(Dice(f"{uid} {id} {waiting.started}".encode()).bits(128), self.before.shard)
        child = OnChild(waiting.started, name, waiting.map_run)
        return Branch(id=id, scope=scope, state=None, data=data, waiting=child, index=index)

    def _give_up(self, line: Line, state: State, failure: StateFailure) -> None:
        """A Map that cannot make the next iteration's input fails as a whole."""
        waiting = line.waiting
        assert isinstance(waiting, OnChildren)
        self._abort_children(line, self._lines.children(line.id, waiting.begun), waiting.started)
        if self._broken(line, state, failure):
            self._ready.append(line)

    def _join(self, line: Line, state: State) -> bool:
        waiting = line.waiting
        assert isinstance(waiting, OnChildren)
        children = self._lines.children(line.id, waiting.total)
        outputs = [child.data for child in children if not isinstance(child.waiting, Tolerated)]
        self._remove_below(line.id)
        try:
            if isinstance(state, Map) and state.distributed is not None:
                joined = state.distributed_results(self._evaluating(line, state), waiting, outputs)
            else:
                latest = waiting.latest or waiting.started
                self.write(latest, _SUCCEEDED[state.type])
                line.last = latest
                joined = state.leave(self._evaluating(line, state), outputs)
        except StateFailure as failure:
            joined = Broken(self._located(line, failure))
        return self._settle(line, state, joined)

    def _remove_below(self, parent: str) -> None:
        self._lines.remove_below(parent)
        prefix = f"{parent}."
        self._ready = deque(line for line in self._ready if not line.id.startswith(prefix))

    # Small things

    def _exhausted(self) -> bool:
        """Whether the lines that are ready will use up the bound of transitions; the rest is left for the next step."""
        if len(self._ready) < self._budget:
            return False
        self._unfinished = True
        return True

    def _end_execution(self, status: Status, output: Json, error: str | None, cause: str | None) -> None:
        self._ending = (status, output, error, cause)

    def _note_answer(self, waiting: OnTask, event: AnyEvent) -> None:
        match event:
            case CallbackAnswered():
                token = waiting.token
            case TaskSucceeded(token=token) | TaskFailed(token=token):
                pass
            case _:
                token = None
        if token is not None:
            self.answered.add(token)
            # Whoever waited for the reply has had it; what comes now is for whoever answered.
            self.response = msgspec.UNSET

    def _opened(self, id: str) -> Line:
        line = self._lines.open(id)
        assert line is not None, f"branch {id} is not loaded"
        return line

    def _state_of(self, line: Line) -> State:
        assert line.state is not None
        return self._machine.scopes[line.scope].states[line.state]


def _is_left(branch: Branch) -> bool:
    """Whether the bound of transitions left something of a branch to be gone on with."""
    match branch.waiting:
        case OnTurn():
            return True
        case OnChildren(begun=begun, total=total, running=running, concurrency=concurrency):
            return begun < total and (concurrency == 0 or running < concurrency)
        case _:
            return False


def _shown(error: str | None) -> str | None:
    # AWS reports a missed heartbeat as a timeout; only Retry and Catch can tell the two apart.
    return TIMEOUT if error == HEARTBEAT_TIMEOUT else error


def _or_absent(value: Json) -> Json:
    return ABSENT if value is None else value
