"""Why a text is no JSON, in the words of Jackson, the parser of Step Functions."""

from __future__ import annotations

import json
import re
from typing import Final

from statebox.asl.jsontext import Json

# Step Functions does not show the text itself.
_SOURCE: Final = "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"
# In a longer text, finding out where it is broken takes longer than anybody reads.
_LONGEST: Final = 32_768
_VALUES: Final = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
_WORD: Final = re.compile(r"[^\W\d][\w$]*|[$][\w$]*")
# What a scan for open brackets steps over: strings whole, and all else one by one.
_PIECE: Final = re.compile(r'"(?:[^"\\]|\\.)*"?|.', re.DOTALL)
_KINDS: Final = {"{": "Object", "[": "Array"}
# What is wanted at a place, by what Python's parser says there.
_WANTED: Final = {
    "Expecting property name enclosed in double quotes": "was expecting double-quote to start field name",
    "Illegal trailing comma before end of object": "was expecting double-quote to start field name",
    "Expecting ':' delimiter": "was expecting a colon to separate field name and value",
    "Expecting ',' delimiter": "was expecting comma to separate {kind} entries",
    "Expecting value": f"expected a valid value {_VALUES}",
}


def complaint(text: str, source: str = _SOURCE) -> str | None:
    """What is wrong with the text and where, or None for what has no such words here.

    `source` is how the text is shown: it is withheld unless another way is given.
    """
    broken = None if len(text) > _LONGEST else _break(text)
    if broken is None or broken.msg not in _WANTED:
        return None
    place = broken.pos
    kind, start = _innermost(text[:place])
    if not text[place:].strip(" \t\r\n"):
        return None if kind is None else _end(text, kind, start, source) + _at(text, len(text), source)
    word = _WORD.match(text, place)
    if broken.msg == "Expecting value" and word is not None:
        return f"Unrecognized token '{word[0]}': was expecting {_VALUES}" + _at(text, word.end(), source)
    wanted = _WANTED[broken.msg].format(kind=kind)
    return f"Unexpected character ('{text[place]}' (code {ord(text[place])})): {wanted}" + _at(text, place, source)


def _break(text: str) -> json.JSONDecodeError | None:
    try:
        _: Json = json.loads(text)
    except json.JSONDecodeError as broken:
        return broken
    except (ValueError, RecursionError):
        return None
    return None


def _innermost(text: str) -> tuple[str | None, int]:
    """The kind of the innermost array or object that is open at the end of a text, and where it starts."""
    open_at: list[int] = []
    for piece in _PIECE.finditer(text):
        if piece[0] in _KINDS:
            open_at.append(piece.start())
        elif piece[0] in "]}" and open_at:
            open_at.pop()
    return (_KINDS[text[open_at[-1]]], open_at[-1]) if open_at else (None, 0)


def _end(text: str, kind: str, start: int, source: str) -> str:
    """How it is said that the text ends too early: between entries, or behind one."""
    if text.rstrip(" \t\r\n")[-1] in ",:" or _ends_with_name(text, kind, start):
        return f"Unexpected end-of-input within/between {kind} entries"
    opened = _location(text, start, source)
    return f"Unexpected end-of-input: expected close marker for {kind} (start marker at {opened})"


def _ends_with_name(text: str, kind: str, start: int) -> bool:
    """Whether it ends behind the name of a member."""
    if kind == "Array":
        return False
    last = [piece.start() for piece in _PIECE.finditer(text, start) if piece[0].startswith('"')]
    return bool(last) and text[start : last[-1]].rstrip(" \t\r\n")[-1] in "{," and text.rstrip(" \t\r\n")[-1] == '"'


def _at(text: str, place: int, source: str) -> str:
    return f"\n at {_location(text, place, source)}"


def _location(text: str, place: int, source: str) -> str:
    before = text[:place]
    return f"[Source: {source}; line: {before.count(chr(10)) + 1}, column: {place - before.rfind(chr(10))}]"
