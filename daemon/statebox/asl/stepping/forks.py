"""Forks: the branches of a Parallel and the items of a Map begin, end, and are joined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from statebox.asl.errors import EXCEED_TOLERATED_FAILURE_THRESHOLD, StateFailure, too_large
from statebox.asl.events import AnyEvent, MapRunUpdated, TaskFailed, TaskSubmitted, TaskSucceeded
from statebox.asl.execution import Branch, ChildEnded, OnChild, OnChildren, Status
from statebox.asl.history import CODES
from statebox.asl.jsontext import Json
from statebox.asl.lines import Line
from statebox.asl.moment import Dice, uuid_text
from statebox.asl.states.distributed import most_failures
from statebox.asl.states.map import Map
from statebox.asl.states.parallel import Parallel
from statebox.asl.states.results import ItemResult
from statebox.asl.states.state import Broken, State
from statebox.asl.stepping.failures import Said, abort_children, located
from statebox.asl.stepping.working_copy import WorkingCopy

_SUCCEEDED: Final = {"Parallel": CODES["ParallelStateSucceeded"], "Map": CODES["MapStateSucceeded"]}
_ITERATION_STARTED: Final = CODES["MapIterationStarted"]
_ITERATION_SUCCEEDED: Final = CODES["MapIterationSucceeded"]
_MAP_RUN_FAILED: Final = CODES["MapRunFailed"]


def begin_children(copy: WorkingCopy, line: Line, state: State, previous: int) -> Said | None:
    """Begin as many as may be at work at once. A Map that cannot make an iteration's input fails as a whole."""
    if _of(line).pending:
        _redrive_children(copy, line, state)
    waiting = _of(line)
    begun, running = waiting.begun, waiting.running
    while not waiting.pending and begun < waiting.total and (waiting.concurrency == 0 or running < waiting.concurrency):
        if copy.exhausted():
            break
        try:
            _begin_child(copy, line, state, begun, previous)
        except StateFailure as failure:
            line.waiting = msgspec.structs.replace(waiting, begun=begun, running=running)
            failure = located(copy, line, failure)
            abort_children(copy, line, copy.lines.children(line.id, begun), waiting.started)
            return line, state, Broken(failure)
        begun += 1
        running += 1
    line.waiting = msgspec.structs.replace(waiting, begun=begun, running=running)
    if waiting.map_run and begun > waiting.begun:
        copy.tell_of_run(waiting.map_run, begun=begun)
    return None


def tell_of_size(copy: WorkingCopy, waiting: OnChildren) -> None:
    """Tell how large a map run is and how it is to go on."""
    count, percentage = waiting.tolerated
    copy.tell_of_run(
        waiting.map_run,
        total=waiting.total,
        items=waiting.items,
        concurrency=waiting.concurrency,
        tolerated_count=None if count is None else int(count),
        tolerated_percentage=percentage,
    )


def update_run(copy: WorkingCopy, line: Line, state: State, event: MapRunUpdated) -> Said | None:
    """A map run goes on otherwise: with more or fewer at once, or bearing more or less."""
    waiting = _of(line)
    if event.task != f"{line.id}:{waiting.started}":
        return None
    count, percentage = waiting.tolerated
    if event.tolerated_count is not None:
        count = float(event.tolerated_count)
    if event.tolerated_percentage is not None:
        percentage = event.tolerated_percentage
    waiting = msgspec.structs.replace(
        waiting,
        concurrency=waiting.concurrency if event.concurrency is None else event.concurrency,
        tolerated=(count, percentage),
        bearable=most_failures((count, percentage), waiting.items),
    )
    line.waiting = waiting
    tell_of_size(copy, waiting)
    if waiting.failed > waiting.bearable:
        return _exceeded(copy, line, state)
    return begin_children(copy, line, state, waiting.started)


def _exceeded(copy: WorkingCopy, line: Line, state: State) -> Said:
    """More items of a map run have failed than it bears."""
    waiting = _of(line)
    # All of them, so that none stays behind in the store.
    copy.lines.children(line.id, waiting.begun)
    copy.remove_below(line.id, failed=True)
    failure = StateFailure(EXCEED_TOLERATED_FAILURE_THRESHOLD, "The specified tolerated failure threshold was exceeded")
    line.last = copy.write(line.last, _MAP_RUN_FAILED, failure.error, failure.cause)
    copy.tell_of_run(waiting.map_run, status=Status.FAILED, stopped_ms=copy.now_ms)
    return line, state, Broken(failure, inside=True)


def _redrive_children(copy: WorkingCopy, line: Line, state: State) -> None:
    """Of the children that ended without success, let as many go on as may be at work at once."""
    assert isinstance(state, Map)
    waiting = _of(line)
    items: Json = line.data if line.items is msgspec.UNSET else line.items
    copy.lines.require_all(line.id, waiting.begun)
    running, pending, again = waiting.running, waiting.pending, waiting.again
    while pending and (waiting.concurrency == 0 or running < waiting.concurrency) and not copy.exhausted():
        found = copy.lines.look(f"{line.id}.{again}")
        ended = None if found is None else found.waiting
        if isinstance(ended, ChildEnded) and ended.failed:
            child = copy.opened(f"{line.id}.{again}")
            child.data = state.item_input(copy.evaluating(line, state), again, items)
            items_in = state.items_in(child.data)
            child.waiting = OnChild(
                waiting.redriven, ended.name, waiting.map_run, redrives=waiting.redrives, items=items_in
            )
            running += 1
            pending -= 1
            copy.budget -= 1
        again += 1
    line.waiting = msgspec.structs.replace(waiting, running=running, pending=pending, again=again)
    copy.tell_of_run(waiting.map_run, pending=pending, again=again)


