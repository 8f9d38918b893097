"""Fields of JSONata states: any JSON in which the strings `{% … %}` are expressions, at every depth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from statebox.asl.data.jsonata.expressions import (
    Expression,
    ExpressionFailure,
    inner_text,
    is_expression,
    parse_expression,
)
from statebox.asl.data.jsonata.grammar import InvalidExpression
from statebox.asl.data.jsonata.scope import Scope
from statebox.asl.data.jsonata.values import UNDEFINED
from statebox.asl.data.shapes import is_array, is_object, is_text, kind
from statebox.asl.errors import QUERY_EVALUATION_ERROR, StateFailure
from statebox.asl.jsontext import Json, write_json_text

INVALID_EXPRESSION: Final = "INVALID_JSONATA_EXPRESSION"
UNSUPPORTED_EXPRESSION: Final = "UNSUPPORTED_JSONATA_EXPRESSION"


class InvalidJsonataTemplate(ValueError):
    """A field is refused. `problems` are all that is wrong with it: (where within the field, AWS's code, its words)."""

    def __init__(self, problems: Sequence[tuple[str, str, str]]) -> None:
        super().__init__(", ".join(f"{message} at {where}" if where else message for where, _, message in problems))
        self.problems = tuple(problems)


class EvaluationFailure(StateFailure):
    """A field could not be evaluated. `location` is the field, as the EvaluationFailed event names it, if it does."""

    def __init__(self, location: str | None, cause: str) -> None:
        super().__init__(QUERY_EVALUATION_ERROR, cause)
        self.location = location


class JsonataField(Struct, frozen=True):
    """One expression in its field, named as in AWS's messages: `Output/a/b[0]`."""

    name: str
    expression: Expression

    def render(self, scope: Scope) -> Json:
        """The value. Raises EvaluationFailure, also where there is none; and OutOfSteps."""
        try:
            value = self.expression.evaluate(scope)
        except ExpressionFailure as failure:
            raise self.failure(str(failure)) from None
        if value is UNDEFINED:
            raise self.failure("returned nothing (undefined).")
        return value

    def failure(self, reason: str) -> EvaluationFailure:
        """The failure whose cause says that the expression did this."""
        return EvaluationFailure(
            self.name,
            f"The JSONata expression '{self.expression.text}' specified for the field '{self.name}' {reason}",
        )


class _Object(Struct, frozen=True):
    # Name, constant value, and what makes the value where it is not constant.
    members: tuple[tuple[str, Json, _Node | None], ...]

    def render(self, scope: Scope) -> Json:
        return {name: value if node is None else node.render(scope) for name, value, node in self.members}


class _Array(Struct, frozen=True):
    elements: tuple[tuple[Json, _Node | None], ...]

    def render(self, scope: Scope) -> Json:
        return [value if node is None else node.render(scope) for value, node in self.elements]


_Node: TypeAlias = JsonataField | _Object | _Array


class JsonataTemplate:
    """A parsed field. `variables` are the workflow's variables that it reads, `unbounded` is as in Expression."""

    __slots__ = ("_node", "_value", "field", "unbounded", "variables")

    def __init__(self, value: Json, field: str, node: _Node | None, expressions: Sequence[Expression]) -> None:
        self.field = field
        self._value = value
        self._node = node
        self.variables = frozenset(name for expression in expressions for name in expression.variables)
        self.unbounded = any(expression.unbounded for expression in expressions)

    def __repr__(self) -> str:
        return f"JsonataTemplate({self._value!r}, {self.field!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JsonataTemplate) and (other._value, other.field) == (self._value, self.field)

    def __hash__(self) -> int:
        return hash((self.field, self.variables))

    @property
    def is_constant(self) -> bool:
        """Whether it has no expression in it."""
        return self._node is None

    def render(self, scope: Scope) -> Json:
        """The value of the field. What is constant in it is shared and never copied.

        Raises EvaluationFailure, and OutOfSteps where the scope gives fewer steps than there are.
        """
        if self._node is None:
            return self._value
        try:
            return self._node.render(scope)
        except RecursionError:
            raise EvaluationFailure(self.field, f"The value of the field '{self.field}' is nested too deep") from None

    def expect(self, wanted: str, scope: Scope, or_else: str | None = None) -> Json:
        """The value, which must be of a kind (or of another): array, object, string, number, boolean or null.

        Raises EvaluationFailure and OutOfSteps. A constant is of the right kind, as the definition was checked.
        """
        value = self.render(scope)
        if kind(value) not in (wanted, or_else) and isinstance(self._node, JsonataField):
            raise self._node.failure(
                f"returned an unexpected result type. Expected '{wanted}', but was '{kind(value)}' for value: "
                f"{write_json_text(value)}"
            )
        return value

    def integer(self, low: int, high: int, scope: Scope) -> int:
        """The value as a whole number within bounds, for fields like TimeoutSeconds.

        Raises EvaluationFailure and OutOfSteps.
        """
        value = self.expect("number", scope)
        if value != value // 1:
            shown = write_json_text(value)
            raise EvaluationFailure(self.field, f"The {self._name} field cannot be parsed as an integer: {shown}")
        return int(self._within(low, high, value))

    def number(self, low: float, high: float, scope: Scope) -> float:
        """The value as a number within bounds. Raises EvaluationFailure and OutOfSteps."""
        return self._within(low, high, self.expect("number", scope))

    def _within(self, low: float, high: float, value: float) -> float:
        if low <= value <= high:
            return value
        shown = write_json_text(value)
        raise EvaluationFailure(self.field, f"{self._name} must be between {low} and {high} but was: {shown}")

    @property
    def _name(self) -> str:
        """What the field is called within its object."""
        return self.field.rpartition("/")[2]


def parse_jsonata_template(value: Json, field: str, allowed: frozenset[str] = frozenset()) -> JsonataTemplate:
    """Parse what stands in a field of a state.

    `allowed` are the members that `$states` has there beside `input` and `context`: `result`, `errorOutput`. Raises
    InvalidJsonataTemplate with all problems.
    """
    parser = _Parser(allowed)
    try:
        template = JsonataTemplate(value, field, parser.parse(value, field, ""), parser.expressions)
    except RecursionError:
        problem = ("", INVALID_EXPRESSION, f"The value of the field '{field}' is nested too deep")
        raise InvalidJsonataTemplate([problem]) from None
    if parser.problems:
        raise InvalidJsonataTemplate(parser.problems)
    return template


class _Parser:
    def __init__(self, allowed: frozenset[str]) -> None:
        self._allowed = allowed
        self.expressions: list[Expression] = []
        self.problems: list[tuple[str, str, str]] = []

    def parse(self, value: Json, field: str, where: str) -> _Node | None:
        """What makes the value, or None when it is constant."""
        if is_text(value):
            return self._expression(inner_text(value), field, where) if is_expression(value) else None
        if is_object(value):
            members = [
                (name, member, self.parse(member, f"{field}/{name}", f"{where}/{name}"))
                for name, member in value.items()
            ]
            return _Object(tuple(members)) if any(node is not None for *_, node in members) else None
        if is_array(value):
            elements = [
                (element, self.parse(element, f"{field}[{place}]", f"{where}[{place}]"))
                for place, element in enumerate(value)
            ]
            return _Array(tuple(elements)) if any(node is not None for _, node in elements) else None
        return None

    def _expression(self, text: str, field: str, where: str) -> JsonataField | None:
        try:
            expression = parse_expression(text)
        except InvalidExpression as invalid:
            self.problems.append((where, INVALID_EXPRESSION, str(invalid)))
            return None
        self.problems += [(where, UNSUPPORTED_EXPRESSION, one) for one in expression.problems(self._allowed)]
        self.expressions.append(expression)
        return JsonataField(field, expression)
