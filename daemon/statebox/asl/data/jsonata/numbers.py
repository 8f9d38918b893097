"""Numbers as JSONata has them: doubles, of which whole ones are kept as integers, and how they are written."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

# Every whole number up to this size has a double of its own.
_EXACT: Final = 2**53
_LONGEST_LONG: Final = 2**63
# From here on numbers are written with an exponent, and so are those below a millionth.
_LARGE: Final = 10**21
_SMALL: Final = 1e-6
# Numbers have fewer decimals than this; rounding to more changes nothing.
_MOST_DECIMALS: Final = 400
_SIGNIFICANT: Final = 15


def as_double(value: float) -> float:
    """The double next to a number of any size."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def number(value: float) -> int | float:
    """What a computation gives: a whole number as an integer while it is exact, everything else as a double."""
    if isinstance(value, int):
        return value if -_EXACT <= value <= _EXACT else as_double(value)
    return int(value) if value.is_integer() and -_EXACT <= value <= _EXACT else value


def whole(value: float) -> int:
    """Without its fraction, within 64 bits as java casts it; NaN is 0."""
    if math.isnan(value):
        return 0
    return int(max(-_LONGEST_LONG, min(_LONGEST_LONG - 1, value)))


def rounded(value: float, decimals: int) -> int | float:
    """Rounded half to even, judged by the digits that the number is written with; `decimals` may be negative."""
    if not math.isfinite(value) or decimals > _MOST_DECIMALS:
        return value
    if decimals < -_MOST_DECIMALS:
        return 0
    exact = Decimal(value) if isinstance(value, int) else Decimal(repr(value))
    if exact.adjusted() + decimals > _MOST_DECIMALS:
        return value
    shifted = exact.scaleb(decimals).to_integral_value(ROUND_HALF_EVEN)
    return number(float(shifted.scaleb(-decimals)))


def written(value: float) -> str:
    """As JavaScript writes it: the shortest digits, in full below 1e21. Integers of 64 bits keep all their digits."""
    if isinstance(value, int):
        if -_LONGEST_LONG <= value < _LONGEST_LONG:
            return str(value)
        value = as_double(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "0"
    shortest = Decimal(repr(value))
    if _SMALL <= abs(value) < _LARGE:
        return f"{shortest.to_integral_value() if value.is_integer() else shortest:f}"
    sign, digits, _ = shortest.normalize().as_tuple()
    first, *others = map(str, digits)
    exponent = shortest.adjusted()
    return f"{'-' * sign}{first}{'.' * bool(others)}{''.join(others)}e{'+' * (exponent > 0)}{exponent}"


def written_short(value: float) -> str:
    """As `$string` writes it: whole numbers in full, of others 15 digits."""
    if isinstance(value, int) or not math.isfinite(value) or value.is_integer():
        return written(value)
    return written(float(f"{value:.{_SIGNIFICANT}g}"))
