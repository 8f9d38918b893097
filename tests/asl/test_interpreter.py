"""How executions advance: one behaviour of the language at a time."""

from __future__ import annotations

import pytest

from statebox.asl.commands import AwaitCallback, InvokeTask, StartTimer
from statebox.asl.definition import read
from statebox.asl.errors import InvalidDefinition
from statebox.asl.events import (
    AnyEvent,
    CallbackAnswered,
    Continued,
    ExecutionStarted,
    ExecutionStopped,
    TaskFailed,
    TaskHeartbeat,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
)
from statebox.asl.execution import Execution, OnTask, Status
from statebox.asl.interpreter import advance, begin
from statebox.asl.jsontext import Json
from statebox.asl.limits import Limits
from statebox.asl.lines import BranchesNeeded
from statebox.asl.moment import Moment
from tests.asl.driving import NOON, Driver, Refusal, replace, states

WORK = {"Type": "Task", "Resource": "module:work", "End": True}
ASK = {"Type": "Task", "Resource": "module:suspend", "End": True}


def echo(task: InvokeTask) -> Json:
    """A task that answers what it was given."""
    return task.arguments


def test_passes_run_through_in_one_step_and_each_writes_its_two_events():
    """Everything that needs nobody happens in one advance."""
    run = Driver(states("A", A={"Type": "Pass", "Next": "B"}, B={"Type": "Pass", "End": True}), {"n": 1})
    assert (run.execution.status, run.execution.output) == (Status.SUCCEEDED, {"n": 1})
    assert run.chain == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "PassStateEntered"),
        (3, 2, "PassStateExited"),
        (4, 3, "PassStateEntered"),
        (5, 4, "PassStateExited"),
        (6, 5, "ExecutionSucceeded"),
    ]
    assert len(run.steps) == 1


def test_a_history_event_is_shown_as_aws_shows_it():
    """Inputs are JSON text, with a note that nothing was cut off."""
    run = Driver(states("A", A={"Type": "Pass", "End": True}), {"n": 1})
    assert run.described()[1] == {
        "timestamp": NOON / 1000,
        "type": "PassStateEntered",
        "id": 2,
        "previousEventId": 0,
        "stateEnteredEventDetails": {"name": "A", "input": '{"n":1}', "inputDetails": {"truncated": False}},
    }


def test_the_bound_of_transitions_leaves_the_rest_for_the_next_step():
    """A long way to go does not hold the event loop: each step enters a bounded number of states."""
    chain = {f"S{n}": {"Type": "Pass", "Next": f"S{n + 1}"} for n in range(25)}
    run = Driver(states("S0", **chain, S25={"Type": "Succeed"}), limits=Limits(transitions=10))
    assert [step.execution.unfinished for step in run.steps] == [True, True, False]
    assert [sum("Entered" in event.type for event in step.history) for step in run.steps] == [10, 10, 6]


def test_a_task_is_invoked_with_its_effective_input_under_a_stable_attempt_id():
    """What is wanted can be read off the value, again and again."""
    run = Driver(
        states("A", A={**WORK, "Parameters": {"x.$": "$.n"}, "ResultPath": "$.got"}),
        {"n": 5},
    )
    [task] = run.tasks()
    assert (task.id, task.resource, task.arguments) == ("0:3", "module:work", {"x": 5})
    assert task.attempt_id == "0" * 32 + "-3"
    assert run.tasks() == [task]
    run.run(echo)
    assert run.execution.output == {"n": 5, "got": {"x": 5}}
    assert run.types[2:6] == ["TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited"]


