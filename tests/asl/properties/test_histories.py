"""Any machine in any world comes to its end or waits for somebody, and leaves a history that tells one story."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from statebox.asl.definition import read
from statebox.asl.events import AnyEvent, Continued
from statebox.asl.history import HistoryEvent
from statebox.asl.interpreter import advance
from statebox.asl.jsontext import Json
from tests.asl.properties.machines import definitions
from tests.asl.properties.storylines import check_between, check_history
from tests.asl.properties.world import MOST_EVENTS, SMALL, World, new, play

SEEDS = st.integers(0, 2**32)


@settings(max_examples=130)
@given(definitions(), SEEDS)
def test_any_machine_ends_or_waits_and_its_history_is_one_story(definition: Json, seed: int):
    """Ids, pointers, times, the end, and that something is outstanding when it has not ended."""
    execution, history = play(read(definition), seed)
    check_history(execution, history)
    check_between(execution)
    assert execution.ended or list(execution.outstanding())


@settings(max_examples=100)
@given(definitions(), SEEDS, st.integers(1, 4))
def test_what_a_bound_leaves_undone_is_always_marked_and_never_parked(definition: Json, seed: int, bound: int):
    """Other events come between what is gone on with, and nothing gets lost; in the end it all is done."""
    machine = read(definition)
    execution = new(machine)
    history: list[HistoryEvent] = []
    world = World(seed, execution)
    limits = msgspec.structs.replace(SMALL, transitions=bound)
    event: AnyEvent | None = world.first()
    while event is not None:
        step = advance(machine, execution, event, world.moment(0), limits)
        execution = step.execution
        history += step.history
        check_between(execution)
        assert len([one for one in step.history if one.type.endswith("StateEntered")]) <= bound
        between = world.next(execution) if (seed + world.events) % 3 == 0 else None
        if between is None and execution.unfinished:
            event = Continued()
        else:
            event = between or world.next(execution)
    while execution.unfinished:
        assert world.events <= MOST_EVENTS + 1_000
        execution_before = execution
        step = advance(machine, execution, Continued(), world.moment(len(history)), limits)
        execution = step.execution
        history += step.history
        check_between(execution)
        assert execution != execution_before
    check_history(execution, history)
