"""The intrinsic functions `States.…`, each with the rounding, limits and oddities that Step Functions shows."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Callable, Sequence
from typing import Final

from statebox.asl.data.equality import identity
from statebox.asl.data.jackson import complaint
from statebox.asl.data.javarandom import JavaRandom
from statebox.asl.data.javatext import bare_text, json_text
from statebox.asl.data.shapes import is_array, is_number, is_object, is_text
from statebox.asl.jsontext import InvalidJson, Json, read_json, write_json_text
from statebox.asl.moment import Dice

_MOST_CHARACTERS: Final = 10_000
_MOST_ITEMS: Final = 1_000
_INT32: Final = range(-(2**31), 2**31)
_INT64: Final = range(-(2**63), 2**63)
_ALGORITHMS: Final = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
_NOT_BASE64: Final = re.compile(r"[^A-Za-z0-9+/]")
_FORMAT: Final = re.compile(r"\\(?P<escaped>['{}\\])|(?P<slot>\{\})|(?P<brace>[{}])")


class InvalidArguments(Exception):
    """The function cannot do anything with these arguments."""


class IntrinsicFailure(Exception):
    """The function failed in a way that has words of its own."""


def function_named(name: str) -> Callable[[Sequence[Json], Dice], Json] | None:
    """The function of that name. It may raise InvalidArguments and IntrinsicFailure."""
    return _FUNCTIONS.get(name)


def _exactly(arguments: Sequence[Json], count: int) -> Sequence[Json]:
    if len(arguments) != count:
        raise InvalidArguments
    return arguments


def _array(value: Json) -> list[Json]:
    if not is_array(value):
        raise InvalidArguments
    return value


def _text(value: Json, longest: int | None = None) -> str:
    if not is_text(value) or (longest is not None and len(value) > longest):
        raise InvalidArguments
    return value


def _number(value: Json) -> int | float:
    if not is_number(value):
        raise InvalidArguments
    return value


def _truncated(value: Json, bounds: range = _INT64) -> int:
    whole = int(_number(value))
    if whole not in bounds:
        raise InvalidArguments
    return whole


def format(arguments: Sequence[Json], _: Dice) -> Json:
    """Format(template, values…): each `{}` of the template becomes the next value."""
    if not arguments:
        raise InvalidArguments
    template = _text(arguments[0])
    values = iter(arguments[1:])
    slots = 0

    def fill(found: re.Match[str]) -> str:
        nonlocal slots
        match found.lastgroup:
            case "escaped":
                return found["escaped"]
            case "slot":
                slots += 1
                return bare_text(next(values, ""))
            case _:
                brace = found["brace"]
                other = "}" if brace == "{" else "{"
                raise IntrinsicFailure(
                    f"Invalid template in States.Format: matching '{other}' not found for '{brace}'."
                )

    filled = _FORMAT.sub(fill, template)
    if slots != len(arguments) - 1:
        raise InvalidArguments
    return filled


def string_to_json(arguments: Sequence[Json], _: Dice) -> Json:
    """StringToJson(text): the value of a JSON text; null for a blank one."""
    text = _text(_exactly(arguments, 1)[0])
    try:
        return read_json(text) if text.strip() else None
    except InvalidJson as invalid:
        reason = complaint(text) or str(invalid)
        raise IntrinsicFailure(f"Cannot convert String to Json in States.StringToJson, caused by: {reason}") from None


def json_to_string(arguments: Sequence[Json], _: Dice) -> Json:
    """JsonToString(value): its compact JSON text."""
    return json_text(_exactly(arguments, 1)[0])


def array(arguments: Sequence[Json], _: Dice) -> Json:
    """Array(values…): an array of them."""
    return list(arguments)


def array_partition(arguments: Sequence[Json], _: Dice) -> Json:
    """ArrayPartition(array, size): its chunks, the last one maybe shorter."""
    items, size = _array(_exactly(arguments, 2)[0]), _truncated(arguments[1])
    if size < 1:
        raise InvalidArguments
    return [items[start : start + size] for start in range(0, len(items), size)]


def array_contains(arguments: Sequence[Json], _: Dice) -> Json:
    """ArrayContains(array, value): whether it has an element that reads the same as the value.

    As on AWS, where true is found as "true" and 1 as "1", and the order of an object's keys counts.
    """
    items, text = _array(_exactly(arguments, 2)[0]), _reading(arguments[1])
    return any(_reading(item) == text for item in items)


def _reading(value: Json) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # 1.0 is 1
    return value if is_text(value) else write_json_text(value)


def array_range(arguments: Sequence[Json], _: Dice) -> Json:
    """ArrayRange(first, last, step): the whole numbers from first to last, both included."""
    first, last, step = map(_truncated, _exactly(arguments, 3))
    if step == 0:
        raise InvalidArguments
    numbers = range(first, last + (1 if step > 0 else -1), step)
    # The length of a range can be more than len() can say.
    if numbers and (numbers[-1] - first) // step >= _MOST_ITEMS:
        raise InvalidArguments
    return list(numbers)


def array_get_item(arguments: Sequence[Json], _: Dice) -> Json:
    """ArrayGetItem(array, index): an element; null for any in an empty array."""
    items, index = _array(_exactly(arguments, 2)[0]), _truncated(arguments[1])
    if not items and index >= 0:
        return None
    if not 0 <= index < len(items):
        raise InvalidArguments
    return items[index]


def array_length(arguments: Sequence[Json], _: Dice) -> Json:
    """ArrayLength(array): how many elements it has."""
    return len(_array(_exactly(arguments, 1)[0]))


def array_unique(arguments: Sequence[Json], _: Dice) -> Json:
    """ArrayUnique(array): its different elements, in the order in which they first come."""
    first: dict[object, Json] = {}
    for item in _array(_exactly(arguments, 1)[0]):
        first.setdefault(identity(item), item)
    return list(first.values())


def base64_encode(arguments: Sequence[Json], _: Dice) -> Json:
    """Base64Encode(text): of its UTF-8."""
    return base64.b64encode(_text(_exactly(arguments, 1)[0], _MOST_CHARACTERS).encode()).decode()


def base64_decode(arguments: Sequence[Json], _: Dice) -> Json:
    """Base64Decode(text): lenient, ends at the first padding and skips what does not belong there."""
    coded = _text(_exactly(arguments, 1)[0], _MOST_CHARACTERS)
    digits = _NOT_BASE64.sub("", coded.partition("=")[0].translate({ord("-"): "+", ord("_"): "/"}))
    if len(digits) % 4 == 1:
        digits = digits[:-1]  # six bits more make no byte
    return base64.b64decode(digits + "=" * (-len(digits) % 4)).decode(errors="replace")


def hash(arguments: Sequence[Json], _: Dice) -> Json:
    """Hash(data, algorithm): in lower-case hex; what is no text is hashed as its compact JSON."""
    data, algorithm = _exactly(arguments, 2)
    name = _ALGORITHMS.get(_text(algorithm))
    if name is None:
        raise InvalidArguments
    text = _text(data if is_text(data) else json_text(data), _MOST_CHARACTERS)
    return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()


def json_merge(arguments: Sequence[Json], _: Dice) -> Json:
    """JsonMerge(first, second, deep): shallow, the second one wins; AWS has no deep merge either."""
    first, second, deep = _exactly(arguments, 3)
    if not is_object(first) or not is_object(second) or deep is True:
        raise InvalidArguments
    return {**first, **second}


def math_random(arguments: Sequence[Json], dice: Dice) -> Json:
    """MathRandom(low, high, seed): a whole number, low included, high not; the same one for the same seed."""
    if len(arguments) not in (2, 3):
        raise InvalidArguments
    low, high, *seed = map(_truncated, arguments)
    width = high - low
    if width < 1:
        raise InvalidArguments
    # 64 bits more than needed leave no bias that could be seen.
    return low + (JavaRandom(seed[0]).below(width) if seed else dice.bits(width.bit_length() + 64) % width)


def math_add(arguments: Sequence[Json], _: Dice) -> Json:
    """MathAdd(a, b): each rounded half up before they are added, all within 32 bits."""
    total = sum(map(_rounded_half_up, _exactly(arguments, 2)))
    if total not in _INT32:
        raise InvalidArguments
    return total


def _rounded_half_up(value: Json) -> int:
    number = _number(value)
    whole = number if isinstance(number, int) else math.floor(number + 0.5)
    if whole not in _INT32:
        raise InvalidArguments
    return whole


def string_split(arguments: Sequence[Json], _: Dice) -> Json:
    """StringSplit(text, delimiters): every character of the second is a delimiter, empty pieces vanish."""
    text, delimiters = map(_text, _exactly(arguments, 2))
    pieces = re.split(f"[{re.escape(delimiters)}]", text) if delimiters else [text]
    return [piece for piece in pieces if piece]


def uuid(_arguments: Sequence[Json], dice: Dice) -> Json:
    """UUID(): a random one, version 4; AWS does not mind arguments."""
    return str(dice.uuid4())


_FUNCTIONS: Final[dict[str, Callable[[Sequence[Json], Dice], Json]]] = {
    "States.Array": array,
    "States.ArrayContains": array_contains,
    "States.ArrayGetItem": array_get_item,
    "States.ArrayLength": array_length,
    "States.ArrayPartition": array_partition,
    "States.ArrayRange": array_range,
    "States.ArrayUnique": array_unique,
    "States.Base64Decode": base64_decode,
    "States.Base64Encode": base64_encode,
    "States.Format": format,
    "States.Hash": hash,
    "States.JsonMerge": json_merge,
    "States.JsonToString": json_to_string,
    "States.MathAdd": math_add,
    "States.MathRandom": math_random,
    "States.StringSplit": string_split,
    "States.StringToJson": string_to_json,
    "States.UUID": uuid,
}