def test_a_retry_waits_longer_each_time_and_calls_again_under_a_new_attempt_id():
    """IntervalSeconds times BackoffRate to the power of the retries before."""
    run = Driver(
        states(
            "A",
            A={**WORK, "Retry": [{"ErrorEquals": ["Boom"], "IntervalSeconds": 2, "MaxAttempts": 2, "BackoffRate": 3}]},
        )
    )
    attempts: list[tuple[int, str]] = []

    def failing(task: InvokeTask) -> Json:
        attempts.append((run.now_ms - NOON, task.attempt_id))
        raise Refusal("Boom", "again")

    run.run(failing)
    assert [at for at, _ in attempts] == [0, 2000, 8000]
    assert len({id for _, id in attempts}) == 3
    assert (run.execution.status, run.execution.error, run.execution.cause) == (Status.FAILED, "Boom", "again")
    assert run.types.count("TaskStateEntered") == 1


def test_a_catcher_takes_over_with_the_error_in_the_state_s_raw_input():
    """Catch puts Error and Cause where its ResultPath says; OutputPath is not applied."""
    run = Driver(
        states(
            "A",
            A={
                **WORK,
                "OutputPath": "$.no.such.path",
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "B"}],
            },
            B={"Type": "Pass", "End": True},
        ),
        {"n": 1},
    )
    run.tell(TaskFailed("0:3", "Boom", "why"))
    assert run.execution.output == {"n": 1, "error": {"Error": "Boom", "Cause": "why"}}
    assert "TaskStateExited" in run.types


def test_nobody_catches_states_runtime():
    """An evaluation that fails ends the execution, with the state and its event named."""
    run = Driver(
        states(
            "A",
            A={**WORK, "InputPath": "$.no", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}]},
            B={"Type": "Pass", "End": True},
        ),
        {"n": 1},
    )
    assert run.execution.error == "States.Runtime"
    assert run.execution.cause == (
        "An error occurred while executing the state 'A' (entered at the event id #2). "
        "Invalid path '$.no' : No results for path: $['no']"
    )


