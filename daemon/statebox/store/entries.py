"""Inbox entries: an event as it is delivered, `<format> <branch> <event>`, so that a script sees what it concerns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from statebox.asl.events import AnyEvent, place_of
from statebox.asl.jsontext import write_json
from statebox.store.codec import FORMAT, OLDEST_FORMAT, NewerFormat, Unreadable

# Reads users' values inside of events as read_json does, which is made of the same.
_read_event: Final = msgspec.json.Decoder[AnyEvent](AnyEvent)


def write_entry(event: AnyEvent) -> bytes:
    """The entry for an event."""
    return b"%d %b %b" % (FORMAT, (place_of(event) or "").encode(), write_json(event))


def write_around_task(event: Callable[[str], AnyEvent]) -> tuple[bytes, bytes]:
    """The event's JSON before and after the task's address, which only the continuation's key knows."""
    without = event("")
    text = write_json(without)
    head = b'["%b",' % type(without).__name__.encode()
    if not text.startswith(head + b'""'):
        raise TypeError(f"{type(without).__name__} is no event of a task")
    return head, text[len(head) + 2 :]


def read_entry(entry: bytes) -> AnyEvent:
    """The event of an entry. Raises NewerFormat, Unreadable."""
    format, _, rest = entry.partition(b" ")
    if not format.isdigit():
        raise Unreadable(f"What was delivered has no format: {entry[:20]!r}")
    if int(format) < OLDEST_FORMAT:
        raise Unreadable(f"What was delivered has the format {int(format)}, which this statebox does not know any more")
    if int(format) > FORMAT:
        raise NewerFormat(f"What was delivered has the format {int(format)}; this statebox knows {FORMAT}", int(format))
    try:
        return _read_event.decode(rest.partition(b" ")[2])
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise Unreadable(f"What was delivered cannot be read: {error}") from error
