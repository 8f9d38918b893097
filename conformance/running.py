"""Running: what the core makes of one recorded case, in the form that is compared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from conformance.functions import Functions
from conformance.trials import try_recorded
from statebox.asl.definition import parse, read
from statebox.asl.driver import drive
from statebox.asl.errors import InvalidDefinition
from statebox.asl.events import ExecutionStopped
from statebox.asl.jsontext import Json, write_json_text
from statebox.asl.moment import timestamp
from statebox.asl.walk import BEGAN_MS, new_execution

# The cases that need nothing but the core and the functions played here.
TIERS: Final = ("core", "lambda")
DEFINITIONS: Final = ("accepted_definition", "rejected_definition", "validate_definition")
_DAY_MS: Final = 86_400_000
_FAR: Final = re.compile(r"too_far_in_future_boundary\[(\d+)\]")
_STOPPED_BY_HAND: Final = "interactive:stop_execution"


def is_wanted(case: Mapping[str, Json]) -> bool:
    """Whether a case is for the core alone: an execution, a state that is tried, or a definition."""
    return case["tier"] in TIERS and case["kind"] in ("execution", "test_state", *DEFINITIONS)


def run(case: Mapping[str, Json]) -> dict[str, Json]:
    """Run a case; returns what compare.py takes as the actual answer."""
    if case["kind"] == "execution":
        return _execute(case)
    if case["kind"] == "test_state":
        return try_recorded(case)
    return _validate(case) if case["kind"] == "validate_definition" else _create(case)


def _execute(case: Mapping[str, Json]) -> dict[str, Json]:
    names: Mapping[str, Json] = case["names"]
    try:
        machine = read(case["definition"])
    except InvalidDefinition as invalid:
        return {"status": "REJECTED", "error": "InvalidDefinition", "cause": str(invalid), "history": []}
    execution = new_execution(
        _input(case),
        machine=names["state_machine"],
        # Those of express machines stand in the ARN alone: ...:express:<machine>:<name>:<id>.
        name=names["execution"] or names["execution_arn"].split(":")[7],
        arn=names["execution_arn"],
        machine_arn=names["state_machine_arn"],
        role_arn=names["role_arn"],
    )
    stop = (1000, ExecutionStopped()) if _STOPPED_BY_HAND in case["needs"] else None
    outcome = drive(machine, execution, tasks=Functions(case), stop=stop)
    told: dict[str, Json] = {"status": outcome.status.value, "error": outcome.error, "cause": outcome.cause}
    return {**told, "output": outcome.output, "history": outcome.history}


def _input(case: Mapping[str, Json]) -> Json:
    """The input; a date that lies so many days ahead lies as many ahead of the virtual clock."""
    far = _FAR.search(case["id"])
    if far is None:
        return case["input"]
    return {**case["input"], "start_at": timestamp(BEGAN_MS + int(far[1]) * _DAY_MS)}


def _create(case: Mapping[str, Json]) -> dict[str, Json]:
    try:
        parse(_text(case))
    except InvalidDefinition as invalid:
        return {
            "rejected": True,
            "code": "InvalidDefinition",
            "message": f"Invalid State Machine Definition: '{invalid}'",
        }
    return {"rejected": False}


def _validate(case: Mapping[str, Json]) -> dict[str, Json]:
    try:
        parse(_text(case))
    except InvalidDefinition as invalid:
        found: list[Json] = []
        for problem in invalid.problems:
            told: dict[str, Json] = {"severity": "ERROR", "code": problem.code, "message": problem.message}
            found.append(told if problem.location is None else {**told, "location": problem.location})
        return {"result": "FAIL", "diagnostics": found}
    return {"result": "OK", "diagnostics": []}


def _text(case: Mapping[str, Json]) -> str:
    text: str | None = case.get("definition_text")
    return write_json_text(case["definition"]) if text is None else text
