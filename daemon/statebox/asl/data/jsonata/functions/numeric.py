"""Functions of numbers: casting, rounding, roots, sums, and randomness."""

from __future__ import annotations

import math
import re
from typing import Final

from statebox.asl.data.javarandom import JavaRandom
from statebox.asl.data.jsonata.failures import JsonataError
from statebox.asl.data.jsonata.native import Native
from statebox.asl.data.jsonata.numbers import as_double, number, rounded, whole
from statebox.asl.data.jsonata.runtime import Run
from statebox.asl.data.jsonata.values import UNDEFINED
from statebox.asl.jsontext import Json

_NUMERAL: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([Ee][-+]?[0-9]+)?", re.ASCII)
_PREFIXED: Final = re.compile(r"0[xX][0-9A-Fa-f]+|0[oO][0-7]+|0[bB][01]+", re.ASCII)
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


def _number(_: Run, value: Json) -> Json:
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, str):
        return value
    if _NUMERAL.fullmatch(value) and math.isfinite(float(value)):
        return number(float(value))
    if _PREFIXED.fullmatch(value):
        return number(as_double(int(value, 0)))
    raise JsonataError("D3030", value=value)


def _abs(_: Run, value: Json) -> Json:
    return value if value is UNDEFINED else abs(value)


def _floor(_: Run, value: Json) -> Json:
    return value if value is UNDEFINED or not math.isfinite(as_double(value)) else number(math.floor(value))


def _ceil(_: Run, value: Json) -> Json:
    return value if value is UNDEFINED or not math.isfinite(as_double(value)) else number(math.ceil(value))


def _round(_: Run, value: Json, decimals: Json) -> Json:
    if value is UNDEFINED:
        return UNDEFINED
    return rounded(value, 0 if decimals is UNDEFINED else whole(decimals))


def _sqrt(_: Run, value: Json) -> Json:
    if value is UNDEFINED:
        return UNDEFINED
    if value < 0:
        raise JsonataError("D3060", value=value)
    return number(math.sqrt(as_double(value)))


def _power(_: Run, base: Json, exponent: Json) -> Json:
    if base is UNDEFINED:
        return UNDEFINED
    if exponent is UNDEFINED:
        raise JsonataError("D3061", value=base, exponent=exponent)
    try:
        power = as_double(base) ** as_double(exponent)
    except (OverflowError, ZeroDivisionError):
        power = math.inf
    # The root of a negative number is a complex one to Python.
    if isinstance(power, complex) or not math.isfinite(power):
        raise JsonataError("D3061", value=base, exponent=exponent)
    return number(power)


def _format_base(_: Run, value: Json, radix: Json) -> Json:
    if value is UNDEFINED:
        return UNDEFINED
    base = 10 if radix is UNDEFINED else rounded(radix, 0)
    if not 2 <= base <= 36:
        raise JsonataError("D3100", value=base)
    rest = abs(int(rounded(value, 0)))
    digits: list[str] = []
    while rest or not digits:
        rest, digit = divmod(rest, int(base))
        digits.append(_DIGITS[digit])
    return "-" * (value < 0 and digits != ["0"]) + "".join(reversed(digits))


def _total(numbers: list[Json]) -> float:
    # Added one by one, as newer versions of sum() round better than JavaScript.
    total = 0.0
    for one in numbers:
        total += as_double(one)
    return total


def _sum(_: Run, numbers: Json) -> Json:
    return numbers if numbers is UNDEFINED else number(_total(numbers))


def _average(_: Run, numbers: Json) -> Json:
    return number(_total(numbers) / len(numbers)) if numbers is not UNDEFINED and numbers else UNDEFINED


def _max(_: Run, numbers: Json) -> Json:
    return max(numbers) if numbers is not UNDEFINED and numbers else UNDEFINED


def _min(_: Run, numbers: Json) -> Json:
    return min(numbers) if numbers is not UNDEFINED and numbers else UNDEFINED


def _random(run: Run, seed: Json) -> Json:
    return run.scope.dice.fraction() if seed is UNDEFINED else JavaRandom(whole(seed)).fraction()


def _uuid(run: Run) -> Json:
    return str(run.scope.dice.uuid4())


NUMERIC: Final = (
    Native("number", "<(nsb)-:n>", 1, _number),
    Native("abs", "<n-:n>", 1, _abs),
    Native("floor", "<n-:n>", 1, _floor),
    Native("ceil", "<n-:n>", 1, _ceil),
    Native("round", "<n-n?:n>", 2, _round),
    Native("sqrt", "<n-:n>", 1, _sqrt),
    Native("power", "<n-n:n>", 2, _power),
    Native("formatBase", "<n-n?:s>", 2, _format_base),
    Native("sum", "<a<n>:n>", 1, _sum),
    Native("average", "<a<n>:n>", 1, _average),
    Native("max", "<a<n>:n>", 1, _max),
    Native("min", "<a<n>:n>", 1, _min),
    Native("random", "<n?:n>", 1, _random),
    Native("uuid", "<:s>", 0, _uuid),
)
