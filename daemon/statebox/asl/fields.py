"""Typed reads from a definition's JSON object, gathering every problem with AWS's wording and its location."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, TypeVar

from statebox.asl.data.jsonata.expressions import is_expression
from statebox.asl.data.jsonata.templates import (
    InvalidJsonataTemplate,
    JsonataTemplate,
    parse_jsonata_template,
)
from statebox.asl.data.jsonpath import InvalidPath, Path, parse_path, parse_reference_path
from statebox.asl.data.templates import InvalidTemplate, Template, parse_template
from statebox.asl.data.timestamps import parse_timestamp
from statebox.asl.errors import Problem
from statebox.asl.jsontext import Json, is_array, is_object

JSONPATH: Final = "JSONPath"
JSONATA: Final = "JSONata"
SCHEMA: Final = "SCHEMA_VALIDATION_FAILED"
LONGEST_SECONDS: Final = 99_999_999

_T = TypeVar("_T")


class Fields:
    """One JSON object of a definition. Reads give a usable value (or None) and note what is wrong on the way."""

    def __init__(
        self, raw: Mapping[str, Json], location: str, problems: list[Problem], language: str = JSONPATH
    ) -> None:
        self.raw = raw
        self.location = location
        self.problems = problems
        self.language = language

    def inside(self, raw: Mapping[str, Json], location: str) -> Fields:
        """An object inside of this one, in the same query language."""
        return Fields(raw, location, self.problems, self.language)

    def without(self, names: Collection[str]) -> Fields:
        """The same object without some fields."""
        if not any(name in self.raw for name in names):
            return self
        return self.inside({name: value for name, value in self.raw.items() if name not in names}, self.location)

    def __contains__(self, name: str) -> bool:
        return name in self.raw

    def at(self, name: str) -> str:
        """The location of a field."""
        return f"{self.location}/{name}" if self.location != "/" else f"/{name}"

    def problem(self, message: str, location: str | None = None, code: str = SCHEMA) -> None:
        """Note a finding, here unless another location is given."""
        self.problems.append(Problem(code, message, self.location if location is None else location))

    def refuse_unknown(self, known: Collection[str], foreign: Collection[str] = ()) -> None:
        """Note each field that this object cannot have; `foreign` ones it has in the other query language."""
        other = JSONPATH if self.language == JSONATA else JSONATA
        for name in self.raw:
            if name in known:
                continue
            if name in foreign:
                self.problem(
                    f"The QueryLanguage is set to '{self.language}', but field '{name}' is only supported for the "
                    f"'{other}' QueryLanguage"
                )
            else:
                self.problem(f"Field '{name}' is not supported")

    def only_one(self, *names: str, required: bool = False) -> str | None:
        """The one field of the group that is there; several, or none where one is required, are a problem."""
        present = [name for name in names if name in self.raw]
        if len(present) > 1:
            self.problem(f"There should only be one of the following fields: {listed(names)}")
        elif required and not present:
            self.problem(f"This object should have only one of the following fields: {listed(names)}")
        return present[0] if present else None

    def require(self, name: str) -> bool:
        """Whether the field is there; a problem where it is not."""
        if name in self.raw:
            return True
        self.problem(f"The field '{name}' is required")
        return False

    def text(self, name: str) -> str | None:
        """A string."""
        return self._typed(name, str, "STRING")

    def boolean(self, name: str) -> bool | None:
        """true or false."""
        return self._typed(name, bool, "BOOLEAN")

    def object(self, name: str) -> Mapping[str, Json] | None:
        """A JSON object."""
        value = self.raw.get(name)
        if name in self.raw and not is_object(value):
            self.problem("Expected value of type [OBJECT]", self.at(name))
            return None
        return value

    def array(self, name: str, may_be_empty: bool = False) -> Sequence[Json] | None:
        """A JSON array."""
        if name not in self.raw:
            return None
        value = self.raw[name]
        if not is_array(value):
            self.problem("Expected value of type [ARRAY]", self.at(name))
        elif not value and not may_be_empty:
            self.problem("Value cannot be empty", self.at(name))
        else:
            return value
        return None

    def choice(self, name: str, allowed: Sequence[str]) -> str | None:
        """One of several words."""
        value = self.raw.get(name)
        if name in self.raw and value not in allowed:
            self.problem(f"Value should be one of the following: [{', '.join(allowed)}]", self.at(name))
            return None
        return value

    def integer(self, name: str, low: int, high: int = LONGEST_SECONDS) -> int | None:
        """A whole number within bounds."""
        if name not in self.raw:
            return None
        value = self.raw[name]
        if isinstance(value, bool) or not isinstance(value, int):
            self.problem("Expected value of type Integer", self.at(name))
            return None
        return value if self._within(name, value, low, high) else None

    def number(self, name: str, low: float, high: float = math.inf) -> float | None:
        """A number within bounds."""
        if name not in self.raw:
            return None
        value = self.raw[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.problem("Expected value of type Number", self.at(name))
            return None
        return float(value) if self._within(name, value, float(low), float(high)) else None

    def timestamp(self, name: str) -> int | None:
        """An RFC 3339 timestamp, as milliseconds since the epoch."""
        text = self.text(name)
        if text is None:
            return None
        at_ms = milliseconds_of(text)
        if at_ms is None:
            self.problem("String does not match RFC3339 timestamp", self.at(name))
        return at_ms

    def path(self, name: str) -> Path | None:
        """A path; None also where the field is absent (look with `in` where null means something)."""
        return self._path(name, parse_path, "Value must be a valid JSONPath.")

    def reference_path(self, name: str, roots: Collection[str] = ("input",)) -> Path | None:
        """A reference path, of `$` unless other roots are allowed."""
        path = self._path(name, parse_reference_path, "Value is not a Reference Path")
        if path is not None and path.root not in roots:
            self.problem("Value is not a Reference Path", self.at(name))
            return None
        return path

    def template(self, name: str) -> Template | None:
        """A payload template."""
        if name not in self.raw:
            return None
        try:
            return parse_template(self.raw[name], name)
        except InvalidTemplate as invalid:
            for where, message in invalid.problems:
                self.problem(message, self.at(name) + where)
            return None

    def jsonata(
        self, name: str, members: frozenset[str] = frozenset(), field: str | None = None
    ) -> JsonataTemplate | None:
        """Any JSON with expressions in it; `members` are those of `$states` beside input and context.

        `field` is how messages call it, where that is not its name.
        """
        if name not in self.raw:
            return None
        try:
            return parse_jsonata_template(self.raw[name], field or name, members)
        except InvalidJsonataTemplate as invalid:
            for where, code, message in invalid.problems:
                self.problem(message, self.at(name) + where, code)
            return None

    def payload(self, name: str, field: str | None = None) -> Template | JsonataTemplate | None:
        """A payload template in the object's query language; `field` is how messages call it in JSONata."""
        return self.jsonata(name, field=field) if self.language == JSONATA else self.template(name)

    def expression(self, name: str, field: str | None = None) -> JsonataTemplate | None:
        """A field that holds an expression; None where it holds something else, or in JSONPath."""
        return self.jsonata(name, field=field) if self.holds_expression(name) else None

    def holds_expression(self, name: str) -> bool:
        """Whether a field holds an expression, be it a valid one or not."""
        value = self.raw.get(name)
        return self.language == JSONATA and isinstance(value, str) and is_expression(value)

    def _path(self, name: str, parse: Callable[[str], Path], complaint: str) -> Path | None:
        if self.raw.get(name) is None:
            return None
        text = self.text(name)
        if text is None:
            return None
        try:
            return parse(text)
        except InvalidPath as invalid:
            tail = str(invalid)
            self.problem(f"{complaint}: {tail}" if tail else complaint, self.at(name))
            return None

    def _typed(self, name: str, type: type[_T], word: str) -> _T | None:
        if name not in self.raw:
            return None
        value = self.raw[name]
        if not isinstance(value, type):
            self.problem(f"Expected value of type [{word}]", self.at(name))
            return None
        return value

    def _within(self, name: str, value: float, low: float, high: float) -> bool:
        if value < low:
            self.problem(f"Minimum value is {low}", self.at(name))
        elif value > high:
            self.problem(f"Maximum value is {high}", self.at(name))
        else:
            return True
        return False


def listed(names: Sequence[str]) -> str:
    """A few names as AWS lists them: in the order in which Java iterates over a HashSet of them."""

    def bucket(name: str) -> int:
        code = 0
        for character in name:
            code = (31 * code + ord(character)) & 0xFFFFFFFF
        return (code ^ code >> 16) & 15

    return f"[{', '.join(sorted(names, key=bucket))}]"


def milliseconds_of(text: str) -> int | None:
    """An RFC 3339 timestamp as milliseconds since the epoch, rounded up so that nothing fires early; else None."""
    nanoseconds = parse_timestamp(text)
    return None if nanoseconds is None else -(-nanoseconds // 1_000_000)
