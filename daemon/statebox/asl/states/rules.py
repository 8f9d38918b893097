"""The rules of a JSONPath Choice: comparisons of a variable, and And, Or and Not of rules."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from statebox.asl.data.jsonpath import InvalidPath, NoValue, Path, parse_reference_path
from statebox.asl.data.jsonpath_filters import utf16
from statebox.asl.data.shapes import is_array, is_number, is_object, is_text
from statebox.asl.data.sources import Sources
from statebox.asl.data.timestamps import parse_timestamp
from statebox.asl.data.wildcards import Wildcards, parse_wildcards
from statebox.asl.errors import RUNTIME, Problem, StateFailure
from statebox.asl.jsontext import Json

_SCHEMA: Final = "SCHEMA_VALIDATION_FAILED"
_DEEPEST: Final = 100
# What a rule costs, and how much of a text is looked at in a step.
_STEPS: Final = 3
_LETTERS_A_STEP: Final = 512
_COMBINERS: Final = ("And", "Or", "Not")
# What only JSONata rules have.
_JSONATA: Final = ("Condition", "Output")

# A comparison of two values of its family; a value of another kind makes it false before it is asked.
_Compare: TypeAlias = Callable[[Json, Json], bool]
_RELATIONS: Final[dict[str, _Compare]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "GreaterThan": operator.gt,
    "LessThanEquals": operator.le,
    "GreaterThanEquals": operator.ge,
}


def _text(value: Json) -> Json:
    return utf16(value) if is_text(value) else None


def _number(value: Json) -> Json:
    return value if is_number(value) else None


def _boolean(value: Json) -> Json:
    return value if isinstance(value, bool) else None


def _instant(value: Json) -> Json:
    return parse_timestamp(value) if is_text(value) else None


# What each family makes of a value to compare it, None for one that is not of the family; and how a wrong operand in
# the definition is called.
_FAMILIES: Final[dict[str, tuple[Callable[[Json], Json], str]]] = {
    "String": (_text, "Expected value of type String"),
    "Numeric": (_number, "Expected value of type Number"),
    "Boolean": (_boolean, "Expected value of type Boolean"),
    "Timestamp": (_instant, "String does not match RFC3339 timestamp"),
}
_TESTS: Final[dict[str, Callable[[Json], bool]]] = {
    "IsNull": lambda value: value is None,
    "IsNumeric": is_number,
    "IsString": is_text,
    "IsBoolean": lambda value: isinstance(value, bool),
    "IsTimestamp": lambda value: _instant(value) is not None,
}
# All comparisons, in the order in which AWS lists them.
_LISTED: Final = (
    "StringEquals, IsBoolean, StringLessThan, IsNumeric, BooleanEquals, StringLessThanEqualsPath, NumericLessThan, "
    "NumericGreaterThan, NumericLessThanPath, StringMatches, TimestampLessThanEqualsPath, NumericEquals, "
    "TimestampGreaterThan, StringGreaterThanEqualsPath, TimestampGreaterThanEqualsPath, TimestampLessThanEquals, "
    "NumericLessThanEqualsPath, TimestampEquals, BooleanEqualsPath, IsTimestamp, StringLessThanEquals, "
    "NumericLessThanEquals, StringLessThanPath, TimestampGreaterThanPath, StringGreaterThan, StringGreaterThanPath, "
    "IsString, StringEqualsPath, TimestampEqualsPath, TimestampLessThan, StringGreaterThanEquals, "
    "NumericGreaterThanPath, NumericGreaterThanEquals, NumericEqualsPath, TimestampLessThanPath, IsNull, IsPresent, "
    "TimestampGreaterThanEquals, NumericGreaterThanEqualsPath"
)
COMPARISONS: Final = tuple(_LISTED.split(", "))
# What JSONata rules do not have.
JSONPATH_ONLY: Final = ("Variable", *_COMBINERS, *COMPARISONS)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One variable against an operand of its family: a value made ready to compare, or the path to one."""

    variable: Path
    family: str
    relation: str
    operand: Json | Path

    def matches(self, sources: Sources) -> bool:
        """Whether it holds. Raises StateFailure (States.Runtime) when a path leads nowhere."""
        ready, _ = _FAMILIES[self.family]
        left = ready(_read(self.variable, sources))
        right = ready(_read(self.operand, sources)) if isinstance(self.operand, Path) else self.operand
        return left is not None and right is not None and _RELATIONS[self.relation](left, right)


