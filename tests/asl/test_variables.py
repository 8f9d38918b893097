"""Variables: what all of an execution's variables may take together."""

from __future__ import annotations

import pytest

from statebox.asl.definition import read
from statebox.asl.driver import drive
from statebox.asl.execution import Status
from statebox.asl.jsontext import Json
from statebox.asl.limits import Limits
from statebox.asl.walk import new_execution
from tests.asl.driving import Driver, Refusal, states

SMALL = Limits(variables_bytes=100)
# With its name and quotes it takes 45 bytes.
TEXT = "x" * 42


def assigning(next: str | None = None, **variables: Json) -> Json:
    """A Pass state that assigns variables."""
    return {"Type": "Pass", "Assign": variables, **({"End": True} if next is None else {"Next": next})}


def test_all_variables_of_an_execution_together_have_a_limit():
    run = Driver(states("A", A=assigning("B", a=TEXT), B=assigning("C", b=TEXT), C=assigning(c=TEXT)), limits=SMALL)
    assert (run.execution.status, run.execution.error) == (Status.FAILED, "States.DataLimitExceeded")
    assert run.execution.cause == (
        "The variables of the execution would take 135 bytes, more than the maximum of 100 bytes."
    )
    assert run.types[-3:] == ["PassStateExited", "PassStateEntered", "ExecutionFailed"]


def test_an_assignment_that_replaces_others_takes_no_more_than_the_new_ones():
    run = Driver(
        states("A", A=assigning("B", a=TEXT, b=TEXT), B=assigning("C", b=1, c=2), C=assigning(b=TEXT)), limits=SMALL
    )
    assert run.execution.status is Status.SUCCEEDED


def test_a_limit_of_nothing_is_none():
    run = Driver(states("A", A=assigning(**{f"v{n}": TEXT for n in range(9)})), limits=Limits(variables_bytes=0))
    assert run.execution.status is Status.SUCCEEDED


def test_the_variables_of_all_branches_count_and_are_gone_when_their_branch_ends():
    """Two iterations at a time may have 45 bytes each, and then the next two; three at a time are too many."""

    def over(concurrency: int) -> Driver:
        processor = {
            "StartAt": "I",
            "States": {"I": assigning("W", v=TEXT), "W": {"Type": "Wait", "Seconds": 1, "End": True}},
        }
        loop = {"Type": "Map", "ItemProcessor": processor, "MaxConcurrency": concurrency, "End": True}
        run = Driver(states("M", M=loop), [1, 2, 3, 4], limits=SMALL)
        while run.jump():
            pass
        return run

    assert over(2).execution.status is Status.SUCCEEDED
    assert over(3).execution.error == "States.DataLimitExceeded"


@pytest.mark.parametrize("fails", [True, False])
def test_the_variables_of_branches_that_are_cut_off_are_gone(fails: bool):
    """A Parallel that starts again, or is given up, leaves nothing behind."""
    waits = {"StartAt": "V", "States": {"V": assigning("W", v=TEXT), "W": {"Type": "Wait", "Seconds": 9, "End": True}}}
    works = {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "module:work", "End": True}}}
    parallel: Json = {
        "Type": "Parallel",
        "Branches": [waits, works],
        "Retry": [{"ErrorEquals": ["Again"], "MaxAttempts": 3, "IntervalSeconds": 1}],
        "Catch": [{"ErrorEquals": ["Lost"], "Next": "B"}],
        "Next": "B",
    }
    run = Driver(states("P", P=parallel, B=assigning(a=TEXT, b=TEXT)), limits=SMALL)
    errors = iter(["Again", "Again", "Again", *(["Lost"] if fails else [])])

    def work(task: Json) -> Json:
        for error in errors:
            raise Refusal(error, "")
        return 1

    assert run.run(work).status is Status.SUCCEEDED


def test_the_count_is_kept_from_step_to_step_with_the_execution():
    run = Driver(states("A", A=assigning("T", a=TEXT), T={"Type": "Task", "Resource": "module:work", "End": True}))
    assert run.execution.variables_bytes == 45


def test_the_items_of_a_distributed_map_count_for_themselves():
    """Each of them is an execution of its own."""
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "I",
        "States": {"I": assigning(v=TEXT, w=TEXT)},
    }
    definition = states(
        "A", A=assigning("M", a=TEXT, b=TEXT), M={"Type": "Map", "ItemProcessor": processor, "End": True}
    )
    outcome = drive(read(definition), new_execution([1, 2]), limits=SMALL)
    assert outcome.status is Status.SUCCEEDED
