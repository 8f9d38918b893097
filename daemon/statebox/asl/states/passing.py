"""Pass: hand the input on, or a constant, or what a template makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import msgspec

from statebox.asl.data.jsonata_flow import JsonataFlow
from statebox.asl.fields import Fields
from statebox.asl.jsontext import Json
from statebox.asl.states.state import Allowed, Leave, ScopeReader, State, Transition, Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass(State):
    """A Pass state. `result` is a literal and never a template."""

    type: ClassVar[str] = "Pass"
    allowed: ClassVar[Allowed] = Allowed(
        both=("Next", "End", "Assign"),
        jsonpath=("InputPath", "Parameters", "Result", "ResultPath", "OutputPath"),
        jsonata=("Output",),
    )

    result: Json | msgspec.UnsetType = msgspec.UNSET

    @classmethod
    def read(cls, name: str, fields: Fields, scopes: ScopeReader) -> Self:
        return cls(**cls.common(name, fields), result=fields.raw.get("Result", msgspec.UNSET))

    def enter(self, visit: Visit) -> Transition:
        if isinstance(self.flow, JsonataFlow):
            sources = visit.sources()
            output = self.flow.passed_on(sources, visit.input)
            return Leave(output, self.next, self.flow.assigned(sources, visit.input))
        result = self.flow.effective_input(visit.sources()) if self.result is msgspec.UNSET else self.result
        return self.leave(visit, result)
