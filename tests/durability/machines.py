"""The machines that are broken while they run."""

from __future__ import annotations

from statebox.asl.jsontext import Json

INCSQUARE: Json = {
    "StartAt": "A",
    "States": {
        "A": {
            "Type": "Task",
            "Resource": "module:increment",
            "InputPath": "$.values",
            "ResultPath": "$.values.value",
            "Next": "B",
        },
        "B": {
            "Type": "Task",
            "Resource": "module:square",
            "InputPath": "$.values",
            "ResultPath": "$.values.value",
            "Next": "Suspend",
        },
        "Suspend": {"Type": "Task", "Resource": "module:suspend", "Next": "C"},
        "C": {
            "Type": "Task",
            "Resource": "module:increment",
            "InputPath": "$.values",
            "ResultPath": "$.values.value",
            "End": True,
        },
    },
}


def slow(seconds: float) -> Json:
    """One call that takes a while, then a wait for an answer."""
    return {
        "StartAt": "Slow",
        "States": {
            "Slow": {
                "Type": "Task",
                "Resource": "openwhisk:slow",
                "Parameters": {"seconds": seconds, "n.$": "$.n"},
                "Next": "Ask",
            },
            "Ask": {"Type": "Task", "Resource": "module:suspend", "End": True},
        },
    }


def ask(timeout_seconds: int = 300, **fields: Json) -> Json:
    """One question."""
    return {
        "StartAt": "Ask",
        "States": {
            "Ask": {
                "Type": "Task",
                "Resource": "module:suspend",
                "TimeoutSeconds": timeout_seconds,
                "End": True,
                **fields,
            }
        },
    }


def ask_beside_failure(seconds: float) -> Json:
    """A question in one branch, and a call in the other that fails after a while."""
    return {
        "StartAt": "Both",
        "States": {
            "Both": {
                "Type": "Parallel",
                "Branches": [
                    ask(),
                    {
                        "StartAt": "Boom",
                        "States": {
                            "Boom": {
                                "Type": "Task",
                                "Resource": "openwhisk:boom",
                                "Parameters": {"seconds": seconds},
                                "End": True,
                            }
                        },
                    },
                ],
                "End": True,
            }
        },
    }


def wait_beside_call(seconds: float) -> Json:
    """A long call in one branch; in the other a call that becomes wanted before the first has ended."""
    call: Json = {"Type": "Task", "Resource": "openwhisk:slow", "End": True}
    first = {"Long": {**call, "Parameters": {"seconds": seconds, "n": 1}}}
    then = {
        "Pause": {"Type": "Wait", "Seconds": 1, "Next": "Short"},
        "Short": {**call, "Parameters": {"seconds": 0.1, "n": 2}},
    }
    branches = [{"StartAt": "Long", "States": first}, {"StartAt": "Pause", "States": then}]
    return {"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "Branches": branches, "End": True}}}


ASK_EACH: Json = {
    "StartAt": "Each",
    "States": {"Each": {"Type": "Map", "ItemProcessor": ask(), "End": True}},
}
