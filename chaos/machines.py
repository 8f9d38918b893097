"""The machines that run through the chaos, each with what it must end with, computed from its input and its answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from statebox.asl.jsontext import Json


class Said(msgspec.Struct, frozen=True):
    """An answer: an output (None says nothing but "go on"), or with `failed` an error whose cause is the mark."""

    mark: str | None = None
    failed: bool = False

    @property
    def output(self) -> Json:
        """The answer's payload."""
        return {} if self.mark is None else {"by": self.mark}


# What each suspended state was answered with; None where it was not answered and timed out.
Answers = Mapping[str, Said | None]


class Kind(msgspec.Struct, frozen=True):
    """One machine. `n` is an execution's number, `asks` are the places that wait for an answer.

    `entered` counts how often each state is entered in the execution's own history. `fails` says that its answers are
    errors, `expires` that a place may be left to its timeout.
    """

    name: str
    definition: Json
    input: Callable[[int], Json]
    output: Callable[[int, Answers], Json]
    entered: Callable[[int, Answers], Mapping[str, int]]
    asks: Callable[[int], tuple[str, ...]] = lambda _: ()
    children: Callable[[int], int] = lambda _: 0
    fails: bool = False
    expires: bool = False
    early: bool = False


def _number(n: int) -> Json:
    return {"n": n}


def _ask(**fields: Json) -> dict[str, Json]:
    return {"Type": "Task", "Resource": "module:suspend", **fields}


def _call(action: str, **fields: Json) -> dict[str, Json]:
    return {"Type": "Task", "Resource": action, **fields}


def _machine(start: str, **states: Json) -> dict[str, Json]:
    return {"StartAt": start, "States": states}


def _once(*states: str) -> Callable[[int, Answers], Mapping[str, int]]:
    counted = Counter(states)
    return lambda _n, _answers: counted


def _merged(value: dict[str, Json], said: Said | None) -> Json:
    return value if said is None or said.mark is None else {**value, "by": said.mark}


_ON_VALUES: Final[dict[str, Json]] = {"InputPath": "$.values", "ResultPath": "$.values.value"}

INCSQUARE = Kind(
    "incsquare",
    _machine(
        "A",
        A=_call("module:increment", **_ON_VALUES, Next="B"),
        B=_call("module:square", **_ON_VALUES, Next="Suspend"),
        Suspend=_ask(Next="C"),
        C=_call("module:increment", **_ON_VALUES, End=True),
    ),
    lambda n: {"values": {"value": n}},
    lambda n, answers: _merged({"values": {"value": (n + 1) ** 2 + 1}}, answers["Suspend"]),
    _once("A", "B", "Suspend", "C"),
    asks=lambda _: ("Suspend",),
)

PAUSE = Kind(
    "pause",
    _machine(
        "Wait",
        Wait={"Type": "Wait", "SecondsPath": "$.seconds", "Next": "Done"},
        Done={"Type": "Pass", "Result": True, "ResultPath": "$.woken", "End": True},
    ),
    lambda n: {"seconds": n % 4 + 1},
    lambda n, _: {"seconds": n % 4 + 1, "woken": True},
    _once("Wait", "Done"),
)


def _seconds(n: int) -> float:
    return (n % 5 + 1) * 0.3


BOTH = Kind(
    "both",
    _machine(
        "Both",
        Both={
            "Type": "Parallel",
            "Branches": [
                _machine("Ask", Ask=_ask(End=True)),
                _machine("Work", Work=_call("openwhisk:slow.sync", End=True)),
                _machine("Wait", Wait={"Type": "Wait", "Seconds": 1, "Next": "Nod"}, Nod={"Type": "Pass", "End": True}),
            ],
            "End": True,
        },
    ),
    lambda n: {"n": n, "seconds": _seconds(n)},
    lambda n, answers: [
        _merged({"n": n, "seconds": _seconds(n)}, answers["Both[0]/Ask"]),
        {"n": n, "seconds": _seconds(n)},
        {"n": n, "seconds": _seconds(n)},
    ],
    _once("Both", "Ask", "Work", "Wait", "Nod"),
    asks=lambda _: ("Both[0]/Ask",),
)


def _items(n: int) -> int:
    return n % 4 + 2


