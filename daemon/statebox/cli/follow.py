"""Following an execution: its events as they happen, its continuations as they open, and how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import click

from statebox.asl.jsontext import Json
from statebox.cli.client import Client
from statebox.cli.failures import Unavailable
from statebox.cli.printing import print_event

# The daemon is asked again at once while something goes on, and less and less often while nothing does.
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0
# A daemon may be restarted meanwhile; the execution is safe in Redis.
_PATIENCE_SECONDS = 60.0
_PAGE = 1000


async def follow(
    client: Client, arn: str, show: Callable[[Json], None], suspended: Callable[[Json], None] | None = None
) -> dict[str, Json]:
    """Show each event of an execution, from the first on, until it has ended; how it is then, as DescribeExecution.

    `suspended` is told of each continuation once, as soon as nothing else goes on. Raises Refused, and Unavailable when
    no daemon answers for a minute.
    """
    loop = asyncio.get_running_loop()
    seen = 0
    told: set[str] = set()
    pause = _FIRST_PAUSE_SECONDS
    deaf_since: float | None = None
    while True:
        try:
            execution = await client.call(
                "Statebox.SettleExecution", executionArn=arn, seconds=pause, waits_seconds=pause
            )
            events = await events_after(client, arn, seen)
        except Unavailable as failure:
            if deaf_since is None:
                deaf_since = loop.time()
                click.echo(f"statebox: {failure.message}\nstatebox: trying again for a minute ...", err=True)
            elif loop.time() - deaf_since > _PATIENCE_SECONDS:
                raise
            await asyncio.sleep(_LONGEST_PAUSE_SECONDS)
            continue
        deaf_since = None
        for event in events:
            show(event)
        if execution["status"] != "RUNNING":
            return execution
        pause = _FIRST_PAUSE_SECONDS if events else min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
        if execution["idle"]:
            for waits in execution["continuations"]:
                if suspended is not None and waits["continuation"] not in told:
                    told.add(waits["continuation"])
                    suspended(waits)
            # It settles at once in this case, so the pause is ours.
            await asyncio.sleep(pause)
        seen = events[-1]["id"] if events else seen


async def events_after(client: Client, arn: str, seen: int) -> Sequence[Mapping[str, Json]]:
    """The events with ids above `seen`, in order; read backwards from the newest, which is a short way at any time."""
    found: list[Mapping[str, Json]] = []
    next_token: str | None = None
    while True:
        page = await client.call(
            "AWSStepFunctions.GetExecutionHistory",
            executionArn=arn,
            reverseOrder=True,
            maxResults=_PAGE if next_token else 100,
            nextToken=next_token,
        )
        new = [event for event in page["events"] if event["id"] > seen]
        found += new
        next_token = page.get("nextToken")
        if len(new) < len(page["events"]) or not next_token:
            return found[::-1]


def events_to_terminal(*, as_json: bool, err: bool) -> Callable[[Json], None]:
    """A `show` for `follow` that prints each event, its time counted from the first one."""
    began: list[float] = []

    def show(event: Json) -> None:
        if not began:
            began.append(event["timestamp"])
        print_event(event, began[0], as_json=as_json, err=err)

    return show
