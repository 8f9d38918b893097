"""Diagnosis: everything that is to be said about a definition, as ValidateStateMachineDefinition shows it."""

from __future__ import annotations

from collections.abc import Iterable

from statebox.asl.advice import express_problems, warnings
from statebox.asl.errors import Problem
from statebox.asl.jsontext import InvalidJson, Json, read_json
from statebox.engine.errors import InvalidDefinition
from statebox.engine.machines import Machines, definition_of
from statebox.engine.ownership import Definition


async def diagnose(machines: Machines, text: str, *, express: bool, warn: bool) -> tuple[bool, list[Json]]:
    """Whether the definition is valid (for an `express` machine, if so), and the diagnostics: errors first."""
    errors: list[Json] = []
    try:
        await machines.prepare(definition_of(text))
    except InvalidDefinition as invalid:
        errors = [_shown(problem, "ERROR") for problem in invalid.details["problems"]]
    try:
        raw = read_json(text) if express or warn else None
    except InvalidJson:
        raw = None
    if express:
        errors += [_shown(problem, "ERROR") for problem in _told(express_problems(raw))]
    advice = [_shown(problem, "WARNING") for problem in _told(warnings(raw))] if warn else []
    return not errors, [*errors, *advice]


def _told(problems: Iterable[Problem]) -> Iterable[dict[str, Json]]:
    return ({"code": one.code, "message": one.message, "location": one.location} for one in problems)


def _shown(problem: dict[str, Json], severity: str) -> Json:
    return {"severity": severity, **{name: value for name, value in problem.items() if value is not None}}


def refuse_in_express(definition: Definition) -> None:
    """Raise InvalidDefinition for what a machine of the type EXPRESS cannot have; else the definition is valid."""
    problems = list(express_problems(read_json(definition.text)))
    if problems:
        message = f"Invalid State Machine Definition: '{', '.join(map(str, problems))}'"
        raise InvalidDefinition(message, problems=list(_told(problems)))
