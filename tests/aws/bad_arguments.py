"""Bad arguments for every operation, made of the service model that AWS's own clients have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from botocore.loaders import Loader

from statebox.asl.jsontext import Json, write_json_text


def _load() -> Json:
    loader: Json = Loader()
    return loader.load_service_model("stepfunctions", "service-2")


_MODEL: Final[Json] = _load()
_SHAPES: Final[Json] = _MODEL["shapes"]
OPERATIONS: Final[tuple[str, ...]] = tuple(sorted(_MODEL["operations"]))

_PLACE: Final = "arn:aws:states:us-east-1:000000000000:"
_DEFINITION: Final = write_json_text({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
# What a member holds that is as it should be, and names nothing that there is.
_RIGHT: Final[dict[str, Json]] = {
    "stateMachineArn": f"{_PLACE}stateMachine:nobody",
    "stateMachineVersionArn": f"{_PLACE}stateMachine:nobody:1",
    "stateMachineAliasArn": f"{_PLACE}stateMachine:nobody:LIVE",
    "executionArn": f"{_PLACE}execution:nobody:nothing",
    "mapRunArn": f"{_PLACE}mapRun:nobody/label:7f6e2c1a-0000-4000-8000-000000000000",
    "activityArn": f"{_PLACE}activity:nobody",
    "resourceArn": f"{_PLACE}stateMachine:nobody",
    "roleArn": "arn:aws:iam::000000000000:role/any",
    "definition": _DEFINITION,
}
_WRONG: Final[dict[str, tuple[Json, ...]]] = {
    "string": (7, 1.5, True, [], {}),
    "integer": ("7", True, 1.5, [], {}),
    "long": ("7", True, 1.5, [], {}),
    "float": ("7", True, [], {}),
    "boolean": ("true", 1, [], {}),
    "list": ("x", 7, True, {}),
    "structure": ("x", 7, True, []),
}


@dataclass(frozen=True, slots=True)
class Bad:
    """Arguments of which one member is wrong: where, which error that is, and what its message says."""

    arguments: Json
    at: str
    type: str
    said: str


def right(operation: str) -> dict[str, Json]:
    """Arguments with every required member, each as it should be."""
    shape: Json = _SHAPES[_MODEL["operations"][operation]["input"]["shape"]]
    return {name: _value(name, shape["members"][name]["shape"]) for name in shape.get("required", ())}


def bad(operation: str) -> Iterator[Bad]:
    """Arguments of which everything is right but one member, down to the members of structures in lists."""
    shape: Json = _SHAPES[_MODEL["operations"][operation]["input"]["shape"]]
    whole = right(operation)
    for name, member in shape["members"].items():
        for value, at, type, said in _wrong_members(name, name, member["shape"], name in shape.get("required", ())):
            arguments = {**whole, name: value}
            yield Bad(arguments, at, type, said)
            if value is None:
                yield Bad({other: given for other, given in whole.items() if other != name}, at, type, said)


def _value(name: str, kind: str) -> Json:
    """A value of a shape, as it should be."""
    shape: Json = _SHAPES[kind]
    match shape["type"]:
        case "string":
            return _RIGHT.get(name) or (shape["enum"][0] if "enum" in shape else "nobody")
        case "list":
            return [_value(name, shape["member"]["shape"])]
        case "structure":
            return {inner: _value(inner, member["shape"]) for inner, member in shape["members"].items()}
        case "boolean":
            return True
        case _:
            return shape.get("max", 1)


_Wrong = tuple[Json, str, str, str]


def _wrong_members(name: str, at: str, kind: str, required: bool) -> Iterator[_Wrong]:
    """Every wrong value of a member (None: that it is missing), where it is wrong, the error, and what is said."""
    if required:
        yield None, at, "ValidationException", f"Value null at '{at}' failed to satisfy constraint: Member must not be"
    shape: Json = _SHAPES[kind]
    for value in _WRONG[shape["type"]]:
        yield value, at, "SerializationException", at
    for value, said in _broken(shape):
        yield value, at, "ValidationException", f" at '{at}' failed to satisfy constraint: Member must {said}"
    match shape["type"]:
        case "list":
            inner = shape["member"]["shape"]
            for value, place, type, said in _wrong_members(name, f"{at}.1.member", inner, True):
                yield [value], place, type, said
        case "structure":
            whole = _value(name, kind)
            for inner, member in shape["members"].items():
                must = inner in shape.get("required", ())
                for value, place, type, said in _wrong_members(inner, f"{at}.{inner}", member["shape"], must):
                    yield {**whole, inner: value}, place, type, said
        case _:
            pass


def _broken(shape: Json) -> Iterator[tuple[Json, str]]:
    """Values of the right type that break a constraint, and which."""
    least, most = shape.get("min"), shape.get("max")
    match shape["type"]:
        case "string":
            yield from _broken_text(shape)
        case "list":
            if least:
                yield [], f"have length greater than or equal to {least}"
            if most is not None:
                whole = _value("", shape["member"]["shape"])
                yield [whole] * (most + 1), f"have length less than or equal to {most}"
        case "integer" | "long" | "float":
            if least is not None:
                yield least - 1, f"have value greater than or equal to {least}"
            if most is not None:
                yield most + 1, f"have value less than or equal to {most}"
        case _:
            pass


def _broken_text(shape: Json) -> Iterator[tuple[Json, str]]:
    if shape.get("min"):
        yield "", f"have length greater than or equal to {shape['min']}"
    if "max" in shape:
        yield "7" * (shape["max"] + 1), f"have length less than or equal to {shape['max']}"
    if "enum" in shape:
        yield "x", f"satisfy enum value set: [{', '.join(sorted(shape['enum']))}]"
    if "pattern" in shape:
        yield "ü", f"satisfy regular expression pattern: {shape['pattern']}"


# What programs send by mistake or on purpose.
_ODD: Final[tuple[Json, ...]] = (
    None, True, 0, -1, 2**31, 2**63, 10**400, 1e308, 0.1, "", " ", "\x00", "\ud7ff\U0001f600", "x" * 300, "NaN", "{",
    "[" * 300, "null", "arn:", "arn:::::::", "arn:aws:states:::stateMachine:", "arn:aws-cn:states:::stateMachine:m",
    "arn:aws:lambda:us-east-1:000000000000:function:f", f"{_PLACE}stateMachine:m:1:2", f"{_PLACE}stateMachine:m/l",
    f"{_PLACE}stateMachine:m:LIVE", f"{_PLACE}execution:m", f"{_PLACE}execution:m:n:o", f"{_PLACE}execution:a b:\x7f",
    f"{_PLACE}express:m:n:o", f"{_PLACE}activity:a b", f"{_PLACE}mapRun:m", f"{_PLACE}mapRun:m/l:u", f"{_PLACE}x:y",
    [], [None], [[]], [{}], ["x"], {}, {"": None}, {"key": "k"}, {"type": "AWS_OWNED_KEY"}, "WyJhIiwxXQ", "e30",
)  # fmt: skip


def odd(operation: str, count: int) -> Iterator[dict[str, Json]]:
    """Arguments of which some are as they should be and the others anything, the same ones each time."""
    dice = Random(operation)
    shape: Json = _SHAPES[_MODEL["operations"][operation]["input"]["shape"]]
    whole = right(operation)
    for odds in dice.choices((0.2, 0.6), k=count):
        said = {name: dice.choice(_ODD) for name in shape["members"] if dice.random() < odds}
        yield {**whole, **said}
