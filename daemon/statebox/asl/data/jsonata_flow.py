"""How data flows through a JSONata state: Arguments, Output, Assign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from statebox.asl.data.jsonata.meter import MOST_STEPS
from statebox.asl.data.jsonata.scope import Scope
from statebox.asl.data.jsonata.templates import JsonataTemplate
from statebox.asl.data.sources import Sources
from statebox.asl.jsontext import Json

RESULT: Final = frozenset({"result"})
ERROR_OUTPUT: Final = frozenset({"errorOutput"})
NEITHER: Final = frozenset[str]()


def scope_of(sources: Sources) -> Scope:
    """What an expression reads from, where a path reads from these sources."""
    allowance = sources.allowance
    return Scope(
        sources.input,
        sources.context,
        sources.variables,
        sources.now_ms,
        sources.dice,
        steps=MOST_STEPS if allowance is None else allowance.steps,
        allowance=allowance,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonataFlow:
    """The data fields of one state; `has_result` says whether Output and Assign read `$states.result`."""

    has_result: bool
    arguments: JsonataTemplate | None = None
    output_field: JsonataTemplate | None = None
    assign: JsonataTemplate | None = None

    def effective_input(self, sources: Sources) -> Json:
        """What the work is given: the arguments, or the input."""
        return sources.input if self.arguments is None else self.arguments.render(scope_of(sources))

    def selected(self, sources: Sources) -> Json:
        """The input: nothing selects from it in this language."""
        return sources.input

    def output(self, sources: Sources, result: Json) -> Json:
        """What the state hands on after its work gave a result."""
        if self.output_field is None:
            return result
        return self.output_field.render(self._scope(sources, result))

    def passed_on(self, sources: Sources, value: Json) -> Json:
        """What a state without a result hands on."""
        return value if self.output_field is None else self.output_field.render(scope_of(sources))

    def assigned(self, sources: Sources, value: Json) -> Mapping[str, Json] | None:
        """The variables that Assign sets; None when it sets none."""
        return None if self.assign is None else self.assign.render(self._scope(sources, value))

    @property
    def keeps_result(self) -> bool:
        """Whether the state says something about its result."""
        return self.output_field is not None

    def _scope(self, sources: Sources, result: Json) -> Scope:
        scope = scope_of(sources)
        return scope.with_result(result) if self.has_result else scope


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonataCatchFlow:
    """The data fields of one catcher."""

    output_field: JsonataTemplate | None = None
    assign: JsonataTemplate | None = None

    def output(self, sources: Sources, error: Json) -> Json:
        """What goes on: the Error Output where nothing else is said."""
        return error if self.output_field is None else self.output_field.render(scope_of(sources).with_error(error))

    def assigned(self, sources: Sources, error: Json) -> Mapping[str, Json] | None:
        """The variables that the catcher sets."""
        return None if self.assign is None else self.assign.render(scope_of(sources).with_error(error))