@dataclass(frozen=True, slots=True)
class StringMatches:
    """A variable against a text with wildcards."""

    variable: Path
    wildcards: Wildcards

    def matches(self, sources: Sources) -> bool:
        """Whether it holds. Raises StateFailure (States.Runtime) when the variable leads nowhere."""
        text = _read(self.variable, sources)
        return is_text(text) and self.wildcards.match(text)


@dataclass(frozen=True, slots=True)
class KindTest:
    """Whether a variable is of some kind, or is not."""

    variable: Path
    operator: str
    expected: bool

    def matches(self, sources: Sources) -> bool:
        """Whether it holds. Raises StateFailure (States.Runtime) when the variable leads nowhere."""
        return _TESTS[self.operator](_read(self.variable, sources)) is self.expected


@dataclass(frozen=True, slots=True)
class IsPresent:
    """Whether a variable leads anywhere, be it to null, or does not."""

    variable: Path
    expected: bool

    def matches(self, sources: Sources) -> bool:
        """Whether it holds."""
        _pay(sources)
        try:
            self.variable.read(sources)
        except NoValue:
            return not self.expected
        return self.expected


@dataclass(frozen=True, slots=True)
class And:
    """All of some rules, looked at up to the first that does not hold."""

    rules: tuple[Rule, ...]

    def matches(self, sources: Sources) -> bool:
        """Whether it holds. Raises StateFailure (States.Runtime) when a path that is looked at leads nowhere."""
        return all(rule.matches(sources) for rule in self.rules)


