"""Complaints: everything that is wrong with a file of cases, gathered while it is read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from statebox.asl.jsontext import Json, is_object

# As long as a machine may wait.
LONGEST_SECONDS: Final = 99_999_999


class Complaints:
    """What is wrong, as (location, words); locations as in `/cases[0]/mocks/Ask`."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    def add(self, location: str, words: str) -> None:
        """Note one."""
        self.found.append((location, words))

    def unknown(self, raw: Mapping[str, Json], location: str, known: Collection[str]) -> None:
        """Note each member that means nothing there."""
        for name in raw:
            if name not in known:
                self.add(f"{location}/{name}", f"{name} means nothing here; there are {', '.join(known)}")

    def object(self, raw: Mapping[str, Json], name: str, location: str) -> Mapping[str, Json]:
        """A member that is an object; an empty one where it is missing."""
        value: Json = raw.get(name, {})
        if is_object(value):
            return value
        self.add(f"{location}/{name}", "expected an object")
        return {}

    def text(self, raw: Mapping[str, Json], name: str, location: str) -> str | None:
        """A member that is a string; None where it is missing or null."""
        value: Json = raw.get(name)
        if value is None or isinstance(value, str):
            return value
        self.add(f"{location}/{name}", "expected a string")
        return None

    def seconds(self, raw: Mapping[str, Json], name: str, location: str) -> int | None:
        """A member that is a number of seconds, in milliseconds; None where it is missing."""
        value: Json = raw.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST_SECONDS:
            self.add(f"{location}/{name}", f"expected a number of seconds, 0 to {LONGEST_SECONDS}")
            return None
        return round(value * 1000)
