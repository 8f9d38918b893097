"""`$now`, `$millis`, `$fromMillis`, `$toMillis`: times as milliseconds since the epoch."""

from __future__ import annotations

import math
import re
from typing import Final

from statebox.asl.data.jsonata.failures import InternalFailure, JsonataError
from statebox.asl.data.jsonata.functions.calendar import DAY_MS, days_since_epoch
from statebox.asl.data.jsonata.functions.date_pictures import format_date, parse_date, read_date_picture
from statebox.asl.data.jsonata.native import Native
from statebox.asl.data.jsonata.numbers import as_double, number
from statebox.asl.data.jsonata.runtime import Run
from statebox.asl.data.jsonata.values import UNDEFINED
from statebox.asl.jsontext import Json

_ISO_PICTURE: Final = read_date_picture("[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]")
_ISO: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?(?:T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?)?(?:([+-])(\d\d):?(\d\d)|Z)?", re.ASCII
)
_OFFSET: Final = re.compile(r"\s*([+-]?[0-9]+)", re.ASCII)
# The last moment that JavaScript knows, on either side of the epoch.
_FARTHEST_MS: Final = 8.64e15


def _now(run: Run, picture: Json, zone: Json) -> Json:
    return _from_millis(run, run.scope.now_ms, picture, zone)


def _millis(run: Run) -> Json:
    return run.scope.now_ms


def _from_millis(run: Run, at_ms: Json, picture: Json, zone: Json) -> Json:
    if at_ms is UNDEFINED:
        return UNDEFINED
    offset = 0
    if zone is not UNDEFINED:
        given = _OFFSET.match(zone)
        if given is None or len(given[1]) > 5:
            raise InternalFailure
        offset = int(given[1])
    if not abs(as_double(at_ms)) <= _FARTHEST_MS:
        raise InternalFailure
    run.charge(0 if picture is UNDEFINED else len(picture))
    text = format_date(math.floor(at_ms), _ISO_PICTURE if picture is UNDEFINED else read_date_picture(picture), offset)
    run.text(len(text))
    return text


def _to_millis(run: Run, text: Json, picture: Json) -> Json:
    if text is UNDEFINED:
        return UNDEFINED
    if picture is not UNDEFINED:
        run.charge(len(picture))
        at_ms = parse_date(text, picture, run.scope.now_ms)
        return UNDEFINED if at_ms is None else number(at_ms)
    found = _ISO.fullmatch(text)
    if found is None:
        raise JsonataError("D3110", value=text)
    year, month, day = (int(part or 1) for part in found.group(1, 2, 3))
    hour, minute, second = (int(part or 0) for part in found.group(4, 5, 6))
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour <= 24 and minute < 60 and second < 60):
        raise JsonataError("D3110", value=text)
    fraction = int((found[7] or "0")[:3].ljust(3, "0"))
    offset = (int(found[9] or 0) * 60 + int(found[10] or 0)) * (-1 if found[8] == "-" else 1)
    of_day = ((hour * 60 + minute - offset) * 60 + second) * 1000 + fraction
    return days_since_epoch(year, month, day) * DAY_MS + of_day


DATES: Final = (
    Native("now", "<s?s?:s>", 2, _now),
    Native("millis", "<:n>", 0, _millis),
    Native("fromMillis", "<n-s?s?:s>", 3, _from_millis),
    Native("toMillis", "<s-s?:n>", 2, _to_millis),
)
