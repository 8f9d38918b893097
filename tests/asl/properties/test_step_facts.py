"""A step says what it changed: who writes down just that has the execution."""

from __future__ import annotations

from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from statebox.asl.commands import AwaitCallback
from statebox.asl.definition import read
from statebox.asl.events import (
    AnyEvent,
    CallbackAnswered,
    TaskFailed,
    TaskHeartbeat,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
)
from statebox.asl.execution import Execution
from statebox.asl.interpreter import Step, advance
from statebox.asl.jsontext import Json, write_json
from statebox.store.codec import Texts, write_data, write_record
from tests.asl.properties.machines import definitions
from tests.asl.properties.shelf import Shelf
from tests.asl.properties.world import SMALL, World, answered_by, new

SEEDS = st.integers(0, 2**32)


@settings(max_examples=120)
@given(definitions(), SEEDS, st.sampled_from([1, 2, 500]))
def test_steps_joined_at_will_keep_branches_and_continuations_in_the_store_as_they_are(
    definition: Json, seed: int, bound: int
):
    """After each write the store has the execution's branches, to the byte, and its open continuations."""
    machine = read(definition)
    execution = new(machine)
    shelf = Shelf(execution)
    world, chance = World(seed, execution), Random(seed)
    limits = msgspec.structs.replace(SMALL, transitions=bound)
    joined, answered, opened = Step(execution), set[str](), set[str]()
    event: AnyEvent | None = world.first()
    while event is not None:
        told = answered_by(execution, event)
        # Nobody can answer a continuation that was not written yet.
        if told <= shelf.callbacks.keys():
            before = callbacks(execution)
            step = advance(machine, execution, event, world.moment(0), limits)
            assert before.keys() >= set(step.closed)
            assert not callbacks(step.execution).keys() & set(step.closed)
            joined, execution = joined.then(step), step.execution
            answered |= told
            opened |= {command.token for command in step.opened}
        if chance.random() < 0.4:
            check_joined(joined, opened, shelf)
            shelf.write(joined, answered)
            check_written(shelf, execution)
            joined, answered, opened = Step(execution), set[str](), set[str]()
        event = world.next(execution)
    shelf.write(joined, answered)
    check_written(shelf, execution)


def callbacks(execution: Execution) -> dict[str, AwaitCallback]:
    """The continuations that are waited for."""
    return {one.token: one for one in execution.outstanding() if isinstance(one, AwaitCallback)}


def check_joined(joined: Step, opened: set[str], shelf: Shelf) -> None:
    """What is closed was open, or was opened meanwhile, and is not open any more."""
    assert set(joined.closed) <= shelf.callbacks.keys() | opened
    assert not set(joined.closed) & callbacks(joined.execution).keys()
    assert not set(joined.closed) & {command.token for command in joined.opened}
    assert len(set(joined.closed)) == len(joined.closed)
    assert joined.changed <= joined.execution.branches.keys()
    assert joined.reloaded <= joined.changed
    assert not joined.removed & joined.execution.branches.keys()


def check_written(shelf: Shelf, execution: Execution) -> None:
    """Compare the store with the execution."""
    stored = shelf.read()
    assert stored.branches.keys() == execution.branches.keys()
    for id, branch in execution.branches.items():
        assert write_record(stored.branches[id]) == write_record(branch)
        assert write_data(stored.branches[id], Texts()) == write_data(branch, Texts())
    assert shelf.callbacks == callbacks(execution)
    assert write_json(msgspec.structs.replace(stored, branches={})) == write_json(
        msgspec.structs.replace(execution, branches={})
    )


@settings(max_examples=90)
@given(definitions(), SEEDS)
def test_events_for_what_is_over_or_never_was_change_nothing(definition: Json, seed: int):
    """After each step all kinds of events with wrong addresses are told, and those of all tasks that are over."""
    machine = read(definition)
    execution = new(machine)
    world = World(seed, execution)
    over: dict[str, None] = {"9:1": None, "0.7:2": None, "": None, "nonsense": None, "0:": None, "0:x": None}
    event: AnyEvent | None = world.first()
    while event is not None:
        step = advance(machine, execution, event, world.moment(0), SMALL)
        execution = step.execution
        wanted = {f"{one.id}:{getattr(one.waiting, 'event', '')}" for one in execution.branches.values()}
        for task in [task for task in [*over][-12:] if task not in wanted]:
            for stale in _stale(task):
                nothing = advance(machine, execution, stale, world.moment(1), SMALL)
                assert nothing.execution is execution, stale
                assert nothing == Step(execution)
        over.update(dict.fromkeys(wanted))
        event = world.next(execution)


def _stale(task: str) -> list[AnyEvent]:
    return [
        TaskSucceeded(task, {"late": True}, token="00000000-0000-4000-8000-000000000007"),
        TaskFailed(task, "Late"),
        TaskSubmitted(task, "late", {}),
        TaskHeartbeat(task),
        CallbackAnswered(task),
        *([] if task.startswith("0") or not task else [TimerFired(task)]),
    ]
