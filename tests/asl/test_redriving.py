"""Redriving: what failed goes on from where it failed, and what had succeeded is not done again."""

from __future__ import annotations

import pytest

from statebox.asl.commands import InvokeTask, StartChild
from statebox.asl.events import (
    ExecutionRedriven,
    ExecutionStopped,
    TaskFailed,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
)
from statebox.asl.execution import Status
from statebox.asl.jsontext import Json
from tests.asl.driving import NOON, Driver, Refusal, states

WORK: Json = {"Type": "Task", "Resource": "openwhisk:work"}
ONE: Json = states("First", First={**WORK, "Next": "Second"}, Second={**WORK, "End": True})


class Weather:
    """Work that fails in bad weather; it tells what was asked for."""

    def __init__(self) -> None:
        self.bad: set[Json] = set()
        self.asked: list[Json] = []

    def __call__(self, task: InvokeTask) -> Json:
        self.asked.append(task.arguments)
        if task.arguments in self.bad:
            raise Refusal("Storm", "it rains")
        return task.arguments


def redriven(run: Driver, weather: Weather) -> None:
    """Redrive it in good weather, an hour later."""
    weather.bad.clear()
    weather.asked.clear()
    run.now_ms += 3_600_000
    run.tell(ExecutionRedriven())
    run.run(weather)


def test_a_failed_task_is_scheduled_again_without_being_entered_again():
    run, weather = Driver(ONE, 1), Weather()
    run.tell(TaskSucceeded(run.tasks()[0].id, 2))
    weather.bad = {2}
    assert run.run(weather).status is Status.FAILED
    before = len(run.history)

    redriven(run, weather)

    assert (run.execution.status, run.execution.output, weather.asked) == (Status.SUCCEEDED, 2, [2])
    assert run.chain[before:] == [
        (before + 1, before, "ExecutionRedriven"),
        (before + 2, before + 1, "TaskScheduled"),
        (before + 3, before + 2, "TaskStarted"),
        (before + 4, before + 3, "TaskSucceeded"),
        (before + 5, before + 4, "TaskStateExited"),
        (before + 6, before + 5, "ExecutionSucceeded"),
    ]
    assert run.described()[before]["executionRedrivenEventDetails"] == {"redriveCount": 1}


def test_a_redrive_has_the_whole_of_the_machines_time():
    run = Driver({**states("Wait", Wait={"Type": "Wait", "Seconds": 100, "End": True}), "TimeoutSeconds": 50})
    run.now_ms += 50_000
    run.tell(TimerFired(""))
    assert run.execution.status is Status.TIMED_OUT

    run.tell(ExecutionRedriven())

    assert run.execution.deadline_ms == NOON + 100_000
    assert run.execution.stopped_ms is None
    assert run.execution.branches["0"].deadline_ms == NOON + 150_000


def test_retries_are_counted_from_none():
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 2, "IntervalSeconds": 1}]
    run, weather = Driver(states("A", A={**WORK, "Retry": retry, "End": True}), 1), Weather()
    weather.bad = {1}
    run.run(weather)

    run.tell(ExecutionRedriven())
    weather.asked.clear()
    run.run(weather)

    assert weather.asked == [1, 1, 1]


def test_the_context_object_tells_of_redrives():
    shown: Json = {"count.$": "$$.Execution.RedriveCount", "time.$": "$$.Execution.RedriveTime"}
    run = Driver(states("A", A={"Type": "Task", "Resource": "openwhisk:work", "Parameters": shown, "End": True}))
    assert run.execution.status is Status.FAILED  # there is no RedriveTime yet

    run.tell(ExecutionRedriven())

    assert run.tasks()[0].arguments == {"count": 1, "time": "2026-11-23T12:00:00.000Z"}


def test_a_fail_state_is_entered_again_and_fails_again():
    run = Driver(states("No", No={"Type": "Fail", "Error": "E", "Cause": "C"}))
    run.tell(ExecutionRedriven())
    assert run.types == [
        *("ExecutionStarted", "FailStateEntered", "ExecutionFailed"),
        *("ExecutionRedriven", "FailStateEntered", "ExecutionFailed"),
    ]
    assert (run.execution.status, run.execution.redrives) == (Status.FAILED, 1)


def parallel(**fields: Json) -> Json:
    """Three tasks at once, on 0, 1 and 2, and one more afterwards in the last branch."""
    branches = [states(f"W{n}", **{f"W{n}": {**WORK, "InputPath": f"$[{n}]", "End": True}}) for n in (0, 1)]
    branches.append(
        states("W2", W2={**WORK, "InputPath": "$[2]", "Next": "V"}, V={**WORK, "InputPath": "$", "End": True})
    )
    return states("P", P={"Type": "Parallel", "Branches": branches, "End": True, **fields})


def test_only_those_branches_of_a_parallel_are_run_again_that_failed_or_were_cut_off():
    run, weather = Driver(parallel(), [0, 1, 2]), Weather()
    weather.bad = {1}
    assert run.run(weather).status is Status.FAILED
    assert weather.asked == [0, 1]

    redriven(run, weather)

    assert run.execution.output == [0, 1, 2]
    assert weather.asked == [1, 2, 2]
    assert run.types.count("ParallelStateEntered") == run.types.count("ParallelStateStarted") == 1


