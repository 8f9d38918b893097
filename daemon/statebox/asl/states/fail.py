"""Fail: end the branch with an error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from statebox.asl.data.jsonata.templates import JsonataTemplate
from statebox.asl.data.jsonata_flow import scope_of
from statebox.asl.data.jsonpath import shown
from statebox.asl.data.templates import Field, InvalidTemplate, parse_field
from statebox.asl.errors import RUNTIME, StateFailure
from statebox.asl.fields import Fields
from statebox.asl.jsontext import Json
from statebox.asl.states.state import Allowed, Broken, ScopeReader, State, Transition, Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail(State):
    """A Fail state; `error` and `cause` are texts, read by a path or an intrinsic function, or absent."""

    type: ClassVar[str] = "Fail"
    allowed: ClassVar[Allowed] = Allowed(
        both=("Error", "Cause"),
        jsonpath=("ErrorPath", "CausePath"),
        jsonata=(),
    )

    error: str | Field | JsonataTemplate | None = None
    cause: str | Field | JsonataTemplate | None = None

    @classmethod
    def read(cls, name: str, fields: Fields, scopes: ScopeReader) -> Self:
        return cls(
            **cls.common(name, fields),
            error=_text_or_path(fields, "Error"),
            cause=_text_or_path(fields, "Cause"),
        )

    def enter(self, visit: Visit) -> Transition:
        return Broken(StateFailure(_text(visit, self.error, "ErrorPath"), _text(visit, self.cause, "CausePath")))


def _text_or_path(fields: Fields, name: str) -> str | Field | JsonataTemplate | None:
    path = f"{name}Path"
    fields.only_one(path, name)
    if path not in fields:
        return fields.expression(name) or fields.text(name)
    try:
        return parse_field(path, fields.raw[path])
    except InvalidTemplate as invalid:
        for where, message in invalid.problems:
            fields.problem(message, fields.at(path) + where)
        return None


def _text(visit: Visit, source: str | Field | JsonataTemplate | None, field: str) -> str | None:
    if isinstance(source, JsonataTemplate):
        return source.expect("string", scope_of(visit.sources()))
    if not isinstance(source, Field):
        return source
    value: Json = source.render(visit.sources())
    if not isinstance(value, str):
        raise StateFailure(RUNTIME, f"The {field} field must be a string but was: {shown(value)}")
    return value
