"""Answering: a verdict in the shape of TestState's response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import UNSET

from statebox.asl.inspection.setting import Verdict
from statebox.asl.jsontext import Json, write_json_text

# The others are JSON texts.
_PLAIN: Final = ("maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage", "errorDetails")


def response(verdict: Verdict, level: str) -> dict[str, Json]:
    """What TestState answers at an inspection level: INFO has no data but the output."""
    told: dict[str, Json] = {
        "output": None if verdict.output is UNSET else write_json_text(verdict.output),
        "error": verdict.error,
        "cause": verdict.cause,
        "inspectionData": None if level == "INFO" else _inspected(verdict.inspection),
        "nextState": verdict.next,
        "status": verdict.status,
    }
    return {name: value for name, value in told.items() if value is not None}


def _inspected(notes: Mapping[str, Json]) -> Json:
    return {name: value if name in _PLAIN else write_json_text(value) for name, value in notes.items()}