def test_a_task_times_out_at_its_deadline_and_not_before():
    """The error is States.Timeout; in the Error Output it has an empty Cause, in the event none."""
    run = Driver(
        states(
            "A",
            A={**WORK, "TimeoutSeconds": 5, "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "B"}]},
            B={"Type": "Pass", "End": True},
        )
    )
    run.now_ms += 4999
    run.tell(TimerFired("0"))
    assert len(run.tasks()) == 1
    run.now_ms += 1
    run.tell(TimerFired("0"))
    assert run.execution.output == {"Error": "States.Timeout", "Cause": ""}
    assert "TaskTimedOut" in run.types


def test_an_event_for_an_attempt_that_is_over_changes_nothing():
    """Late results address nothing."""
    run = Driver(states("A", A={**WORK, "TimeoutSeconds": 5, "Retry": [{"ErrorEquals": ["States.Timeout"]}]}))
    run.now_ms += 5000
    run.tell(TimerFired("0"))
    run.jump()
    assert [task.id for task in run.tasks()] == ["0:6"]
    before = run.execution
    assert run.tell(TaskSucceeded("0:3", "late")).history == ()
    assert run.execution is before


def test_a_submitted_task_is_polled_under_its_reference_and_never_called_again():
    """The activation id is part of the value."""
    run = Driver(states("A", A={**WORK, "Resource": "openwhisk:long.sync"}))
    run.tell(TaskSubmitted("0:3", "abc", {"activationId": "abc"}))
    assert [(task.id, task.reference) for task in run.tasks()] == [("0:3", "abc")]
    assert run.types[-1] == "TaskSubmitted"
    run.tell(TaskSucceeded("0:3", {"done": 1}, "abc"))
    assert run.execution.output == {"done": 1}


def test_a_wait_parks_until_its_timer_fires():
    """A Wait state asks for one timer, and passes its input on when it fires."""
    run = Driver(states("A", A={"Type": "Wait", "Seconds": 60, "End": True}), {"n": 1})
    assert run.execution.idle
    assert run.timers() == [StartTimer("0", NOON + 60_000)]
    run.tell(TimerFired("0"))
    assert not run.execution.ended
    run.now_ms += 60_000
    run.tell(TimerFired("0"))
    assert (run.execution.status, run.execution.output) == (Status.SUCCEEDED, {"n": 1})


def test_suspending_opens_a_callback_with_a_deadline_of_300_seconds():
    """module:suspend is a task whose answer comes from outside; its continuation carries the shard."""
    run = Driver(states("A", A=ASK), {"n": 1})
    [callback] = run.callbacks()
    assert (callback.id, callback.state, callback.deadline_ms) == ("0:3", "A", NOON + 300_000)
    assert int(callback.token.replace("-", ""), 16) & 0xFFF == 7
    assert run.execution.idle
    assert run.steps[-1].opened == (callback,)


def test_an_answer_without_a_payload_hands_the_input_on():
    """As in the seed."""
    run = Driver(states("A", A={**ASK, "ResultPath": "$.answer"}), {"n": 1})
    step = run.tell(CallbackAnswered("0:3"))
    assert run.execution.output == {"n": 1}
    assert step.closed == ()


def test_an_object_is_merged_over_the_input_where_the_state_says_nothing_about_its_result():
    """The seed's wish: input that comes with the resume."""
    run = Driver(states("A", A=ASK), {"n": 1, "m": 2})
    token = run.callbacks()[0].token
    run.tell(TaskSucceeded("0:3", {"m": 3, "approved": True}, None, token))
    assert run.execution.output == {"n": 1, "m": 3, "approved": True}


def test_an_answer_goes_where_the_state_s_result_path_says():
    """An answer is the task's result."""
    run = Driver(states("A", A={**ASK, "ResultSelector": {"yes.$": "$.approved"}, "ResultPath": "$.answer"}), {"n": 1})
    run.tell(TaskSucceeded("0:3", {"approved": True}))
    assert run.execution.output == {"n": 1, "answer": {"yes": True}}


def test_a_scalar_answer_replaces_the_input():
    """Only objects can be merged."""
    run = Driver(states("A", A=ASK), {"n": 1})
    run.tell(TaskSucceeded("0:3", 42))
    assert run.execution.output == 42


def test_under_the_seed_s_contract_constants_tell_who_restarted_it():
    """constants.restartedFrom is the continuation that was answered."""
    run = Driver(states("A", A=ASK), {"constants": {"version": "1"}, "values": {"value": 1}}, seed=True)
    token = run.callbacks()[0].token
    run.tell(CallbackAnswered("0:3"))
    assert run.execution.output == {"constants": {"version": "1", "restartedFrom": token}, "values": {"value": 1}}


def test_send_response_answers_whoever_started_it_and_hands_the_input_on():
    """As in the seed."""
    run = Driver(states("A", A={"Type": "Task", "Resource": "module:sendResponse", "End": True}), {"n": 1})
    assert (run.execution.response, run.execution.output) == ({"n": 1}, {"n": 1})


def test_a_callback_that_times_out_is_closed_unanswered():
    """Its token is told to the store, so that a late answer is refused."""
    run = Driver(states("A", A={**ASK, "TimeoutSeconds": 10}))
    token = run.callbacks()[0].token
    run.jump()
    assert run.steps[-1].closed == (token,)
    assert (run.execution.status, run.execution.error) == (Status.FAILED, "States.Timeout")


def test_a_heartbeat_gives_a_callback_a_new_deadline():
    """A missed one is a timeout to everybody but Retry and Catch, which can tell."""
    run = Driver(
        states(
            "A",
            A={
                **ASK,
                "HeartbeatSeconds": 10,
                "Catch": [{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "B"}],
            },
            B={"Type": "Pass", "End": True},
        )
    )
    run.now_ms += 9000
    step = run.tell(TaskHeartbeat("0:3"))
    assert [callback.deadline_ms for callback in step.opened] == [run.now_ms + 10_000]
    run.jump()
    assert run.execution.output == {"Error": "States.Timeout", "Cause": ""}


def test_the_branches_of_a_parallel_are_joined_in_their_order():
    """The output is an array in the order of the branches, whichever ends first."""
    run = Driver(
        states("P", P={"Type": "Parallel", "Branches": [states("A", A=WORK), states("B", B=WORK)], "End": True}),
        {"n": 1},
    )
    first, second = run.tasks()
    run.tell(TaskSucceeded(second.id, "b"))
    run.tell(TaskSucceeded(first.id, "a"))
    assert run.execution.output == ["a", "b"]
    assert run.execution.branches == {}


def test_a_parallel_suspends_in_one_branch_and_works_in_the_other():
    """What the seed could not: each branch waits for its own."""
    run = Driver(
        states("P", P={"Type": "Parallel", "Branches": [states("A", A=ASK), states("B", B=WORK)], "End": True}),
        {"n": 1},
    )
    [callback] = run.callbacks()
    assert callback.state == "P[0]/A"
    assert not run.execution.idle
    run.tell(TaskSucceeded(run.tasks()[0].id, "b"))
    assert run.execution.idle
    run.tell(CallbackAnswered(callback.id))
    assert run.execution.output == [{"n": 1}, "b"]


def test_the_first_branch_that_fails_fails_the_parallel_and_aborts_the_others():
    """Their callbacks are closed, their calls no longer wanted."""
    run = Driver(
        states("P", P={"Type": "Parallel", "Branches": [states("A", A=ASK), states("B", B=WORK)], "End": True})
    )
    token = run.callbacks()[0].token
    run.tell(TaskFailed(run.tasks()[0].id, "Boom", "why"))
    assert (run.execution.status, run.execution.error) == (Status.FAILED, "Boom")
    assert run.steps[-1].closed == (token,)
    assert run.types[-5:] == [
        "TaskFailed",
        "TaskStateAborted",
        "TaskStateAborted",
        "ParallelStateFailed",
        "ExecutionFailed",
    ]


def test_a_retried_parallel_starts_all_its_branches_again():
    """With a new ParallelStateStarted, which points at what failed."""
    run = Driver(
        states(
            "P",
            P={
                "Type": "Parallel",
                "Branches": [states("A", A=WORK)],
                "Retry": [{"ErrorEquals": ["Boom"], "IntervalSeconds": 1}],
                "End": True,
            },
        )
    )
    run.tell(TaskFailed(run.tasks()[0].id, "Boom"))
    assert run.tasks() == []
    run.jump()
    run.run(echo)
    assert run.execution.status is Status.SUCCEEDED
    started = [event for event in run.history if event.type == "ParallelStateStarted"]
    failed = next(event for event in run.history if event.type == "TaskFailed")
    assert started[1].previous == failed.id


def test_large_payloads_use_up_the_bound_of_transitions():
    """What a step makes is written at once, so it is no more than some megabytes."""
    again: Json = {"Type": "Pass", "Parameters": {"x.$": "$.x"}}
    chain = {f"S{n}": {**again, "Next": f"S{n + 1}"} for n in range(100)}

    run = Driver(states("S0", **chain, S100={"Type": "Succeed"}), {"x": "y" * 200_000})

    assert run.execution.status is Status.SUCCEEDED
    entered = [sum(event.type == "PassStateEntered" for event in step.history) for step in run.steps]
    assert sum(entered) == 100
    assert max(entered) < 60


def test_outputs_that_are_far_too_large_together_are_not_put_together():
    """A thousand iterations could hand over hundreds of megabytes, of which a ResultSelector might pick one."""

    def run(items: int) -> Driver:
        inner = states("I", I={"Type": "Pass", "InputPath": "$$.Execution.Input.x", "End": True})
        picking: Json = {"ItemProcessor": inner, "ItemsPath": "$.a", "ResultSelector": {"one.$": "$[0]"}, "End": True}
        return Driver(states("M", M={"Type": "Map", **picking}), {"a": [1] * items, "x": "y" * 250_000})

    assert run(100).execution.status is Status.SUCCEEDED
    assert run(150).execution.error == "States.DataLimitExceeded"


def test_a_map_runs_its_processor_for_each_item_in_bounded_numbers():
    """Never more than MaxConcurrency iterations at once; the output is in the items' order."""
    run = Driver(
        states(
            "M",
            M={
                "Type": "Map",
                "ItemsPath": "$.items",
                "ItemSelector": {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "all.$": "$.name"},
                "MaxConcurrency": 2,
                "ItemProcessor": states("W", W=WORK),
                "End": True,
            },
        ),
        {"items": [10, 20, 30], "name": "x"},
    )
    assert [task.arguments for task in run.tasks()] == [
        {"i": 0, "v": 10, "all": "x"},
        {"i": 1, "v": 20, "all": "x"},
    ]
    run.tell(TaskSucceeded(run.tasks()[1].id, "b"))
    assert [task.arguments["i"] for task in run.tasks()] == [0, 2]
    run.tell(TaskSucceeded(run.tasks()[1].id, "c"))
    run.tell(TaskSucceeded(run.tasks()[0].id, "a"))
    assert run.execution.output == ["a", "b", "c"]


def test_the_events_of_a_map_chain_as_aws_chains_them():
    """The next iteration points at the last state event of the one before; the end at the last succeeded iteration."""
    run = Driver(
        states(
            "M",
            M={
                "Type": "Map",
                "MaxConcurrency": 1,
                "ItemProcessor": states("P", P={"Type": "Pass", "End": True}),
                "End": True,
            },
        ),
        [1, 2],
    )
    assert [(id, previous) for id, previous, _ in run.chain] == [
        (1, 0),
        (2, 0),
        (3, 2),
        (4, 3),
        (5, 4),
        (6, 5),
        (7, 6),
        (8, 6),
        (9, 8),
        (10, 9),
        (11, 10),
        (12, 11),
        (13, 11),
        (14, 13),
    ]


def test_a_map_over_nothing_gives_an_empty_array():
    """Without any iteration."""
    run = Driver(states("M", M={"Type": "Map", "ItemProcessor": states("P", P={"Type": "Succeed"}), "End": True}), [])
    assert run.execution.output == []
    assert run.types == [
        "ExecutionStarted",
        "MapStateEntered",
        "MapStateStarted",
        "MapStateSucceeded",
        "MapStateExited",
        "ExecutionSucceeded",
    ]


def test_a_big_map_is_born_in_bounded_steps():
    """No step begins more iterations than the bound of transitions."""
    run = Driver(
        states("M", M={"Type": "Map", "ItemProcessor": states("W", W=ASK), "End": True}),
        list(range(50)),
        limits=Limits(transitions=20),
    )
    assert len(run.callbacks()) == 50
    assert max(len(step.changed) for step in run.steps) <= 21


def test_an_execution_loaded_in_part_asks_for_what_it_needs_to_join():
    """An answer to one of many branches needs the others only when it is the last."""
    run = Driver(
        states("P", P={"Type": "Parallel", "Branches": [states("A", A=ASK), states("B", B=ASK)], "End": True}), {"n": 1}
    )
    first, second = run.callbacks()
    run.tell(CallbackAnswered(first.id))
    everything = run.execution
    part = replace(
        everything, whole=False, branches={id: everything.branches[id] for id in everything.branches if id != "0.0"}
    )
    with pytest.raises(BranchesNeeded) as needed:
        advance(run.machine, part, CallbackAnswered(second.id), Moment(NOON))
    assert needed.value.parent == "0"


def test_stopping_ends_everything_and_closes_its_callbacks():
    """The execution is ABORTED with the given error and cause."""
    run = Driver(states("A", A=ASK))
    token = run.callbacks()[0].token
    step = run.tell(ExecutionStopped("Enough", "because"))
    assert (run.execution.status, run.execution.error) == (Status.ABORTED, "Enough")
    assert step.closed == (token,)
    assert run.chain[-1] == (5, 0, "ExecutionAborted")
    assert list(run.execution.outstanding()) == []


def test_the_machine_s_own_timeout_ends_the_execution_as_timed_out():
    """Nothing catches it."""
    run = Driver({**states("A", A=ASK), "TimeoutSeconds": 60})
    run.jump()
    assert run.now_ms == NOON + 60_000
    assert (run.execution.status, run.execution.error) == (Status.TIMED_OUT, None)
    assert run.described()[-1]["executionTimedOutEventDetails"] == {"error": "States.Timeout"}


def test_times_of_one_execution_never_go_backwards():
    """Also when the clock does."""
    run = Driver(states("A", A=WORK))
    run.now_ms -= 5000
    run.tell(TaskSucceeded("0:3", 1))
    assert [event.at_ms for event in run.history] == sorted(event.at_ms for event in run.history)


def test_choice_takes_the_first_rule_that_holds():
    """And its default where none does."""
    definition = states(
        "C",
        C={
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.n", "NumericGreaterThan": 10, "Next": "Big"},
                {"Not": {"Variable": "$.n", "NumericEquals": 0}, "Next": "Some"},
            ],
            "Default": "None",
        },
        Big={"Type": "Pass", "Result": "big", "End": True},
        Some={"Type": "Pass", "Result": "some", "End": True},
        None_={"Type": "Fail"},
    )
    definition["States"]["None"] = definition["States"].pop("None_")
    assert Driver(definition, {"n": 11}).execution.output == "big"
    assert Driver(definition, {"n": 5}).execution.output == "some"
    assert Driver(definition, {"n": 0}).execution.status is Status.FAILED


