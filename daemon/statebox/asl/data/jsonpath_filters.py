"""What a filter `[?(…)]` can say about a candidate: comparisons, membership, existence, and, or, not."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from statebox.asl.data.equality import identity, same
from statebox.asl.data.javatext import number_text
from statebox.asl.data.jsonpath_steps import MISSING, Operand, Predicate, Query
from statebox.asl.data.shapes import is_array, is_number, is_object, is_text
from statebox.asl.jsontext import Json

_FLAGS: Final = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE, "d": re.NOFLAG, "u": re.NOFLAG}
# What reads as a number, and how long it may be to be looked at.
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_LONGEST_NUMBER: Final = 400


def literal(value: Json) -> Operand:
    """An operand that is always the same value (or pattern)."""
    return lambda _item, _document: value


def query(found: Query, relative: bool) -> Operand:
    """An operand that a path finds, from the candidate when it is relative (`@`), else from the document (`$`)."""
    if relative:
        return found.find
    return lambda _item, document: found.find(document, document)


def exists(found: Query, relative: bool) -> Predicate:
    """Whether a path finds anything, null included."""
    operand = query(found, relative)
    if found.definite:
        return lambda item, document: operand(item, document) is not MISSING
    return lambda item, document: bool(operand(item, document))


def compare(left: Operand, operator: str, right: Operand) -> Predicate:
    """Whether the operator holds between two operands; a MISSING one makes all but `!=`, `!==` and `nin` false."""
    holds = OPERATORS[operator]
    return lambda item, document: holds(left(item, document), right(item, document))


def all_of(predicates: Sequence[Predicate]) -> Predicate:
    """Whether all hold."""
    if len(predicates) == 1:
        return predicates[0]
    return lambda item, document: all(passes(item, document) for passes in predicates)


def any_of(predicates: Sequence[Predicate]) -> Predicate:
    """Whether one of them holds."""
    return lambda item, document: any(passes(item, document) for passes in predicates)


def negated(predicate: Predicate) -> Predicate:
    """Whether it does not hold."""
    return lambda item, document: not predicate(item, document)


def pattern(text: str, flags: str) -> re.Pattern[str]:
    """Compile `/text/flags`. Raises ValueError when it is no regular expression."""
    chosen = re.NOFLAG
    for flag in flags:
        if flag not in _FLAGS:
            raise ValueError(f"The regular expression has an unknown flag: {flag}")
        chosen |= _FLAGS[flag]
    try:
        with warnings.catch_warnings():
            # What Python may read differently one day is the user's text, and no news for the log.
            warnings.simplefilter("ignore")
            return re.compile(text, chosen)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"The regular expression is not valid: {error}") from None


def _equal(left: Json, right: Json) -> bool:
    # As in Jayway: 1 == "1.0", where the number stands on the left, and "1" == 1, but not "1.0" == 1.
    if is_number(left) and is_text(right):
        return _reads_as(right, left)
    if is_text(left) and is_number(right):
        return left == number_text(right)
    return _same_kind_and_value(left, right)


def _same_kind_and_value(left: Json, right: Json) -> bool:
    return left is not MISSING and right is not MISSING and same(left, right)


def _reads_as(text: str, number: float) -> bool:
    if len(text) > _LONGEST_NUMBER or _NUMBER.fullmatch(text) is None:
        return False
    try:
        return Decimal(text) == Decimal(repr(number))
    except InvalidOperation:  # an exponent that nothing can hold
        return False


def _differs(left: Json, right: Json) -> bool:
    return not _equal(left, right)


def _differs_in_kind_or_value(left: Json, right: Json) -> bool:
    return not _same_kind_and_value(left, right)


def _ordered(left: Json, right: Json) -> int | None:
    """Below zero, zero or above it; None when the two have no order."""
    if is_text(left) and is_text(right):
        return (utf16(left) > utf16(right)) - (utf16(left) < utf16(right))
    if is_number(left) and is_number(right):
        return (left > right) - (left < right)
    return None


def utf16(text: str) -> bytes:
    """A key that orders texts as Java does, by UTF-16 code units."""
    return text.encode("utf-16-be", "surrogatepass")


def _less(left: Json, right: Json) -> bool:
    order = _ordered(left, right)
    return order is not None and order < 0


def _less_or_equal(left: Json, right: Json) -> bool:
    order = _ordered(left, right)
    return order is not None and order <= 0


def _greater(left: Json, right: Json) -> bool:
    return _less(right, left)


def _greater_or_equal(left: Json, right: Json) -> bool:
    return _less_or_equal(right, left)


def _matches(left: Json, right: Json) -> bool:
    if is_array(left):
        return any(_matches(item, right) for item in left if not is_array(item))
    match left:
        case str():
            text = left
        case bool():
            text = "true" if left else "false"
        case int() | float():
            text = str(left)
        case _:
            text = ""
    return right.fullmatch(text) is not None


def _identities(value: Json) -> frozenset[object] | None:
    return frozenset(map(identity, value)) if is_array(value) else None


def _in(left: Json, right: Json) -> bool:
    return is_array(right) and any(_equal(left, item) for item in right)


def _not_in(left: Json, right: Json) -> bool:
    return not _in(left, right)


def _subset_of(left: Json, right: Json) -> bool:
    some, all_ = _identities(left), _identities(right)
    return some is not None and all_ is not None and some <= all_


def _any_of(left: Json, right: Json) -> bool:
    some, others = _identities(left), _identities(right)
    return some is not None and others is not None and not some.isdisjoint(others)


def _none_of(left: Json, right: Json) -> bool:
    some, others = _identities(left), _identities(right)
    return some is not None and others is not None and some.isdisjoint(others)


def _all(left: Json, right: Json) -> bool:
    return _subset_of(right, left)


def _contains(left: Json, right: Json) -> bool:
    if is_text(left):
        return is_text(right) and right in left
    return _in(right, left)


def _size(left: Json, right: Json) -> bool:
    return (is_text(left) or is_array(left)) and is_number(right) and len(left) == right


def _empty(left: Json, right: Json) -> bool:
    return (is_text(left) or is_array(left) or is_object(left)) and (len(left) == 0) is right


# The right operand of `=~` is a compiled pattern, all others are JSON values or MISSING.
OPERATORS: Final[dict[str, Callable[[Json, Json], bool]]] = {
    "==": _equal,
    "!=": _differs,
    "===": _same_kind_and_value,
    "!==": _differs_in_kind_or_value,
    "<": _less,
    "<=": _less_or_equal,
    ">": _greater,
    ">=": _greater_or_equal,
    "=~": _matches,
    "in": _in,
    "nin": _not_in,
    "subsetof": _subset_of,
    "anyof": _any_of,
    "noneof": _none_of,
    "all": _all,
    "contains": _contains,
    "size": _size,
    "empty": _empty,
}
