"""Variables: what all of an execution's variables together take, counted as they come and go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from statebox.asl.errors import DATA_LIMIT_EXCEEDED, StateFailure
from statebox.asl.jsontext import Json, write_json
from statebox.asl.limits import Limits


class Variables:
    """The count during one advance: only what is assigned, replaced or forgotten is measured, and never the rest."""

    __slots__ = ("_most", "bytes")

    def __init__(self, bytes: int, limits: Limits) -> None:
        self.bytes = bytes
        self._most = limits.variables_bytes

    def check(self, known: Mapping[str, Json], assigned: Mapping[str, Json]) -> None:
        """Raise StateFailure when an assignment in a scope would make all of the execution's variables too large."""
        size = self._after(known, assigned) if self._most else 0
        if size > self._most:
            raise StateFailure(
                DATA_LIMIT_EXCEEDED,
                f"The variables of the execution would take {size} bytes, more than the maximum of {self._most} bytes.",
            )

    def assign(self, known: Mapping[str, Json], assigned: Mapping[str, Json]) -> Mapping[str, Json]:
        """A scope's variables after an assignment."""
        self.bytes = self._after(known, assigned)
        return {**known, **assigned}

    def forget(self, scopes: Iterable[Mapping[str, Json]]) -> None:
        """The variables of these scopes are gone."""
        # No variables, no work: most machines assign none.
        if self.bytes:
            self.bytes -= sum(bytes_of(scope) for scope in scopes if scope)

    def _after(self, known: Mapping[str, Json], assigned: Mapping[str, Json]) -> int:
        replaced = {name: known[name] for name in assigned if name in known}
        return self.bytes + bytes_of(assigned) - bytes_of(replaced)


def bytes_of(variables: Mapping[str, Json]) -> int:
    """How much variables take: their names, and their values as compact JSON in UTF-8."""
    # Quotes, colon and comma stand around each, so that the sum is the same however the variables are grouped.
    return len(write_json(variables)) - 1 - 4 * len(variables) if variables else 0