def test_variables_are_assigned_for_the_states_after():
    """Assign sees the result; the next state reads `$name`."""
    run = Driver(
        states(
            "A",
            A={"Type": "Pass", "Result": {"x": 1}, "Assign": {"kept.$": "$.x"}, "Next": "B"},
            B={"Type": "Pass", "Parameters": {"got.$": "$kept"}, "End": True},
        )
    )
    assert run.execution.output == {"got": 1}
    exited = next(event for event in run.described() if event["type"] == "PassStateExited")
    assert exited["stateExitedEventDetails"]["assignedVariables"] == {"kept": "1"}


def test_a_definition_is_refused_with_all_its_problems_at_once():
    """Each with AWS's code and the place."""
    with pytest.raises(InvalidDefinition) as refused:
        Driver(
            {
                "StartAt": "Nowhere",
                "States": {
                    "A": {"Type": "Pass", "Next": "B", "Seconds": 3},
                    "B": {"Type": "Wait", "Seconds": 1, "Timestamp": "x", "Next": "Gone"},
                    "C": {"Type": "Pause"},
                    "D": {"Type": "Succeed"},
                },
            }
        )
    found = {(problem.message, problem.location) for problem in refused.value.problems}
    assert {
        ("Field 'Seconds' is not supported", "/States/A"),
        (
            "There should only be one of the following fields: [SecondsPath, Seconds, TimestampPath, Timestamp]",
            "/States/B",
        ),
        ("String does not match RFC3339 timestamp", "/States/B/Timestamp"),
        (
            "The field 'Type' should have one of these values: "
            "[Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]",
            "/States/C/Type",
        ),
        ("Missing 'Next' target: Nowhere", "/StartAt"),
        ("Missing 'Next' target: Gone", "/States/B/Next"),
    } <= found


