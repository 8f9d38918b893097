"""`statebox test`: a machine against a file of cases, in virtual time and without a daemon."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click
import msgspec
from click.exceptions import Exit

from statebox.asl.definition import StateMachine, parse
from statebox.asl.errors import InvalidDefinition
from statebox.asl.jsontext import Json, read_json
from statebox.cli.definitions import STDIN, Named, as_the_seed, read_definition, read_json_argument, read_text, shown
from statebox.cli.failures import EX_FAILED, Failure, plural
from statebox.cli.findings import findings_in
from statebox.cli.options import speaks_json
from statebox.cli.printing import cut, echo_json, span
from statebox.testing.cases import Case, InvalidCases, read_cases
from statebox.testing.trial import Trial, run_case


@click.command(
    "test",
    epilog="""\b
Examples:
  statebox test approval.json approval.cases.json
  statebox test order.json MockConfigFile.json --input @order.json
  statebox test approval.json approval.cases.json --only "nobody answers" --json

\b
CASES is {"cases": [...], "MockedResponses": {NAME: MOCK}}; a case may have
  name, comment, input, startTime, expect: {status, output, error, cause, path}
  mocks:    {STATE: MOCK}, what its tasks return
  answers:  {STATE or PATH: MOCK}, what suspended states are answered; else they wait in vain
  stop:     {"After": seconds, "Error", "Cause"}, when somebody stops it

\b
A MOCK is one of
  {"Return": ANY}   {"Throw": {"Error", "Cause"}}   {"Never": true}
  {"Resume": true}, an answer without a payload
  {"0": MOCK, "1-2": MOCK, ...} or [MOCK, ...], one for each call of the state
  the name of one in MockedResponses
each, but the last two, also with "After": seconds and "HeartbeatEvery": seconds.

Return is the task's result as the state gets it: of module:ACTION the value alone, of lambda:invoke {"Payload": ANY}.
A MockConfigFile of Step Functions Local is taken as it is. What a case does not expect is not compared, but without a
status, error or cause it must succeed. Time is virtual: a Wait of days takes no time. Exit code 0 when all cases are
ok, else 1.
""",
)
@click.argument("file")
@click.argument("cases")
@click.option("--machine", metavar="NAME", help="Which machine, of a wrapper or a MockConfigFile with several.")
@click.option("--input", metavar="JSON|@FILE", help="The input of cases that have none. Default: {}.")
@click.option("--only", metavar="TEXT", help="Only cases with this in their name.")
@speaks_json
def test(file: str, cases: str, machine: str | None, input: str | None, only: str | None, as_json: bool) -> None:
    """Run a machine against cases with mocked tasks, without a daemon, in virtual time.

    FILE is a definition, bare or in the seed's wrapper; CASES a JSON file of cases. One of them may be - for stdin.
    """
    if [file, cases, input].count(STDIN) > 1:
        raise click.UsageError("only one of FILE, CASES and --input can come from stdin")
    began = time.perf_counter()
    named = read_definition(file, machine)
    parsed = _parse(named)
    # Of a wrapper the option chooses the machine; beside a bare definition it can only mean the one in CASES.
    chosen = _read(cases, parsed, named.name, only, exactly=machine is not None and not named.seed)
    given = read_json_argument(input, "--input")
    if given is None and named.seed:
        given = as_the_seed(named, None)[1]
    fallback: Json | msgspec.UnsetType = msgspec.UNSET if given is None else read_json(given)
    trials: list[Trial] = []
    for case in chosen:
        trial = run_case(parsed, case, name=named.name, input=fallback, seed=named.seed)
        trials.append(trial)
        if not as_json:
            _print(trial)
    _conclude(trials, time.perf_counter() - began, as_json)


def _parse(named: Named) -> StateMachine:
    try:
        return parse(named.text)
    except InvalidDefinition as invalid:
        lines = [finding.line() for finding in findings_in(named, invalid.problems)]
        raise Failure("\n".join([f"{named.file}: the definition of {named.name} is refused", *lines])) from None


def _read(cases: str, machine: StateMachine, name: str, only: str | None, *, exactly: bool) -> Sequence[Case]:
    try:
        found = read_cases(read_text(cases), machine, name, exactly=exactly)
    except InvalidCases as invalid:
        lines: list[str] = []
        for fault in invalid.faults:
            place = "" if fault.position is None else f":{fault.position.line}:{fault.position.column}"
            where = f" at {fault.location}" if fault.location else ""
            lines.append(f"{shown(cases)}{place}: {fault.words}{where}")
        raise Failure("\n".join([f"{shown(cases)} cannot be used", *lines])) from None
    chosen = [case for case in found if only is None or only in case.name]
    if not chosen:
        raise Failure(
            f"{shown(cases)}: no case has {only} in its name; there are {', '.join(one.name for one in found)}"
        )
    return chosen


def _print(trial: Trial) -> None:
    outcome = trial.outcome
    passed = "" if outcome is None else f"  {outcome.status}, {span(outcome.elapsed_ms / 1000)} of virtual time"
    click.echo(f"{'ok    ' if trial.ok else 'FAILED'}  {trial.name}{passed}")
    if outcome is not None:
        click.echo(f"          {cut(' > '.join(outcome.path))}")
    for problem in trial.problems:
        click.echo(f"        - {problem}")


def _conclude(trials: Sequence[Trial], took_seconds: float, as_json: bool) -> None:
    failed = sum(not trial.ok for trial in trials)
    if as_json:
        told = [trial.described() for trial in trials]
        echo_json({"ok": not failed, "cases": told, "took_ms": round(took_seconds * 1000, 3)})
    else:
        good = f"{len(trials) - failed} of {len(trials)} {plural('case', len(trials))} ok"
        click.echo(f"{good}; {took_seconds * 1000:.0f} ms", err=True)
    if failed:
        raise Exit(EX_FAILED)
