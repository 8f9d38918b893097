"""`statebox start`: begin an execution, of a definition in a file or of a machine that the daemon knows by name."""

from __future__ import annotations

import uuid

import click

from statebox.asl.jsontext import Json
from statebox.cli.client import Client, Refused, definition_refused, run, short_id
from statebox.cli.definitions import STDIN, Named, as_the_seed, looks_like_file, read_definition, read_json_argument
from statebox.cli.failures import Failure, Unavailable
from statebox.cli.findings import findings_in
from statebox.cli.options import reaches_daemon, speaks_json, takes_input
from statebox.cli.printing import echo_json


@click.command(
    "start",
    epilog="""\b
Examples:
  statebox start state_machines/incsquare.json --input 6
  statebox start approval --name order-17 --input '{"amount": 120}'
  id=$(statebox start approval --input @order.json) && statebox history "$id" --follow

FILE is a definition, bare or in the wrapper {"statemachine": {NAME: DEFINITION}}; the latter is started as the seed
did: --input 6 becomes {"constants": {...}, "values": {"value": 6}}. NAME is a machine that the
daemon knows (statebox machines list), NAME:3 its version 3, NAME:live its alias live. Starting the same --name with the
same input again gives the execution that is there.
""",
)
@click.argument("what", metavar="FILE|NAME")
@click.option("--name", help="The execution's name, unique for its machine. Default: a random one.")
@click.option("--machine", metavar="NAME", help="The machine's name, in place of the file's; which one, of a wrapper.")
@takes_input
@speaks_json
@reaches_daemon
def start(
    what: str,
    name: str | None,
    machine: str | None,
    input: str | None,
    as_json: bool,
    endpoint: str,
    token: str | None,
) -> None:
    """Start an execution and print its id; it runs in the daemon."""
    if what == STDIN == input:
        raise click.UsageError("the definition and --input cannot both come from stdin")
    checked = read_json_argument(input, "--input")
    if not looks_like_file(what):
        if machine is not None:
            raise click.UsageError("--machine is for definitions in a file; a machine of the daemon has its own name")
        run(_start(Client(endpoint, token), what, name, checked, as_json))
        return
    run(_start(Client(endpoint, token), read_definition(what, machine), name, checked, as_json))


async def _start(client: Client, what: Named | str, name: str | None, input: str | None, as_json: bool) -> None:
    async with client:
        reply = await begin(client, what, name, input)
    if as_json:
        echo_json(reply)
    else:
        click.echo(short_id(reply["executionArn"]))


async def begin(client: Client, what: Named | str, name: str | None, input: str | None) -> dict[str, Json]:
    """Start an execution of a definition or of a named machine; `executionArn` and `startDate`.

    Raises Failure.
    """
    # A name of our own tells what to look for when the answer gets lost.
    name = name or str(uuid.uuid4())
    try:
        if isinstance(what, str):
            return await client.call("AWSStepFunctions.StartExecution", stateMachineArn=what, name=name, input=input)
        wanted, input = as_the_seed(what, input) if what.seed else (what, input)
        return await client.call(
            "Statebox.StartDefinition",
            definition=wanted.text,
            machine=wanted.name,
            name=name,
            input=input,
            seed=wanted.seed,
        )
    except Refused as refused:
        if isinstance(what, str) or not refused.problems:
            raise
        # The daemon saw the definition alone; here is the file that it was read from.
        lines = [finding.line() for finding in findings_in(what, refused.problems)]
        raise Failure(definition_refused(lines)) from None
    except Unavailable as failure:
        if not failure.maybe_done:
            raise
        machine = what if isinstance(what, str) else what.name
        raise Unavailable(
            f"{failure.message}; it may have been started: see `statebox describe {machine}:{name}`, or start it again"
            f" with --name {name}"
        ) from None
