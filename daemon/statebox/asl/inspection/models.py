"""API models: whether a mocked result is one that the service's API could give, as far as its model is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias

from statebox.asl.inspection.setting import TrialRefused, invalid
from statebox.asl.jsontext import Json, is_array, is_object
from statebox.asl.states.resource import Pattern, Resource

Mode: TypeAlias = Literal["STRICT", "PRESENT", "NONE"]
# By the service's name in `arn:aws:states:::aws-sdk:<service>:…`: {"operations": {name: shape}, "shapes": {name: …}}.
Models: TypeAlias = Mapping[str, Json]

# The services of the optimized integrations that go by another name.
_SERVICES: Final = {
    "states": "sfn",
    "events": "eventbridge",
    "elasticmapreduce": "emr",
    "bedrock": "bedrockruntime",
}
# What a `.sync` task asks for until the job is done; its answer is the result.
_POLLED: Final = {("sfn", "StartExecution"): "DescribeExecution"}
# The optimized integrations read these texts as JSON.
_JSON: Final = {("lambda", "Invoke"): ("Payload",), ("sfn", "DescribeExecution"): ("Input", "Output")}


def check_result(result: Json, resource: Resource, mode: Mode, models: Models) -> None:
    """Raise TrialRefused when a mocked result does not conform to the model of the API that the resource calls.

    STRICT wants all required members, and PRESENT only that those which are there conform. Members that the model has
    not are passed over. What answers a continuation may be anything.
    """
    found = None if mode == "NONE" else _operation(resource, models)
    if found is not None:
        service, name, optimized = found
        model = models[service]
        loose = _JSON.get((service, name), ()) if optimized else ()
        _Checker(model["shapes"], mode == "STRICT", frozenset(loose)).check(model["operations"][name], result, "")


def _operation(resource: Resource, models: Models) -> tuple[str, str, bool] | None:
    """(service, operation, whether the integration is an optimized one), where there is a model of it."""
    if resource.family != "Task" or resource.pattern is Pattern.CALLBACK:
        return None
    prefix, sdk, service = resource.type.partition("aws-sdk:")
    service = service if sdk else _SERVICES.get(prefix, prefix)
    name = resource.name.partition(".")[0]
    name = name[:1].upper() + name[1:]
    if resource.pattern is Pattern.SYNC:
        name = _POLLED.get((service, name), "")
    model = models.get(service)
    if model is None or model["operations"].get(name) is None:
        return None
    return service, name, not sdk


class _Checker:
    """Goes through a result along the shapes of a model."""

    def __init__(self, shapes: Mapping[str, Json], strict: bool, loose: frozenset[str]) -> None:
        self._shapes = shapes
        self._strict = strict
        self._loose = loose

    def check(self, name: str, value: Json, field: str) -> None:
        """Check a value against the shape of that name; `field` is where it stands."""
        shape: Mapping[str, Json] = self._shapes[name]
        match shape["type"]:
            case "structure":
                self._structure(shape, value, field)
            case "list":
                for item in _members(value, field, "an array"):
                    self.check(shape["member"], item, field)
            case "map":
                for item in _members(value, field, "an object"):
                    self.check(shape["value"], item, field)
            case "string" | "blob":
                _text(shape, value, field)
            case "integer" | "long" | "float" | "double":
                _number(shape, value, field)
            case "boolean" if not isinstance(value, bool):
                raise _must_be(field, "a boolean")
            # An ISO 8601 text in the results of Step Functions, a number in most of the APIs.
            case "timestamp" if isinstance(value, bool) or not isinstance(value, str | int | float):
                raise _must_be(field, "a valid timestamp")
            case _:
                pass

    def _structure(self, shape: Mapping[str, Json], value: Json, field: str) -> None:
        if not is_object(value):
            raise _wrong(f"Field '{field}' must be an object" if field else "Mock result must be an object")
        if self._strict:
            for name in shape.get("required", ()):
                if value.get(_shown(name)) is None:
                    raise _wrong(f"Required field '{_shown(name)}' is missing")
        members: Mapping[str, str] = shape["members"]
        for name, member in members.items():
            shown = _shown(name)
            if value.get(shown) is not None and not (not field and shown in self._loose):
                self.check(member, value[shown], shown)


def _members(value: Json, field: str, kind: str) -> Iterable[Json]:
    if kind == "an array" and is_array(value):
        return value
    if kind == "an object" and is_object(value):
        return value.values()
    raise _must_be(field, kind)


def _text(shape: Mapping[str, Json], value: Json, field: str) -> None:
    if not isinstance(value, str):
        raise _must_be(field, "a string")
    if "enum" in shape and value not in shape["enum"]:
        raise _wrong(f"Field '{field}' is not an expected value")
    if len(value) < shape.get("min", 0):
        raise _wrong(f"Field '{field}' is smaller than the minimum length")
    if len(value) > shape.get("max", len(value)):
        raise _wrong(f"Field '{field}' exceeds the maximum length")


def _number(shape: Mapping[str, Json], value: Json, field: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _must_be(field, "a number")
    if value < shape.get("min", value):
        raise _wrong(f"Field '{field}' is less than the minimum value")
    if value > shape.get("max", value):
        raise _wrong(f"Field '{field}' exceeds the maximum value")


def _shown(name: str) -> str:
    """A member's name as Step Functions has it: in Pascal case."""
    return name[:1].upper() + name[1:]


def _must_be(field: str, kind: str) -> TrialRefused:
    return _wrong(f"Field '{field}' must be {kind}")


def _wrong(what: str) -> TrialRefused:
    return invalid(f"Mock result schema validation error: {what}")
