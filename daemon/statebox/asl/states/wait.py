"""Wait: let time pass, then hand the input on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from statebox.asl.data.jsonata.templates import EvaluationFailure, JsonataTemplate
from statebox.asl.data.jsonata_flow import scope_of
from statebox.asl.data.jsonpath import NoValue, Path, shown
from statebox.asl.errors import RUNTIME, StateFailure
from statebox.asl.events import AnyEvent
from statebox.asl.execution import AnyWaiting, OnTimer
from statebox.asl.fields import LONGEST_SECONDS, Fields, milliseconds_of
from statebox.asl.jsontext import Json
from statebox.asl.states.state import Allowed, Await, Leave, ScopeReader, State, Transition, Visit

_FORMS: Final = ("SecondsPath", "Seconds", "TimestampPath", "Timestamp")
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,19}")
_LONG: Final = range(-(2**63), 2**63)
# AWS counts a wait in 32 bits of seconds.
_LONGEST_WAIT_MS: Final = 2_147_483_647_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait(State):
    """A Wait state; just one of its four forms is set. `timestamp_ms` is milliseconds since the epoch."""

    type: ClassVar[str] = "Wait"
    allowed: ClassVar[Allowed] = Allowed(
        both=("Next", "End", "Assign", "Seconds", "Timestamp"),
        jsonpath=("InputPath", "OutputPath", "SecondsPath", "TimestampPath"),
        jsonata=("Output",),
    )

    seconds: int | None = None
    seconds_path: Path | None = None
    timestamp_ms: int | None = None
    timestamp_path: Path | None = None
    expression: JsonataTemplate | None = None

    @classmethod
    def read(cls, name: str, fields: Fields, scopes: ScopeReader) -> Self:
        fields.only_one(*_FORMS, required=True)
        seconds, timestamp = fields.expression("Seconds"), fields.expression("Timestamp")
        roots = ("input", "context", "variable")
        return cls(
            **cls.common(name, fields),
            seconds=None if fields.holds_expression("Seconds") else fields.integer("Seconds", 0),
            seconds_path=fields.reference_path("SecondsPath", roots),
            timestamp_ms=None if fields.holds_expression("Timestamp") else fields.timestamp("Timestamp"),
            expression=seconds or timestamp,
            timestamp_path=fields.reference_path("TimestampPath", roots),
        )

    def enter(self, visit: Visit) -> Transition:
        until_ms = self._until_ms(visit)
        if until_ms - visit.now_ms > _LONGEST_WAIT_MS:
            raise StateFailure(RUNTIME, "Wait state delay is too long.")
        if until_ms <= visit.now_ms:
            return self._go_on(visit)
        return Await(OnTimer(until_ms))

    def resume(self, visit: Visit, waiting: AnyWaiting, event: AnyEvent) -> Transition | None:
        return self._go_on(visit)

    def _go_on(self, visit: Visit) -> Leave:
        sources = visit.sources()
        value = self.flow.selected(sources)
        return Leave(self.flow.passed_on(sources, value), self.next, self.flow.assigned(sources, value))

    def _until_ms(self, visit: Visit) -> int:
        if self.expression is not None:
            return self._evaluated(self.expression, visit)
        if self.timestamp_ms is not None:
            return self.timestamp_ms
        if self.timestamp_path is not None:
            return _timestamp(self.timestamp_path, self._read(visit, self.timestamp_path, "TimestampPath"))
        if self.seconds_path is not None:
            seconds = _seconds(self.seconds_path, self._read(visit, self.seconds_path, "SecondsPath"))
        else:
            seconds = self.seconds or 0
        return visit.now_ms + seconds * 1000

    def _evaluated(self, expression: JsonataTemplate, visit: Visit) -> int:
        scope = scope_of(visit.sources())
        if expression.field == "Seconds":
            return visit.now_ms + expression.integer(0, LONGEST_SECONDS, scope) * 1000
        text: str = expression.expect("string", scope)
        at_ms = milliseconds_of(text)
        if at_ms is None:
            raise EvaluationFailure(
                "Timestamp",
                "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: " + text,
            )
        return at_ms

    def _read(self, visit: Visit, path: Path, field: str) -> Json:
        sources = visit.sources()
        try:
            return path.read(sources.of(self.flow.selected(sources)))
        except NoValue:
            raise StateFailure(
                RUNTIME, f"The {field} parameter does not reference an input value: {path.text}"
            ) from None


def _seconds(path: Path, value: Json) -> int:
    # AWS reads the number out of the value's text, so that "5" will do.
    text = _told(value)
    seconds = int(text) if _WHOLE.fullmatch(text) else None
    if seconds is None or seconds not in _LONG:
        raise StateFailure(
            RUNTIME, f"The SecondsPath parameter cannot be parsed as a long value: {path.text} == {text}"
        )
    if seconds < 0:
        raise StateFailure(RUNTIME, f"The SecondsPath parameter references a negative value: {path.text} == {text}")
    return seconds


def _timestamp(path: Path, value: Json) -> int:
    at_ms = milliseconds_of(value) if isinstance(value, str) else None
    if at_ms is None:
        raise StateFailure(
            RUNTIME,
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: "
            f"{path.text} == {_told(value)}",
        )
    return at_ms


def _told(value: Json) -> str:
    """How messages tell what a path led to: a string bare, anything else as its compact JSON."""
    return value if isinstance(value, str) else shown(value)
