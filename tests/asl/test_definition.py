"""What a definition is refused for: each finding with AWS's code, its words and its place."""

from __future__ import annotations

import pytest

from statebox.asl.definition import read
from statebox.asl.errors import InvalidDefinition
from statebox.asl.jsontext import Json
from tests.asl.driving import states

PASS = {"Type": "Pass", "End": True}
SCHEMA = "SCHEMA_VALIDATION_FAILED"


def findings(definition: Json) -> list[str]:
    """What is wrong with a definition, as `message at location`; nothing when it is accepted."""
    try:
        read(definition)
    except InvalidDefinition as refused:
        return [f"{problem.message} at {problem.location}" for problem in refused.problems]
    return []


def of_state(**fields: Json) -> list[str]:
    """What is wrong with a machine of this state alone, which ends unless it says otherwise."""
    return findings(states("A", A={"End": True, **fields} if fields.get("Type") not in ("Succeed", "Fail") else fields))


@pytest.mark.parametrize(
    ("definition", "found"),
    [
        (states("A", A={"End": True}), ["The field 'Type' is required at /States/A"]),
        (
            states("A", A={"Type": "Rest", "End": True}),
            [
                "The field 'Type' should have one of these values: "
                "[Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map] at /States/A/Type"
            ],
        ),
        ({"States": {"A": PASS}}, ["These fields are required: [StartAt] at /"]),
        (
            {"StartAt": "A", "States": {}},
            [
                "Value cannot be empty at /States",
                "Missing 'Next' target: A at /StartAt",
                "Workflow has no terminal state at None",
            ],
        ),
        (
            states("Gone", A=PASS),
            ["Missing 'Next' target: Gone at /StartAt", 'State "A" is not reachable. at /States/A'],
        ),
        (
            states("A", A={"Type": "Pass"}),
            [
                "This object should have only one of the following fields: [Next, End] at /States/A",
                "Workflow has no terminal state at None",
            ],
        ),
        (
            states("A", A={"Type": "Pass", "Next": "Gone"}),
            ["Missing 'Next' target: Gone at /States/A/Next", "Workflow has no terminal state at None"],
        ),
        (
            states("A", A={**PASS, "Next": "A"}),
            ["There should only be one of the following fields: [Next, End] at /States/A"],
        ),
    ],
)
def test_structure_is_judged_by_what_was_written(definition: Json, found: list[str]):
    """A state that is wrong in itself is still a place to go to, and still leads on or ends."""
    assert findings(definition) == found


def test_a_state_that_cannot_be_read_is_no_missing_target():
    definition = states("A", A={"Type": "Pass", "Next": "B"}, B={"Type": "Rest", "Next": "C"}, C=PASS)
    assert [finding.rpartition(" at ")[2] for finding in findings(definition)] == ["/States/B/Type"]


def test_a_field_that_a_state_cannot_have_leads_on_all_the_same():
    """AWS says nothing of the state behind it."""
    definition = states("A", A={"Type": "Succeed", "Next": "B"}, B=PASS)
    assert findings(definition) == ["Field 'Next' is not supported at /States/A"]


def test_targets_are_missed_before_ends_are_looked_for_in_any_scope():
    inner = {"StartAt": "I", "States": {"I": {"Type": "Pass", "Next": "Gone"}}}
    definition = states("P", P={"Type": "Parallel", "Branches": [inner], "Next": "Lost"})
    assert findings(definition) == [
        "Missing 'Next' target: Lost at /States/P/Next",
        "Missing 'Next' target: Gone at /States/P/Branches[0]/States/I/Next",
        "Workflow has no terminal state at None",
        "Workflow has no terminal state at None",
    ]
