"""Whatever has failed, however: it can go on from what the store keeps of it."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from statebox.asl.definition import StateMachine, read
from statebox.asl.events import AnyEvent, ExecutionRedriven
from statebox.asl.execution import Execution, Status
from statebox.asl.history import HistoryEvent
from statebox.asl.jsontext import Json
from tests.asl.properties.machines import definitions
from tests.asl.properties.shelf import Shelf
from tests.asl.properties.storylines import check_between
from tests.asl.properties.world import SMALL, World, answered_by, fold, new

SEEDS = st.integers(0, 2**32)
_ENDINGS = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted")


def go_on(machine: StateMachine, world: World, shelf: Shelf, execution: Execution, event: AnyEvent) -> Execution:
    """Let one thing after the other happen, and write it down."""
    happens: AnyEvent | None = event
    while happens is not None:
        step = fold(machine, execution, happens, world.moment, SMALL)
        shelf.write(step, answered_by(execution, happens))
        execution = step.execution
        check_between(execution)
        happens = world.next(execution)
    return execution


@settings(max_examples=100)
@given(definitions(), SEEDS, st.integers(1, 3))
def test_what_ended_without_success_goes_on_from_what_is_kept_of_it(definition: Json, seed: int, redrives: int):
    machine = read(definition)
    execution = new(machine)
    world, shelf = World(seed, execution), Shelf(execution)
    execution = go_on(machine, world, shelf, execution, world.first())
    for count in range(1, redrives + 1):
        if not execution.ended or execution.status is Status.SUCCEEDED or not execution.branches:
            break
        assert not shelf.callbacks
        kept = shelf.read()
        assert kept == execution
        execution = go_on(machine, world, shelf, kept, ExecutionRedriven())
        assert execution.redrives == count
    check_story(shelf.history(), execution)


def check_story(history: list[HistoryEvent], execution: Execution) -> None:
    """Events without gaps, pointers back, and between two ends a redrive."""
    types = Counter(event.type for event in history)
    assert [event.id for event in history] == list(range(1, len(history) + 1))
    assert all(event.previous < event.id for event in history)
    assert types["ExecutionRedriven"] == execution.redrives
    assert sum(types[type] for type in _ENDINGS) == execution.redrives + execution.ended
