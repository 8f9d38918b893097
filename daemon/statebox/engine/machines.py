"""Machines: the named definitions of this daemon, and parsed definitions kept by content hash."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from statebox.asl.definition import StateMachine, parse
from statebox.asl.errors import InvalidDefinition as Invalid
from statebox.engine.errors import InvalidDefinition, StateMachineDoesNotExist
from statebox.engine.ports import Definition

_KEPT: Final = 512


class Machines:
    """Definitions by name, and the state machines they parse to."""

    def __init__(self, named: Mapping[str, str] | None = None) -> None:
        self._named: dict[str, Definition] = {}
        self._parsed: OrderedDict[str, StateMachine] = OrderedDict()
        self.replace(named or {})

    def replace(self, named: Mapping[str, str]) -> None:
        """Take these as the named definitions, all or none. Raises InvalidDefinition that names the machine."""
        taken: dict[str, Definition] = {}
        for name, text in named.items():
            taken[name] = definition_of(text)
            self._parse(taken[name], f"{name}: ")
        self._named = taken

    def named(self, name: str) -> Definition:
        """The definition of that name. Raises StateMachineDoesNotExist."""
        if name not in self._named:
            known = ", ".join(sorted(self._named)) or "none"
            raise StateMachineDoesNotExist(f"State Machine Does Not Exist: '{name}' (known to this daemon: {known})")
        return self._named[name]

    def names(self) -> list[str]:
        """The names of all machines of this daemon."""
        return sorted(self._named)

    def machine(self, definition: Definition) -> StateMachine:
        """The parsed machine. Raises InvalidDefinition with all its problems."""
        machine = self._parsed.get(definition.hash)
        if machine is None:
            return self._parse(definition, "")
        self._parsed.move_to_end(definition.hash)
        return machine

    def _parse(self, definition: Definition, whose: str) -> StateMachine:
        try:
            machine = parse(definition.text)
        except Invalid as invalid:
            raise InvalidDefinition(
                f"{whose}Invalid State Machine Definition: '{invalid}'",
                problems=[
                    {"code": problem.code, "message": problem.message, "location": problem.location}
                    for problem in invalid.problems
                ],
            ) from None
        self._parsed[definition.hash] = machine
        while len(self._parsed) > _KEPT:
            self._parsed.popitem(last=False)
        return machine


def definition_of(text: str) -> Definition:
    """A definition under its content hash."""
    return Definition(hashlib.sha256(text.encode()).hexdigest(), text)
