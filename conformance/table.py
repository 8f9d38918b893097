"""Table: how many cases of each category agree, and the averages over categories beside those of other engines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from statebox.asl.jsontext import Json

# Executions of the tier core, ok and strict in percent, averaged over categories.
_OTHERS: Final = (("LocalStack 4.14", "96.6", "96.6"), ("moto 5.2", "69.8", "-"))

# In a category of so many cases each must be ok.
_FEW: Final = 3


@dataclass(frozen=True, slots=True)
class Judged:
    """One case, what the core answered, and what the comparison says about it."""

    case: Mapping[str, Json]
    actual: Mapping[str, Json]
    result: Mapping[str, Json]

    @property
    def ok(self) -> bool:
        """Whether status, output and error agree."""
        return bool(self.result.get("ok"))

    @property
    def strict(self) -> bool:
        """Whether cause and event history agree as well."""
        return bool(self.result.get("ok_strict"))


def average(judged: Sequence[Judged]) -> tuple[float, float]:
    """The shares of ok and of strict, in percent, averaged over categories."""
    rows = list(_rows(judged))
    if not rows:
        return 0.0, 0.0
    return (
        100 * sum(ok / cases for _, cases, ok, _ in rows) / len(rows),
        100 * sum(strict / cases for _, cases, _, strict in rows) / len(rows),
    )


def executions_of(judged: Iterable[Judged], tier: str | None = None) -> list[Judged]:
    """The executions among them, of one tier or of all."""
    return [one for one in judged if one.case["kind"] == "execution" and tier in (None, one.case["tier"])]


def crowded_with_misses(judged: Sequence[Judged]) -> list[str]:
    """The categories with more cases that are not ok than one, or than none where there are few cases."""
    return [category for category, cases, ok, _ in _rows(judged) if cases - ok > (0 if cases <= _FEW else 1)]


def lines(judged: Sequence[Judged]) -> Iterator[str]:
    """The table in Markdown."""
    yield "| category | cases | ok | ok_strict |"
    yield "|---|---:|---:|---:|"
    for category, cases, ok, strict in _rows(judged):
        yield f"| {category} | {cases} | {ok} | {strict} |"
    ok, strict = sum(one.ok for one in judged), sum(one.strict for one in judged)
    yield f"| **all** | {len(judged)} | {ok} | {strict} |"
    yield ""
    yield "| averaged over categories | ok % | strict % |"
    yield "|---|---:|---:|"
    for name, part in (
        ("all of these", judged),
        ("executions", executions_of(judged)),
        ("executions, tier core", executions_of(judged, "core")),
    ):
        if part:
            yield "| {} | {:.1f} | {:.1f} |".format(name, *average(part))
    for name, their_ok, their_strict in _OTHERS:
        yield f"| {name}, executions of tier core | {their_ok} | {their_strict} |"


def _rows(judged: Sequence[Judged]) -> Iterator[tuple[str, int, int, int]]:
    for category in sorted({one.case["category"] for one in judged}):
        part = [one for one in judged if one.case["category"] == category]
        yield category, len(part), sum(one.ok for one in part), sum(one.strict for one in part)
