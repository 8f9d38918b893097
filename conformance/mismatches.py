"""Mismatches: in which words an answer differs from the recorded one."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from statebox.asl.jsontext import Json, write_json_text

_LABELLED = ("stateEnteredEventDetails", "stateExitedEventDetails")


def explain(case: Mapping[str, Json], actual: Mapping[str, Json], result: Mapping[str, Json]) -> Iterator[str]:
    """The differences, a line each, the events as a diff of their types and state names."""
    expected: Mapping[str, Json] = case["expect"]
    for field in ("status", "error", "cause"):
        wanted, got = expected.get(field), actual.get(field)
        if field in expected and result.get(field) not in (None, True, "exact", "class"):
            yield f"{field} ({result[field]}): expected {_shown(wanted)}, got {_shown(got)}"
        elif field == "status" and result.get("status") is False:
            yield f"status: got {got}"
    if result.get("status") is False and actual.get("error"):
        yield f"got {actual['error']}: {actual.get('cause')}"
    if result.get("output") is False:
        yield f"output: expected {_shown(expected.get('output'))}"
        yield f"             got {_shown(actual.get('output'))}"
    yield from (str(why) for why in result.get("why") or ())
    yield from (f"inside: {place} agrees only as {level}" for place, level in result.get("soft_causes") or ())
    if result.get("events") not in (None, "exact", "modulo-concurrency"):
        yield f"events ({result['events']}):"
        recorded = [_label(event) for event in expected.get("history") or expected["events"]]
        yield from difflib.unified_diff(
            recorded, [_label(one) for one in actual["history"]], "AWS", "core", lineterm=""
        )
    if case["kind"] != "execution":
        yield f"expected {_shown(expected)}"
        yield f"     got {_shown(actual)}"


def _label(event: Json) -> str:
    if isinstance(event, str):
        return event
    name: str = next((event[member]["name"] for member in _LABELLED if member in event), "")
    return f"{event['type']} {name}".rstrip()


def _shown(value: Json) -> str:
    text = write_json_text(value)
    return text if len(text) <= 2000 else f"{text[:2000]}…"
