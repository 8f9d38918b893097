"""The driver: whole runs in virtual time."""

from __future__ import annotations

import time

import pytest

from statebox.asl.answers import Answer, Asked, Fails, Never, Resumes, Succeeds, Unanswered
from statebox.asl.definition import StateMachine, read
from statebox.asl.driver import Outcome, TooManyTransitions, drive
from statebox.asl.events import ExecutionStopped
from statebox.asl.execution import Status
from statebox.asl.jsontext import Json
from statebox.asl.limits import Limits
from statebox.asl.walk import BEGAN_MS, new_execution
from tests.asl.driving import states

WORK: Json = {"Type": "Task", "Resource": "openwhisk:work", "End": True}
ASK: Json = {"Type": "Task", "Resource": "module:suspend", "End": True}
DONE: Json = {"Type": "Pass", "End": True}
DAY_MS = 86_400_000


def machine(start_at: str, **rest: Json) -> StateMachine:
    return read(states(start_at, **rest))


def types(outcome: Outcome) -> list[str]:
    return [event["type"] for event in outcome.history]


def test_days_of_waiting_take_no_time():
    began = time.monotonic()

    outcome = drive(
        machine("A", A={"Type": "Wait", "Seconds": 30 * 86_400, "Next": "B"}, B={"Type": "Pass", "End": True}),
        new_execution({"n": 1}),
    )

    assert (outcome.status, outcome.output, outcome.path) == (Status.SUCCEEDED, {"n": 1}, ["A", "B"])
    assert outcome.elapsed_ms == 30 * DAY_MS
    assert time.monotonic() - began < 1


def test_a_task_is_asked_once_for_each_attempt_and_told_which_one_it_is():
    asked: list[Asked] = []

    def flaky(question: Asked) -> Answer:
        asked.append(question)
        return Fails("Busy", "later") if question.nth < 2 else Succeeds("done")

    retry = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 10, "BackoffRate": 2, "MaxAttempts": 5}]
    outcome = drive(machine("A", A={**WORK, "Retry": retry}), new_execution({"n": 1}), tasks=flaky)

    assert outcome.output == "done"
    assert [(one.state, one.resource, one.nth, one.now_ms - BEGAN_MS) for one in asked] == [
        ("A", "openwhisk:work", 0, 0),
        ("A", "openwhisk:work", 1, 10_000),
        ("A", "openwhisk:work", 2, 30_000),
    ]


def test_a_task_that_takes_longer_than_it_may_times_out():
    outcome = drive(
        machine("A", A={**WORK, "TimeoutSeconds": 5}),
        new_execution({}),
        tasks=lambda _: Succeeds(1, after_ms=60_000),
    )

    assert (outcome.status, outcome.error, outcome.elapsed_ms) == (Status.FAILED, "States.Timeout", 5000)


def test_an_answer_at_the_moment_of_the_deadline_is_in_time():
    outcome = drive(
        machine("A", A={**WORK, "TimeoutSeconds": 5}), new_execution({}), tasks=lambda _: Succeeds(1, after_ms=5000)
    )

    assert outcome.output == 1


def test_branches_are_worked_on_at_the_same_time():
    both: Json = {
        "Type": "Parallel",
        "End": True,
        "Branches": [states("Slow", Slow=WORK), states("Fast", Fast=WORK)],
    }

    outcome = drive(
        machine("P", P=both),
        new_execution({}),
        tasks=lambda asked: Succeeds(asked.path, after_ms=3000 if asked.state == "Slow" else 1000),
    )

    assert outcome.output == ["P[0]/Slow", "P[1]/Fast"]
    assert outcome.elapsed_ms == 3000
    succeeded = [event for event in outcome.history if event["type"] == "TaskSucceeded"]
    assert [event["taskSucceededEventDetails"]["output"] for event in succeeded] == ['"P[1]/Fast"', '"P[0]/Slow"']


def test_a_result_that_comes_when_its_branch_is_over_changes_nothing_and_takes_no_time():
    both: Json = {
        "Type": "Parallel",
        "Branches": [states("Slow", Slow=WORK), states("Bad", Bad={"Type": "Fail", "Error": "E"})],
        "Catch": [{"ErrorEquals": ["E"], "Next": "Ask"}],
        "End": True,
    }

    outcome = drive(machine("P", P=both, Ask=ASK), new_execution({}), tasks=lambda _: Succeeds(1, after_ms=10 * DAY_MS))

    assert (outcome.error, outcome.elapsed_ms) == ("States.Timeout", 300_000)


