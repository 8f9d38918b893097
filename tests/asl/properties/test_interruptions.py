"""A daemon may die after every step: what goes on from the bytes does what would have been done."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from statebox.asl.commands import AwaitCallback
from statebox.asl.definition import StateMachine, read
from statebox.asl.events import AnyEvent, Continued, place_of
from statebox.asl.execution import ROOT, Branch, Execution
from statebox.asl.history import HistoryEvent, describe
from statebox.asl.interpreter import Step, advance
from statebox.asl.jsontext import Json, write_json
from statebox.asl.limits import Limits
from statebox.asl.lines import BranchesNeeded
from statebox.asl.moment import Moment
from tests.asl.properties.machines import definitions
from tests.asl.properties.shelf import Shelf
from tests.asl.properties.world import SMALL, World, answered_by, fold, new, play

SEEDS = st.integers(0, 2**32)
Advance = Callable[[StateMachine, Shelf, AnyEvent, Callable[[int], Moment], Limits], Step]


def from_the_bytes(
    machine: StateMachine, shelf: Shelf, event: AnyEvent, moment: Callable[[int], Moment], limits: Limits
) -> Step:
    """Read all that was written, and go on from there."""
    return fold(machine, shelf.read(), event, moment, limits)


def from_some_of_the_bytes(
    machine: StateMachine, shelf: Shelf, event: AnyEvent, moment: Callable[[int], Moment], limits: Limits
) -> Step:
    """Read the way to the event alone, and more when more is asked for."""
    execution = shelf.read_some(place_of(event) or ROOT)
    while True:
        try:
            return fold(machine, execution, event, moment, limits)
        except BranchesNeeded as needed:
            execution = msgspec.structs.replace(
                execution,
                branches={**shelf.read_below(needed.parent), **execution.branches},
                whole=execution.whole or needed.parent == ROOT,
            )


def interrupted(machine: StateMachine, seed: int, go_on: Advance, limits: Limits) -> tuple[Execution, Shelf]:
    """The same story as `play` tells, with nothing kept in memory between two events."""
    execution = new(machine)
    shelf = Shelf(execution)
    world = World(seed, execution)
    event: AnyEvent | None = world.first()
    while event is not None:
        answered = answered_by(shelf.read(), event)
        step = go_on(machine, shelf, event, world.moment, limits)
        shelf.write(step, answered)
        execution = msgspec.structs.replace(step.execution, whole=True)
        event = world.next(execution if execution.ended else shelf.read())
    return execution, shelf


def the_same(one: Execution, other: Execution) -> bool:
    """Whether they are the same to the byte, but for the order in which branches stand in memory."""
    return _bytes(one) == _bytes(other)


def told(history: list[HistoryEvent]) -> list[bytes]:
    """The events as they are shown."""
    return [write_json(describe(event)) for event in history]


def _told_in_full(branch: Branch) -> Branch:
    # Values that are one object in memory are kept once; read from the bytes they are only equal.
    arguments = branch.data if branch.arguments is msgspec.UNSET else branch.arguments
    return msgspec.structs.replace(
        branch, arguments=arguments, items=branch.data if branch.items is msgspec.UNSET else branch.items
    )


def _bytes(execution: Execution) -> bytes:
    branches = {id: _told_in_full(execution.branches[id]) for id in sorted(execution.branches)}
    return write_json(msgspec.structs.replace(execution, branches=branches))


@settings(max_examples=90)
@given(definitions(), SEEDS)
def test_going_on_from_the_bytes_after_any_step_changes_nothing(definition: Json, seed: int):
    """The same history and the same end as running through."""
    machine = read(definition)
    execution, history = play(machine, seed)
    again, shelf = interrupted(machine, seed, from_the_bytes, SMALL)
    assert told(shelf.history()) == told(history)
    assert the_same(again, execution)


@settings(max_examples=90)
@given(definitions(), SEEDS)
def test_loading_some_branches_and_more_when_asked_for_changes_nothing(definition: Json, seed: int):
    """The same history, the same end, and the same branches and continuations left in the store."""
    machine = read(definition)
    execution, history = play(machine, seed)
    again, shelf = interrupted(machine, seed, from_some_of_the_bytes, SMALL)
    assert told(shelf.history()) == told(history)
    assert the_same(again if again.ended else shelf.read(), execution)
    outstanding = {one.token for one in execution.outstanding() if isinstance(one, AwaitCallback)}
    assert shelf.callbacks.keys() == outstanding


@settings(max_examples=60)
@given(definitions(), SEEDS, st.integers(1, 4))
def test_with_few_transitions_per_step_too_it_does_not_matter_where_branches_come_from(
    definition: Json, seed: int, bound: int
):
    """Between what is gone on with, too, branches may come from memory or from the store."""
    machine = read(definition)
    limits = msgspec.structs.replace(SMALL, transitions=bound)
    kept = new(machine)
    shelf = Shelf(kept)
    history: list[HistoryEvent] = []
    world = World(seed, kept)
    event: AnyEvent | None = world.first()
    while event is not None:
        told_first = event
        for nth in count():
            moment = world.moment(nth)
            answered = answered_by(kept, event)
            shelf.write(advance(machine, shelf.read(), event, moment, limits), answered)
            step = advance(machine, kept, event, moment, limits)
            kept, history = step.execution, [*history, *step.history]
            assert the_same(shelf.read(), kept), f"after {told_first}"
            if not kept.unfinished:
                break
            event = Continued()
        event = world.next(kept)
    assert told(shelf.history()) == told(history)
