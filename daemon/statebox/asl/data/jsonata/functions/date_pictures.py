"""Pictures of dates and times, like `[Y0001]-[M01]-[D01]`, after XPath's format-dateTime."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from statebox.asl.data.jsonata.failures import JsonataError
from statebox.asl.data.jsonata.functions.calendar import DAY_MS, component, days_since_epoch
from statebox.asl.data.jsonata.functions.integers import (
    WORDS_PATTERN,
    Integers,
    format_integer,
    read_picture,
    reader_of,
)

_DEFAULTS: Final = {
    **dict.fromkeys("YMDdWwXxHhf", "1"),
    **dict.fromkeys("FPCE", "n"),
    **dict.fromkeys("ms", "01"),
    **dict.fromkeys("Zz", "01:01"),
}
_NUMERIC: Final = "YMDdFWwXxHhmsf"
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# A longer text is no date, and matching it could take long.
_LONGEST_TEXT: Final = 1_000
_MOST_DIGITS: Final = 20


class Marker(Struct, frozen=True):
    """A component between brackets: its letter, its width, and how it is written.

    `names` is lower, upper or title for one that is written in words. `zulu` writes Z where there is no offset.
    """

    letter: str
    longest: int | None
    names: str | None
    integers: Integers | None
    zulu: bool = False
    # Of a year: how many of its last digits are shown; of years, months and days: how many are read.
    last_digits: int | None = None


Part = str | Marker


def read_date_picture(picture: str) -> tuple[Part, ...]:
    """Read a picture into literal texts and markers. Raises JsonataError (D3131, D3132, D3135)."""
    parts: list[Part] = []
    start = position = 0
    while position < len(picture):
        if not picture.startswith("[", position):
            position += 1
            continue
        _add_literal(parts, picture[start:position])
        if picture.startswith("[[", position):
            parts.append("[")
            start = position = position + 2
            continue
        end = picture.find("]", position)
        if end < 0:
            raise JsonataError("D3135")
        parts.append(_marker("".join(picture[position + 1 : end].split())))
        start = position = end + 1
    _add_literal(parts, picture[start:])
    return tuple(parts)


def _add_literal(parts: list[Part], text: str) -> None:
    if text:
        parts.append(text.replace("]]", "]"))


def _marker(text: str) -> Marker:
    letter = text[:1]
    if letter not in _DEFAULTS:
        raise JsonataError("D3132", value=letter)
    modifier, comma, width = text[1:].rpartition(",")
    if not comma:
        modifier, width = text[1:], ""
    shortest, _, longest_text = width.partition("-")
    least, longest = _width(shortest), _width(longest_text)
    second = modifier[-1:] if len(modifier) > 1 and modifier[-1:] in "atco" else ""
    presentation = (modifier.removesuffix(second) if second else modifier) or _DEFAULTS[letter]
    names = {"n": "lower", "N": "upper"}.get(presentation[0])
    if presentation.startswith("Nn"):
        names = "title"
    marker = Marker(letter, longest, names, None, zulu=second == "t")
    if letter in "Zz":
        return replace(marker, integers=read_picture(presentation))
    if names is not None or letter not in _NUMERIC:
        return marker
    integers = read_picture(f"{presentation};{second}" if second else presentation)
    integers = replace(integers, digits=max(integers.digits, least or 0))
    last_digits: int | None = None
    if letter in "YMD":
        if longest is not None:
            last_digits = longest
            integers = replace(integers, digits=longest)
        elif integers.digits + integers.optional >= 2:
            last_digits = integers.digits + integers.optional
    return replace(marker, integers=integers, last_digits=last_digits)


def _width(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def format_date(at_ms: int, picture: Iterable[Part], offset: int) -> str:
    """Write a time in a zone; `offset` is hours * 100 + minutes. Raises JsonataError (D3130, D3133, D3134)."""
    minutes = int(math.copysign(abs(offset) // 100 * 60 + abs(offset) % 100, offset))
    local_ms = at_ms + minutes * 60_000
    return "".join(part if isinstance(part, str) else _written(local_ms, part, offset) for part in picture)


def _written(local_ms: int, marker: Marker, offset: int) -> str:
    if marker.letter in "Zz":
        return _zone(marker, offset)
    value = component(local_ms, marker.letter)
    if isinstance(value, str):
        return value.upper() if marker.names == "upper" else value
    if marker.letter == "Y" and marker.last_digits is not None:
        value %= 10 ** min(marker.last_digits, _MOST_DIGITS)
    if marker.names is not None:
        return _name(value, marker)
    assert marker.integers is not None  # markers without names have a picture
    return format_integer(value, marker.integers)


def _name(value: int, marker: Marker) -> str:
    names = _names_of(marker)
    name = names[value - 1]
    name = {"upper": name.upper(), "lower": name.lower()}.get(marker.names or "", name)
    return name[: marker.longest]


def _names_of(marker: Marker) -> tuple[str, ...]:
    if marker.letter in "Mx":
        return _MONTHS
    if marker.letter == "F":
        return _DAYS
    raise JsonataError("D3133", value=marker.letter)


def _zone(marker: Marker, offset: int) -> str:
    assert marker.integers is not None  # zones always have a picture
    if offset == 0 and marker.zulu:
        return "Z"
    digits = marker.integers.digits
    if marker.integers.every or digits in (3, 4):
        text = format_integer(offset, marker.integers)
    elif digits in (1, 2):
        text = format_integer(int(offset / 100), marker.integers)
        if offset % 100:
            text += f":{abs(offset) % 100:02}"
    else:
        raise JsonataError("D3134", value=digits)
    return f"{'GMT' * (marker.letter == 'z')}{'+' * (offset >= 0)}{text}"


def parse_date(text: str, picture: str, now_ms: int) -> int | None:
    """Read a time; what the picture leaves out on the left is taken from now, on the right it is zero.

    None for a text that does not fit. Raises JsonataError (D3130 to D3136).
    """
    parts = read_date_picture(picture)
    readers: list[tuple[str, Callable[[str], float | None]]] = []
    pattern = ""
    for part in parts:
        if isinstance(part, str):
            pattern += re.escape(part)
            continue
        expression, reader = _reader(part)
        pattern += f"({expression})"
        readers.append((part.letter, reader))
    if len({letter for letter, _ in readers}) < len(readers):
        raise JsonataError("D3136")
    found = re.fullmatch(pattern, text, re.IGNORECASE) if len(text) <= _LONGEST_TEXT else None
    if found is None or not readers:
        return None
    values: dict[str, int] = {}
    for (letter, reader), piece in zip(readers, found.groups(), strict=True):
        value = reader(piece)
        if value is not None and math.isfinite(value):
            values[letter] = int(value)
    return _assembled(values, now_ms)


def _reader(marker: Marker) -> tuple[str, Callable[[str], float | None]]:
    if marker.letter in "Zz":
        return "GMT" * (marker.letter == "z") + "[-+][0-9]+(?::?[0-9]+)?", _minutes
    if marker.integers is not None:
        return _digits(marker, marker.integers), reader_of(marker.integers)
    if marker.letter == "P":
        return "[a-zA-Z]+", lambda text: {"am": 0, "pm": 1}.get(text.lower())
    names = {name[: marker.longest].lower(): place + 1 for place, name in enumerate(_names_of(marker))}
    return "[a-zA-Z]+", lambda text: names.get(text.lower())


def _digits(marker: Marker, integers: Integers) -> str:
    if integers.style == "words":
        return WORDS_PATTERN
    if integers.style == "roman":
        return "[mdclxvi]+"
    if integers.style != "decimal":
        return "[a-zA-Z]+"
    separators = "".join(re.escape(character) for _, character in integers.separators)
    times = "{1,9}"
    if marker.last_digits:
        most = min(marker.last_digits, _MOST_DIGITS)
        times = f"{{{max(most - integers.optional, 1)},{most}}}"
    elif marker.letter in "HhmsMD":
        times = "{1,2}"
    first = chr(integers.zero)
    return f"[{first}-{chr(integers.zero + 9)}{separators}]{times}{'(?:th|st|nd|rd)' * integers.is_ordinal}"


def _minutes(text: str) -> int:
    sign, digits = text.removeprefix("GMT")[:1], re.sub("[^0-9]", "", text)
    hours, minutes = (digits, "0") if len(digits) <= 2 else (digits[:2], digits[2:4])
    return (int(hours) * 60 + int(minutes)) * (-1 if sign == "-" else 1)


def _assembled(values: dict[str, int], now_ms: int) -> int:
    by_day_of_year = "d" in values and "M" not in values and "D" not in values
    if values.keys() & set("XxWwF") and not values.keys() & set("YMDd"):
        # Dates by weeks cannot be read.
        raise JsonataError("D3136")
    half_days = "h" in values and "H" not in values
    order = ("Yd" if by_day_of_year else "YMD") + ("Phmsf" if half_days else "Hmsf")
    is_started = is_ended = False
    for letter in order:
        if letter in values:
            is_started = True
            if is_ended:
                raise JsonataError("D3136")
        elif is_started:
            values[letter] = int(letter in "MDd")
            # Without am or pm the hours are taken as they are.
            is_ended = letter != "P"
        else:
            value = component(now_ms, letter)
            values[letter] = int(value == "pm") if isinstance(value, str) else value
    hour = values["h"] % 12 + 12 * values["P"] if half_days else values["H"]
    # JavaScript takes years of two digits for those of the last century.
    year = values["Y"] + 1900 * (values["Y"] < 100)
    days = days_since_epoch(year, values.get("M", 1), values["d"] if by_day_of_year else values["D"])
    of_day = ((hour * 60 + values["m"]) * 60 + values["s"]) * 1000 + values["f"]
    return days * DAY_MS + of_day - values.get("Z", values.get("z", 0)) * 60_000
