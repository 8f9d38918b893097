"""Nested executions: a task that starts an execution, and perhaps ends with it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from statebox.asl.events import TaskFailed, TaskSubmitted, TaskSucceeded
from statebox.asl.execution import Execution, Status
from statebox.asl.jsontext import Json, read_json, write_json_text
from statebox.asl.states.nested import START, envelope, start_reply
from statebox.asl.walk import new_execution
from tests.asl.driving import NOON, Driver, states

CHILD = replace(new_execution({"n": 1}, machine="child", name="c", started_ms=NOON), stopped_ms=NOON + 5)
DONE = replace(CHILD, status=Status.SUCCEEDED, output={"m": 2})
FAILED = replace(CHILD, status=Status.FAILED, error="No", cause="because")


def calling(suffix: str) -> Driver:
    """An execution that has entered the state which starts another one."""
    task = {"Type": "Task", "Resource": f"{START}{suffix}", "Parameters": {"StateMachineArn": "child"}, "End": True}
    return Driver(states("Call", Call=task))


def started(suffix: str) -> Driver:
    driver = calling(suffix)
    driver.tell(TaskSubmitted(driver.tasks()[0].id, CHILD.arn, start_reply(CHILD.arn, NOON)))
    return driver


def end(driver: Driver, child: Execution) -> None:
    """The child tells its end, as the answer to the task's continuation."""
    (callback,) = driver.callbacks()
    told = envelope(child)
    if child.status is Status.SUCCEEDED:
        driver.tell(TaskSucceeded(callback.id, told, child.arn, callback.token))
    else:
        driver.tell(TaskFailed(callback.id, "States.TaskFailed", write_json_text(told), child.arn, callback.token))


def test_who_only_starts_it_goes_on_with_the_reply():
    """Without a continuation, as nobody waits for its end."""
    driver = calling("")
    assert driver.tasks()[0].token is None

    driver.tell(TaskSucceeded(driver.tasks()[0].id, start_reply(CHILD.arn, NOON)))

    assert driver.types[2:] == [
        "TaskScheduled",
        "TaskStarted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]
    assert driver.execution.output["ExecutionArn"] == CHILD.arn


@pytest.mark.parametrize(
    ("suffix", "input", "output"), [(".sync", '{"n":1}', '{"m":2}'), (".sync:2", {"n": 1}, {"m": 2})]
)
def test_a_task_ends_with_the_execution_that_it_started(suffix: str, input: Json, output: Json):
    """Its payloads are JSON text for the first form, values for the second."""
    driver = started(suffix)
    assert driver.execution.idle

    end(driver, DONE)

    assert driver.types[3:] == [
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]
    told = driver.execution.output
    assert (told["Input"], told["Output"]) == (input, output)
    assert (told["Status"], told["Name"], told["ExecutionArn"]) == ("SUCCEEDED", "c", CHILD.arn)


def test_the_failure_of_a_nested_execution_is_told_as_the_cause():
    """As AWS has it: the whole envelope."""
    driver = started(".sync")

    end(driver, FAILED)

    assert driver.types[-2:] == ["TaskFailed", "ExecutionFailed"]
    assert driver.execution.error == "States.TaskFailed"
    told = read_json(driver.execution.cause or "")
    assert (told["Status"], told["Error"], told["Cause"], told["Input"]) == ("FAILED", "No", "because", '{"n":1}')


@pytest.mark.parametrize("child", [DONE, FAILED])
def test_an_end_that_is_heard_of_before_the_start_is_told_after_it(child: Execution):
    """The history has the start that it shows, and the reply to it changes nothing any more."""
    driver = calling(".sync:2")
    task = driver.tasks()[0].id

    end(driver, child)
    driver.tell(TaskSubmitted(task, CHILD.arn, start_reply(CHILD.arn, NOON)))

    assert driver.types[3:6] == ["TaskStarted", "TaskSubmitted", driver.types[5]]
    submitted = driver.described()[4]["taskSubmittedEventDetails"]
    assert read_json(submitted["output"]) == start_reply(CHILD.arn, NOON)
    assert driver.execution.ended


def test_somebody_else_may_end_the_task_early():
    """By its token, as SendTaskSuccess does."""
    driver = started(".sync")
    (callback,) = driver.callbacks()

    driver.tell(TaskSucceeded(callback.id, "enough", None, callback.token))

    assert driver.execution.output == "enough"


def test_what_cannot_be_started_was_never_submitted():
    """The history says so."""
    driver = calling(".sync")

    driver.tell(TaskFailed(driver.tasks()[0].id, "StepFunctions.StateMachineDoesNotExistException", "no"))

    assert driver.types[-2:] == ["TaskSubmitFailed", "ExecutionFailed"]