def test_a_suspended_state_is_answered_or_times_out():
    ask = machine("A", A=ASK)

    assert drive(ask, new_execution({"n": 1}), callbacks=lambda _: Succeeds({"m": 2})).output == {"n": 1, "m": 2}
    assert drive(ask, new_execution({"n": 1}), callbacks=lambda _: Resumes()).output == {"n": 1}
    assert drive(ask, new_execution({}), callbacks=lambda _: Fails("No")).error == "No"
    assert drive(ask, new_execution({})).error == "States.Timeout"


def test_heartbeats_keep_a_continuation_alive_until_they_stop():
    asked = machine(
        "A", A={"Type": "Task", "Resource": "openwhisk:ask.waitForTaskToken", "HeartbeatSeconds": 10, "End": True}
    )

    def outcome(answer: Answer) -> Outcome:
        return drive(asked, new_execution({}), tasks=lambda _: Succeeds({}), callbacks=lambda _: answer)

    assert outcome(Succeeds("late", after_ms=60_000, heartbeat_every_ms=9000)).output == "late"
    silent = outcome(Never(after_ms=20_000, heartbeat_every_ms=9000))
    assert (silent.error, silent.elapsed_ms) == ("States.Timeout", 28_000)


def test_a_run_that_waits_for_ever_says_what_for():
    asked = machine("A", A={"Type": "Task", "Resource": "openwhisk:ask.waitForTaskToken", "End": True})

    outcome = drive(asked, new_execution({}), tasks=lambda _: Succeeds({}))

    assert (outcome.status, outcome.waiting) == (Status.RUNNING, ["A"])


def test_submitted_tasks_say_so_in_the_history():
    outcome = drive(
        machine("A", A={**WORK, "Resource": "openwhisk:long.sync"}),
        new_execution({}),
        tasks=lambda _: Succeeds("done", after_ms=DAY_MS, submitted={"activationId": "x"}),
    )

    assert types(outcome)[4:6] == ["TaskSubmitted", "TaskSucceeded"]
    assert outcome.history[4]["taskSubmittedEventDetails"]["output"] == '{"activationId":"x"}'


def test_a_task_that_nobody_answers_is_named():
    with pytest.raises(Unanswered, match="A calls openwhisk:work"):
        drive(machine("A", A=WORK), new_execution({}))


def test_an_endless_loop_of_waits_is_ended():
    # A machine needs a way out to be valid.
    out = {"Type": "Choice", "Choices": [{"Variable": "$.n", "IsPresent": True, "Next": "End"}], "Default": "A"}
    loop = machine("A", A={"Type": "Wait", "Seconds": 1, "Next": "B"}, B=out, End={"Type": "Succeed"})

    with pytest.raises(TooManyTransitions, match="more than 100 transitions; the last states were "):
        drive(loop, new_execution({}), max_transitions=100)


def test_a_loop_that_waits_for_nothing_is_ended_too():
    out = {"Type": "Choice", "Choices": [{"Variable": "$.n", "IsPresent": True, "Next": "End"}], "Default": "A"}

    with pytest.raises(TooManyTransitions):
        drive(machine("A", A=out, End={"Type": "Succeed"}), new_execution({}), limits=Limits(events=0))


def test_somebody_stops_it():
    outcome = drive(
        machine("A", A={"Type": "Wait", "Seconds": 60, "End": True}),
        new_execution({}),
        stop=(10_000, ExecutionStopped("Enough", "of this")),
    )

    assert (outcome.status, outcome.error, outcome.elapsed_ms) == (Status.ABORTED, "Enough", 10_000)


