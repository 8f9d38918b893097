"""`$formatNumber`: decimal numbers in the shape that a picture like `#,##0.00` shows, after XPath's format-number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import reduce
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from statebox.asl.data.jsonata.failures import JsonataError
from statebox.asl.data.jsonata.native import Native
from statebox.asl.data.jsonata.numbers import as_double, rounded
from statebox.asl.data.jsonata.runtime import Run
from statebox.asl.data.jsonata.values import UNDEFINED
from statebox.asl.data.shapes import is_text
from statebox.asl.jsontext import Json

_DEFAULTS: Final = {
    "decimal-separator": ".",
    "grouping-separator": ",",
    "exponent-separator": "e",
    "minus-sign": "-",
    "percent": "%",
    "per-mille": "\u2030",
    "zero-digit": "0",
    "digit": "#",
    "pattern-separator": ";",
}
# Enough for every digit of every double.
_EXACT: Final = Context(prec=1200)


class _Symbols:
    """The characters that pictures are made of."""

    def __init__(self, options: Mapping[str, Json]) -> None:
        chosen = {**_DEFAULTS, **{name: value for name, value in options.items() if is_text(value)}}
        self.point = chosen["decimal-separator"]
        self.comma = chosen["grouping-separator"]
        self.exponent = chosen["exponent-separator"]
        self.minus = chosen["minus-sign"]
        self.percent = chosen["percent"]
        self.per_mille = chosen["per-mille"]
        self.optional = chosen["digit"]
        self.pattern = chosen["pattern-separator"]
        zero = ord(chosen["zero-digit"][:1] or "0")
        if 0xD7F6 < zero < 0xE000:
            # Half characters, which are no text.
            zero = ord("0")
        self.digits = "".join(map(chr, range(zero, zero + 10)))

    @property
    def active(self) -> tuple[str, ...]:
        return (*self.digits, self.point, self.exponent, self.comma, self.optional, self.pattern)

    def mandatory(self, part: str) -> int:
        """How many digits a part asks for."""
        return sum(character in self.digits for character in part)

    def possible(self, part: str) -> int:
        """How many digits a part has room for."""
        return sum(character in self.digits or character == self.optional for character in part)


class _Picture(Struct, frozen=True):
    """A sub-picture in its parts; `exponent` is None where there is none."""

    text: str
    prefix: str
    suffix: str
    active: str
    mantissa: str
    exponent: str | None
    whole: str
    fraction: str


def _parts(text: str, symbols: _Symbols) -> _Picture:
    places = [
        place for place, character in enumerate(text) if character in symbols.active and character != symbols.exponent
    ]
    first, end = (places[0], places[-1] + 1) if places else (0, len(text))
    active = text[first:end]
    mantissa, marker, exponent = active.partition(symbols.exponent) if symbols.exponent else (active, "", "")
    # An exponent separator right behind the digits belongs to them.
    if not marker and symbols.exponent and text.startswith(symbols.exponent, end):
        marker, exponent = symbols.exponent, ""
    whole, point, fraction = mantissa.partition(symbols.point) if symbols.point else (mantissa, "", "")
    return _Picture(
        text,
        text[:first],
        text[end:],
        active,
        mantissa,
        exponent if marker else None,
        whole,
        fraction if point else text[end:],
    )


def _check(picture: _Picture, symbols: _Symbols) -> None:
    """Raise JsonataError for the last of the rules that the picture breaks."""
    text = picture.text
    before, point, after = text.partition(symbols.point)
    optional_before = picture.whole.partition(symbols.optional)
    optional_after = picture.fraction.rpartition(symbols.optional)
    exponent = picture.exponent
    broken = {
        "D3081": text.count(symbols.point) > 1,
        "D3082": text.count(symbols.percent) > 1,
        "D3083": text.count(symbols.per_mille) > 1,
        "D3084": symbols.percent in text and symbols.per_mille in text,
        "D3085": symbols.possible(picture.mantissa) == 0,
        "D3086": any(character not in symbols.active for character in picture.active),
        "D3087": bool(point) and (before.endswith(symbols.comma) or after.startswith(symbols.comma)),
        "D3088": not point and picture.whole.endswith(symbols.comma),
        "D3089": symbols.comma * 2 in text,
        "D3090": bool(optional_before[1]) and symbols.mandatory(optional_before[0]) > 0,
        "D3091": bool(optional_after[1]) and symbols.mandatory(optional_after[2]) > 0,
        "D3092": bool(exponent) and (symbols.percent in text or symbols.per_mille in text),
        "D3093": exponent is not None and (not exponent or any(one not in symbols.digits for one in exponent)),
    }
    for code in reversed(broken):
        if broken[code]:
            raise JsonataError(code)


class _Layout(Struct, frozen=True):
    """What a sub-picture asks for. Groups are counted in digits from the decimal separator; `every` is their step."""

    picture: str
    prefix: str
    suffix: str
    groups: tuple[int, ...]
    every: int
    fraction_groups: tuple[int, ...]
    least_whole: int
    least_fraction: int
    most_fraction: int
    least_exponent: int
    scale: int


def _layout(picture: _Picture, symbols: _Symbols) -> _Layout:
    groups = tuple(symbols.possible(picture.whole[place:]) for place in _places(picture.whole, symbols.comma))
    has_exponent = picture.exponent is not None
    least_whole = scale = symbols.mandatory(picture.whole)
    least_fraction, most_fraction = symbols.mandatory(picture.fraction), symbols.possible(picture.fraction)
    if least_whole == 0 and most_fraction == 0:
        if has_exponent:
            least_fraction = most_fraction = 1
        else:
            least_whole = 1
    if has_exponent and least_whole == 0 and symbols.optional in picture.whole:
        least_whole = 1
    if least_whole == 0 and least_fraction == 0:
        least_fraction = 1
    return _Layout(
        picture.text,
        picture.prefix,
        picture.suffix,
        groups,
        _step(groups),
        tuple(symbols.possible(picture.fraction[:place]) for place in _places(picture.fraction, symbols.comma)),
        least_whole,
        least_fraction,
        most_fraction,
        symbols.mandatory(picture.exponent or ""),
        scale,
    )


def _places(part: str, separator: str) -> Iterable[int]:
    return (place for place, character in enumerate(part) if character == separator)


def _step(groups: tuple[int, ...]) -> int:
    """The distance of the separators where it is the same for all of them, else 0."""
    if not groups:
        return 0
    step = reduce(math.gcd, groups)
    return step if all((place + 1) * step in groups for place in range(len(groups))) else 0


def _format_number(run: Run, value: Json, picture: Json, options: Json) -> Json:
    if value is UNDEFINED or picture is UNDEFINED:
        return UNDEFINED
    run.charge(len(picture))
    symbols = _Symbols({} if options is UNDEFINED else options)
    texts = picture.split(symbols.pattern) if symbols.pattern else [picture]
    if len(texts) > 2:
        raise JsonataError("D3080")
    pictures = [_parts(text, symbols) for text in texts]
    for one in pictures:
        _check(one, symbols)
    layouts = [_layout(one, symbols) for one in pictures]
    if len(layouts) == 1:
        layouts.append(replace(layouts[0], prefix=symbols.minus + layouts[0].prefix))
    formatted = _formatted(as_double(value), layouts[int(value < 0)], symbols)
    run.text(len(formatted))
    return formatted


def _formatted(value: float, layout: _Layout, symbols: _Symbols) -> str:
    if symbols.percent in layout.picture:
        value *= 100
    elif symbols.per_mille in layout.picture:
        value *= 1000
    exponent: int | None = None
    if layout.least_exponent:
        value, exponent = _scaled(value, layout.scale)
    decimals = layout.most_fraction
    digits = (
        f"{abs(Decimal(rounded(value, decimals))).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN, _EXACT):f}"
    )
    whole, _, fraction = digits.partition(".")
    whole = whole.lstrip("0").rjust(layout.least_whole, "0")
    fraction = fraction.rstrip("0").ljust(layout.least_fraction, "0")
    made = _grouped(whole, layout, symbols) + symbols.point + _grouped_fraction(fraction, layout, symbols)
    if symbols.point not in layout.picture or not fraction:
        made = made[: -len(symbols.point)]
    if exponent is not None:
        sign = symbols.minus if exponent < 0 else ""
        made += symbols.exponent + sign + str(abs(exponent)).rjust(layout.least_exponent, "0")
    digits_of = {ord(str(place)): digit for place, digit in enumerate(symbols.digits)}
    return layout.prefix + made.translate(digits_of) + layout.suffix


def _scaled(value: float, digits: int) -> tuple[float, int]:
    """A mantissa with that many digits before the point, and its exponent."""
    exponent = 0
    if value == 0 or not math.isfinite(value):
        return value, exponent
    least, most = 10.0 ** (digits - 1), 10.0**digits
    mantissa = value
    while abs(mantissa) < least:
        mantissa *= 10
        exponent -= 1
    while abs(mantissa) > most:
        mantissa /= 10
        exponent += 1
    return mantissa, exponent


def _grouped(whole: str, layout: _Layout, symbols: _Symbols) -> str:
    places = range(layout.every, len(whole), layout.every) if layout.every else sorted(set(layout.groups))
    pieces: list[str] = []
    end = len(whole)
    for place in places:
        if place < len(whole):
            pieces.append(whole[len(whole) - place : end])
            end = len(whole) - place
    return symbols.comma.join([whole[:end], *reversed(pieces)])


def _grouped_fraction(fraction: str, layout: _Layout, symbols: _Symbols) -> str:
    pieces: list[str] = []
    start = 0
    for place in layout.fraction_groups:
        pieces.append(fraction[start:place])
        start = place
    return symbols.comma.join([*pieces, fraction[start:]])


PICTURES: Final = (Native("formatNumber", "<n-so?:s>", 3, _format_number),)
