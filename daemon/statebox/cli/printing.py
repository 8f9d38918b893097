"""How things look on a terminal: times, tables, fields, events; and as JSON for programs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime

import click

from statebox.asl.jsontext import Json, write_json

# Longer values are cut where a line shows several things; --json has them whole.
_WIDEST_VALUE = 200


def echo_json(value: Json, *, err: bool = False) -> None:
    """Print a JSON value as one line."""
    # As bytes: a terminal's encoding is no reason to change somebody's data.
    click.echo(write_json(value), err=err)


def when(seconds: float | None) -> str:
    """A point in time (seconds since the epoch) in local time, to the second; `-` for None."""
    return "-" if seconds is None else f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M:%S}"


def span(seconds: float) -> str:
    """A length of time in the two units that matter: 3.21 s, 4 m 05 s, 2 h 10 m, 6 d 23 h."""
    whole = int(seconds)
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02d} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole // 60 % 60:02d} m"
    return f"{whole // 86_400} d {whole // 3600 % 24:02d} h"


def until(deadline: float | None) -> str:
    """Until when something waits (seconds since the epoch): the time, and how long that still is."""
    if deadline is None:
        return "without a deadline"
    left = deadline - time.time()
    return f"until {when(deadline)}" + (f", in {span(left)}" if left > 0 else ", which is over")


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns as wide as they need to be."""
    widths = [max(len(row[place]) for row in (header, *rows)) for place in range(len(header))]
    for row in (header, *rows):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_fields(fields: Sequence[tuple[str, str]]) -> None:
    """Print names and values, the values below each other."""
    width = max((len(name) for name, _ in fields), default=0)
    for name, value in fields:
        click.echo(f"{name.ljust(width)}  {value}".rstrip())


def event_line(event: Mapping[str, Json], began: float) -> str:
    """One history event: seconds since `began`, its id and type, whose it is, and what it carries."""
    details = _details(event)
    name = details.get("name") or details.get("resource") or ""
    if "index" in details:
        name = f"{name}[{details['index']}]"
    shown = next((str(details[field]) for field in ("output", "input", "parameters") if field in details), "")
    if "error" in details or "cause" in details:
        shown = ": ".join(str(details[field]) for field in ("error", "cause") if details.get(field))
    if "activationId" in details:
        shown = f"{shown}  (activation {details['activationId']})"
    words = f"{event['timestamp'] - began:9.3f}  {event['id']:>4}  {event['type']:<24} {name:<20} {cut(shown)}"
    return words.rstrip()


def cut(text: str) -> str:
    """A value short enough for a line."""
    one_line = " ".join(text.split("\n"))
    return one_line if len(one_line) <= _WIDEST_VALUE else f"{one_line[: _WIDEST_VALUE - 1]}…"


def print_event(event: Mapping[str, Json], began: float, *, as_json: bool, err: bool = False) -> None:
    """Print one history event as it comes."""
    if as_json:
        echo_json(event, err=err)
    else:
        click.echo(event_line(event, began), err=err)


def _details(event: Mapping[str, Json]) -> Mapping[str, Json]:
    """The details of an event, whatever the member they stand under."""
    nothing: dict[str, Json] = {}
    return next((value for name, value in event.items() if name.endswith("EventDetails")), nothing)
