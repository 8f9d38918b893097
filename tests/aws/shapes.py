"""Answers held against botocore's own model: no member is missing, unknown, or of another type than it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from statebox.asl.jsontext import Json, read_json

# botocore's parser takes dates as seconds or as texts; AWS's other clients want the seconds.
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float),
    "list": (list,),
    "structure": (dict,),
    "map": (dict,),
}
# What we tell beyond AWS; its clients leave out what they do not know.
OURS: Final = frozenset({"activationId", "setAside"})


def hold(client: Json, beyond: frozenset[str] = OURS) -> Json:
    """Have a boto3 client raise AssertionError at an answer that is not in the shape of its operation; returns it."""

    def check(operation_model: Json, response_dict: Json, **_: Json) -> None:
        if response_dict["status_code"] == 200 and operation_model.output_shape is not None:
            told = read_json(response_dict["body"])
            found = list(differences(operation_model.output_shape, told, operation_model.name, beyond))
            assert not found, f"{found} in {str(told)[:1000]}"

    client.meta.events.register("before-parse.sfn", check)
    return client


def differences(shape: Json, value: Json, at: str, beyond: frozenset[str] = OURS) -> Iterator[str]:
    """Where a value is not in a shape, and how."""
    kind: str = shape.type_name
    if not _is(value, kind):
        yield f"{at} is {value!r}, no {kind}"
        return
    if getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{at} is {value!r}, none of {shape.enum}"
    match kind:
        case "structure":
            yield from (f"{at}.{name} is missing" for name in shape.required_members if name not in value)
            yield from (f"{at}.{name} is unknown" for name in value if name not in {*shape.members, *beyond})
            for name in shape.members.keys() & value.keys():
                yield from differences(shape.members[name], value[name], f"{at}.{name}", beyond)
        case "list":
            for place, inner in enumerate(value):
                yield from differences(shape.member, inner, f"{at}[{place}]", beyond)
        case "map":
            for name, inner in value.items():
                yield from differences(shape.value, inner, f"{at}.{name}", beyond)
        case _:
            pass


def _is(value: Json, kind: str) -> bool:
    # A bool is an int only to Python.
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
