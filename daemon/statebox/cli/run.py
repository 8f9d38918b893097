"""`statebox run`: a definition from its start to its end, before one's eyes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import click
from click.exceptions import Exit

from statebox.asl.jsontext import Json
from statebox.cli.client import Client, short_id
from statebox.cli.definitions import STDIN, Named, read_definition, read_json_argument
from statebox.cli.failures import EX_FAILED
from statebox.cli.follow import events_to_terminal, follow
from statebox.cli.lifetime import run_to_its_end
from statebox.cli.options import DEFAULT_ENDPOINT, may_reach_daemon, speaks_json, takes_input
from statebox.cli.printing import echo_json, until
from statebox.cli.stack import LocalStack, choose_actions
from statebox.cli.start import begin

# What the transitions do not tell is said once, and only where it matters.
_FLAGS = {"http.listen": "127.0.0.1:0", "log.level": "warning", "log.format": "text"}
# Of the daemon's settings in the environment those that change what comes of a run.
_SETTINGS = ("STATEBOX_FILES", "STATEBOX_LIMITS_")


@click.command(
    "run",
    epilog="""\b
Examples:
  statebox run state_machines/incsquare.json --input 6
  statebox run hello.json --input '{"name": "Ada"}' --quiet | jq .
  echo '{"n": 1}' | statebox run hello.json --input -
  statebox run approval.json --endpoint http://127.0.0.1:8083

stdout is the output alone; each transition goes to stderr as it happens, and so do Error and Cause. The exit code is 0
only when the execution succeeded. A suspended run says how to resume it, and waits.
Without an --endpoint all runs in this process: a Valkey of its own, the files in --actions as OpenWhisk actions
(without such a folder: the OpenWhisk that ~/.wskprops or WHISK_* name), a daemon on a free port. Its data goes with it,
unless --data says where to keep it; `statebox dev --data` goes on with what is there. STATEBOX_FILES (the folder of
file:...) and STATEBOX_LIMITS_* count as for `statebox serve`.
""",
)
@click.argument("file")
@takes_input
@click.option("--name", help="The execution's name, unique for its machine. Default: a random one.")
@click.option("--machine", metavar="NAME", help="The machine's name, in place of the file's; which one, of a wrapper.")
@click.option("--quiet", "-q", is_flag=True, help="No transitions; only what somebody has to know.")
@click.option(
    "--actions",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of actions (*.py, *.js) for a run in this process.  [default: ./demo_actions if it is there]",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the data of a run in this process.  [default: a temporary one]",
)
@speaks_json
@may_reach_daemon
def run(
    file: str,
    input: str | None,
    name: str | None,
    machine: str | None,
    quiet: bool,
    actions: Path | None,
    data: Path | None,
    as_json: bool,
    endpoint: str | None,
    token: str | None,
) -> None:
    """Run a definition and watch it until it ends.

    FILE is a definition, bare or in the seed's wrapper {"statemachine": {NAME: DEFINITION}}; - for stdin.
    """
    if endpoint is not None and (actions is not None or data is not None):
        raise click.UsageError("--actions and --data are for a run in this process: a daemon at --endpoint has its own")
    if file == STDIN == input:
        raise click.UsageError("the definition and --input cannot both come from stdin")
    checked = read_json_argument(input, "--input")
    definition = read_definition(file, machine)
    show = _show_nothing if quiet else events_to_terminal(as_json=as_json, err=True)
    if endpoint is None:
        work = _run_here(definition, name, checked, show, choose_actions(actions), data)
    else:
        work = _run_there(definition, name, checked, show, Client(endpoint, token), _goes_on)
    execution = run_to_its_end(work)
    _print_result(execution, as_json)
    if execution["status"] != "SUCCEEDED":
        raise Exit(EX_FAILED)


async def _run_here(
    definition: Named,
    name: str | None,
    input: str | None,
    show: Callable[[Json], None],
    actions: Path | None,
    data: Path | None,
) -> dict[str, Json]:
    """Run it in this process, with all that belongs to it."""

    def interrupted(_: str, __: str) -> None:
        if data is None:
            _tell("its data goes with this process; with --data DIR it stays for `statebox dev --data DIR`")
        else:
            _tell(f"it goes on with: statebox dev --data '{data}'")

    settings = {name: value for name, value in os.environ.items() if name.startswith(_SETTINGS)}
    async with LocalStack(data=data, actions=actions, flags=_FLAGS, environment=settings) as stack:
        work = _run_there(definition, name, input, show, Client(stack.endpoint), interrupted)
        return await stack.unless_broken(work)


async def _run_there(
    definition: Named,
    name: str | None,
    input: str | None,
    show: Callable[[Json], None],
    client: Client,
    interrupted: Callable[[str, str], None],
) -> dict[str, Json]:
    """Run it on a daemon. When somebody ends us, `interrupted` is told its id and the option that names the daemon."""
    at = "" if client.endpoint == DEFAULT_ENDPOINT else f" --endpoint {client.endpoint}"

    def suspended(waits: Json) -> None:
        _tell(f"{waits['state']} waits for an answer, {until(waits.get('deadline'))}; give it one elsewhere with:")
        click.echo(f"  statebox resume {waits['continuation']}{at}", err=True)
        click.echo(f"  statebox resume {waits['continuation']}{at} --output JSON", err=True)

    async with client:
        arn: str = (await begin(client, definition, name, input))["executionArn"]
        try:
            return await follow(client, arn, show, suspended)
        except asyncio.CancelledError:
            interrupted(short_id(arn), at)
            raise


def _goes_on(id: str, at: str) -> None:
    _tell(f"{id} goes on in the daemon:")
    click.echo(f"  statebox history {id} --follow{at}", err=True)
    click.echo(f"  statebox stop {id}{at}", err=True)


def _print_result(execution: Json, as_json: bool) -> None:
    if as_json:
        echo_json(execution)
    elif execution["status"] == "SUCCEEDED":
        click.echo(execution["output"].encode())
    if execution["status"] != "SUCCEEDED":
        _tell(f"{short_id(execution['executionArn'])} {execution['status']}")
        for field in ("error", "cause"):
            if execution.get(field) is not None:
                click.echo(f"{field.capitalize()}: {execution[field]}", err=True)


def _show_nothing(_: Json) -> None:
    pass


def _tell(words: str) -> None:
    click.echo(f"statebox: {words}", err=True)
