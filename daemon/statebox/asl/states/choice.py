"""Choice: go where the first rule that holds points to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from statebox.asl.data.templates import Template
from statebox.asl.errors import RUNTIME, StateFailure
from statebox.asl.fields import Fields
from statebox.asl.jsontext import is_object
from statebox.asl.states.rules import Rule, parse_rule
from statebox.asl.states.state import Allowed, Leave, ScopeReader, State, Transition, Visit


@dataclass(frozen=True, slots=True)
class Branching:
    """One entry of Choices: the rule, where it leads, and what it assigns."""

    rule: Rule
    next: str
    assign: Template | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(State):
    """A Choice state."""

    type: ClassVar[str] = "Choice"
    allowed: ClassVar[Allowed] = Allowed(
        both=("Choices", "Default", "Assign"),
        jsonpath=("InputPath", "OutputPath"),
        jsonata=("Output",),
    )

    choices: tuple[Branching, ...]
    default: str | None = None

    @classmethod
    def read(cls, name: str, fields: Fields, scopes: ScopeReader) -> Self:
        fields.require("Choices")
        choices: list[Branching] = []
        for place, raw in enumerate(fields.array("Choices") or ()):
            location = f"{fields.at('Choices')}[{place}]"
            if is_object(raw):
                entry = fields.inside(raw, location)
                choices.append(_read_choice(entry))
            else:
                fields.problem("Expected value of type [OBJECT]", location)
        return cls(**cls.common(name, fields), choices=tuple(choices), default=fields.text("Default"))

    @property
    def targets(self) -> Sequence[tuple[str, str]]:
        chosen = [(f"Choices[{place}]/Next", choice.next) for place, choice in enumerate(self.choices) if choice.next]
        return chosen if self.default is None else [*chosen, ("Default", self.default)]

    def enter(self, visit: Visit) -> Transition:
        sources = visit.sources()
        value = self.flow.selected(sources)
        effective = sources.of(value)
        for choice in self.choices:
            if choice.rule.matches(effective):
                assigned = None if choice.assign is None else choice.assign.render(effective)
                return Leave(self.flow.passed_on(sources, value), choice.next, assigned)
        if self.default is None:
            raise StateFailure(
                RUNTIME, "Failed to transition out of the state. The state does not point to a next state."
            )
        return Leave(self.flow.passed_on(sources, value), self.default, self.flow.assigned(sources, value))


def _read_choice(entry: Fields) -> Branching:
    entry.require("Next")
    rule, problems = parse_rule(
        {name: value for name, value in entry.raw.items() if name not in ("Next", "Assign", "Comment")}, entry.location
    )
    for problem in problems:
        entry.problem(problem.message, problem.location, problem.code)
    return Branching(rule, entry.text("Next") or "", entry.template("Assign"))
