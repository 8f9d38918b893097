"""RFC 3339 timestamps as the States Language takes them: an upper-case T, a zone, fractions down to nanoseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

_TIMESTAMP: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):([0-5]\d))", re.ASCII
)
# What java.time takes as an offset.
_LARGEST_OFFSET_MINUTES: Final = 18 * 60
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def parse_timestamp(text: str) -> int | None:
    """The instant as nanoseconds since the epoch, or None when the text is not such a timestamp."""
    parts = _TIMESTAMP.fullmatch(text)
    if parts is None:
        return None
    *date_and_time, fraction, sign, hours, minutes = parts.groups()
    try:
        at = datetime(*map(int, date_and_time), tzinfo=UTC)
    except ValueError:
        return None
    offset_minutes = 0 if sign is None else int(hours) * 60 + int(minutes)
    if offset_minutes > _LARGEST_OFFSET_MINUTES:
        return None
    since = at - _EPOCH
    seconds = since.days * 86_400 + since.seconds + (offset_minutes if sign == "-" else -offset_minutes) * 60
    return seconds * 1_000_000_000 + int((fraction or "").ljust(9, "0"))
