"""`statebox redrive`: a failed execution goes on from where it failed."""

from __future__ import annotations

import click

from statebox.cli.client import Client, run, short_id
from statebox.cli.options import reaches_daemon, speaks_json
from statebox.cli.printing import echo_json


@click.command(
    "redrive",
    epilog="""\b
Examples:
  statebox redrive order:17 && statebox history order:17 --follow
  statebox list --status failed                  what it is for

What has succeeded is not done again: it goes on with the state that failed, was stopped or timed out, under the same
id, with the definition it was started with. One that runs or has succeeded is refused (exit code 1).
""",
)
@click.argument("id")
@speaks_json
@reaches_daemon
def redrive(id: str, as_json: bool, endpoint: str, token: str | None) -> None:
    """Let an execution that failed, timed out or was stopped go on from where it failed.

    ID is <machine>:<name> or an ARN.
    """
    run(_redrive(Client(endpoint, token), id, as_json))


async def _redrive(client: Client, id: str, as_json: bool) -> None:
    async with client:
        reply = await client.insist("AWSStepFunctions.RedriveExecution", executionArn=id)
    if as_json:
        echo_json(reply)
    else:
        click.echo(f"{short_id(id)} goes on")