def _begin_child(copy: WorkingCopy, line: Line, state: State, index: int, previous: int) -> None:
    match state:
        case Map():
            items: Json = line.data if line.items is msgspec.UNSET else line.items
            data = state.item_input(copy.evaluating(line, state), index, items)
            if data is not items[index]:
                copy.check(data, state.name)
            if state.distributed is not None:
                copy.lines.add(_distributed_child(copy, line, state, index, data))
                return
            last = copy.write(previous, _ITERATION_STARTED, state.name, index)
        case Parallel():
            data, last = line.given, previous
        case _:
            raise AssertionError(f"{state.type} has no branches")
    scope = state.scope_of(index)
    start_at = copy.machine.scopes[scope].start_at
    child = Branch(id=f"{line.id}.{index}", scope=scope, state=start_at, data=data, last=last, index=index)
    copy.ready.append(copy.lines.add(child))


def child_name(uid: str, branch: str, started: int, shard: int) -> str:
    """The name of a map run's child: the same for every try, so that a start that is repeated finds who is there."""
    return uuid_text(Dice(f"{uid} {branch} {started}".encode()).bits(128), shard)


def _distributed_child(copy: WorkingCopy, line: Line, state: Map, index: int, data: Json) -> Branch:
    waiting = _of(line)
    id = f"{line.id}.{index}"
    name = child_name(copy.before.uid, id, waiting.started, copy.before.shard)
    child = OnChild(waiting.started, name, waiting.map_run, items=state.items_in(data))
    return Branch(id, state.scope_of(index), None, data, entered_ms=copy.now_ms, waiting=child, index=index)


def end_branch(copy: WorkingCopy, line: Line, parent: Line) -> Said | None:
    """A branch has ended below its parent."""
    line.state = None
    copy.variables.forget([line.variables])
    line.variables = {}
    fork = copy.state_of(parent)
    waiting = _of(parent)
    latest = line.last
    if isinstance(fork, Map):
        latest = copy.write(line.last, _ITERATION_SUCCEEDED, fork.name, line.index)
    parent.waiting = msgspec.structs.replace(waiting, running=waiting.running - 1, latest=max(waiting.latest, latest))
    return _one_less(copy, parent, fork, line.last)


def _one_less(copy: WorkingCopy, parent: Line, fork: State, latest: int) -> Said | None:
    """Begin the next branch in place of one that ended, or join them all."""
    waiting = _of(parent)
    if waiting.begun < waiting.total or waiting.pending:
        return begin_children(copy, parent, fork, latest)
    return join(copy, parent, fork) if waiting.running == 0 else None


def join(copy: WorkingCopy, line: Line, state: State) -> Said:
    """All branches have ended: go on with their outputs."""
    waiting = _of(line)
    children = copy.lines.children(line.id, waiting.total)
    copy.remove_below(line.id)
    try:
        if isinstance(state, Map) and state.distributed is not None:
            results = _results(line, children)
            return line, state, state.distributed_results(copy.evaluating(line, state), waiting, results)
        latest = waiting.latest or waiting.started
        copy.write(latest, _SUCCEEDED[state.type])
        line.last = latest
        outputs = [child.data for child in children]
        if copy.are_too_much(outputs):
            return line, state, Broken(too_large(state.name))
        return line, state, state.leave(copy.evaluating(line, state), outputs)
    except StateFailure as failure:
        return line, state, Broken(located(copy, line, failure))


def _results(line: Line, children: Sequence[Line]) -> list[ItemResult]:
    items: Json = line.data if line.items is msgspec.UNSET else line.items
    return [
        ItemResult(item, child.data, child.waiting)
        for item, child in zip(items, children, strict=True)
        if isinstance(child.waiting, ChildEnded)
    ]


def hear_of_child(copy: WorkingCopy, line: Line, waiting: OnChild, event: AnyEvent) -> Said | None:
    """What a distributed Map hears of one of its children."""
    assert line.parent is not None
    parent = copy.opened(line.parent)
    fork = copy.state_of(parent)
    children = _of(parent)
    match event:
        case TaskSubmitted():
            line.waiting = msgspec.structs.replace(waiting, handed_over=True)
            return None
        case TaskSucceeded(output=output):
            line.waiting, line.data = ChildEnded(waiting.name, line.entered_ms, copy.now_ms), output
            parent.waiting = msgspec.structs.replace(children, running=children.running - 1)
            return _one_less(copy, parent, fork, children.started)
        case TaskFailed(error=error, cause=cause):
            line.waiting = ChildEnded(waiting.name, line.entered_ms, copy.now_ms, True, error, cause)
            # All items of a batch have failed with it.
            failed = children.failed + (fork.items_in(line.data) if isinstance(fork, Map) else 1)
            line.data = None
            children = msgspec.structs.replace(children, running=children.running - 1, failed=failed)
            parent.waiting = children
            if children.failed <= children.bearable:
                return _one_less(copy, parent, fork, children.started)
            return _exceeded(copy, parent, fork)
        case _:
            return None


def _of(line: Line) -> OnChildren:
    waiting = line.waiting
    assert isinstance(waiting, OnChildren)
    return waiting
