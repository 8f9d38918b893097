"""Notes: data flows that write down what each of their steps makes of the data."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Final, TypeAlias

from statebox.asl.data.flow import Flow
from statebox.asl.data.jsonata_flow import JsonataFlow
from statebox.asl.data.sources import Sources
from statebox.asl.jsontext import Json
from statebox.asl.states.state import State

# By the names that the steps have in the Step Functions API.
Notes: TypeAlias = dict[str, Json]

# AWS shows of a Parallel only what becomes of its result.
_SHOWS_NO_INPUT: Final = ("Parallel",)


@dataclass(frozen=True, kw_only=True)
class NotingFlow(Flow):
    """A JSONPath state's flow."""

    notes: Notes
    notes_input: bool

    def effective_input(self, sources: Sources) -> Json:
        """What InputPath and Parameters make of the raw input."""
        value = super().effective_input(sources)
        if self.notes_input:
            self.notes["afterParameters"] = value
        return value

    def selected(self, sources: Sources) -> Json:
        """What InputPath makes of the raw input."""
        value = super().selected(sources)
        if self.notes_input:
            self.notes["afterInputPath"] = value
        return value

    def picked(self, sources: Sources, result: Json) -> Json:
        """What ResultSelector makes of a result."""
        value = super().picked(sources, result)
        self.notes["afterResultSelector"] = value
        return value

    def placed(self, sources: Sources, result: Json) -> Json:
        """What ResultPath makes of a result and the raw input."""
        value = super().placed(sources, result)
        self.notes["afterResultPath"] = value
        return value


@dataclass(frozen=True, kw_only=True)
class NotingJsonataFlow(JsonataFlow):
    """A JSONata state's flow."""

    notes: Notes

    def effective_input(self, sources: Sources) -> Json:
        """What the work is given."""
        value = super().effective_input(sources)
        self.notes["afterArguments"] = value
        return value


def noting(state: State, notes: Notes) -> State:
    """The same state, whose flow writes down its steps."""
    flow = state.flow
    shows_input = state.type not in _SHOWS_NO_INPUT
    known = {field.name: getattr(flow, field.name) for field in fields(flow)}
    if isinstance(flow, Flow):
        return replace(state, flow=NotingFlow(**known, notes=notes, notes_input=shows_input))
    return replace(state, flow=NotingJsonataFlow(**known, notes=notes)) if shows_input else state
