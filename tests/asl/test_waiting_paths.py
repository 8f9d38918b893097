"""The times that states read through paths: SecondsPath and TimestampPath of a Wait, the time-outs of a Task."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from statebox.asl.answers import silence
from statebox.asl.definition import read
from statebox.asl.driver import Outcome, drive
from statebox.asl.execution import Status
from statebox.asl.jsontext import Json
from statebox.asl.walk import new_execution
from tests.asl.driving import NOON, states


def run(state: Mapping[str, Json], input: Json) -> Outcome:
    """What comes of one state S."""
    machine = read(states("S", S={"End": True, **state}))
    return drive(machine, new_execution(input, machine="test", name="one", started_ms=NOON), tasks=silence)


def cause(outcome: Outcome) -> str:
    """Its failure's cause, without the words that every cause begins with."""
    assert (outcome.status, outcome.error) == (Status.FAILED, "States.Runtime")
    return (outcome.execution.cause or "").partition("(entered at the event id #2). ")[2]


@pytest.mark.parametrize(("seconds", "waited"), [(0, 0), (3, 3), ("3", 3), ("0", 0)])
def test_seconds_path_reads_a_whole_number_or_its_text(seconds: Json, waited: int):
    """As on AWS, where "3" is three seconds."""
    outcome = run({"Type": "Wait", "SecondsPath": "$.s"}, {"s": seconds})

    assert (outcome.status, outcome.elapsed_ms) == (Status.SUCCEEDED, waited * 1000)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (1.5, "1.5"),
        (1.0, "1.0"),
        ("1.5", "1.5"),
        ("soon", "soon"),
        ("", ""),
        (None, "null"),
        (True, "true"),
        ({"raw": "3"}, '{"raw":"3"}'),
        ([1], "[1]"),
        (2**63, "9223372036854775808"),
    ],
)
def test_seconds_path_to_anything_else_fails_and_shows_it(seconds: Json, shown: str):
    """A string bare, any other value as its JSON."""
    outcome = run({"Type": "Wait", "SecondsPath": "$.s"}, {"s": seconds})

    assert cause(outcome) == f"The SecondsPath parameter cannot be parsed as a long value: $.s == {shown}"


@pytest.mark.parametrize("seconds", [-1, "-1"])
def test_seconds_path_to_a_negative_number_fails(seconds: Json):
    """With words of its own."""
    outcome = run({"Type": "Wait", "SecondsPath": "$.s"}, {"s": seconds})

    assert cause(outcome) == "The SecondsPath parameter references a negative value: $.s == -1"


@pytest.mark.parametrize(
    ("timestamp", "shown"),
    [("2016-03-14", "2016-03-14"), (1735689600000, "1735689600000"), (None, "null"), ({"a": True}, '{"a":true}')],
)
def test_timestamp_path_to_anything_but_a_timestamp_fails_and_shows_it(timestamp: Json, shown: str):
    """A string bare, any other value as its JSON."""
    outcome = run({"Type": "Wait", "TimestampPath": "$.t"}, {"t": timestamp})

    assert cause(outcome).endswith(f"offset date-time format string: $.t == {shown}")


@pytest.mark.parametrize("field", ["SecondsPath", "TimestampPath"])
def test_a_wait_path_that_leads_nowhere_fails(field: str):
    """The cause names the field and the path."""
    outcome = run({"Type": "Wait", field: "$.no"}, {})

    assert cause(outcome) == f"The {field} parameter does not reference an input value: $.no"


def test_the_time_outs_of_a_task_are_read_from_what_input_path_selects():
    """Not from the raw input, and not from what Parameters make."""
    task = {"Type": "Task", "Resource": "openwhisk:x", "InputPath": "$.i", "Parameters": {"a": 1}}

    outcome = run({**task, "TimeoutSecondsPath": "$.t"}, {"t": 9, "i": {"t": 5}})

    assert (outcome.error, outcome.elapsed_ms) == ("States.Timeout", 5000)
