"""The definition: JSON text -> StateMachine, or InvalidDefinition with everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from statebox.asl.data.jackson import complaint
from statebox.asl.errors import InvalidDefinition, Problem
from statebox.asl.fields import JSONATA, JSONPATH, LONGEST_SECONDS, SCHEMA, Fields, listed
from statebox.asl.jsontext import InvalidJson, Json, is_object, read_json
from statebox.asl.states.choice import Choice
from statebox.asl.states.fail import Fail
from statebox.asl.states.map import Map
from statebox.asl.states.parallel import Parallel
from statebox.asl.states.passing import Pass
from statebox.asl.states.state import State
from statebox.asl.states.succeed import Succeed
from statebox.asl.states.task import Task
from statebox.asl.states.wait import Wait
from statebox.asl.transitions import Ways, wrong_ways
from statebox.asl.variable_names import Scoped

_TYPES: Final[dict[str, type[State]]] = {
    type.type: type for type in (Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map)
}
_NO_OBJECT: Final = "Definition must be a valid JSON object"
_SOURCE_SHOWN: Final = 500
_LONGEST_NAME: Final = 80
_DEEPEST: Final = 100
TOP: Final = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """One States object: the top level, a branch of a Parallel, or the item processor of a Map."""

    start_at: str
    states: Mapping[str, State]


@dataclass(frozen=True, slots=True)
class StateMachine:
    """A parsed definition. `scopes` holds the top level under "", and each inner States object under its state's name
    (`M[]` for the item processor of the Map M, `P[0]` for the first branch of the Parallel P)."""

    scopes: Mapping[str, Scope]
    comment: str | None = None
    timeout_seconds: int | None = None


def parse(definition: str | bytes) -> StateMachine:
    """Parse a definition's JSON text. Raises InvalidDefinition with all its problems, never anything else."""
    return read(read_definition(definition))


def read(raw: Json) -> StateMachine:
    """Read a definition that is parsed JSON already. Raises InvalidDefinition."""
    if not is_object(raw):
        raise InvalidDefinition([Problem(SCHEMA, _NO_OBJECT)])
    reader = _Reader()
    # AWS takes whatever is not JSONPath for JSONata, and says so beside.
    language = JSONPATH if raw.get("QueryLanguage", JSONPATH) == JSONPATH else JSONATA
    fields = Fields(raw, "/", reader.problems, language)
    fields.refuse_unknown(("StartAt", "States", "Comment", "QueryLanguage", "TimeoutSeconds", "Version"))
    comment = fields.text("Comment")
    fields.choice("QueryLanguage", (JSONPATH, JSONATA))
    fields.choice("Version", ("1.0",))
    timeout = fields.integer("TimeoutSeconds", 1, LONGEST_SECONDS)
    reader.read_scope(TOP, fields)
    problems = [*reader.problems, *reader.shadowing(), *wrong_ways(reader.ways)]
    if problems:
        raise InvalidDefinition(problems)
    return StateMachine(reader.scopes, comment, timeout)


def read_state(raw: Json, name: str) -> StateMachine:
    """Read one state that stands alone, as a machine that begins with it: where it leads is nobody's concern.

    Raises InvalidDefinition.
    """
    if not is_object(raw):
        raise InvalidDefinition([Problem(SCHEMA, _NO_OBJECT)])
    reader = _Reader()
    reader.read_scope(TOP, Fields({"StartAt": name, "States": {name: raw}}, "/", reader.problems))
    problems = [*reader.problems, *reader.shadowing(), *wrong_ways(reader.ways[1:])]
    if problems:
        raise InvalidDefinition(problems)
    return StateMachine(reader.scopes)


def read_definition(definition: str | bytes) -> Json:
    """The JSON of a definition's text. Raises InvalidDefinition."""
    text = definition if isinstance(definition, str) else definition.decode(errors="replace")
    if not text.strip():
        raise InvalidDefinition([Problem(SCHEMA, _NO_OBJECT)])
    try:
        return read_json(definition)
    except InvalidJson as invalid:
        raise InvalidDefinition([_broken_json(text, str(invalid))]) from None


