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


ASK_EACH: Json = {
    "StartAt": "Each",
    "States": {"Each": {"Type": "Map", "ItemProcessor": ask(), "End": True}},
}