def distributed(**more: Json) -> Json:
    processor = {**states("Work", Work=WORK), "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
    return {"Type": "Map", "ItemProcessor": processor, "End": True, **more}


def test_items_of_a_distributed_map_are_executions_on_the_same_clock():
    asked: list[tuple[str, int]] = []

    def work(question: Asked) -> Answer:
        asked.append((question.path, question.now_ms - BEGAN_MS))
        return Succeeds(question.arguments * 2, after_ms=question.arguments * 1000)

    outcome = drive(machine("M", M=distributed(MaxConcurrency=2)), new_execution([3, 1, 1]), tasks=work)

    assert outcome.output == [6, 2, 2]
    assert asked == [("M[0]/Work", 0), ("M[1]/Work", 0), ("M[2]/Work", 1000)]
    assert outcome.elapsed_ms == 3000
    assert outcome.path == ["M", "Work", "Work", "Work"]
    assert "TaskStateEntered" not in types(outcome)


def test_items_that_run_are_dropped_when_the_map_run_fails():
    def work(asked: Asked) -> Answer:
        return Fails("Bad") if asked.arguments == 1 else Succeeds(1, after_ms=DAY_MS)

    outcome = drive(machine("M", M=distributed()), new_execution([0, 1]), tasks=work)

    assert (outcome.error, outcome.elapsed_ms) == ("States.ExceedToleratedFailureThreshold", 0)


def test_the_caller_reads_the_items_and_writes_the_results():
    def world(asked: Asked) -> Answer:
        if asked.resource == "statebox:readItems":
            return Succeeds([1, 2])
        if asked.resource == "statebox:writeResult":
            return Succeeds({"Wrote": asked.arguments["Results"]})
        return Succeeds(asked.arguments + 1)

    outcome = drive(
        machine(
            "M",
            M=distributed(
                ItemReader={"Resource": "file:read", "Parameters": {"Path": "in.json"}},
                ResultWriter={"Resource": "file:write", "Parameters": {"Path": "out"}},
            ),
        ),
        new_execution({}),
        tasks=world,
    )

    assert outcome.output == {"Wrote": [2, 3]}


def test_the_same_arguments_give_the_same_run():
    pick = machine("A", A={"Type": "Pass", "Parameters": {"id.$": "States.UUID()"}, "End": True})

    assert drive(pick, new_execution({})).history == drive(pick, new_execution({})).history
    assert drive(pick, new_execution({})).output != drive(pick, new_execution({}, name="another")).output


def test_names_of_states_that_look_like_those_of_branches_mean_nothing():
    """A Map may be called as a branch of a Parallel is known inside, or have no name at all."""

    def inner(name: str, result: str) -> Json:
        return {"StartAt": name, "States": {name: {"Type": "Pass", "Result": result, "End": True}}}

    outcome = drive(
        machine(
            "P",
            P={"Type": "Parallel", "Branches": [inner("a", "branch")], "ResultPath": "$.p", "Next": "P[0]"},
            **{
                "P[0]": {
                    "Type": "Map",
                    "ItemsPath": "$.items",
                    "ItemProcessor": inner("b", "item"),
                    "ResultPath": "$.m",
                    "Next": "",
                },
                "": {
                    "Type": "Map",
                    "ItemsPath": "$.items",
                    "ItemProcessor": {
                        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                        **inner("c", "child"),
                    },
                    "ResultPath": "$.d",
                    "End": True,
                },
            },
        ),
        new_execution({"items": [1]}),
    )

    assert (outcome.status, outcome.error, outcome.cause) == (Status.SUCCEEDED, None, None)
    assert outcome.output == {"items": [1], "p": ["branch"], "m": ["item"], "d": ["child"]}


@pytest.mark.parametrize("read", ["text", 5, None, {"a": 1}])
def test_what_a_reader_brings_must_be_an_array(read: Json):
    run: Json = {
        "Type": "Map",
        "ItemReader": {"Resource": "file:items.json"},
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            **states("I", I={"Type": "Pass", "End": True}),
        },
        "Catch": [{"ErrorEquals": ["States.ItemReaderFailed"], "Next": "Caught"}],
        "End": True,
    }

    outcome = drive(machine("M", M=run, Caught=DONE), new_execution({}), tasks=lambda _: Succeeds(read))

    assert outcome.output == {
        "Error": "States.ItemReaderFailed",
        "Cause": "Attempting to map over non-iterable node.",
    }
    assert types(outcome)[4:7] == ["MapRunFailed", "MapStateFailed", "MapStateExited"]


def test_a_run_that_outlasts_the_calendar_is_broken_off():
    longest: Json = {"Type": "Wait", "Seconds": 99_999_999, "Next": "C"}
    again: Json = {"Type": "Choice", "Choices": [{"Variable": "$$.State.EnteredTime", "IsPresent": True, "Next": "W"}]}

    with pytest.raises(TooManyTransitions, match="beyond the year 9999"):
        drive(machine("W", W=longest, C={**again, "Default": "S"}, S={"Type": "Succeed"}), new_execution({}))


@pytest.mark.parametrize(("submitted", "expected"), [(None, "TaskSubmitFailed"), ({"id": 7}, "TaskFailed")])
def test_a_job_that_never_began_failed_to_be_submitted(submitted: Json, expected: str):
    outcome = drive(
        machine("A", A={**WORK, "Resource": "openwhisk:long.sync"}),
        new_execution({}),
        tasks=lambda _: Fails("Bad", "why", submitted=submitted),
    )
    assert types(outcome)[-2:] == [expected, "ExecutionFailed"]
    assert (outcome.error, outcome.cause) == ("Bad", "why")
