"""Machines: the named definitions of this daemon, and parsed definitions kept by content hash."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from statebox.asl.definition import StateMachine, parse
from statebox.asl.errors import InvalidDefinition as Invalid
from statebox.asl.jsontext import Json
from statebox.asl.variable_references import variable_references
from statebox.engine.errors import InvalidDefinition
from statebox.engine.ownership import Definition
from statebox.engine.recent import Recent

# How many parsed definitions are kept, …
_KEPT: Final = 512
# … and how much text in all they are made of: parsed, a character takes 20 to 160 bytes.
_KEPT_CHARACTERS: Final = 2 << 20
# Expressions take up to 20 µs for each character: a text longer than this is parsed on a thread, …
_LONG: Final = 4_096
# … and one longer than this first where it can be killed.
_VERY_LONG: Final = 65_536

Check = Callable[[Definition], Awaitable[None]]


class Machines:
    """Definitions by name, and the state machines they parse to.

    Of those that were used last it keeps at most `kept`, and at most `kept_characters` of text, but always one.
    """

    def __init__(self, kept: int = _KEPT, kept_characters: int = _KEPT_CHARACTERS, check: Check | None = None) -> None:
        self._check = check
        self._named: dict[str, Definition] = {}
        # By hash.
        self._parsed = Recent[StateMachine](kept, kept_characters)

    async def load(self, named: Mapping[str, str]) -> None:
        """Take these as the named definitions, all or none, without keeping others waiting.

        Raises InvalidDefinition that names the machines that are wrong, with all their problems.
        """
        taken = {name: definition_of(text) for name, text in named.items()}
        lines: list[str] = []
        problems: list[Json] = []
        for name, definition in taken.items():
            try:
                await self.prepare(definition)
            except InvalidDefinition as invalid:
                found: list[Json] = invalid.details.get("problems") or []
                problems += found
                lines += [f"{name}: {_line(problem)}" for problem in found] or [f"{name}: {invalid.message}"]
        if lines:
            message = "\n".join([*lines, "`statebox validate FILE` shows lines and columns"])
            raise InvalidDefinition(message, problems=problems)
        self._named = taken

    def named(self, name: str) -> Definition | None:
        """The definition of that name, where it has one."""
        return self._named.get(name)

    def names(self) -> list[str]:
        """The names of all machines of this daemon."""
        return sorted(self._named)

    def machine(self, definition: Definition) -> StateMachine:
        """The parsed machine. Raises InvalidDefinition with all its problems."""
        return self._parsed.get(definition.hash) or self._keep(definition, _parsed(definition))

    def takes_long(self, definition: Definition) -> bool:
        """Whether the machine is to be prepared, as parsing it here would keep everybody waiting."""
        return len(definition.text) > _LONG and definition.hash not in self._parsed

    async def prepare(self, definition: Definition) -> StateMachine:
        """The parsed machine; a long text is parsed without keeping others waiting. Raises InvalidDefinition."""
        if self.takes_long(definition):
            if self._check is not None and len(definition.text) > _VERY_LONG:
                await self._check(definition)
            return self._keep(definition, await asyncio.to_thread(_parsed, definition))
        return self.machine(definition)

    async def variable_references(self, definition: Definition) -> Mapping[str, Sequence[str]]:
        """The variables that each state of a valid definition reads, without keeping others waiting."""
        if len(definition.text) > _LONG:
            return await asyncio.to_thread(variable_references, definition.text)
        return variable_references(definition.text)

    def _keep(self, definition: Definition, machine: StateMachine) -> StateMachine:
        self._parsed.put(definition.hash, machine, len(definition.text))
        return machine


def _parsed(definition: Definition) -> StateMachine:
    try:
        return parse(definition.text)
    except Invalid as invalid:
        raise _refused(invalid) from None


def _refused(invalid: Invalid) -> InvalidDefinition:
    return InvalidDefinition(
        f"Invalid State Machine Definition: '{invalid}'",
        problems=[
            {"code": problem.code, "message": problem.message, "location": problem.location}
            for problem in invalid.problems
        ],
    )


def _line(problem: Mapping[str, Json]) -> str:
    message, location = problem["message"], problem["location"]
    # What AWS says of broken JSON ends with the place already.
    where = f" at {location}" if location and not message.endswith(location) else ""
    return f"{problem['code']}: {message}{where}"


def definition_of(text: str) -> Definition:
    """A definition under its content hash."""
    return Definition(hashlib.sha256(text.encode()).hexdigest(), text)
