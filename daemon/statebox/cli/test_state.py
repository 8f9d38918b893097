"""`statebox test-state`: one state of a definition tried alone, by a daemon, with each step of its data."""

from __future__ import annotations

from dataclasses import dataclass

import click
from click.exceptions import Exit

from statebox.asl.errors import Problem
from statebox.asl.jsontext import InvalidJson, Json, is_object, read_json, write_json_text
from statebox.cli.client import Client, Refused, definition_refused, run
from statebox.cli.definitions import Named, read_definition, read_json_argument
from statebox.cli.failures import EX_FAILED, Failure
from statebox.cli.findings import findings_in
from statebox.cli.options import reaches_daemon, speaks_json, takes_input
from statebox.cli.printing import cut, echo_json, print_fields

# As long as the daemon gives a state that is tried.
_LONGEST_SECONDS = 300.0
# Where a state that stands alone is said to be.
_ALONE = "/States/StateName"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mock:
    """What stands for the work, as the options say it."""

    result: str | None
    error: str | None
    cause: str | None
    validation: str

    def member(self) -> Json:
        """The operation's member; None where the work is to be done."""
        if self.result is None and self.error is None:
            return None
        if self.error is None:
            return {"result": self.result, "fieldValidationMode": self.validation.upper()}
        return {"errorOutput": {"error": self.error, **({} if self.cause is None else {"cause": self.cause})}}


@click.command(
    "test-state",
    epilog="""\b
Examples:
  statebox test-state state.json --input '{"n": 1}'
  statebox test-state machine.json --state Square --input '{"value": 3}'
  statebox test-state machine.json --state Charge --result '{"paid": true}'
  statebox test-state machine.json --state Charge --error Busy --retried 2

FILE holds one state, or a machine of which --state names one. Without --result and --error the work of a Task is
really done, once; Map, Parallel and tasks that wait for somebody need one of them. Nothing is kept.
Exit code 1 when the state fails; 0 also when its error would be retried or is caught.
""",
)
@click.argument("file", metavar="FILE")
@click.option("--state", metavar="NAME", help="Which state of a machine.")
@takes_input
@click.option("--result", metavar="JSON|@FILE|-", help="The result of the work, in place of doing it.")
@click.option("--error", metavar="NAME", help="The error that the work comes to, in place of doing it.")
@click.option("--cause", metavar="TEXT", help="The cause of the error, in words.")
@click.option(
    "--validation",
    type=click.Choice(["strict", "present", "none"]),
    default="strict",
    show_default=True,
    help="How --result is held against the model of an AWS API.",
)
@click.option("--variables", metavar="JSON|@FILE|-", help="The variables that the state can read.")
@click.option("--context", metavar="JSON|@FILE|-", help="The context object. Default: one that is made up.")
@click.option("--retried", metavar="N", type=click.IntRange(min=0), help="How often the error was retried before.")
@speaks_json
@reaches_daemon
def test_state(
    file: str,
    state: str | None,
    input: str | None,
    result: str | None,
    error: str | None,
    cause: str | None,
    validation: str,
    variables: str | None,
    context: str | None,
    retried: int | None,
    as_json: bool,
    endpoint: str,
    token: str | None,
) -> None:
    """Try one state, and show what becomes of its data."""
    if result is not None and (error is not None or cause is not None):
        raise click.UsageError("--result says that the work succeeds, --error that it fails: give one of them")
    if cause is not None and error is None:
        raise click.UsageError("--cause explains an error: give --error NAME as well")
    mock = _Mock(result=read_json_argument(result, "--result"), error=error, cause=cause, validation=validation)
    members: dict[str, Json] = {
        "stateName": state,
        "input": read_json_argument(input, "--input"),
        "variables": read_json_argument(variables, "--variables"),
        "context": read_json_argument(context, "--context"),
        "mock": mock.member(),
        "stateConfiguration": None if retried is None else {"retrierRetryCount": retried},
        "inspectionLevel": "TRACE",
    }
    reply = run(_ask(Client(endpoint, token), _read(file, state), members))
    if as_json:
        echo_json(reply)
    else:
        _print(reply)
    if reply["status"] == "FAILED":
        raise Exit(EX_FAILED)


def _read(file: str, state: str | None) -> Named:
    """The definition of the state, or of the machine that has it."""
    named = read_definition(file)
    content: Json = read_json(named.text)
    if state is None and is_object(content) and "States" in content:
        states: Json = content["States"]
        known = f"; there are {', '.join(states)}" if is_object(states) else ""
        raise click.UsageError(f"which state of {named.file} is meant? Give --state NAME{known}")
    return named


async def _ask(client: Client, named: Named, members: dict[str, Json]) -> dict[str, Json]:
    async with client:
        try:
            return await client.call("AWSStepFunctions.TestState", _LONGEST_SECONDS, definition=named.text, **members)
        except Refused as refused:
            if not refused.problems:
                raise
            problems = [_in_file(one, named) for one in refused.problems]
            raise Failure(definition_refused([one.line() for one in findings_in(named, problems)])) from None


def _in_file(problem: Problem, named: Named) -> Problem:
    """A problem of a state that stands alone is told as of one in a machine, which the file has not."""
    location = problem.location
    if location is None or "States" in read_json(named.text):
        return problem
    return Problem(problem.code, problem.message, location.removeprefix(_ALONE) or "/")


def _print(reply: dict[str, Json]) -> None:
    """What came of it, and below that each step of the data."""
    shown = [(name, cut(reply[name])) for name in ("status", "error", "cause", "nextState", "output") if name in reply]
    data: dict[str, Json] = reply.get("inspectionData") or {}
    shown += [(name, cut(_shown(value))) for name, value in data.items()]
    print_fields(shown)


def _shown(value: Json) -> str:
    if not isinstance(value, str):
        return write_json_text(value)
    try:
        return write_json_text(read_json(value))
    except InvalidJson:
        return value
