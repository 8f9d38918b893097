"""Corners that chance seldom leads to: a fork that gives up while others are half begun, and loading in part."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from statebox.asl.definition import read
from statebox.asl.events import AnyEvent, Continued, ExecutionStarted, TaskFailed, TaskSubmitted, TaskSucceeded
from statebox.asl.execution import Status
from statebox.asl.interpreter import advance
from statebox.asl.jsontext import Json
from statebox.asl.limits import Limits
from tests.asl.driving import states
from tests.asl.properties.shelf import Shelf
from tests.asl.properties.storylines import check_between
from tests.asl.properties.test_interruptions import from_some_of_the_bytes, from_the_bytes
from tests.asl.properties.world import World, new, play

WAIT: Json = {"Type": "Wait", "Seconds": 9, "End": True}
LAMBDA = "arn:aws:lambda:us-east-1:000000000000:function:f"
ASK: Json = {"Type": "Task", "Resource": "module:suspend"}


def parallel(*branches: Json) -> Json:
    """A Parallel of these branches."""
    return {"Type": "Parallel", "Branches": list(branches), "End": True}


def uneven_map(inner: str) -> Json:
    """A Map whose third item has not what its ItemSelector wants."""
    return {
        "Type": "Map",
        "ItemsPath": "$$.Execution.Input.uneven",
        "ItemSelector": {"k.$": "$$.Map.Item.Value.k"},
        "ItemProcessor": states(inner, **{inner: WAIT}),
        "End": True,
    }


@pytest.mark.parametrize("bound", range(1, 9))
def test_a_fork_that_gives_up_takes_other_half_begun_forks_with_it(bound: int):
    """What was still to be begun is not looked for after it is gone."""
    machine = read(states("P", P=parallel(states("M", M=uneven_map("A")), states("N", N=uneven_map("B")))))
    execution = new(machine)
    world = World(1, execution)
    limits = Limits(transitions=bound)
    execution = advance(machine, execution, ExecutionStarted(), world.moment(0), limits).execution
    for nth in range(1, 40):
        check_between(execution)
        if not execution.unfinished:
            break
        execution = advance(machine, execution, Continued(), world.moment(nth), limits).execution
    assert (execution.status, execution.error) == (Status.FAILED, "States.Runtime")


def through_the_store(definition: Json, events: Sequence[AnyEvent], limits: Limits, whole: bool) -> Shelf:
    """Tell the events, each to what is read from the store: all of it, or what the event is for."""
    machine = read(definition)
    execution = new(machine)
    shelf = Shelf(execution)
    world = World(1, execution)
    for event in events:
        go_on = from_the_bytes if whole else from_some_of_the_bytes
        shelf.write(go_on(machine, shelf, event, world.moment, limits))
    return shelf


def test_a_map_run_that_fails_takes_all_its_items_with_it_however_few_were_loaded():
    """No item stays behind in the store, where a later load would find it and start it again."""
    run: Json = {
        "Type": "Map",
        "ItemsPath": "$$.Execution.Input.items",
        "ItemProcessor": {
            **states("I", I={"Type": "Pass", "End": True}),
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        },
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "S"}],
        "Next": "S",
    }
    definition = states("D", D=run, S={**ASK, "End": True})
    handed_over = [TaskSubmitted(f"0.{item}:3", "child", None) for item in range(3)]
    events = [ExecutionStarted(), *handed_over, TaskFailed("0.1:3", "Boom")]
    for whole in (True, False):
        shelf = through_the_store(definition, events, Limits(), whole)
        assert list(shelf.read().branches) == ["0"], f"whole: {whole}"


def test_a_history_that_is_full_closes_all_continuations_however_few_branches_were_loaded():
    """Nobody could answer them any more."""
    inner = {"Type": "Pass", "End": True}
    branches = [states(name, **{name: {**ASK, "Next": f"{name}2"}, f"{name}2": inner}) for name in "AB"]
    events = [ExecutionStarted(), TaskSucceeded("0.0:5", {})]
    for whole in (True, False):
        shelf = through_the_store(states("P", P=parallel(*branches)), events, Limits(events=11), whole)
        assert shelf.read().ended
        # The answered one is the shelf's caller's to take away; it was told here without its token.
        assert not shelf.callbacks, f"whole: {whole}"


def test_no_state_is_aborted_that_was_never_entered():
    """A branch that had no turn before another one failed has nothing to abort."""
    branches = [states("F", F={"Type": "Fail"}), states("T", T={**ASK, "End": True})]
    execution, history = play(read(states("P", P=parallel(*branches))), 1)
    assert execution.status is Status.FAILED
    types = [event.type for event in history]
    assert types.count("TaskStateAborted") <= types.count("TaskStateEntered")


def test_a_lambda_task_may_be_handed_over_while_it_is_worked_on():
    """A shell that loses sight of a call polls for its end; the history of a function has no event for that."""
    machine = read(states("L", L={"Type": "Task", "Resource": LAMBDA, "End": True}))
    execution = new(machine)
    world = World(1, execution)
    for event in (ExecutionStarted(), TaskSubmitted("0:3", "reference", {}), TaskSucceeded("0:3", {"done": True})):
        execution = advance(machine, execution, event, world.moment(0), Limits()).execution
    assert (execution.status, execution.output) == (Status.SUCCEEDED, {"done": True})
