"""`statebox answer`: the answer to a state of an execution, by its path, also before it is asked for."""

from __future__ import annotations

import click

from statebox.cli.client import Client, run, short_id
from statebox.cli.definitions import read_json_argument
from statebox.cli.options import answers, reaches_daemon, speaks_json
from statebox.cli.printing import echo_json


@click.command(
    "answer",
    epilog="""\b
Examples:
  statebox answer approval:order-17 Ask --output '{"approved": true}'
  statebox answer review:7 'Review[1]/Ask' --error Refused --cause "over budget"

STATE is the path of a state that suspends: its name, inside of a Parallel or Map `Outer[INDEX]/Name`. Where it waits
the answer is taken at once. Else, also before the execution is started, the first answer is kept until the state is
entered or the daemon's retention is over. Whoever comes second is told when and how it was answered (exit code 1).
Without --output and --error it says no more than "go on".
""",
)
@click.argument("id", metavar="MACHINE:NAME")
@click.argument("state")
@answers
@speaks_json
@reaches_daemon
def answer(
    id: str,
    state: str,
    output: str | None,
    error: str | None,
    cause: str | None,
    as_json: bool,
    endpoint: str,
    token: str | None,
) -> None:
    """Answer a state of an execution, also before it is asked for.

    MACHINE:NAME is an execution, which need not have been started.
    """
    checked = read_json_argument(output, "--output")
    run(_answer(Client(endpoint, token), id, state, checked, error, cause, as_json))


async def _answer(
    client: Client, id: str, state: str, output: str | None, error: str | None, cause: str | None, as_json: bool
) -> None:
    async with client:
        reply = await client.insist(
            "Statebox.AnswerState", executionArn=id, state=state, output=output, error=error, cause=cause
        )
    if as_json:
        echo_json(reply)
    else:
        click.echo(f"{short_id(reply['executionArn'])} {state} {reply['status']}")
        if reply["status"] == "KEPT":
            click.echo(f"nothing waits in {state} now: the answer is kept for the state of that name", err=True)
