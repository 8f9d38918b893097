"""Transitions: targets that do not exist, states that nothing leads to, and scopes that cannot end.

They are read off the definition as it was written, as AWS does: a state that is wrong in itself is still somewhere one
can go to, and still leads on or ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from statebox.asl.errors import Problem
from statebox.asl.jsontext import Json, is_array, is_object

_MISSING_TARGET: Final = "MISSING_TRANSITION_TARGET"
_ENDING_TYPES: Final = ("Succeed", "Fail")


@dataclass(frozen=True, slots=True)
class Ways:
    """One States object as it was written; `location` is "" for the top level."""

    location: str
    start_at: Json
    states: Mapping[str, Json]

    def dangling(self) -> Iterator[Problem]:
        """Targets that do not exist."""
        if isinstance(self.start_at, str):
            yield from self._missing(self.start_at, "StartAt")
        for name, state in self.states.items():
            for field, target in _targets(state):
                yield from self._missing(target, f"States/{name}/{field}")

    def dead_ends(self) -> Iterator[Problem]:
        """That nothing ends it, or else the states that nothing leads to."""
        if not any(_ends(state) for state in self.states.values()):
            yield Problem("MISSING_END_STATE", "Workflow has no terminal state")
            return
        if not isinstance(self.start_at, str):
            return
        reached: set[str] = set()
        ahead = [self.start_at]
        while ahead:
            name = ahead.pop()
            if name in self.states and name not in reached:
                reached.add(name)
                ahead.extend(target for _, target in _targets(self.states[name]))
        for name in self.states:
            if name not in reached:
                yield Problem(_MISSING_TARGET, f'State "{name}" is not reachable.', f"{self.location}/States/{name}")

    def _missing(self, target: str, field: str) -> Iterator[Problem]:
        if target not in self.states:
            yield Problem(_MISSING_TARGET, f"Missing 'Next' target: {target}", f"{self.location}/{field}")


def wrong_ways(scopes: Sequence[Ways]) -> Iterator[Problem]:
    """What is wrong with the transitions of all scopes: first the targets, then the ends."""
    for ways in scopes:
        yield from ways.dangling()
    for ways in scopes:
        yield from ways.dead_ends()


def _targets(state: Json) -> Iterator[tuple[str, str]]:
    """Where a state can go: (field, state name)."""
    if not is_object(state):
        return
    yield from _target(state, "Next", "")
    for field in ("Choices", "Catch"):
        entries = state.get(field)
        for place, entry in enumerate(entries if is_array(entries) else ()):
            yield from _target(entry, "Next", f"{field}[{place}]/")
    yield from _target(state, "Default", "")


def _target(holder: Json, field: str, where: str) -> Iterator[tuple[str, str]]:
    target = holder.get(field) if is_object(holder) else None
    if isinstance(target, str):
        yield where + field, target


def _ends(state: Json) -> bool:
    # What is no state at all is a problem of its own.
    return not is_object(state) or state.get("End") is True or state.get("Type") in _ENDING_TYPES
