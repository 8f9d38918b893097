"""Choice: go where the first rule that holds points to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from statebox.asl.data.jsonata.templates import JsonataTemplate
from statebox.asl.data.jsonata_flow import JsonataFlow, scope_of
from statebox.asl.data.sources import Sources
from statebox.asl.data.templates import Template
from statebox.asl.errors import RUNTIME, StateFailure
from statebox.asl.fields import JSONATA, Fields
from statebox.asl.jsontext import Json, is_object
from statebox.asl.states.rules import JSONPATH_ONLY, Rule, parse_rule
from statebox.asl.states.state import Allowed, Leave, ScopeReader, State, Transition, Visit


@dataclass(frozen=True, slots=True)
class Branching:
    """One entry of Choices: the rule or condition, where it leads, and what it hands on and assigns."""

    rule: Rule | JsonataTemplate | None
    next: str
    assign: Template | JsonataTemplate | None
    output: JsonataTemplate | None = None

    def holds(self, effective: Sources) -> bool:
        """Whether this is the way. Raises StateFailure."""
        if isinstance(self.rule, JsonataTemplate):
            return self.rule.expect("boolean", scope_of(effective)) is True
        return self.rule is not None and self.rule.matches(effective)

    def assigned(self, effective: Sources) -> Mapping[str, Json] | None:
        """The variables that taking this way sets."""
        if isinstance(self.assign, JsonataTemplate):
            return self.assign.render(scope_of(effective))
        return None if self.assign is None else self.assign.render(effective)


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
                choices.append(_read_choice(entry, f"Choices[{place}]"))
            else:
                fields.problem("Expected value of type [OBJECT]", location)
        return cls(**cls.common(name, fields), choices=tuple(choices), default=fields.text("Default"))

    def enter(self, visit: Visit) -> Transition:
        sources = visit.sources()
        value = self.flow.selected(sources)
        effective = sources.of(value)
        for choice in self.choices:
            if choice.holds(effective):
                assigned = choice.assigned(effective)
                if choice.output is not None:
                    return Leave(choice.output.render(scope_of(effective)), choice.next, assigned)
                if isinstance(self.flow, JsonataFlow):
                    return Leave(value, choice.next, assigned)
                return Leave(self.flow.passed_on(sources, value), choice.next, assigned)
        if self.default is None:
            raise StateFailure(
                RUNTIME, "Failed to transition out of the state. The state does not point to a next state."
            )
        return Leave(self.flow.passed_on(sources, value), self.default, self.flow.assigned(sources, value))


def _read_choice(entry: Fields, where: str) -> Branching:
    entry.require("Next")
    if entry.language == JSONATA:
        return _read_condition(entry, where)
    rule, problems = parse_rule(
        {name: value for name, value in entry.raw.items() if name not in ("Next", "Assign", "Comment")}, entry.location
    )
    for problem in problems:
        entry.problem(problem.message, problem.location, problem.code)
    assign = entry.template("Assign") if entry.object("Assign") is not None else None
    return Branching(rule, entry.text("Next") or "", assign)


def _read_condition(entry: Fields, where: str) -> Branching:
    entry.refuse_unknown(("Condition", "Next", "Output", "Assign", "Comment"), JSONPATH_ONLY)
    entry.require("Condition")
    condition = entry.raw.get("Condition")
    if "Condition" in entry and not isinstance(condition, bool) and not entry.holds_expression("Condition"):
        entry.problem("Expected value of type [BOOLEAN]", entry.at("Condition"))
    return Branching(
        entry.jsonata("Condition", field=f"{where}/Condition"),
        entry.text("Next") or "",
        entry.jsonata("Assign", field=f"{where}/Assign") if entry.object("Assign") is not None else None,
        entry.jsonata("Output", field=f"{where}/Output"),
    )