EACH = Kind(
    "each",
    _machine(
        "Each",
        Each={
            "Type": "Map",
            "MaxConcurrency": 3,
            "ItemProcessor": _machine(
                "Work", Work=_call("module:increment", ResultPath="$.value", Next="Ask"), Ask=_ask(End=True)
            ),
            "End": True,
        },
    ),
    lambda n: [{"value": n + i} for i in range(_items(n))],
    lambda n, answers: [_merged({"value": n + i + 1}, answers[f"Each[{i}]/Ask"]) for i in range(_items(n))],
    lambda n, _: {"Each": 1, "Work": _items(n), "Ask": _items(n)},
    asks=lambda n: tuple(f"Each[{i}]/Ask" for i in range(_items(n))),
)

MANY = Kind(
    "many",
    _machine(
        "Many",
        Many={
            "Type": "Map",
            "MaxConcurrency": 3,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                **_machine(
                    "Work",
                    Work=_call("module:increment", ResultPath="$.value", Next="Wait"),
                    Wait={"Type": "Wait", "Seconds": 1, "OutputPath": "$.value", "End": True},
                ),
            },
            "End": True,
        },
    ),
    lambda n: [{"value": n + i} for i in range(_items(n))],
    lambda n, _: [n + i + 1 for i in range(_items(n))],
    _once("Many"),
    children=_items,
)

AGAIN = Kind(
    "again",
    _machine(
        "Try",
        Try=_call(
            "openwhisk:flaky",
            Parameters={"n.$": "$.n", "fails.$": "$.fails", "tries.$": "$$.State.RetryCount"},
            Retry=[{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 3, "BackoffRate": 1}],
            End=True,
        ),
    ),
    lambda n: {"n": n, "fails": n % 4},
    lambda n, _: {"n": n},
    _once("Try"),
)

MENDED = Kind(
    "mended",
    _machine(
        "Try",
        Try=_call(
            "openwhisk:boom",
            Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": "$.caught", "Next": "Mend"}],
            End=True,
        ),
        Mend={"Type": "Pass", "Parameters": {"n.$": "$.n", "error.$": "$.caught.Error"}, "End": True},
    ),
    _number,
    lambda n, _: {"n": n, "error": "Boom"},
    _once("Try", "Mend"),
)

LATE = Kind(
    "late",
    _machine(
        "Ask",
        Ask=_ask(
            TimeoutSeconds=2,
            Catch=[{"ErrorEquals": ["States.Timeout"], "ResultPath": "$.caught", "Next": "Late"}],
            End=True,
        ),
        Late={"Type": "Pass", "Parameters": {"n.$": "$.n", "late": True}, "End": True},
    ),
    _number,
    lambda n, answers: {"n": n, "late": True} if answers["Ask"] is None else _merged({"n": n}, answers["Ask"]),
    lambda _, answers: {"Ask": 1, "Late": 1} if answers["Ask"] is None else {"Ask": 1},
    asks=lambda _: ("Ask",),
    expires=True,
)

HANDED = Kind(
    "handed",
    _machine(
        "Hand",
        Hand=_call(
            "openwhisk:slow.waitForTaskToken",
            Parameters={"seconds": 0.05, "token.$": "$$.Task.Token"},
            ResultPath="$.answer",
            Next="Ask",
        ),
        Ask=_ask(End=True),
    ),
    _number,
    lambda n, answers: _merged({"n": n, "answer": (answers["Hand"] or Said()).output}, answers["Ask"]),
    _once("Hand", "Ask"),
    asks=lambda _: ("Hand", "Ask"),
)

REFUSED = Kind(
    "refused",
    _machine(
        "Ask",
        Ask=_ask(Catch=[{"ErrorEquals": ["No"], "ResultPath": "$.caught", "Next": "Note"}], End=True),
        Note={"Type": "Pass", "Parameters": {"n.$": "$.n", "by.$": "$.caught.Cause"}, "End": True},
    ),
    _number,
    lambda n, answers: _merged({"n": n}, answers["Ask"]),
    _once("Ask", "Note"),
    asks=lambda _: ("Ask",),
    fails=True,
)

EARLY = Kind(
    "early",
    _machine("Wait", Wait={"Type": "Wait", "Seconds": 2, "Next": "Review"}, Review=_ask(End=True)),
    _number,
    lambda n, answers: _merged({"n": n}, answers["Review"]),
    _once("Wait", "Review"),
    asks=lambda _: ("Review",),
    early=True,
)

KINDS: Final = (INCSQUARE, PAUSE, BOTH, EACH, MANY, AGAIN, MENDED, LATE, HANDED, REFUSED, EARLY)
