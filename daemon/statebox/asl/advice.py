"""Advice: what an express machine cannot have, and what a definition can have but hardly means.

Both are read off the definition as it was written, beside what makes it invalid for everybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from statebox.asl.errors import Problem
from statebox.asl.fields import JSONPATH, SCHEMA
from statebox.asl.jsontext import Json, is_array, is_object
from statebox.asl.states.resource import Pattern, read_resource

NO_DOLLAR: Final = "NO_DOLLAR"

_TEMPLATES: Final = ("Parameters", "ResultSelector", "ItemSelector", "Assign")
_PATHS: Final = ("$.", "$[", "$$.", "States.")


def express_problems(definition: Json) -> Iterator[Problem]:
    """What a machine of the type EXPRESS cannot have, although its definition is valid."""
    for location, state, _ in _states(definition):
        uri = state.get("Resource")
        resource = read_resource(uri) if state.get("Type") == "Task" and isinstance(uri, str) else None
        if resource is None:
            continue
        said = None
        if resource.family == "Activity":
            said = "Express state machine does not support Activity ARN"
        elif resource.pattern is Pattern.SYNC:
            said = "Express state machine does not support '.sync' service integration"
        elif resource.pattern in (Pattern.CALLBACK, Pattern.SUSPEND):
            # The blank at the end is AWS's.
            said = "Express state machine does not support '.waitForTaskToken' service integration "
        if said is not None:
            yield Problem(SCHEMA, said, f"{location}/Resource")


def warnings(definition: Json) -> Iterator[Problem]:
    """Texts that look like paths or intrinsic functions, where they are taken as they are."""
    for location, state, language in _states(definition):
        if language != JSONPATH:
            continue
        for field in _TEMPLATES:
            yield from _undollared(state.get(field), f"{location}/{field}")
        for entries in ("Choices", "Catch"):
            listed = state.get(entries)
            for place, entry in enumerate(listed if is_array(listed) else ()):
                if is_object(entry):
                    yield from _undollared(entry.get("Assign"), f"{location}/{entries}[{place}]/Assign")


def _undollared(value: Json, location: str) -> Iterator[Problem]:
    if is_array(value):
        for place, one in enumerate(value):
            yield from _undollared(one, f"{location}[{place}]")
    if not is_object(value):
        return
    for name, one in value.items():
        if isinstance(one, str) and not name.endswith(".$") and one.startswith(_PATHS):
            words = f"The value of the field '{name}' looks like a path or an intrinsic function, but the field's name "
            yield Problem(NO_DOLLAR, words + "does not end with '.$': it is taken as it is", f"{location}/{name}")
        else:
            yield from _undollared(one, f"{location}/{name}")


def _states(definition: Json) -> Iterator[tuple[str, Mapping[str, Json], Json]]:
    """All states, those of inner scopes among them: (location, state, query language)."""
    language = definition.get("QueryLanguage", JSONPATH) if is_object(definition) else JSONPATH
    # By hand and not by recursion, as nobody says how deep a definition goes.
    ahead = [("", definition)]
    while ahead:
        around, scope = ahead.pop()
        states = scope.get("States") if is_object(scope) else None
        for name, state in states.items() if is_object(states) else ():
            if not is_object(state):
                continue
            location = f"{around}/States/{name}"
            yield location, state, state.get("QueryLanguage", language)
            ahead += [
                (f"{location}/{field}", state[field]) for field in ("ItemProcessor", "Iterator") if field in state
            ]
            branches = state.get("Branches")
            ahead += [
                (f"{location}/Branches[{place}]", branch)
                for place, branch in enumerate(branches if is_array(branches) else ())
            ]
