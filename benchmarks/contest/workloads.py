"""The work: the definitions that everybody runs, and the context that they run on."""

from __future__ import annotations

from typing import Final

from statebox.asl.jsontext import Json


def _chain(states: list[dict[str, Json]]) -> Json:
    last = len(states) - 1
    return {
        "StartAt": "S0",
        "States": {
            f"S{n}": {**state, **({"End": True} if n == last else {"Next": f"S{n + 1}"})}
            for n, state in enumerate(states)
        },
    }


PASS10: Final = _chain([{"Type": "Pass"}] * 10)
PASS10W: Final = _chain([{"Type": "Pass", "Result": {"n": n}, "ResultPath": "$.r"} for n in range(10)])
TASK5: Final = _chain([{"Type": "Task", "Resource": "module:act"}] * 5)
SUSPEND: Final = _chain([{"Type": "Task", "Resource": "module:suspend"}])

DEFINITIONS: Final[dict[str, Json]] = {"pass10": PASS10, "pass10w": PASS10W, "task5": TASK5, "suspend": SUSPEND}

# 1 KiB of JSON.
CONTEXT: Final[Json] = {"value": 1, "values": {"n": 1}, "text": "x" * 986}
ANSWER: Final[Json] = {"approved": True}
