"""Variable names: what a name may be, and which scope may assign it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from statebox.asl.errors import Problem
from statebox.asl.fields import JSONPATH, SCHEMA
from statebox.asl.jsontext import Json, is_array, is_object

_LONGEST_NAME: Final = 80
_RESERVED: Final = "states"


@dataclass(slots=True)
class Scoped:
    """The assignments of one States object: `within` is the scope around it whose variables it can read."""

    within: Scoped | None
    assigned: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def note(self, state: Mapping[str, Json], location: str, language: str) -> Iterator[Problem]:
        """Keep which names a state assigns, and where; gives those that cannot be names."""
        for holder, at in _holders(state, location):
            assign = holder.get("Assign")
            if not is_object(assign):
                continue
            for key in assign:
                name = key.removesuffix(".$") if language == JSONPATH else key
                self.assigned.setdefault(name, []).append(f"{at}/Assign")
                if name == _RESERVED or len(name) > _LONGEST_NAME or not name.isidentifier():
                    yield Problem(SCHEMA, f"The variable name '{name}' is not valid.", f"{at}/Assign")

    def shadowing(self) -> Iterator[Problem]:
        """The assignments of names that a scope around this one assigns, wherever in it that stands."""
        for name, places in self.assigned.items():
            if self.within is not None and self.within.knows(name):
                message = f"The variable name '{name}' was already defined in a parent scope."
                yield from (Problem("DUPLICATE_VARIABLE_NAME", message, place) for place in places)

    def knows(self, name: str) -> bool:
        """Whether this scope or one around it assigns the name."""
        scope: Scoped | None = self
        while scope is not None:
            if name in scope.assigned:
                return True
            scope = scope.within
        return False


def _holders(state: Mapping[str, Json], location: str) -> Iterator[tuple[Mapping[str, Json], str]]:
    """What of a state can have an Assign: the state, its choices, its catchers."""
    yield state, location
    for name in ("Choices", "Catch"):
        entries = state.get(name)
        for place, entry in enumerate(entries if is_array(entries) else ()):
            if is_object(entry):
                yield entry, f"{location}/{name}[{place}]"
