"""`statebox list`, `describe`, `stop` and `retry`: what can be done with executions that are there."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import click

from statebox.asl.jsontext import Json
from statebox.cli.client import Client, Refused, run, short_id
from statebox.cli.options import reaches_daemon, speaks_json
from statebox.cli.printing import echo_json, print_fields, print_table, span, until, when

STATUSES = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
# What the API gives at once.
_LARGEST_PAGE = 1000


@click.command(
    "list",
    epilog="""\b
Examples:
  statebox list --status running
  statebox list --machine incsquare --limit 10
  statebox list --set-aside                      what `statebox retry` is for
  statebox list --all --json | jq -r '.executions[].executionArn'

Where there are more than --limit, the last line on stderr has the --next-token that goes on from here.
""",
)
@click.option("--status", type=click.Choice(STATUSES, case_sensitive=False), help="Only those of this status.")
@click.option("--machine", metavar="NAME", help="Only those of this machine.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most.")
@click.option("--all", "everything", is_flag=True, help="All of them, however many.")
@click.option("--next-token", metavar="TOKEN", help="Go on where the list before ended.")
@click.option("--set-aside", is_flag=True, help="Only those set aside: claimed again and again without any progress.")
@speaks_json
@reaches_daemon
def list_executions(
    status: str | None,
    machine: str | None,
    limit: int,
    everything: bool,
    next_token: str | None,
    set_aside: bool,
    as_json: bool,
    endpoint: str,
    token: str | None,
) -> None:
    """List executions, newest first."""
    if set_aside and (status or machine or next_token):
        raise click.UsageError("--set-aside lists all that were set aside: leave out --status, --machine, --next-token")
    run(_list(Client(endpoint, token), status, machine, None if everything else limit, next_token, set_aside, as_json))


async def _list(
    client: Client,
    status: str | None,
    machine: str | None,
    limit: int | None,
    next_token: str | None,
    set_aside: bool,
    as_json: bool,
) -> None:
    executions: list[Json] = []
    async with client:
        if set_aside:
            executions = (await client.call("Statebox.ListSetAside"))["executions"]
        elif machine is None or await _is_known(client, machine):
            while limit is None or len(executions) < limit:
                page = await client.call(
                    "AWSStepFunctions.ListExecutions",
                    stateMachineArn=machine,
                    statusFilter=status.upper() if status else None,
                    maxResults=min(_LARGEST_PAGE, _LARGEST_PAGE if limit is None else limit - len(executions)),
                    nextToken=next_token,
                )
                executions.extend(page["executions"])
                next_token = page.get("nextToken")
                if not next_token:
                    break
    if as_json:
        echo_json({"executions": executions, **({"nextToken": next_token} if next_token else {})})
        return
    if executions:
        print_table(("ID", "STATUS", "STARTED", "TOOK"), [_row(one) for one in executions])
    else:
        click.echo("none", err=True)
    if next_token:
        again = {"--status": status, "--machine": machine, "--limit": limit, "--next-token": next_token}
        words = shlex.join(str(word) for option in again.items() if option[1] is not None for word in option)
        click.echo(f"there may be more: statebox list {words}", err=True)


async def _is_known(client: Client, machine: str) -> bool:
    """Whether there is a machine of that name, or an execution of one that is gone."""
    try:
        await client.call("AWSStepFunctions.ListExecutions", stateMachineArn=machine, maxResults=1)
    except Refused as refused:
        if refused.type == "InvalidArn":
            return False
        raise
    return True


def _row(execution: Json) -> tuple[str, str, str, str]:
    stopped: float | None = execution.get("stopDate")
    took = "-" if stopped is None else span(stopped - execution["startDate"])
    status = f"{execution['status']}, set aside" if execution.get("setAside") else execution["status"]
    return short_id(execution["executionArn"]), status, when(execution["startDate"]), took


@click.command(
    "describe",
    epilog="""\b
Examples:
  statebox describe incsquare:5f0c2a6e-6c5c-4a2f-9d6e-0d0a3c6f9b11
  statebox describe incsquare:5f0c2a6e-6c5c-4a2f-9d6e-0d0a3c6f9b11 --json | jq .continuations
""",
)
@click.argument("id")
@speaks_json
@reaches_daemon
def describe(id: str, as_json: bool, endpoint: str, token: str | None) -> None:
    """Show one execution: status, input, output, and what it waits for.

    ID is <machine>:<name> or an ARN.
    """
    run(_describe(Client(endpoint, token), id, as_json))


async def _describe(client: Client, id: str, as_json: bool) -> None:
    async with client:
        execution = await client.call("Statebox.SettleExecution", executionArn=id, seconds=0)
        if execution["status"] == "RUNNING":
            aside = (await client.call("Statebox.ListSetAside"))["executions"]
            if execution["executionArn"] in [one["executionArn"] for one in aside]:
                execution["setAside"] = True
    if as_json:
        echo_json(execution)
    else:
        print_fields(list(_described(execution)))


def _described(execution: Json) -> Iterator[tuple[str, str]]:
    id = short_id(execution["executionArn"])
    yield "id", id
    if execution.get("setAside"):
        yield "status", f"{execution['status']}, set aside: it goes on after `statebox retry {id}`"
    else:
        yield "status", execution["status"]
    yield "started", when(execution["startDate"])
    if (stopped := execution.get("stopDate")) is not None:
        yield "ended", f"{when(stopped)} after {span(stopped - execution['startDate'])}"
    for field in ("input", "output", "error", "cause"):
        if execution.get(field) is not None:
            yield field, execution[field]
    for waits in execution["continuations"]:
        yield "waits", f"in {waits['state']} since {when(waits['since'])}, {until(waits.get('deadline'))}"
        yield "", f"statebox resume {waits['continuation']} --output JSON"


@click.command(
    "stop",
    epilog="""\b
Examples:
  statebox stop approval:order-17
  statebox stop approval:order-17 --error Order.Withdrawn --cause "the customer changed her mind"
""",
)
@click.argument("id")
@click.option("--error", metavar="NAME", help="The error that it ends with.")
@click.option("--cause", metavar="TEXT", help="The cause, in words.")
@speaks_json
@reaches_daemon
def stop(id: str, error: str | None, cause: str | None, as_json: bool, endpoint: str, token: str | None) -> None:
    """Stop an execution: it ends ABORTED, and nobody can resume it any more.

    One that has ended already stays as it is. ID is <machine>:<name> or an ARN.
    """
    run(_stop(Client(endpoint, token), id, error, cause, as_json))


async def _stop(client: Client, id: str, error: str | None, cause: str | None, as_json: bool) -> None:
    async with client:
        await client.call("AWSStepFunctions.StopExecution", executionArn=id, error=error, cause=cause)
        execution = await client.call("AWSStepFunctions.DescribeExecution", executionArn=id)
    if as_json:
        echo_json(execution)
    else:
        click.echo(f"{short_id(execution['executionArn'])} {execution['status']}")


@click.command("retry")
@click.argument("id")
@speaks_json
@reaches_daemon
def retry(id: str, as_json: bool, endpoint: str, token: str | None) -> None:
    """Let an execution that was set aside go on from its last checkpoint.

    One is set aside when daemon after daemon took it and died or gave up without any progress; `statebox list
    --set-aside` lists those. ID is <machine>:<name> or an ARN.
    """
    run(_retry(Client(endpoint, token), id, as_json))


async def _retry(client: Client, id: str, as_json: bool) -> None:
    async with client:
        reply = await client.call("Statebox.RetryExecution", executionArn=id)
    if as_json:
        echo_json(reply)
    else:
        click.echo(f"{short_id(id)} goes on")
