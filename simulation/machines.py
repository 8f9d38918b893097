"""The machines that are run, and what must come of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from statebox.asl.jsontext import Json, write_json_text

BOOM: Final = "Boom"
LATE: Final = "late"
LIMIT_MS: Final = 4000
ITEMS: Final = 3
BEATS: Final = "beats"
BEAT_SECONDS: Final = 2
# Those whose first question may be answered before it is asked.
EARLY: Final = ("ask", "token", "early")
_CATCH_LATE: Json = [
    {"ErrorEquals": ["States.Timeout", "States.HeartbeatTimeout"], "ResultPath": "$.error", "Next": "Late"}
]
_LATE: Json = {"Type": "Pass", "Parameters": {"n.$": "$.n", "answer": LATE}, "Next": "Inc"}
_INC: Json = {"Type": "Task", "Resource": "openwhisk:inc", "TimeoutSeconds": 600, "End": True}


def _ask(resource: str = "module:suspend", timeout: int = 5, **fields: Json) -> Json:
    return {"Type": "Task", "Resource": resource, "TimeoutSeconds": timeout, "ResultPath": "$.answer", **fields}


def _machine(states: dict[str, Json], **fields: Json) -> Json:
    return {"StartAt": next(iter(states)), "States": states, **fields}


_ASK_AND_INC: Json = _machine({"Ask": _ask(Next="Inc", Catch=_CATCH_LATE), "Late": _LATE, "Inc": _INC})


def _each(mode: dict[str, Json], **fields: Json) -> Json:
    processor = {"ProcessorConfig": mode, **_ASK_AND_INC}
    return _machine(
        {"Each": {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": processor, "End": True, **fields}}
    )


_RETRY: Json = [{"ErrorEquals": [BOOM], "IntervalSeconds": 1, "BackoffRate": 1, "MaxAttempts": 20}]

DEFINITIONS: Final[Mapping[str, Json]] = {
    "calls": _machine(
        {
            "Inc": {"Type": "Task", "Resource": "openwhisk:inc", "Next": "Slow"},
            "Slow": {"Type": "Task", "Resource": "openwhisk:slow", "Next": "Flaky"},
            "Flaky": {"Type": "Task", "Resource": "openwhisk:flaky", "Retry": _RETRY, "End": True},
        }
    ),
    "ask": _ASK_AND_INC,
    "token": _machine(
        {
            "Ask": _ask(
                "openwhisk:ask.waitForTaskToken",
                Parameters={"n.$": "$.n", "token.$": "$$.Task.Token"},
                Next="Inc",
                Catch=_CATCH_LATE,
            ),
            "Late": _LATE,
            "Inc": _INC,
        }
    ),
    "early": _machine(
        {
            "Wait": {"Type": "Wait", "Seconds": 3, "Next": "Ask"},
            "Ask": _ask(timeout=4, Next="Inc", Catch=_CATCH_LATE),
            "Late": _LATE,
            "Inc": _INC,
        }
    ),
    BEATS: _machine(
        {
            "Ask": _ask(timeout=60, HeartbeatSeconds=BEAT_SECONDS, Next="Inc", Catch=_CATCH_LATE),
            "Late": _LATE,
            "Inc": _INC,
        }
    ),
    "each": _each({"Mode": "INLINE"}, MaxConcurrency=2),
    "far": _each({"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}),
    "both": _machine(
        {
            "Both": {
                "Type": "Parallel",
                "Branches": [
                    _ASK_AND_INC,
                    _machine({"Wait": {"Type": "Wait", "Seconds": 3, "Next": "Other"}, "Other": _INC}),
                ],
                "End": True,
            }
        }
    ),
    "fails": _machine(
        {
            "Both": {
                "Type": "Parallel",
                "Branches": [
                    _machine({"Ask": _ask(timeout=60, End=True)}),
                    _machine(
                        {
                            "Pause": {"Type": "Wait", "Seconds": 2, "Next": "Boom"},
                            "Boom": {"Type": "Fail", "Error": BOOM},
                        }
                    ),
                ],
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Caught"}],
                "End": True,
            },
            "Caught": {"Type": "Pass", "Parameters": {"n.$": "$.n", "caught.$": "$.error.Error"}, "End": True},
        }
    ),
    "waits": _machine(
        {
            "First": {"Type": "Wait", "Seconds": 2, "Next": "Inc"},
            "Inc": {"Type": "Task", "Resource": "openwhisk:inc", "Next": "Second"},
            "Second": {"Type": "Wait", "Seconds": 3, "Next": "Again"},
            "Again": _INC,
        }
    ),
    "limit": _machine({"Ask": _ask(timeout=60, End=True)}, TimeoutSeconds=LIMIT_MS // 1000),
    "quick": _machine({"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "Inc"}, "Inc": _INC}),
}
TEXTS: Final = {kind: write_json_text(definition) for kind, definition in DEFINITIONS.items()}
WAITS_MS: Final = {"First": 2000, "Second": 3000, "Wait": 3000, "Pause": 2000}


class Ending(msgspec.Struct, frozen=True):
    """How an execution ended, and by branch what was answered there (LATE: nothing)."""

    status: str
    output: Json
    answers: Mapping[str, Json]


def input_of(kind: str, n: int) -> Json:
    """The input of the execution with this number."""
    if kind in ("each", "far"):
        return {"items": [{"n": n + item} for item in range(ITEMS)]}
    return {"n": n}


def wrong(kind: str, n: int, ending: Ending, *, stopped: bool) -> str | None:
    """What is wrong with how it ended; None when it is as it must be."""
    if stopped and ending.status == "ABORTED":
        return None
    if kind == "limit" and ending.status == "TIMED_OUT":
        return None
    if ending.status != "SUCCEEDED":
        return f"it ended {ending.status}"
    expected = _expected(kind, n, ending.answers)
    return None if ending.output == expected else f"its output is {ending.output}, not {expected}"


def _expected(kind: str, n: int, answers: Mapping[str, Json]) -> Json:
    asked = {"n": n + 1, "answer": answers.get("0", LATE)}
    match kind:
        case "calls":
            return {"n": n + 111}
        case "ask" | "token" | "early" | "beats":
            return asked
        case "each" | "far":
            return [{"n": n + item + 1, "answer": answers.get(f"0.{item}", LATE)} for item in range(ITEMS)]
        case "both":
            return [{"n": n + 1, "answer": answers.get("0.0", LATE)}, {"n": n + 1}]
        case "fails":
            return {"n": n, "caught": BOOM}
        case "waits":
            return {"n": n + 2}
        case "limit":
            return {"n": n, "answer": answers.get("0", LATE)}
        case _:
            return {"n": n + 1}
