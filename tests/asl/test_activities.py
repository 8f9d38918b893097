"""Activities: tasks that stand in a queue until a worker takes them."""

from __future__ import annotations

from statebox.asl.events import ActivityTaken, TaskFailed, TaskHeartbeat, TaskSubmitted, TaskSucceeded
from statebox.asl.execution import Status
from statebox.asl.jsontext import Json
from tests.asl.driving import NOON, Driver, states

ACTIVITY = "arn:aws:states:us-east-1:000000000000:activity:paint"


def entered(**fields: Json) -> Driver:
    """An execution that has entered an activity's state."""
    return Driver(states("Paint", Paint={"Type": "Task", "Resource": ACTIVITY, "End": True, **fields}), {"wall": 1})


def queued(**fields: Json) -> Driver:
    driver = entered(**fields)
    driver.tell(TaskSubmitted(driver.tasks()[0].id, "queued", None))
    return driver


def task_of(driver: Driver) -> str:
    return driver.callbacks()[0].id


def test_a_task_is_put_into_its_queue_and_is_scheduled_once_it_is_there():
    """What goes there is its input, and the token by which it is answered."""
    driver = entered()

    (call,) = driver.tasks()
    assert (call.resource, call.arguments, call.token) == (ACTIVITY, {"wall": 1}, driver.callbacks()[0].token)
    assert driver.types == ["ExecutionStarted", "TaskStateEntered"]

    driver.tell(TaskSubmitted(call.id, "queued", None))
    assert driver.tasks() == []
    assert driver.types[2:] == ["ActivityScheduled"]
    assert driver.execution.idle


def test_an_activity_that_does_not_exist_fails_the_execution_before_anything_is_scheduled():
    """In the words that were recorded; no Retry and no Catch can mend it."""
    driver = entered(Retry=[{"ErrorEquals": ["States.ALL"]}])

    driver.tell(TaskFailed(driver.tasks()[0].id, "States.Runtime", f"The activity {ACTIVITY} does not exist."))

    assert driver.types == ["ExecutionStarted", "TaskStateEntered", "ExecutionFailed"]
    assert driver.execution.error == "States.Runtime"
    assert driver.execution.cause == (
        "An error occurred while executing the state 'Paint' (entered at the event id #2). "
        f"The activity {ACTIVITY} does not exist."
    )


def test_the_history_tells_who_has_taken_it_and_what_came_of_it():
    """Recorded: Scheduled, Started, Succeeded."""
    driver = queued()
    task = task_of(driver)

    driver.tell(ActivityTaken(task, "painter"))
    driver.tell(TaskSucceeded(task, {"done": True}))

    assert driver.types[2:] == [
        "ActivityScheduled",
        "ActivityStarted",
        "ActivitySucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]
    assert driver.described()[3]["activityStartedEventDetails"] == {"workerName": "painter"}
    assert driver.execution.output == {"done": True}


def test_a_worker_may_be_quicker_than_the_word_that_the_task_is_in_the_queue():
    """It is scheduled first, and once."""
    driver = entered()
    task = task_of(driver)

    driver.tell(ActivityTaken(task))
    driver.tell(TaskSubmitted(task, "queued", None))
    driver.tell(TaskFailed(task, "Dry", "no paint", None, "token"))

    assert driver.types[2:] == ["ActivityScheduled", "ActivityStarted", "ActivityFailed", "ExecutionFailed"]
    assert (driver.execution.status, driver.execution.error) == (Status.FAILED, "Dry")


def test_its_timeout_counts_the_time_in_the_queue():
    """What nobody takes fails as well."""
    driver = queued(TimeoutSeconds=5, HeartbeatSeconds=2)
    scheduled = driver.described()[2]["activityScheduledEventDetails"]

    assert (scheduled["timeoutInSeconds"], scheduled["heartbeatInSeconds"]) == (5, 2)
    assert [timer.fires_at_ms for timer in driver.timers()] == [NOON + 5000]

    driver.jump()
    assert driver.types[3:] == ["ActivityTimedOut", "ExecutionFailed"]
    assert driver.execution.error == "States.Timeout"


def test_heartbeats_count_from_when_a_worker_has_taken_it():
    """Each grants the same time anew."""
    driver = queued(TimeoutSeconds=60, HeartbeatSeconds=10)
    task = task_of(driver)

    driver.now_ms += 30_000
    driver.tell(ActivityTaken(task))
    assert [timer.fires_at_ms for timer in driver.timers()] == [NOON + 40_000]

    driver.now_ms += 5000
    driver.tell(TaskHeartbeat(task))
    assert [timer.fires_at_ms for timer in driver.timers()] == [NOON + 45_000]

    driver.jump()
    assert driver.types[-2:] == ["ActivityTimedOut", "ExecutionFailed"]


def test_a_retried_task_is_another_one():
    """With a token of its own, and what is told of the first one changes nothing."""
    driver = queued(Retry=[{"ErrorEquals": ["Dry"], "IntervalSeconds": 1}])
    first = driver.callbacks()[0]

    driver.tell(TaskFailed(first.id, "Dry", None, None, first.token))
    driver.jump()
    (again,) = driver.tasks()
    assert again.id != first.id
    assert again.token != first.token

    driver.tell(ActivityTaken(first.id))
    assert driver.types[-1] == "ActivityFailed"
