"""`statebox resume`: the answer that a suspended execution waits for."""

from __future__ import annotations

import click

from statebox.asl.jsontext import Json
from statebox.cli.client import Client, run, short_id
from statebox.cli.definitions import read_json_argument
from statebox.cli.failures import Failure
from statebox.cli.options import answers, reaches_daemon, speaks_json
from statebox.cli.printing import echo_json, until


@click.command(
    "resume",
    epilog="""\b
Examples:
  statebox resume 3f0e6a52-5d0a-4f0e-9c1b-0c7c3f1f2000
  statebox resume 3f0e6a52-5d0a-4f0e-9c1b-0c7c3f1f2000 --output '{"approved": true}'
  statebox resume approval:order-17 --error Refused --cause "over budget"

Without --output the state's input goes on unchanged; an object given as --output is merged over it where the state
says nothing about its result. --error fails the state, which its Retry and Catch see.
An answer is taken once: whoever comes second is told when and how it was answered (exit code 1).
""",
)
@click.argument("id")
@answers
@speaks_json
@reaches_daemon
def resume(
    id: str,
    output: str | None,
    error: str | None,
    cause: str | None,
    as_json: bool,
    endpoint: str,
    token: str | None,
) -> None:
    """Answer a suspended execution.

    ID is a continuation, or an execution (<machine>:<name> or an ARN) that waits for a single one.
    """
    checked = read_json_argument(output, "--output")
    run(_resume(Client(endpoint, token), id, checked, error, cause, as_json))


async def _resume(
    client: Client, id: str, output: str | None, error: str | None, cause: str | None, as_json: bool
) -> None:
    async with client:
        continuation = await _only_continuation(client, id) if ":" in id else id
        if error is None:
            reply = await client.insist("Statebox.Resume", continuation=continuation, output=output)
        else:
            reply = await client.insist("Statebox.Fail", continuation=continuation, error=error, cause=cause)
    if as_json:
        echo_json(reply)
    else:
        click.echo(short_id(reply["executionArn"]))


async def _only_continuation(client: Client, execution: str) -> str:
    """The continuation that an execution waits for. Raises Failure when that is none, or several."""
    waiting: list[Json] = (await client.call("Statebox.ListContinuations", executionArn=execution))["continuations"]
    if len(waiting) == 1:
        return waiting[0]["continuation"]
    if not waiting:
        raise Failure(f"{short_id(execution)} waits for no answer; see `statebox describe {short_id(execution)}`")
    lines = [f"  {one['continuation']}  {one['state']}, {until(one.get('deadline'))}" for one in waiting]
    raise Failure("\n".join([f"{short_id(execution)} waits for {len(waiting)} answers; name one of them:", *lines]))
