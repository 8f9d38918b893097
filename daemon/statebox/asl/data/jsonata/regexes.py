"""Regular expressions: JavaScript's, translated into Python's; and functions as matchers in their place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from statebox.asl.data.jsonata.failures import JsonataError
from statebox.asl.data.jsonata.node import Node
from statebox.asl.data.jsonata.numbers import whole
from statebox.asl.data.jsonata.runtime import Frame, Function, Run
from statebox.asl.data.jsonata.values import UNDEFINED
from statebox.asl.data.shapes import is_array, is_number, is_object, is_text
from statebox.asl.jsontext import Json

_ESCAPE: Final = (
    r"\\(?:u(?P<unit>[0-9A-Fa-f]{4})|x(?P<byte>[0-9A-Fa-f]{2})|c(?P<control>[A-Za-z])"
    r"|k<(?P<reference>\w+)>|(?P<digits>[1-9][0-9]*)|(?P<escaped>.))"
)
_TOKEN: Final = re.compile(
    _ESCAPE + r"|\(\?<(?![=!])(?P<name>\w+)>|(?P<all>\[\^\])|(?P<none>\[\])|(?P<brace>\{(?![0-9]+(?:,[0-9]*)?\}))|.",
    re.DOTALL,
)
_TOKEN_IN_CLASS: Final = re.compile(_ESCAPE + "|.", re.DOTALL)
_BLANKS: Final = r" \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_LINE_ENDS: Final = r"\n\r\u2028\u2029"
# Escapes that mean the same to Python when only ASCII counts.
_SHARED_ESCAPES: Final = "DWfnrtv"


class InvalidRegex(ValueError):
    """A regular expression that cannot be compiled."""


def compile_regex(pattern: str, ignore_case: bool, multiline: bool) -> re.Pattern[str]:
    """Compile JavaScript's pattern. Raises InvalidRegex, also for what Python has no counterpart of."""
    flags = (re.IGNORECASE if ignore_case else re.NOFLAG) | (re.MULTILINE if multiline else re.NOFLAG)
    try:
        # JavaScript's classes know ASCII only, its case folding all of Unicode.
        return re.compile(_translated(pattern, multiline), flags)
    except (re.error, OverflowError, RecursionError) as error:
        raise InvalidRegex(str(error)) from None


def _translated(pattern: str, multiline: bool) -> str:
    made: list[str] = []
    position = 0
    in_class = False
    while position < len(pattern):
        token = (_TOKEN_IN_CLASS if in_class else _TOKEN).match(pattern, position)
        assert token is not None  # any character is a token
        position = token.end()
        text = token[0]
        if len(text) > 1 and text.startswith("\\"):
            made.append(_escape(token, in_class))
        elif in_class:
            in_class = text != "]"
            # Doubled, these would be operators on sets some day.
            made.append("\\" + text if text in "[&~|" or (text == "-" and made[-1] == "-") else text)
        else:
            in_class = text == "["
            made.append(_outside(token, multiline))
    return "".join(made)


def _outside(token: re.Match[str], multiline: bool) -> str:
    """What stands for a token that is neither an escape nor in a class."""
    groups = token.groupdict()
    if groups["name"] is not None:
        return f"(?P<{groups['name']}>"
    if groups["all"] is not None:
        return r"[\s\S]"
    if groups["none"] is not None:
        return r"(?!)"
    if groups["brace"] is not None:
        # Where it begins no count it stands for itself; Python would take `{,2}` for one.
        return r"\{"
    match token[0]:
        case "$":
            return f"(?=[{_LINE_ENDS}]|\\Z)" if multiline else r"\Z"
        case ".":
            return f"[^{_LINE_ENDS}]"
        case text:
            return text


