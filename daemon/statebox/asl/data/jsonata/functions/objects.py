"""Functions of objects, of types and truth, and those that fail on purpose."""

from __future__ import annotations

from typing import Final

from statebox.asl.data.jsonata.copying import copied
from statebox.asl.data.jsonata.failures import JsonataError
from statebox.asl.data.jsonata.native import Native
from statebox.asl.data.jsonata.runtime import Function, Run
from statebox.asl.data.jsonata.values import UNDEFINED, ResultSequence, looked_up, truth
from statebox.asl.data.shapes import is_array, is_object, kind
from statebox.asl.jsontext import Json


def _keys(run: Run, value: Json) -> Json:
    return ResultSequence(_names(value, run))


def _names(value: Json, run: Run) -> dict[str, None]:
    """The names of an object's members, or of those of all objects in an array, each once."""
    if is_object(value):
        run.charge(len(value))
        return dict.fromkeys(value)
    names: dict[str, None] = {}
    for member in value if is_array(value) else ():
        names.update(_names(member, run))
    return names


def _lookup(run: Run, value: Json, name: Json) -> Json:
    return UNDEFINED if name is UNDEFINED else looked_up(value, name, run)


def _spread(run: Run, value: Json) -> Json:
    if is_object(value):
        run.charge(len(value))
        return ResultSequence([{name: member} for name, member in value.items()])
    if not is_array(value):
        return value
    spread: list[Json] = []
    for member in value:
        pieces = _spread(run, member)
        spread += pieces if is_array(pieces) else [pieces]
    run.array(len(spread))
    # Nothing is undefined, but a single piece stays in its array.
    return spread or ResultSequence()


def _merge(run: Run, objects: Json) -> Json:
    if objects is UNDEFINED:
        return UNDEFINED
    merged: dict[str, Json] = {}
    for one in objects:
        run.charge(len(one))
        merged.update(one)
    return merged


def _each(run: Run, value: Json, function: Json) -> Json:
    if value is UNDEFINED:
        return UNDEFINED
    made = [run.apply_to_member(function, member, name, value) for name, member in value.items()]
    return ResultSequence([one for one in made if one is not UNDEFINED])


def _sift(run: Run, value: Json, function: Json) -> Json:
    if value is UNDEFINED:
        return UNDEFINED
    if not isinstance(function, Function):
        raise JsonataError("T0410", index=2)
    kept = {
        name: member for name, member in value.items() if truth(run.apply_to_member(function, member, name, value), run)
    }
    return kept or UNDEFINED


def _clone(run: Run, value: Json) -> Json:
    return value if value is UNDEFINED else copied(value, run)


def _type(_: Run, value: Json) -> Json:
    if value is UNDEFINED:
        return UNDEFINED
    return "function" if isinstance(value, Function) else kind(value)


def _exists(_: Run, value: Json) -> Json:
    return value is not UNDEFINED


def _boolean(run: Run, value: Json) -> Json:
    return value if value is UNDEFINED else truth(value, run)


def _not(run: Run, value: Json) -> Json:
    return value if value is UNDEFINED else not truth(value, run)


def _error(_: Run, message: Json) -> Json:
    raise JsonataError("D3137", message="$error() function evaluated" if message in (UNDEFINED, "") else message)


def _assert(_: Run, condition: Json, message: Json) -> Json:
    if condition is True:
        return UNDEFINED
    raise JsonataError("D3141", message="$assert() statement failed" if message is UNDEFINED else message)


OBJECTS: Final = (
    Native("keys", "<x-:a<s>>", 1, _keys),
    Native("lookup", "<x-s:x>", 2, _lookup),
    Native("spread", "<x-:a<o>>", 1, _spread),
    Native("merge", "<a<o>:o>", 1, _merge),
    Native("each", "<o-f:a>", 2, _each),
    Native("sift", "<o-f?:o>", 2, _sift),
    Native("clone", "<(oa)-:o>", 1, _clone),
    Native("type", "<x:s>", 1, _type),
    Native("exists", "<x:b>", 1, _exists),
    Native("boolean", "<x-:b>", 1, _boolean),
    Native("not", "<x-:b>", 1, _not),
    Native("error", "<s?:x>", 1, _error),
    Native("assert", "<bs?:x>", 2, _assert),
)
