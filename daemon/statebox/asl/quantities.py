"""Quantities: numbers of a state that stand in the definition, or that a path reads when the state is entered."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from statebox.asl.data.flow import read_or_fail
from statebox.asl.data.jsonata.templates import JsonataTemplate
from statebox.asl.data.jsonata_flow import scope_of
from statebox.asl.data.jsonpath import Path
from statebox.asl.data.sources import Sources
from statebox.asl.errors import RUNTIME, StateFailure
from statebox.asl.fields import LONGEST_SECONDS, Fields
from statebox.asl.jsontext import Json, write_json_text

_INTEGER: Final = re.compile(r"-?\d{1,18}\Z", re.ASCII)
_DECIMAL: Final = re.compile(r"-?\d{1,18}(\.\d{1,18})?\Z", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A number: `value` as the definition says it, or what `path` reads. `low` and `high` bound it."""

    field: str
    low: float
    high: float
    whole: bool = True
    value: float | None = None
    path: Path | None = None
    expression: JsonataTemplate | None = None

    def resolve(self, sources: Sources) -> float | None:
        """The number, None where the state does not say. Raises StateFailure in AWS's words."""
        if self.expression is not None:
            scope = scope_of(sources)
            if self.whole:
                most = int(self.high) if math.isfinite(self.high) else LONGEST_SECONDS
                return self.expression.integer(int(self.low), most, scope)
            return self.expression.number(self.low, self.high, scope)
        if self.path is None:
            return self.value
        found = read_or_fail(self.path, sources)
        number = _number(found, self.whole)
        if number is None:
            text = found if isinstance(found, str) else write_json_text(found)
            kind = "integer" if self.whole else "float"
            raise StateFailure(
                RUNTIME,
                f'The {self.field}Path field refers to value "{text}" which is not a valid {kind}: {self.path.text}',
            )
        if math.isfinite(self.high) and self.high == 100:
            if not self.low <= number <= self.high:
                raise StateFailure(RUNTIME, f"{self.field} must be between 0 and 100.")
        elif number < self.low:
            word = "cannot be negative" if self.low == 0 else "must be positive"
            raise StateFailure(RUNTIME, f"{self.field} {word}.")
        return min(number, self.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seconds:
    """A time-out of a Task: `value` as the definition says it, or what `path` reads."""

    field: str
    value: int | None = None
    path: Path | None = None
    expression: JsonataTemplate | None = None

    def resolve(self, sources: Sources) -> int | None:
        """Whole seconds, None where the state does not say. Raises StateFailure."""
        if self.expression is not None:
            return self.expression.integer(0, LONGEST_SECONDS, scope_of(sources))
        if self.path is None:
            return self.value
        found = read_or_fail(self.path, sources)
        if isinstance(found, bool) or not isinstance(found, int) or not 0 < found <= LONGEST_SECONDS:
            raise StateFailure(
                RUNTIME,
                f"The {self.field}Path parameter must reference an integer from 1 to {LONGEST_SECONDS}: "
                f"{self.path.text} == {write_json_text(found)}",
            )
        return found


def read_quantity(
    fields: Fields,
    field: str,
    *,
    low: float = 0,
    high: float = math.inf,
    whole: bool = True,
    inside: str = "",
    negative: bool = False,
) -> Quantity | None:
    """Read `field` or `<field>Path`; None where neither is there.

    `inside` is where in the state it stands. A path may lead to a `negative` number where that is said.
    """
    name = fields.only_one(f"{field}Path", field)
    if name is None:
        return None
    if fields.holds_expression(field):
        return Quantity(
            field=field, low=low, high=high, whole=whole, expression=fields.expression(field, inside + field)
        )
    if name == field:
        value = (
            fields.integer(field, int(low), int(high) if math.isfinite(high) else LONGEST_SECONDS) if whole else None
        )
        return Quantity(
            field=field,
            low=low,
            high=high,
            whole=whole,
            value=value if whole else fields.number(field, float(low), float(high)),
        )
    path = fields.reference_path(name, ("input", "variable"))
    return Quantity(field=field, low=-math.inf if negative else low, high=high, whole=whole, path=path)


def read_seconds(fields: Fields, field: str) -> Seconds:
    """Read TimeoutSeconds or HeartbeatSeconds, or its path."""
    fields.only_one(f"{field}Path", field)
    if fields.holds_expression(field):
        return Seconds(field=field, expression=fields.expression(field))
    path = fields.reference_path(f"{field}Path", ("input", "context", "variable"))
    return Seconds(field=field, value=fields.integer(field, 1), path=path)


def _number(found: Json, whole: bool) -> float | None:
    if isinstance(found, str):
        if not (_INTEGER if whole else _DECIMAL).match(found):
            return None
        return int(found) if whole else float(found)
    if isinstance(found, bool) or not isinstance(found, int if whole else int | float):
        return None
    return found
