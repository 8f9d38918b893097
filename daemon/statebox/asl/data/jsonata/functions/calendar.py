"""The Gregorian calendar, in both directions and without end, with the weeks that belong to a year or a month."""

from __future__ import annotations

from typing import Final

DAY_MS: Final = 86_400_000
_HOUR_MS: Final = 3_600_000
_MINUTE_MS: Final = 60_000


def days_since_epoch(year: int, month: int, day: int) -> int:
    """The day's number, 1970-01-01 being 0. Months and days may go over: the 13th month is the next January."""
    year, month = year + (month - 1) // 12, (month - 1) % 12
    # Years begin in March here, so that a leap day comes last.
    year, month = (year, month - 2) if month >= 2 else (year - 1, month + 10)
    return year * 365 + year // 4 - year // 100 + year // 400 + (month * 153 + 2) // 5 + day - 719_469


def date_of(days: int) -> tuple[int, int, int]:
    """Year, month and day of a day's number."""
    era, of_era = divmod(days + 719_468, 146_097)
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (year * 365 + year // 4 - year // 100)
    month = (of_year * 5 + 2) // 153
    day = of_year - (month * 153 + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    return year + era * 400 + (month <= 2), month, day


def component(at_ms: int, letter: str) -> int | str:
    """One component of a time, by its letter in pictures: `Y` year, `M` month, `D` day, `H` hour…"""
    days, of_day = divmod(at_ms, DAY_MS)
    if letter in "YMDdFWwXx":
        return _of_date(days, letter)
    hour = of_day // _HOUR_MS
    match letter:
        case "H":
            return hour
        case "h":
            return hour % 12 or 12
        case "P":
            return "pm" if hour >= 12 else "am"
        case "m":
            return of_day // _MINUTE_MS % 60
        case "s":
            return of_day // 1000 % 60
        case "f":
            return of_day % 1000
        case _:
            return "ISO"


def _of_date(days: int, letter: str) -> int:
    year, month, day = date_of(days)
    match letter:
        case "Y":
            return year
        case "M":
            return month
        case "D":
            return day
        case "d":
            return days - days_since_epoch(year, 1, 1) + 1
        case "F":
            return _weekday(days)
        case "W" | "X":
            week, of = _week(days, (year - 1, 1), (year, 1), (year + 1, 1))
            return week if letter == "W" else of[0]
        case _:
            week, of = _week(days, _month(year, month - 1), (year, month), _month(year, month + 1))
            return week if letter == "w" else of[1]


def _weekday(days: int) -> int:
    """Monday is 1."""
    return (days + 3) % 7 + 1


def _month(year: int, month: int) -> tuple[int, int]:
    return year + (month - 1) // 12, (month - 1) % 12 + 1


def _week(days: int, *periods: tuple[int, int]) -> tuple[int, tuple[int, int]]:
    """The number of the day's week, and the year and month that it belongs to: those of its Thursday."""
    of = periods[0]
    for period in periods:
        if days >= _first_week(period):
            of = period
    return (days - _first_week(of)) // 7 + 1, of


def _first_week(period: tuple[int, int]) -> int:
    """The Monday of the first week with its Thursday in a month."""
    first = days_since_epoch(*period, 1)
    weekday = _weekday(first)
    return first + 8 - weekday if weekday > 4 else first - weekday + 1