def test_a_waiting_task_says_what_it_waits_for_in_its_value():
    """So that after a crash the same is wanted again."""
    run = Driver(states("A", A={**WORK, "TimeoutSeconds": 5}))
    waiting = run.execution.branches["0"].waiting
    assert isinstance(waiting, OnTask)
    assert (waiting.event, waiting.timeout_ms) == (3, NOON + 5000)


LOOP = states(
    "L",
    L={"Type": "Pass", "Result": {"go": True}, "Next": "C"},
    C={"Type": "Choice", "Choices": [{"Variable": "$.go", "BooleanEquals": True, "Next": "L"}], "Default": "E"},
    E={"Type": "Succeed"},
)


def looping_beside(branch: Json, transitions: int = 10) -> tuple[Driver, Execution]:
    """An execution that was stopped by its bound in a loop, beside another branch."""
    run = Driver(states("W", W={"Type": "Wait", "Seconds": 1, "End": True}))
    machine = read(states("P", P={"Type": "Parallel", "Branches": [LOOP, branch], "End": True}))
    blank = replace(run.execution, branches={}, next_event=1)
    run.machine = machine
    step = advance(machine, begin(blank, machine), ExecutionStarted(), Moment(NOON, b"x"), Limits(transitions))
    return run, step.execution


@pytest.mark.parametrize("event", [TaskHeartbeat("0.1:8"), TimerFired("0.1"), TaskSucceeded("0.7:3", 1)])
def test_what_is_unfinished_stays_so_whatever_else_happens(event: AnyEvent):
    """Only going on ends it: otherwise the execution would be parked in the middle of its way."""
    run, execution = looping_beside(states("A", A=ASK))
    assert execution.unfinished
    after = advance(run.machine, execution, event, Moment(NOON, b"y")).execution
    assert after.unfinished
    assert not after.idle


