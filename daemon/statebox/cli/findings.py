"""Findings: what is wrong with a definition, each with its place in the file that the definition was read from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from statebox.asl.errors import Problem
from statebox.asl.jsontext import Json
from statebox.cli.definitions import Named
from statebox.cli.failures import problem_line
from statebox.testing.positions import Position, Positions

# AWS locates these at the object; people look for the field in it.
_UNSUPPORTED: Final = re.compile(r"[Ff]ield '(.+?)' is (?:not|only) supported")


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem, the file it is in, the place there and, where the file holds machines by name, the machine."""

    file: str
    problem: Problem
    place: Position | None = None
    machine: str | None = None

    def line(self) -> str:
        """For people and editors: `file:line:column: words`; without a place where the file cannot be read."""
        place = self.place
        where = f"{self.file}:{place.line}:{place.column}" if place else self.file
        whose = f"{self.machine}: " if self.machine else ""
        return f"{where}: {whose}{problem_line(self.problem.code, self.problem.message, self.problem.location)}"

    def described(self) -> dict[str, Json]:
        """For programs: the fields of a diagnostic of ValidateStateMachineDefinition, and where it is."""
        return {
            "severity": "ERROR",
            "code": self.problem.code,
            "message": self.problem.message,
            "location": self.problem.location,
            "file": self.file,
            "machine": self.machine,
            "line": self.place.line if self.place else None,
            "column": self.place.column if self.place else None,
        }


def findings_in(named: Named, problems: Iterable[Problem]) -> Sequence[Finding]:
    """The problems of one definition, where they stand in its file."""
    positions = Positions(named.file_text)
    machine = named.name if named.seed else None
    return [
        Finding(named.file, problem, positions.at(_pointed_at(problem), *named.within), machine) for problem in problems
    ]


def _pointed_at(problem: Problem) -> str | None:
    field = _UNSUPPORTED.search(problem.message)
    return problem.location if field is None else f"{(problem.location or '').rstrip('/')}/{field[1]}"
