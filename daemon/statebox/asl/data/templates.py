"""Payload templates: JSON in which the fields whose names end in `.$` are paths and calls of intrinsic functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from statebox.asl.data.intrinsics import Intrinsic, InvalidIntrinsic, parse_intrinsic
from statebox.asl.data.jsonpath import InvalidPath, NoValue, Path, parse_path, shown
from statebox.asl.data.shapes import is_array, is_object, is_text, kind
from statebox.asl.data.sources import Sources
from statebox.asl.errors import RUNTIME, StateFailure
from statebox.asl.jsontext import Json


class InvalidTemplate(ValueError):
    """A template is refused. `problems` holds all that is wrong with it: (where within the template, AWS's message)."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__(", ".join(f"{message} at {where}" if where else message for where, message in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Field:
    """One dynamic field: a path or a call. `name` is how AWS calls it in messages, so in templates with its `.$`."""

    name: str
    expression: Path | Intrinsic

    @property
    def variables(self) -> frozenset[str]:
        """The names of the variables that it reads."""
        if isinstance(self.expression, Intrinsic):
            return self.expression.variables
        return frozenset() if self.expression.variable is None else frozenset([self.expression.variable])

    def render(self, sources: Sources) -> Json:
        """The value. Raises StateFailure (States.Runtime) in AWS's words."""
        expression = self.expression
        if isinstance(expression, Intrinsic):
            return expression.evaluate(sources)
        try:
            return expression.read(sources)
        except NoValue as missing:
            if missing.past_end:
                return None
            raise StateFailure(
                RUNTIME,
                f"The JSONPath '{expression.text}' specified for the field '{self.name}' could not be found in the "
                f"input '{shown(sources.input)}'",
            ) from None


@dataclass(frozen=True, slots=True)
class _Object:
    # Name, constant value, and what makes the value where it is not constant.
    members: tuple[tuple[str, Json, _Node | None], ...]

    def render(self, sources: Sources) -> Json:
        return {name: value if node is None else node.render(sources) for name, value, node in self.members}


@dataclass(frozen=True, slots=True)
class _Array:
    elements: tuple[tuple[Json, _Node | None], ...]

    def render(self, sources: Sources) -> Json:
        return [value if node is None else node.render(sources) for value, node in self.elements]


_Node: TypeAlias = Field | _Object | _Array


class Template:
    """A parsed template. `variables` are the names of all variables that it reads."""

    __slots__ = ("_node", "_value", "variables")

    def __init__(self, value: Json, node: _Node | None) -> None:
        self._value = value
        self._node = node
        self.variables = frozenset(_variables(node))

    def __repr__(self) -> str:
        return f"Template({self._value!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self.variables)

    def render(self, sources: Sources) -> Json:
        """The value that the template makes. What is constant in it is shared and never copied.

        Raises StateFailure (States.Runtime).
        """
        if self._node is None:
            return self._value
        try:
            return self._node.render(sources)
        except RecursionError:
            raise StateFailure(RUNTIME, "The data is nested too deep for the template") from None


def parse_template(value: Json, field: str) -> Template:
    """Parse the template that stands in a field of a state. Raises InvalidTemplate with all its problems."""
    problems: list[tuple[str, str]] = []
    try:
        template = Template(value, _parse(value, "", problems))
    except RecursionError:
        raise InvalidTemplate([("", f"The value of the field '{field}' is nested too deep")]) from None
    if problems:
        raise InvalidTemplate(problems)
    return template


def parse_field(name: str, value: Json) -> Field:
    """Parse what a single field like ErrorPath may hold, a path or a call. Raises InvalidTemplate."""
    if not is_text(value):
        raise InvalidTemplate(
            [("", f"The value for the field '{name}' must be a STRING that contains a JSONPath but was {_a(value)}")]
        )
    try:
        return Field(name, parse_path(value) if value.startswith("$") else parse_intrinsic(value))
    except (InvalidPath, InvalidIntrinsic):
        raise InvalidTemplate(
            [("", f"The value for the field '{name}' must be a valid JSONPath or a valid intrinsic function call")]
        ) from None


def _parse(value: Json, where: str, problems: list[tuple[str, str]]) -> _Node | None:
    """What makes the value, or None when it is constant."""
    if is_object(value):
        return _parse_object(value, where, problems)
    if is_array(value):
        elements = [(element, _parse(element, f"{where}[{place}]", problems)) for place, element in enumerate(value)]
        return _Array(tuple(elements)) if any(node is not None for _, node in elements) else None
    return None


def _parse_object(value: dict[str, Json], where: str, problems: list[tuple[str, str]]) -> _Object | None:
    members: list[tuple[str, Json, _Node | None]] = []
    for key, member in value.items():
        if not key.endswith(".$"):
            members.append((key, member, _parse(member, f"{where}/{key}", problems)))
            continue
        name = key.removesuffix(".$")
        if name in value:
            problems.append((where, f"The fields '{name}' and '{key}' cannot both be present"))
        try:
            members.append((name, None, parse_field(key, member)))
        except InvalidTemplate as invalid:
            problems += [(where, message) for _, message in invalid.problems]
    return _Object(tuple(members)) if any(node is not None for *_, node in members) else None


def _variables(node: _Node | None) -> Iterator[str]:
    match node:
        case None:
            return
        case Field():
            yield from node.variables
        case _Object(members):
            for *_, inner in members:
                yield from _variables(inner)
        case _Array(elements):
            for _, inner in elements:
                yield from _variables(inner)


def _a(value: Json) -> str:
    name = kind(value).upper()
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"
