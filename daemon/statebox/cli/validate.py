"""`statebox validate`: everything that is wrong with definitions, found without a daemon."""

from __future__ import annotations

from collections.abc import Iterator

import click
from click.exceptions import Exit

from statebox.asl.definition import parse
from statebox.asl.errors import InvalidDefinition, Problem
from statebox.asl.jsontext import write_json_text
from statebox.cli.definitions import BrokenJson, Unreadable, read_definitions, shown
from statebox.cli.failures import EX_FAILED, plural
from statebox.cli.findings import Finding, findings_in
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


def _findings(file: str) -> Iterator[Finding]:
    try:
        definitions = read_definitions(file)
    except BrokenJson as broken:
        yield _unreadable(file, "INVALID_JSON_DESCRIPTION", broken.fault)
        return
    except Unreadable as unreadable:
        yield _unreadable(file, "UNREADABLE_FILE", unreadable.reason)
        return
    first = definitions[0]
    for member in first.unknown:
        place = Positions(first.file_text).at(f"/{member}")
        words = f"Nothing is known about '{member}' in the wrapper; there are statemachine and input"
        yield Finding(first.file, Problem("UNKNOWN_MEMBER", words, f"/{member}"), place)
    for named in definitions:
        try:
            parse(named.text)
        except InvalidDefinition as invalid:
            yield from findings_in(named, invalid.problems)


def _unreadable(file: str, code: str, words: str) -> Finding:
    """The finding of a file that holds no definition: its words end with the place, if there is one."""
    told = PLACE.search(words)
    place = Position(int(told[1]), int(told[2])) if told else None
    return Finding(shown(file), Problem(code, PLACE.sub("", words)), place)