@dataclass(frozen=True, slots=True)
class Or:
    """One of some rules, looked at up to the first that holds."""

    rules: tuple[Rule, ...]

    def matches(self, sources: Sources) -> bool:
        """Whether it holds. Raises StateFailure (States.Runtime) when a path that is looked at leads nowhere."""
        return any(rule.matches(sources) for rule in self.rules)


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a rule."""

    rule: Rule

    def matches(self, sources: Sources) -> bool:
        """Whether it holds. Raises StateFailure (States.Runtime) when a path leads nowhere."""
        return not self.rule.matches(sources)


Rule: TypeAlias = Comparison | StringMatches | KindTest | IsPresent | And | Or | Not

# Stands for a rule that could not be read; its problems say why.
_NEVER: Final = Or(())


def parse_rule(value: Json, location: str) -> tuple[Rule, list[Problem]]:
    """Read a rule, without the fields of its place in Choices (Next, Assign), and find all that is wrong with it.

    Where there are problems, the rule is one that never holds.
    """
    problems: list[Problem] = []
    rule = _rule(value, location, problems, 1)
    return (_NEVER, problems) if problems or rule is None else (rule, problems)


def variables_of(rule: Rule) -> Iterator[str]:
    """The names of the variables that a rule reads, maybe several times."""
    match rule:
        case And(rules) | Or(rules):
            for one in rules:
                yield from variables_of(one)
        case Not(one):
            yield from variables_of(one)
        case Comparison(variable=variable, operand=operand):
            for path in (variable, operand):
                if isinstance(path, Path) and path.variable is not None:
                    yield path.variable
        case _:
            if rule.variable.variable is not None:
                yield rule.variable.variable


def _read(path: Path, sources: Sources) -> Json:
    try:
        value = path.read(sources)
    except NoValue:
        raise StateFailure(
            RUNTIME, f"Invalid path '{path.text}': The choice state's condition path references an invalid value."
        ) from None
    _pay(sources, value)
    return value


def _pay(sources: Sources, value: Json = None) -> None:
    """Pay for looking at a rule, and at a value. A state may have thousands of them, and a loop thousands of states."""
    if sources.allowance is not None:
        sources.allowance.pay(_STEPS + (len(value) // _LETTERS_A_STEP if is_text(value) else 0))


def _rule(value: Json, location: str, problems: list[Problem], depth: int) -> Rule | None:
    if not is_object(value):
        return _problem(problems, "Expected value of type [OBJECT]", location)
    if depth > _DEEPEST:
        return _problem(problems, f"Rules may be nested {_DEEPEST} deep at the most", location)
    combiners = [name for name in _COMBINERS if name in value]
    comparisons = [name for name in COMPARISONS if name in value]
    known = {"Comment", *(combiners or ["Variable"]), *([] if combiners else comparisons)}
    for name in value:
        if name in _JSONATA:
            _problem(
                problems,
                f"The QueryLanguage is set to 'JSONPath', but field '{name}' is only supported for the 'JSONata' "
                "QueryLanguage",
                location,
            )
        elif name not in known:
            _problem(problems, f"Field '{name}' is not supported", location)
    if "Condition" in value and not combiners and not comparisons and "Variable" not in value:
        return None  # it is a rule of the other language, and that was said
    if len(combiners) > 1:
        return _problem(problems, _several("Not, Or, And"), location)
    if combiners:
        return _combined(combiners[0], value[combiners[0]], f"{location}/{combiners[0]}", problems, depth)
    return _compared(value, comparisons, location, problems)


def _combined(name: str, value: Json, location: str, problems: list[Problem], depth: int) -> Rule | None:
    if name == "Not":
        rule = _rule(value, location, problems, depth + 1)
        return None if rule is None else Not(rule)
    if not is_array(value):
        return _problem(problems, "Expected value of type [ARRAY]", location)
    if not value:
        return _problem(problems, "Value cannot be empty", location)
    read = [_rule(one, f"{location}[{place}]", problems, depth + 1) for place, one in enumerate(value)]
    rules = tuple(rule for rule in read if rule is not None)
    return And(rules) if name == "And" else Or(rules)


def _compared(value: dict[str, Json], names: list[str], location: str, problems: list[Problem]) -> Rule | None:
    variable: Path | None = None
    if "Variable" in value:
        variable = _path(value["Variable"], f"{location}/Variable", problems)
    else:
        _problem(problems, "The field 'Variable' is required", location)
    if not names:
        return _problem(problems, f"This object should have only one of the following fields: [{_LISTED}]", location)
    if len(names) > 1:
        return _problem(problems, _several(_LISTED), location)
    operand, place = value[names[0]], f"{location}/{names[0]}"
    rule = _comparison(variable, names[0], operand, place, problems)
    return None if variable is None else rule


def _comparison(variable: Path | None, name: str, operand: Json, location: str, problems: list[Problem]) -> Rule | None:
    # Without a variable there is no rule, but what is wrong with the operand is told all the same.
    of = variable or parse_reference_path("$")
    if name == "StringMatches":
        if not is_text(operand):
            return _problem(problems, "Expected value of type String", location)
        wildcards = parse_wildcards(operand)
        if wildcards is None:
            return _problem(problems, "String is not a valid pattern", location)
        return StringMatches(of, wildcards)
    if name.startswith("Is"):
        if not isinstance(operand, bool):
            return _problem(problems, "Expected value of type Boolean", location)
        return IsPresent(of, operand) if name == "IsPresent" else KindTest(of, name, operand)
    family = next(family for family in _FAMILIES if name.startswith(family))
    relation = name.removeprefix(family).removesuffix("Path")
    ready, complaint = _FAMILIES[family]
    if name.endswith("Path"):
        path = _path(operand, location, problems)
        return None if path is None else Comparison(of, family, relation, path)
    value = ready(operand)
    return _problem(problems, complaint, location) if value is None else Comparison(of, family, relation, value)


def _path(value: Json, location: str, problems: list[Problem]) -> Path | None:
    if not is_text(value):
        return _problem(problems, "Expected value of type String", location)
    try:
        return parse_reference_path(value)
    except InvalidPath as invalid:
        tail = f": {invalid}" if str(invalid) else ""
        return _problem(problems, f"Value is not a Reference Path{tail}", location)


def _several(names: str) -> str:
    return f"There should only be one of the following fields: [{names}]"


def _problem(problems: list[Problem], message: str, location: str) -> None:
    problems.append(Problem(_SCHEMA, message, location))
