"""RFC 3339 timestamps as instants in nanoseconds."""

from __future__ import annotations

import pytest

from statebox.asl.data.timestamps import parse_timestamp


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T18:30:00-05:30", 0),
        ("1969-12-31T23:59:59.9Z", -100_000_000),
        ("2016-12-05T21:29:29Z", 1_480_973_369_000_000_000),
        ("0001-01-01T00:00:00+18:00", -62_135_661_600_000_000_000),
        ("9999-12-31T23:59:59.999999999Z", 253_402_300_799_999_999_999),
    ],
)
def test_a_timestamp_is_an_instant(text: str, nanoseconds: int):
    """Counted from the epoch, whatever its zone."""
    assert parse_timestamp(text) == nanoseconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2016-12-05",
        "2016-12-05T21:29:29",
        "2016-12-05 21:29:29Z",
        "2016-12-05t21:29:29z",
        "2016-12-05T21:29Z",
        "2016-12-05T21:29:29.Z",
        "2016-12-05T21:29:29.0123456789Z",
        "2016-12-05T21:29:29+01",
        "2016-12-05T21:29:29+19:00",
        "2016-12-05T21:29:29+01:60",
        "2016-12-05T21:29:60Z",
        "2016-12-05T25:29:29Z",
        "2016-13-05T21:29:29Z",
        "2016-02-30T21:29:29Z",
        "0000-01-01T00:00:00Z",
        "\uff12016-12-05T21:29:29Z",
        "05-12-2016T21:29:29Z",
        "2016-12-05T21:29:29Z\n",
    ],
)
def test_anything_else_is_no_timestamp(text: str):
    """Dates that do not exist, other forms, other digits."""
    assert parse_timestamp(text) is None
