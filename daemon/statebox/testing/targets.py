"""Targets: which states of a machine a case can mock or answer, and what is wrong with those that it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from statebox.asl.answers import Resumes
from statebox.asl.definition import StateMachine
from statebox.asl.states.map import Map
from statebox.asl.states.resource import Pattern
from statebox.asl.states.state import State
from statebox.asl.states.task import Task
from statebox.testing.complaints import Complaints
from statebox.testing.mocks import Mock

_WAITING: Final = (Pattern.SUSPEND, Pattern.CALLBACK)
# What follows the name of a Map or Parallel on the way to an iteration or a branch, as in Review[1]/Ask.
_STEP: Final = re.compile(r"\[(?:0|[1-9][0-9]*)\]/")
# More names are not read.
_MOST_NAMES: Final = 30


class Targets:
    """The states of a machine, all those inside of a Parallel or Map among them."""

    def __init__(self, machine: StateMachine) -> None:
        self._states: dict[str, list[State]] = {}
        # The outermost come first when names are told; a definition is read from the inside.
        for scope in reversed(list(machine.scopes.values())):
            for state in scope.states.values():
                self._states.setdefault(state.name, []).append(state)

    def check_mock(self, name: str, mock: Mock, place: str, complaints: Complaints) -> None:
        """Complain when the state calls nothing, or something that this cannot come from."""
        states = self._named(name, place, complaints)
        if states and not any(_calls(state) for state in states):
            what = "reads and writes no files" if any(isinstance(state, Map) for state in states) else "is no Task"
            complaints.add(place, f"{name} {what}: nothing is asked there")
        elif states and not any(_waits(state) for state in states) and _resumes(mock):
            complaints.add(place, f"{name} waits for no answer, so it cannot be resumed: give it Return or Throw")

    def check_answer(self, path: str, place: str, complaints: Complaints) -> None:
        """Complain when nothing waits there for an answer; `path` is a state or the way to it, as Review[1]/Ask."""
        ends = list(self._ends(path))
        name = next((end for end in ends if end in self._states), ends[-1])
        step = _STEP.search(name)
        if name not in self._states and step is not None:
            complaints.add(place, f"the machine has no Map or Parallel {name[: step.start()]}")
            return
        states = self._named(name, place, complaints)
        if states and not any(_waits(state) for state in states):
            hint = "what it returns stands under mocks" if any(_calls(state) for state in states) else "it is no Task"
            complaints.add(place, f"{name} waits for no answer: {hint}")

    def _ends(self, path: str) -> Iterator[str]:
        """What a path can end with, shorter and shorter: names may hold slashes and brackets themselves."""
        yield path
        for found in _STEP.finditer(path):
            if any(state.type in ("Map", "Parallel") for state in self._states.get(path[: found.start()], ())):
                yield from self._ends(path[found.end() :])

    def _named(self, name: str, place: str, complaints: Complaints) -> list[State]:
        states = self._states.get(name, [])
        if not states:
            names = ", ".join(list(self._states)[:_MOST_NAMES])
            more = ", ..." if len(self._states) > _MOST_NAMES else ""
            complaints.add(place, f"the machine has no state {name}; it has {names}{more}")
        return states


def _calls(state: State) -> bool:
    if isinstance(state, Map):
        run = state.distributed
        return run is not None and (run.reader is not None or run.writer is not None)
    return isinstance(state, Task)


def _waits(state: State) -> bool:
    return isinstance(state, Task) and state.resource.pattern in _WAITING


def _resumes(mock: Mock) -> bool:
    return any(isinstance(answer, Resumes) for _, _, answer in mock.turns)