def test_a_parallel_that_fails_as_a_whole_is_run_again_as_a_whole():
    wrong = {"ResultSelector": {"x.$": "States.ArrayGetItem($, 9)"}}
    run, weather = Driver(parallel(**wrong), [0, 1, 2]), Weather()
    assert run.run(weather).status is Status.FAILED

    redriven(run, weather)

    assert sorted(weather.asked) == [0, 1, 2, 2]


def test_a_failure_that_is_caught_leaves_nothing_to_be_redriven_of_its_branches():
    caught = {"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Then", "ResultPath": None}]}
    machine = parallel(**caught)
    machine["States"]["Then"] = {"Type": "Fail"}
    run, weather = Driver(machine, [0, 1, 2]), Weather()
    weather.bad = {1}
    assert run.run(weather).status is Status.FAILED

    assert list(run.execution.branches) == ["0"]
    redriven(run, weather)
    assert weather.asked == []


@pytest.mark.parametrize("concurrency", [0, 1, 2])
def test_only_those_iterations_of_a_map_are_run_again_that_did_not_succeed(concurrency: int):
    processor = states("W", W={**WORK, "End": True})
    a_map = {"Type": "Map", "ItemProcessor": processor, "MaxConcurrency": concurrency, "End": True}
    run, weather = Driver(states("M", M=a_map), [0, 1, 2, 3]), Weather()
    weather.bad = {2}
    assert run.run(weather).status is Status.FAILED

    redriven(run, weather)

    assert (run.execution.output, weather.asked) == ([0, 1, 2, 3], [2, 3])
    assert run.types.count("MapIterationSucceeded") == 4


def test_a_stopped_execution_goes_on_with_new_attempts():
    run, weather = Driver(parallel(), [0, 1, 2]), Weather()
    first = run.tasks()[0]
    run.tell(ExecutionStopped("E", "C"))
    assert run.execution.status is Status.ABORTED

    redriven(run, weather)

    assert weather.asked == [0, 1, 2, 2]
    run.tell(TaskSucceeded(first.id, "late"))
    assert run.execution.output == [0, 1, 2]


def test_what_succeeded_or_runs_is_not_redriven():
    run, weather = Driver(ONE, 1), Weather()
    assert not run.tell(ExecutionRedriven()).history
    run.run(weather)
    assert not run.tell(ExecutionRedriven()).history
    assert run.execution.redrives == 0


def distributed(**fields: Json) -> Json:
    """A distributed Map over the input."""
    processor = {
        **states("W", W={**WORK, "End": True}),
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
    }
    return states("M", M={"Type": "Map", "ItemProcessor": processor, "End": True, **fields})


def children(run: Driver) -> list[StartChild]:
    """The children that are to be started."""
    return [command for command in run.execution.outstanding() if isinstance(command, StartChild)]


def test_a_map_run_redrives_its_children_that_did_not_succeed_no_more_at_once_than_it_may():
    run = Driver(distributed(MaxConcurrency=2, ToleratedFailureCount=1), ["a", "b", "c", "d", "e"])
    a, b = children(run)
    run.tell(TaskSucceeded(a.id, "A"))
    run.tell(TaskFailed(b.id, "E", "borne"))
    c, d = children(run)
    run.tell(TaskSubmitted(d.id, d.name, None))
    run.tell(TaskFailed(c.id, "E", "one too many"))
    assert run.execution.error == "States.ExceedToleratedFailureThreshold"
    before = len(run.history)

    run.tell(ExecutionRedriven())

    assert [(event.type, event.previous) for event in run.history[before:]] == [
        ("ExecutionRedriven", before),
        ("MapRunRedriven", before + 1),
    ]
    again = children(run)
    assert [(child.name, child.redrives, child.input) for child in again] == [(b.name, 1, "b"), (c.name, 1, "c")]
    run.tell(TaskFailed(c.id, "E", "what was told of the try before is for nobody"))
    assert children(run) == again
    for _ in range(4):
        child = children(run)[0]
        run.tell(TaskSucceeded(child.id, child.input.upper()))
    assert (run.execution.status, run.execution.output) == (Status.SUCCEEDED, ["A", "B", "C", "D", "E"])
    assert run.types.count("MapRunStarted") == run.types.count("MapRunSucceeded") == 1


def test_results_that_could_not_be_written_are_written_again_without_their_children():
    run = Driver(distributed(ResultWriter={"Resource": "file:out"}), ["a"])
    run.tell(TaskSucceeded(children(run)[0].id, "A"))
    [writing] = run.tasks()
    run.tell(TaskFailed(writing.id, "E", "no room"))
    assert run.execution.error == "States.ResultWriterFailed"

    run.tell(ExecutionRedriven())

    [again] = run.tasks()
    assert (again.resource, again.arguments["Results"]) == (writing.resource, ["A"])
    run.tell(TaskSucceeded(again.id, "written"))
    assert run.execution.output == "written"


def test_what_a_redriven_child_comes_to_is_written_without_all_the_others():
    run = Driver(distributed(MaxConcurrency=1), list(range(20)))
    while run.execution.status is Status.RUNNING:
        [child] = children(run)
        run.tell(TaskSucceeded(child.id, None) if child.input < 10 else TaskFailed(child.id, "E"))
    run.tell(ExecutionRedriven())

    for _ in range(10):
        [child] = children(run)
        step = run.tell(TaskSucceeded(child.id, None))
        assert run.execution.ended or len(step.changed) <= 3
    assert run.execution.status is Status.SUCCEEDED