def test_a_loop_leaves_its_siblings_their_turn():
    """However long it goes on."""
    run, execution = looping_beside(states("A", A={"Type": "Pass", "Next": "B"}, B=ASK), transitions=3)
    for drawn in range(20):
        execution = advance(run.machine, execution, Continued(), Moment(NOON, bytes([drawn])), Limits(3)).execution
    assert [command for command in execution.outstanding() if isinstance(command, AwaitCallback)]


def test_an_event_for_a_branch_that_was_not_loaded_asks_for_it():
    """It may be over, or not: what was accepted must not be thrown away."""
    run = Driver(states("P", P={"Type": "Parallel", "Branches": [states("A", A=ASK), states("B", B=ASK)], "End": True}))
    first, second = run.callbacks()
    branches = {id: branch for id, branch in run.execution.branches.items() if id != "0.1"}
    part = replace(run.execution, whole=False, branches=branches)
    with pytest.raises(BranchesNeeded):
        advance(run.machine, part, CallbackAnswered(second.id), Moment(NOON))
    assert advance(run.machine, part, CallbackAnswered(first.id), Moment(NOON)).history


def test_a_map_that_cannot_make_an_item_s_input_cuts_off_what_it_had_begun():
    """Nothing of it is left, and the continuations of its iterations are closed."""
    run = Driver(
        states(
            "M",
            M={
                "Type": "Map",
                "ItemsPath": "$",
                "ItemSelector": {"n.$": "$$.Map.Item.Value.n"},
                "MaxConcurrency": 2,
                "ItemProcessor": states("A", A=ASK),
                "End": True,
            },
        ),
        [{"n": 0}, {"n": 1}, {}],
    )
    first, second = run.callbacks()
    step = run.tell(CallbackAnswered(first.id))
    assert (run.execution.status, run.execution.error) == (Status.FAILED, "States.Runtime")
    assert step.closed == (second.token,)
    assert run.types[-3:] == ["MapIterationAborted", "TaskStateAborted", "ExecutionFailed"]


def test_data_that_grows_too_deep_fails_the_state_that_makes_them():
    """What could not be read back must not be written."""
    run = Driver(
        states(
            "Deeper",
            Deeper={"Type": "Pass", "Parameters": {"in.$": "$"}, "Next": "Again"},
            Again={
                "Type": "Choice",
                "Choices": [{"Variable": "$.in", "IsPresent": True, "Next": "Deeper"}],
                "Default": "E",
            },
            E={"Type": "Succeed"},
        )
    )
    assert (run.execution.status, run.execution.error) == (Status.FAILED, "States.Runtime")
    assert run.execution.cause is not None
    assert run.execution.cause.endswith("The data is nested too deep.")