def _broken_json(text: str, why: str) -> Problem:
    """What is wrong with a text that is not JSON, in AWS's (Jackson's) words where it has any, else as it was found."""
    shown = f'"{text[:_SOURCE_SHOWN]}"'
    if len(text) > _SOURCE_SHOWN:
        shown += f"[truncated {len(text) - _SOURCE_SHOWN} chars]"
    said = complaint(text, f"(String){shown}")
    if said is None:
        return Problem("INVALID_JSON_DESCRIPTION", why)
    return Problem("INVALID_JSON_DESCRIPTION", said, said.rpartition("\n at ")[2])


class _Reader:
    """Collects scopes, names and problems while the states are read."""

    def __init__(self) -> None:
        self.scopes: dict[str, Scope] = {}
        self.problems: list[Problem] = []
        self.ways: list[Ways] = []
        self._names: set[str] = set()
        self._depth = 0
        self._variables: Scoped | None = None
        self._assignments: list[Scoped] = []

    def read_scope(self, key: str, fields: Fields) -> None:
        """Read a States object with its StartAt and keep it under `key`."""
        if key != TOP:
            fields.refuse_unknown(("StartAt", "States", "Comment", "ProcessorConfig"))
        missing = [name for name in ("States", "StartAt") if name not in fields]
        if missing:
            fields.problem(f"These fields are required: {listed(missing)}")
        start_at = fields.text("StartAt") or ""
        raw_states = fields.object("States")
        states: dict[str, State] = {}
        if raw_states is not None:
            location = "" if fields.location == "/" else fields.location
            self.ways.append(Ways(location, fields.raw.get("StartAt"), raw_states))
            if not raw_states:
                fields.problem("Value cannot be empty", fields.at("States"))
        if self._depth >= _DEEPEST:
            fields.problem(f"States may be nested {_DEEPEST} deep at the most")
            return
        self._depth += 1
        around = self._variables
        # The items of a distributed Map are executions of their own: they see no variables but theirs.
        self._variables = Scoped(None if _is_distributed(fields.raw) else around)
        self._assignments.append(self._variables)
        for name, raw in (raw_states or {}).items():
            state = self._read_state(name, raw, f"{fields.at('States')}/{name}", fields.language)
            if state is not None:
                states[name] = state
        self._variables = around
        self._depth -= 1
        self.scopes[key] = Scope(start_at, states)

    def _read_state(self, name: str, raw: Json, location: str, machine_language: str) -> State | None:
        if name in self._names:
            self.problems.append(Problem("DUPLICATE_STATE_NAME", f"Duplicate State name: {name}", location))
        self._names.add(name)
        if not is_object(raw):
            self.problems.append(Problem(SCHEMA, "Expected value of type [OBJECT]", location))
            return None
        own = raw.get("QueryLanguage", machine_language)
        fields = Fields(raw, location, self.problems, JSONPATH if own == JSONPATH else JSONATA)
        if len(name) > _LONGEST_NAME:
            fields.problem(f"State name cannot exceed {_LONGEST_NAME} characters")
        if not fields.require("Type"):
            return None
        kind = _TYPES.get(raw["Type"]) if isinstance(raw["Type"], str) else None
        if kind is None:
            fields.problem(
                f"The field 'Type' should have one of these values: [{', '.join(_TYPES)}]", fields.at("Type")
            )
            return None
        fields.text("Comment")
        fields.choice("QueryLanguage", (JSONPATH, JSONATA))
        if machine_language == JSONATA and fields.language == JSONPATH:
            fields.problem("'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine")
            return None
        if self._variables is not None:
            self.problems += self._variables.note(raw, location, fields.language)
        scopes = _Inside(self, machine_language)
        return kind.read(name, fields, scopes)

    def shadowing(self) -> Iterator[Problem]:
        """Variables that a scope around theirs assigns as well."""
        for scoped in self._assignments:
            yield from scoped.shadowing()


def _is_distributed(processor: Mapping[str, Json]) -> bool:
    config = processor.get("ProcessorConfig")
    return is_object(config) and config.get("Mode") == "DISTRIBUTED"


class _Inside:
    """Reads inner scopes: the language of a state without one of its own is the machine's, not the one around it."""

    def __init__(self, reader: _Reader, machine_language: str) -> None:
        self._reader = reader
        self._language = machine_language

    def read_scope(self, key: str, fields: Fields) -> None:
        """Read a branch or an item processor and keep it under `key`."""
        self._reader.read_scope(key, Fields(fields.raw, fields.location, fields.problems, self._language))
