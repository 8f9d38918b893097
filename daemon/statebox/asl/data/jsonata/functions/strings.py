"""Functions of strings: `$string` to `$join`, `$match` and its kin."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Final

from statebox.asl.data.jsonata.failures import MEMORY, JsonataError, LimitExceeded
from statebox.asl.data.jsonata.meter import MOST_BYTES
from statebox.asl.data.jsonata.native import Native
from statebox.asl.data.jsonata.numbers import whole
from statebox.asl.data.jsonata.regexes import Match, matches_of
from statebox.asl.data.jsonata.rendering import string_of
from statebox.asl.data.jsonata.runtime import Function, Run
from statebox.asl.data.jsonata.values import UNDEFINED, ResultSequence
from statebox.asl.data.shapes import is_text
from statebox.asl.jsontext import Json

_BLANKS: Final = re.compile(r"[ \t\n\r]+")
_REFERENCE: Final = re.compile(r"\$(?:(?P<dollar>\$)|(?P<digits>[0-9]+))?")


def _string(run: Run, value: Json, pretty: Json) -> Json:
    return UNDEFINED if value is UNDEFINED else string_of(value, run, pretty is True)


def _substring(_: Run, text: Json, start: Json, length: Json) -> Json:
    if text is UNDEFINED:
        return UNDEFINED
    if start is UNDEFINED:
        return text if length is UNDEFINED else ""
    start = 0 if len(text) + start < 0 else start
    # A negative start counts from the end.
    first = whole(start) + len(text) * (start < 0)
    if length is UNDEFINED:
        return text[first:]
    return text[first : whole(start + length + len(text) * (start < 0))] if length > 0 else ""


def _substring_before(_: Run, text: Json, part: Json) -> Json:
    if text is UNDEFINED or part is UNDEFINED:
        return text
    place = text.find(part)
    return text if place < 0 else text[:place]


def _substring_after(_: Run, text: Json, part: Json) -> Json:
    if text is UNDEFINED or part is UNDEFINED:
        return text
    place = text.find(part)
    return text if place < 0 else text[place + len(part) :]


def _lowercase(_: Run, text: Json) -> Json:
    return text if text is UNDEFINED else text.lower()


def _uppercase(_: Run, text: Json) -> Json:
    return text if text is UNDEFINED else text.upper()


def _length(_: Run, text: Json) -> Json:
    return text if text is UNDEFINED else len(text)


def _trim(_: Run, text: Json) -> Json:
    return text if text is UNDEFINED else _BLANKS.sub(" ", text).removeprefix(" ").removesuffix(" ")


def _pad(run: Run, text: Json, width: Json, filling: Json) -> Json:
    if text is UNDEFINED or width is UNDEFINED:
        return text
    missing = abs(whole(width)) - len(text)
    if missing <= 0:
        return text
    run.text(len(text) + missing)
    filling = filling if is_text(filling) and filling else " "
    padding = (filling * math.ceil(missing / len(filling)))[:missing]
    return text + padding if width > 0 else padding + text


def _contains(run: Run, text: Json, token: Json) -> Json:
    if text is UNDEFINED:
        return UNDEFINED
    if isinstance(token, Function):
        return next(matches_of(token, text, run), None) is not None
    return is_text(token) and token in text


def _limited(matches: Iterator[Match], limit: Json) -> Iterator[Match]:
    """As many of the matches as are wanted; the search goes one further, and may fail there."""
    count = 0
    while limit is UNDEFINED or count < limit:
        match = next(matches, None)
        if match is None:
            return
        yield match
        count += 1
    if count:
        next(matches, None)


def _check_limit(limit: Json, code: str) -> None:
    if limit is not UNDEFINED and limit < 0:
        raise JsonataError(code)


def _match(run: Run, text: Json, matcher: Json, limit: Json) -> Json:
    if text is UNDEFINED:
        return UNDEFINED
    _check_limit(limit, "D3040")
    found = ResultSequence(
        {"match": match.text, "index": match.start, "groups": match.groups}
        for match in _limited(matches_of(matcher, text, run), limit)
    )
    run.array(len(found))
    return found


def _split(run: Run, text: Json, separator: Json, limit: Json) -> Json:
    if text is UNDEFINED:
        return UNDEFINED
    _check_limit(limit, "D3020")
    if isinstance(separator, Function):
        parts: list[str] = []
        start = 0
        for match in _limited(matches_of(separator, text, run), limit):
            parts.append(text[start : match.start])
            start = match.end
        if limit is UNDEFINED or len(parts) < limit:
            parts.append(text[start:])
    elif is_text(separator):
        parts = text.split(separator) if separator else list(text)
    else:
        parts = [text]
    parts = (
        parts if limit is UNDEFINED else parts[: math.ceil(limit) if isinstance(separator, Function) else whole(limit)]
    )
    run.array(len(parts))
    return parts


def _join(run: Run, parts: Json, separator: Json) -> Json:
    if parts is UNDEFINED:
        return UNDEFINED
    between = "" if separator is UNDEFINED else separator
    run.text(sum(map(len, parts)) + len(between) * max(len(parts) - 1, 0))
    return between.join(parts)


def _replace(run: Run, text: Json, pattern: Json, replacement: Json, limit: Json) -> Json:
    if text is UNDEFINED:
        return UNDEFINED
    if pattern == "":
        raise JsonataError("D3010")
    _check_limit(limit, "D3011")
    if is_text(pattern):
        matches = _occurrences(pattern, text, run)
    else:
        matches = matches_of(pattern, text, run)
    made: list[str] = []
    length = len(text)
    position = 0
    for match in _limited(matches, limit):
        new = _replaced(match, replacement, is_text(pattern), run)
        length += len(new) - len(match.text)
        if length > MOST_BYTES:
            raise LimitExceeded(MEMORY)
        made += [text[position : match.start], new]
        position = match.start + len(match.text)
    result = "".join([*made, text[position:]])
    run.text(len(result))
    return result


def _occurrences(part: str, text: str, run: Run) -> Iterator[Match]:
    position = text.find(part)
    while position >= 0:
        run.charge(1)
        yield Match(part, position, position + len(part), [])
        position = text.find(part, position + len(part))


def _replaced(match: Match, replacement: Json, is_literal: bool, run: Run) -> str:
    if isinstance(replacement, Function):
        new = run.apply(replacement, [_shown(match)])
        if not is_text(new):
            raise JsonataError("D3012", value=new)
        return new
    text = "" if replacement is UNDEFINED else replacement
    return text if is_literal else _REFERENCE.sub(lambda found: _referred(match, found), text)


def _shown(match: Match) -> dict[str, Json]:
    return {"match": match.text, "start": match.start, "end": match.end, "groups": match.groups}


def _referred(match: Match, reference: re.Match[str]) -> str:
    """What `$$`, `$0`, `$1`… in a replacement stand for: as many digits count as the number of groups has."""
    digits = reference["digits"]
    if digits is None:
        return "$"
    if digits.startswith("0"):
        return match.text + digits[1:]
    count = len(match.groups)
    taken = digits[: len(str(count))]
    if len(taken) > 1 and int(taken) > count:
        taken = taken[:-1]
    group: Json = match.groups[int(taken) - 1] if 0 < int(taken) <= count else ""
    return (group if is_text(group) else "") + digits[len(taken) :]


STRINGS: Final = (
    Native("string", "<x-b?:s>", 1, _string),
    Native("substring", "<s-nn?:s>", 3, _substring),
    Native("substringBefore", "<s-s:s>", 2, _substring_before),
    Native("substringAfter", "<s-s:s>", 2, _substring_after),
    Native("lowercase", "<s-:s>", 1, _lowercase),
    Native("uppercase", "<s-:s>", 1, _uppercase),
    Native("length", "<s-:n>", 1, _length),
    Native("trim", "<s-:s>", 1, _trim),
    Native("pad", "<s-ns?:s>", 3, _pad),
    Native("contains", "<s-(sf):b>", 2, _contains),
    Native("match", "<s-f<s:o>n?:a<o>>", 3, _match),
    Native("split", "<s-(sf)n?:a<s>>", 3, _split),
    Native("join", "<a<s>s?:s>", 2, _join),
    Native("replace", "<s-(sf)(sf)n?:s>", 4, _replace),
)
