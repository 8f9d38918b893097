"""Bars: what the cases over the wire must reach, and whether they did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from statebox.asl.jsontext import Json

_VALIDATION: Final = ("rejected_definition", "accepted_definition", "validate_definition")


@dataclass(frozen=True, slots=True)
class Bar:
    """What one kind must reach: percent averaged over its categories, or cases where there is one category alone."""

    kind: str
    ok: float
    strict: float
    in_cases: bool = False


BARS: Final = (
    Bar("execution", ok=98.0, strict=95.0),
    Bar("test_state", ok=92.0, strict=0.0),
    Bar("api_error", ok=100.0, strict=90.0),
    Bar("validation", ok=31, strict=27, in_cases=True),
)


@dataclass(frozen=True, slots=True)
class Reached:
    """What one kind has reached."""

    bar: Bar
    cases: int
    ok: float
    strict: float

    @property
    def enough(self) -> bool:
        """Whether that is as much as it must be."""
        return self.ok >= self.bar.ok and self.strict >= self.bar.strict

    def __str__(self) -> str:
        unit = f" of {self.cases}" if self.bar.in_cases else " %"
        form = ".0f" if self.bar.in_cases else ".1f"
        told = f"{self.bar.kind}: ok {self.ok:{form}}{unit}, strict {self.strict:{form}}{unit} in {self.cases} cases"
        wanted = f"wanted {self.bar.ok:{form}}{unit} and {self.bar.strict:{form}}{unit}"
        return f"{'enough ' if self.enough else 'TOO FEW'} {told}; {wanted}"


def reached(results: Sequence[Mapping[str, Json]]) -> Iterator[Reached]:
    """What each kind that was run has reached; cases that were left out count for nothing."""
    for bar in BARS:
        part = [one for one in results if _kind(one) == bar.kind and "skipped" not in one]
        if part and bar.in_cases:
            yield Reached(bar, len(part), sum(one["ok"] for one in part), sum(one["ok_strict"] for one in part))
        elif part:
            yield Reached(bar, len(part), _average(part, "ok"), _average(part, "ok_strict"))


def _kind(result: Mapping[str, Json]) -> str:
    return "validation" if result["kind"] in _VALIDATION else result["kind"]


def _average(results: Sequence[Mapping[str, Json]], member: str) -> float:
    shares: list[float] = []
    for category in {one["category"] for one in results}:
        part = [one for one in results if one["category"] == category]
        shares.append(100 * sum(one[member] for one in part) / len(part))
    return sum(shares) / len(shares)
