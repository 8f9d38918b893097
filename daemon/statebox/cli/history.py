"""`statebox history`: the events of an execution."""

from __future__ import annotations

import click

from statebox.asl.jsontext import Json
from statebox.cli.client import Client, run
from statebox.cli.follow import events_to_terminal, follow
from statebox.cli.options import reaches_daemon, speaks_json
from statebox.cli.printing import echo_json, event_line

_LARGEST_PAGE = 1000


@click.command(
    "history",
    epilog="""\b
Examples:
  statebox history approval:order-17
  statebox history approval:order-17 --follow
  statebox history approval:order-17 --json | jq '.events[] | select(.type == "TaskFailed")'

Columns: seconds since the start, the event's id, its type, the state or resource, what it carries (cut; whole in
--json, in the form of Step Functions' GetExecutionHistory). With --follow, --json prints one event a line.
""",
)
@click.argument("id")
@click.option("--follow", "follows", is_flag=True, help="Go on until the execution has ended.")
@click.option("--limit", type=click.IntRange(min=1), help="The first so many events only; the last with --reverse.")
@click.option("--reverse", is_flag=True, help="The newest event first.")
@speaks_json
@reaches_daemon
def history(
    id: str, follows: bool, limit: int | None, reverse: bool, as_json: bool, endpoint: str, token: str | None
) -> None:
    """Show the events of an execution.

    ID is <machine>:<name> or an ARN.
    """
    if follows and (limit or reverse):
        raise click.UsageError("--follow shows all events in their order: leave out --limit and --reverse")
    client = Client(endpoint, token)
    run(_follow(client, id, as_json) if follows else _history(client, id, limit, reverse, as_json))


async def _history(client: Client, id: str, limit: int | None, reverse: bool, as_json: bool) -> None:
    events: list[Json] = []
    async with client:
        began: float = (await client.call("AWSStepFunctions.DescribeExecution", executionArn=id))["startDate"]
        next_token: str | None = None
        while limit is None or len(events) < limit:
            page = await client.call(
                "AWSStepFunctions.GetExecutionHistory",
                executionArn=id,
                reverseOrder=reverse,
                maxResults=min(_LARGEST_PAGE, _LARGEST_PAGE if limit is None else limit - len(events)),
                nextToken=next_token,
            )
            events += page["events"]
            next_token = page.get("nextToken")
            if not next_token:
                break
    if as_json:
        echo_json({"events": events})
        return
    for event in events:
        click.echo(event_line(event, began))


async def _follow(client: Client, id: str, as_json: bool) -> None:
    async with client:
        await follow(client, id, events_to_terminal(as_json=as_json, err=False))
