"""Chunks of history: the events of one checkpoint as one text, in which each distinct payload stands once.

A chunk is `[format, id of the first event, its time (ms), payloads, rows]`. Ids have no gaps. A row is `[type's code,
how far back the previous event is, ms since the first, values…]`; a payload's value is its place among the payloads.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from statebox.asl.history import ABSENT, PAYLOADS, HistoryEvent
from statebox.asl.jsontext import InvalidJson, Json, read_json, write_json
from statebox.store.codec import FORMAT, Texts, Unreadable, check_format

# In a row, for a payload and for any other value that the event does not have. A list stands in a list of its own.
_NO_PAYLOAD = -1
_NO_VALUE: tuple[()] = ()


def write_chunk(events: Sequence[HistoryEvent], texts: Texts) -> bytes:
    """The events, whose ids must follow each other, as a chunk."""
    first = events[0]
    places: dict[bytes, int] = {}
    rows: list[list[Json]] = []
    for index, event in enumerate(events):
        if event.id != first.id + index:
            raise ValueError(f"there is a gap in the history before the event {event.id}")
        row: list[Json] = [event.code, event.id - event.previous, event.at_ms - first.at_ms]
        for is_payload, value in zip(PAYLOADS[event.code], event.values, strict=False):
            if is_payload:
                row.append(_NO_PAYLOAD if value is ABSENT else places.setdefault(texts.of(value), len(places)))
            elif value is ABSENT:
                row.append(_NO_VALUE)
            elif isinstance(value, list | tuple):
                row.append((value,))
            else:
                row.append(value)
        rows.append(row)
    return write_json((FORMAT, first.id, first.at_ms, [msgspec.Raw(text) for text in places], rows))


def read_chunk(chunk: bytes) -> list[HistoryEvent]:
    """The events of a chunk. Raises NewerFormat, Unreadable."""
    check_format(chunk)
    try:
        _, first, at_ms, payloads, rows = read_json(chunk)
        return [
            HistoryEvent(
                id=first + index,
                previous=first + index - row[1],
                at_ms=at_ms + row[2],
                code=row[0],
                values=_values(row[0], row[3:], payloads),
            )
            for index, row in enumerate(rows)
        ]
    except (InvalidJson, LookupError, TypeError, ValueError) as error:
        raise Unreadable(f"A chunk of history cannot be read: {error}") from error


def _values(code: int, values: list[Json], payloads: list[Json]) -> tuple[Json, ...]:
    return tuple(
        _payload(value, payloads) if is_payload else _plain(value)
        for is_payload, value in zip(PAYLOADS[code], values, strict=False)
    )


def _payload(place: int, payloads: list[Json]) -> Json:
    return ABSENT if place == _NO_PAYLOAD else payloads[place]


def _plain(value: Json) -> Json:
    match value:
        case []:
            return ABSENT
        case [plain]:
            return plain
        case _:
            return value
