"""`statebox validate`: everything that is wrong with definitions, found without a daemon."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import click
from click.exceptions import Exit

from statebox.asl.definition import parse
from statebox.asl.errors import InvalidDefinition, Problem
from statebox.asl.jsontext import Json, write_json_text
from statebox.cli.definitions import BrokenJson, read_definitions, shown
from statebox.cli.failures import EX_FAILED, Failure, plural, problem_line
from statebox.cli.options import speaks_json
from statebox.testing.positions import PLACE, Position, Positions


@click.command(
    "validate",
    epilog="""\b
Examples:
  statebox validate state_machines/*.json
  curl -s https://example.org/machine.json | statebox validate -

Each problem is a line, FILE:LINE:COLUMN: CODE: MESSAGE at LOCATION, as in /States/Approve/Next; editors and CI systems
take you there. Exit code 0 when there is none, 1 when there are some.
""",
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@speaks_json
def validate(files: tuple[str, ...], as_json: bool) -> None:
    """List everything that is wrong with definitions, bare or in the seed's wrapper, without a daemon.

    Of a wrapper every machine in it is read. FILE may be - for stdin.
    """
    findings = [finding for file in files for finding in _findings(file)]
    if as_json:
        result = {"result": "FAIL" if findings else "OK", "diagnostics": [one.described() for one in findings]}
        click.echo(write_json_text(result))
    else:
        for finding in findings:
            click.echo(finding.line())
        good = len(files) - len({finding.file for finding in findings})
        click.echo(
            f"{len(findings)} {plural('problem', len(findings))}; {good} of {len(files)} {plural('file', len(files))}"
            " valid",
            err=True,
        )
    if findings:
        raise Exit(EX_FAILED)


@dataclass(frozen=True, slots=True)
class _Finding:
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
        message = PLACE.sub("", self.problem.message)
        return f"{where}: {whose}{problem_line(self.problem.code, message, self.problem.location)}"

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


def _findings(file: str) -> Iterator[_Finding]:
    try:
        definitions = read_definitions(file)
    except BrokenJson as broken:
        told = PLACE.search(broken.reason)
        place = Position(int(told[1]), int(told[2])) if told else None
        yield _Finding(shown(file), Problem("INVALID_JSON_DESCRIPTION", broken.reason), place)
        return
    except Failure as failure:
        yield _Finding(shown(file), Problem("UNREADABLE_FILE", failure.message))
        return
    positions = None
    for named in definitions:
        try:
            parse(named.text)
        except InvalidDefinition as invalid:
            positions = positions or Positions(named.file_text)
            for problem in invalid.problems:
                place = positions.at(problem.location, *named.within)
                yield _Finding(shown(file), problem, place, named.name if named.seed else None)
