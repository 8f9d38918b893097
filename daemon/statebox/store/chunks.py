"""Chunks of history: the events of one checkpoint as one text, in which each distinct payload stands once.

A chunk is `[format, id of the first event, its time (ms), payloads, rows]`. Ids have no gaps. A row is `[type's code,
how far back the previous event is, ms since the first, values…]`; a payload's value is its place among the payloads.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from statebox.asl.history import ABSENT, PAYLOADS, HistoryEvent
from statebox.asl.jsontext import InvalidJson, Json, read_own_json, write_json
from statebox.store.codec import FORMAT, Texts, Unreadable, check_format

# In a row, for a payload and for any other value that the event does not have. A list stands in a list of its own.
_NO_PAYLOAD = -1
_NO_VALUE: tuple[()] = ()


def write_chunk(events: Sequence[HistoryEvent], texts: Texts) -> bytes:
    """The events, whose ids must follow each other, as a chunk."""
    first, base_ms, expected = events[0].id, events[0].at_ms, events[0].id
    # This is most of what writing a short execution costs, so a value is looked up by identity before all else.
    places: dict[int, int] = {}
    payloads: dict[bytes, int] = {}
    rows: list[list[Json]] = []
    for event in events:
        id_, code = event.id, event.code
        if id_ != expected:
            raise ValueError(f"there is a gap in the history before the event {id_}")
        expected += 1
        row: list[Json] = [code, id_ - event.previous, event.at_ms - base_ms]
        for is_payload, value in zip(PAYLOADS[code], event.values, strict=False):
            if is_payload:
                place = places.get(id(value))
                if place is None:
                    place = _NO_PAYLOAD if value is ABSENT else payloads.setdefault(texts.of(value), len(payloads))
                    places[id(value)] = place
                row.append(place)
            else:
                row.append(value if type(value) is str else _wrapped(value))
        rows.append(row)
    return write_json((FORMAT, first, base_ms, [msgspec.Raw(text) for text in payloads], rows))


def _wrapped(value: Json) -> Json:
    """A value that is no payload, so that an absent one can be told from all others."""
    if value is ABSENT:
        return _NO_VALUE
    return (value,) if isinstance(value, list | tuple) else value


def read_chunk(chunk: bytes) -> list[HistoryEvent]:
    """The events of a chunk. Raises NewerFormat, Unreadable."""
    check_format(chunk)
    try:
        _, first, at_ms, payloads, rows = read_own_json(chunk)
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