def _escape(token: re.Match[str], in_class: bool) -> str:
    if token["reference"] is not None:
        return f"(?({token['reference']})(?P={token['reference']}))"
    if token["digits"] is not None:
        # A group that took no part stands for nothing, which to Python would be no match.
        return f"(?({token['digits']})\\{token['digits']})"
    if token["escaped"] is not None:
        return _class_of(token["escaped"], in_class)
    code = ord(token["control"]) % 32 if token["control"] else int(token["unit"] or token["byte"], 16)
    return re.escape(chr(code))


def _class_of(character: str, in_class: bool) -> str:
    match character:
        case "s":
            return _BLANKS if in_class else f"[{_BLANKS}]"
        case "S":
            return r"\S" if in_class else f"[^{_BLANKS}]"
        case "d":
            return "0-9" if in_class else "[0-9]"
        case "w":
            return "A-Za-z0-9_" if in_class else "[A-Za-z0-9_]"
        case "D" if not in_class:
            return "[^0-9]"
        case "W" if not in_class:
            return "[^A-Za-z0-9_]"
        case "b" if in_class:
            return r"\x08"
        case "b":
            # Of Python's own, only the one for ASCII is JavaScript's.
            return r"(?a:\b)"
        case "B":
            return r"(?!(?a:\b))"
        case "0":
            return r"\x00"
        case _ if character in _SHARED_ESCAPES:
            return "\\" + character
        case _:
            return re.escape(character)


class Regex(Struct, Function, frozen=True, eq=False):
    """A regular expression as a value: a function that gives the first match in a string, and how to find the next."""

    pattern: re.Pattern[str]

    @property
    def arity(self) -> int:
        return 1

    def call(self, run: Run, arguments: list[Json], focus: Json) -> Json:
        text = arguments[0] if arguments else UNDEFINED
        if not is_text(text):
            return UNDEFINED
        return _as_object(self.matches(text, run))

    def matches(self, text: str, run: Run) -> Iterator[Match]:
        """All matches. Raises JsonataError (D1004) when going on behind an empty one."""
        found = self.pattern.search(text)
        while found is not None:
            run.charge(1)
            groups: list[Json] = [UNDEFINED if group is None else group for group in found.groups()]
            yield Match(found[0], found.start(), found.end(), groups)
            if found.end() >= len(text):
                return
            found = self.pattern.search(text, found.end())
            if found is not None and not found[0]:
                raise JsonataError("D1004")


class Match(Struct, frozen=True):
    """A match: its text, where it is, and its groups."""

    text: str
    start: int
    end: int
    groups: list[Json]


class RegexNode(Struct, Node, frozen=True):
    """`/pattern/flags`."""

    regex: Regex

    def compute(self, focus: Json, frame: Frame) -> Json:
        return self.regex


class _Next(Struct, Function, frozen=True, eq=False):
    matches: Iterator[Match]

    @property
    def arity(self) -> int:
        return 0

    def call(self, run: Run, arguments: list[Json], focus: Json) -> Json:
        return _as_object(self.matches)


def _as_object(matches: Iterator[Match]) -> Json:
    match = next(matches, None)
    if match is None:
        return UNDEFINED
    return {
        "match": match.text,
        "start": match.start,
        "end": match.end,
        "groups": match.groups,
        "next": _Next(matches),
    }


def matches_of(matcher: Function, text: str, run: Run) -> Iterator[Match]:
    """All matches that a regular expression, or a function of the same kind, finds. Raises JsonataError (T1010)."""
    if isinstance(matcher, Regex):
        yield from matcher.matches(text, run)
        return
    found = run.apply(matcher, [text])
    while found is not UNDEFINED:
        if not is_object(found) or not isinstance(found.get("next"), Function) or not is_array(found.get("groups")):
            raise JsonataError("T1010")
        part, start, end = (found.get(name) for name in ("match", "start", "end"))
        if not is_text(part) or not is_number(start) or not is_number(end):
            raise JsonataError("T1010")
        yield Match(part, whole(start), whole(end), found["groups"])
        found = run.apply(found["next"], [])
