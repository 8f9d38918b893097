"""`statebox purge`: forget executions that have ended, before their retention has passed."""

from __future__ import annotations

import re
import sys
import time

import click

from statebox.asl.jsontext import Json
from statebox.cli.client import Client, run
from statebox.cli.failures import plural
from statebox.cli.options import reaches_daemon, speaks_json
from statebox.cli.printing import echo_json

_ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def _read_age(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", value.strip())
    if match is None:
        raise click.BadParameter(f"{value!r} is no span of time: a number and one of s, m, h, d, w, as in 7d")
    return float(match[1]) * _UNITS[match[2]]


@click.command(
    "purge",
    epilog="""\b
Examples:
  statebox purge --all --older-than 7d --dry-run       only say how many there are
  statebox purge incsquare --status succeeded --yes
  statebox purge --all --yes

Executions that run are never forgotten, nor are the items of a distributed Map that runs. Whoever answers a
continuation of a forgotten execution is still told that it is over, until its retention has passed.
""",
)
@click.argument("machine", required=False)
@click.option("--status", type=click.Choice(_ENDED, case_sensitive=False), help="Only those of this status.")
@click.option(
    "--older-than", metavar="AGE", callback=_read_age, help="Only those that ended this long ago: 30m, 12h, 7d, 2w."
)
@click.option("--all", "everything", is_flag=True, help="Those of all machines.")
@click.option("--dry-run", is_flag=True, help="Say how many there are, and forget none.")
@click.option("--yes", is_flag=True, help="Do not ask whether that is meant.")
@speaks_json
@reaches_daemon
def purge(
    machine: str | None,
    status: str | None,
    older_than: float | None,
    everything: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    endpoint: str,
    token: str | None,
) -> None:
    """Forget executions that have ended, with their histories.

    MACHINE is the machine whose executions go, its map runs' included; --all stands for every machine.
    """
    if (machine is None) != everything:
        raise click.UsageError("name the machine whose executions are to be forgotten, or say --all")
    if not (dry_run or yes or sys.stdin.isatty()):
        raise click.UsageError("nobody is there to be asked whether that is meant: say --yes, or --dry-run")
    which: dict[str, Json] = {"machine": machine, "statusFilter": status.upper() if status else None}
    if older_than is not None:
        which["endedBefore"] = time.time() - older_than
    count = run(_purge(Client(endpoint, token), which, dry_run=dry_run, ask=not yes))
    if as_json:
        echo_json({"executions": count, "dryRun": dry_run})
    elif dry_run:
        click.echo(f"{count} {plural('execution', count)} would be forgotten")
    else:
        click.echo(f"{count} {plural('execution', count)} forgotten")


async def _purge(client: Client, which: dict[str, Json], *, dry_run: bool, ask: bool) -> int:
    async with client:
        if not dry_run and ask:
            count = await _pages(client, which, dry_run=True)
            if count == 0 or not click.confirm(f"Forget {count} {plural('execution', count)}?", err=True):
                return 0
        return await _pages(client, which, dry_run=dry_run)


async def _pages(client: Client, which: dict[str, Json], *, dry_run: bool) -> int:
    count = 0
    place: Json = None
    while True:
        page = await client.call("Statebox.PurgeExecutions", **which, dryRun=dry_run, nextToken=place)
        count += page["executions"]
        place = page.get("nextToken")
        if place is None:
            return count
