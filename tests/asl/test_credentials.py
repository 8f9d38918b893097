"""Credentials of a Task: the role that a definition names."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from statebox.asl.answers import Succeeds
from statebox.asl.definition import InvalidDefinition, read
from statebox.asl.driver import Outcome, drive
from statebox.asl.errors import Problem
from statebox.asl.history import describe
from statebox.asl.jsontext import Json
from statebox.asl.walk import new_execution
from tests.asl.driving import NOON, states

ROLE = "arn:aws:iam::000000000000:role/x"
CALL = "openwhisk:x"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:x"


def run(state: Mapping[str, Json], input: Json) -> Outcome:
    """What comes of one Task S."""
    machine = read(states("S", S={"Type": "Task", "End": True, **state}))
    execution = new_execution(input, machine="test", name="one", started_ms=NOON)
    return drive(machine, execution, tasks=lambda _: Succeeds(1))


@pytest.mark.parametrize("resource", [CALL, FUNCTION])
@pytest.mark.parametrize(
    "state",
    [
        {"Credentials": {"RoleArn": ROLE}},
        {"Credentials": {"RoleArn.$": "$.role"}},
        {"Credentials": {"RoleArn.$": "States.Format('{}', $.role)"}},
        {"QueryLanguage": "JSONata", "Credentials": {"RoleArn": "{% $states.input.role %}"}},
        {"QueryLanguage": "JSONata", "Credentials": '{% {"RoleArn": $states.input.role} %}'},
    ],
)
def test_the_history_tells_the_role(resource: str, state: Mapping[str, Json]):
    """As it stands there, or as a path or an expression reads it."""
    outcome = run({"Resource": resource, **state}, {"role": ROLE})

    (scheduled,) = [event for event in map(describe, outcome.events) if event["type"].endswith("Scheduled")]
    details = next(value for key, value in scheduled.items() if key.endswith("ScheduledEventDetails"))
    assert details["taskCredentials"] == {"roleArn": ROLE}


def test_a_role_that_cannot_be_found_fails_the_task_before_it_is_scheduled():
    """In the words for fields of templates."""
    outcome = run({"Resource": CALL, "Credentials": {"RoleArn.$": "$.no"}}, {})

    assert outcome.error == "States.Runtime"
    assert "'$.no' specified for the field 'RoleArn.$' could not be found" in (outcome.execution.cause or "")


@pytest.mark.parametrize("language", [{}, {"QueryLanguage": "JSONata"}])
def test_credentials_without_a_role_are_refused(language: Mapping[str, Json]):
    """AWS's words."""
    with pytest.raises(InvalidDefinition) as refused:
        run({"Resource": CALL, "Credentials": {}, **language}, {})
    assert list(refused.value.problems) == [
        Problem(
            "SCHEMA_VALIDATION_FAILED",
            "The field 'RoleArn' is required but was missing",
            "/States/S/Credentials",
        )
    ]
