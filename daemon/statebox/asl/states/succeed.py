"""Succeed: end the branch with the input as its output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from statebox.asl.fields import Fields
from statebox.asl.states.state import Allowed, Leave, ScopeReader, State, Transition, Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeed(State):
    """A Succeed state."""

    type: ClassVar[str] = "Succeed"
    allowed: ClassVar[Allowed] = Allowed(
        both=(),
        jsonpath=("InputPath", "OutputPath"),
        jsonata=("Output",),
    )

    @classmethod
    def read(cls, name: str, fields: Fields, scopes: ScopeReader) -> Self:
        return cls(**cls.common(name, fields))

    def enter(self, visit: Visit) -> Transition:
        sources = visit.sources()
        return Leave(self.flow.passed_on(sources, self.flow.selected(sources)), None)
