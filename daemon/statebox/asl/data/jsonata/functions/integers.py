"""`$formatInteger` and `$parseInteger`: integers as digits, words, letters, Roman numerals, after XPath's pictures."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import reduce
from typing import Final

from msgspec import Struct

from statebox.asl.data.jsonata.failures import MEMORY, JsonataError, LimitExceeded
from statebox.asl.data.jsonata.meter import MOST_BYTES
from statebox.asl.data.jsonata.native import Native
from statebox.asl.data.jsonata.numbers import as_double, number, written
from statebox.asl.data.jsonata.runtime import Run
from statebox.asl.data.jsonata.values import UNDEFINED
from statebox.asl.jsontext import Json

_UNITS: Final = (
    *("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve"),
    *("Thirteen", "Fourteen", "Fifteen", "Sixteen", "Seventeen", "Eighteen", "Nineteen"),
)
_ORDINAL_UNITS: Final = (
    *("Zeroth", "First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth"),
    *("Eleventh", "Twelfth", "Thirteenth", "Fourteenth", "Fifteenth", "Sixteenth", "Seventeenth", "Eighteenth"),
    "Nineteenth",
)
_TENS: Final = ("Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety")
_MAGNITUDES: Final = ("Thousand", "Million", "Billion", "Trillion")
_ROMAN: Final = (
    (1000, "m"),
    (900, "cm"),
    (500, "d"),
    (400, "cd"),
    (100, "c"),
    (90, "xc"),
    (50, "l"),
    (40, "xl"),
    (10, "x"),
    (9, "ix"),
    (5, "v"),
    (4, "iv"),
    (1, "i"),
)
_ROMAN_DIGITS: Final = {"M": 1000, "D": 500, "C": 100, "L": 50, "X": 10, "V": 5, "I": 1}
# The zeros of the families of decimal digits that pictures may use.
_ZEROS: Final = (
    *(0x30, 0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0),
    *(0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620),
    *(0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10),
)
_SEPARATORS_OF_WORDS: Final = re.compile(r",\s|\sand\s|[\s\-]")


def _word_values() -> dict[str, int]:
    values = {word.lower(): value for words in (_UNITS, _ORDINAL_UNITS) for value, word in enumerate(words)}
    for place, word in enumerate(_TENS):
        values[word.lower()] = values[word.lower()[:-1] + "ieth"] = (place + 2) * 10
    for place, word in enumerate(["Hundred", *_MAGNITUDES]):
        values[word.lower()] = values[word.lower() + "th"] = 10 ** (place * 3) if place else 100
    return values


_WORDS: Final = _word_values()
# What a number in words may look like: its end is where other words begin.
WORDS_PATTERN: Final = f"(?:{'|'.join([*_WORDS, 'and', '[-, ]'])})+"


class Integers(Struct, frozen=True):
    """How a picture writes integers.

    `style` is decimal, letters, roman, words or sequence; `case` upper, lower or title. `digits` are the fewest,
    `optional` further ones. `separators` are (digits to the right, character), `every` their distance if it is always
    the same. `zero` is the code of the digit 0, `token` what a sequence would start with.
    """

    style: str
    case: str = "lower"
    is_ordinal: bool = False
    digits: int = 0
    optional: int = 0
    separators: tuple[tuple[int, str], ...] = ()
    every: int = 0
    zero: int = 0x30
    token: str = ""


_STYLES: Final = {
    "A": ("letters", "upper"),
    "a": ("letters", "lower"),
    "I": ("roman", "upper"),
    "i": ("roman", "lower"),
    "W": ("words", "upper"),
    "Ww": ("words", "title"),
    "w": ("words", "lower"),
}


def read_picture(picture: str) -> Integers:
    """Read a picture. Raises JsonataError (D3131)."""
    primary, semicolon, modifier = picture.rpartition(";")
    if not semicolon:
        primary, modifier = picture, ""
    is_ordinal = modifier.startswith("o")
    if primary in _STYLES:
        style, case = _STYLES[primary]
        return Integers(style, case, is_ordinal)
    zero: int | None = None
    digits = optional = 0
    separators: list[tuple[int, str]] = []
    for character in reversed(primary):
        family = next((start for start in _ZEROS if start <= ord(character) <= start + 9), None)
        if family is not None:
            digits += 1
            if zero not in (None, family):
                raise JsonataError("D3131")
            zero = family
        elif character == "#":
            optional += 1
        else:
            separators.append((digits + optional, character))
    if zero is None:
        return Integers("sequence", is_ordinal=is_ordinal, token=primary)
    every = _regular(separators)
    return Integers("decimal", "lower", is_ordinal, digits, optional, tuple(separators), every, zero)


def _regular(separators: list[tuple[int, str]]) -> int:
    if len({character for _, character in separators}) != 1:
        return 0
    places = [place for place, _ in separators]
    step = reduce(math.gcd, places)
    return step if step and all((count + 1) * step in places for count in range(len(places))) else 0


def format_integer(value: float, picture: Integers) -> str:
    """Write a whole number. Raises JsonataError (D3130) and LimitExceeded."""
    size = int(abs(value)) if math.isfinite(as_double(value)) else 0
    match picture.style:
        case "letters":
            text = _in_case(_letters(size), picture.case)
        case "roman":
            text = _in_case(_roman(size), picture.case)
        case "words":
            words = _in_words(size, picture.is_ordinal)
            text = words if picture.case == "title" else _in_case(words, picture.case)
        case "decimal":
            text = _decimal(written(number(size)), picture)
        case _:
            raise JsonataError("D3130", value=picture.token)
    return "-" + text if value < 0 else text


def _in_case(text: str, case: str) -> str:
    return text.upper() if case == "upper" else text.lower()


def _letters(value: int) -> str:
    letters = ""
    while value > 0:
        value, letter = divmod(value - 1, 26)
        letters = chr(ord("a") + letter) + letters
    return letters


def _roman(value: int) -> str:
    if value > MOST_BYTES * 1000:
        raise LimitExceeded(MEMORY)
    numerals: list[str] = []
    for size, numeral in _ROMAN:
        count, value = divmod(value, size)
        numerals.append(numeral * count)
    return "".join(numerals)


def _in_words(value: int, ordinal: bool, joint: bool = False) -> str:
    """In English; `joint` says that it goes on after hundreds or more, with "and" or a comma."""
    if value < 20:
        return " and " * joint + (_ORDINAL_UNITS if ordinal else _UNITS)[value]
    if value < 100:
        ten, rest = divmod(value, 10)
        words = " and " * joint + _TENS[ten - 2]
        if rest:
            return f"{words}-{_in_words(rest, ordinal)}"
        return words[:-1] + "ieth" if ordinal else words
    place = min((len(str(value)) - 1) // 3, len(_MAGNITUDES))
    count, rest = divmod(value, 10 ** (place * 3) if place else 100)
    words = f"{', ' * joint}{_in_words(count, ordinal=False)} {_MAGNITUDES[place - 1] if place else 'Hundred'}"
    if rest:
        return words + _in_words(rest, ordinal, joint=True)
    return words + "th" * ordinal


def _decimal(digits: str, picture: Integers) -> str:
    if picture.digits > MOST_BYTES:
        raise LimitExceeded(MEMORY)
    text = digits.rjust(picture.digits, "0")
    if picture.zero != 0x30 and text.isdigit():
        text = "".join(chr(ord(digit) - 0x30 + picture.zero) for digit in text)
    text = _separated(text, picture)
    if picture.is_ordinal:
        text += {"1": "st", "2": "nd", "3": "rd"}.get(text[-1:], "th") if text[-2:-1] != "1" else "th"
    return text


def _separated(text: str, picture: Integers) -> str:
    separators = picture.separators
    if picture.every:
        separators = tuple((place, separators[0][1]) for place in range(picture.every, len(text), picture.every))
    pieces: list[str] = []
    end = len(text)
    for place, character in separators:
        if place < len(text):
            pieces += [text[len(text) - place : end], character]
            end = len(text) - place
    return "".join(reversed([*pieces, text[:end]]))


def reader_of(picture: Integers) -> Callable[[str], float]:
    """What reads an integer back, giving NaN for what is none. Raises JsonataError (D3130)."""
    match picture.style:
        case "letters":
            return lambda text: _of_letters(text, "A" if picture.case == "upper" else "a")
        case "roman":
            return _of_roman
        case "words":
            return _of_words
        case "decimal":
            return lambda text: _of_decimal(text, picture)
        case _:
            raise JsonataError("D3130", value=picture.token)


def _of_letters(text: str, first: str) -> float:
    value = 0
    for letter in text:
        value = value * 26 + ord(letter) - ord(first) + 1
    return value


def _of_roman(text: str) -> float:
    value = 0
    largest = 1
    for numeral in reversed(text.upper()):
        digit = _ROMAN_DIGITS.get(numeral)
        if digit is None:
            return math.nan
        value += -digit if digit < largest else digit
        largest = max(largest, digit)
    return value


def _of_words(text: str) -> float:
    sums = [0]
    for word in _SEPARATORS_OF_WORDS.split(text.lower()):
        value = _WORDS.get(word)
        if value is None:
            return math.nan
        if value >= 100:
            sums[-1] *= value
        elif sums[-1] >= 1000:
            sums.append(value)
        else:
            sums[-1] += value
    return sum(sums)


def _of_decimal(text: str, picture: Integers) -> float:
    digits = text[:-2] if picture.is_ordinal else text
    for character in {character for _, character in picture.separators}:
        digits = digits.replace(character, "")
    ascii_digits = "".join(
        chr(ord(digit) - picture.zero + 0x30) if ord(digit) >= picture.zero else "?" for digit in digits
    )
    leading = re.match(r"\s*[-+]?[0-9]+", ascii_digits if picture.zero != 0x30 else digits, re.ASCII)
    return number(as_double(float(leading[0]))) if leading else math.nan


def _format(run: Run, value: Json, picture: Json) -> Json:
    if value is UNDEFINED or picture is UNDEFINED:
        return UNDEFINED
    run.charge(len(picture))
    text = format_integer(math.floor(value), read_picture(picture))
    run.text(len(text))
    return text


def _parse(run: Run, text: Json, picture: Json) -> Json:
    if text is UNDEFINED or picture is UNDEFINED:
        return UNDEFINED
    run.charge(len(text) + len(picture))
    return number(reader_of(read_picture(picture))(text))


INTEGERS: Final = (
    Native("formatInteger", "<n-s:s>", 2, _format),
    Native("parseInteger", "<s-s:n>", 2, _parse),
)
