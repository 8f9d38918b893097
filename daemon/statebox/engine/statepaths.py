"""Paths of states: how people name a state of an execution, `Ask`, or `Review[1]/Ask` inside of a Parallel or Map."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from statebox.asl.execution import ROOT
from statebox.engine.errors import ValidationException

_LONGEST: Final = 1024
_BELOW: Final = re.compile(r"\[(0|[1-9][0-9]*)\]/")


class StatePath(msgspec.Struct, frozen=True):
    """A path as it is written, the states that it names from the outermost on, and the branch that each stands in.

    A state whose own name has `[1]/` in it is found in no branch that waits; what is kept for it is used all the same.
    """

    text: str
    states: tuple[str, ...]
    branches: tuple[str, ...]

    @property
    def branch(self) -> str:
        """The branch of the state itself."""
        return self.branches[-1]


def read_state_path(text: str) -> StatePath:
    """Read a path. Raises ValidationException."""
    parts = _BELOW.split(text)
    states = tuple(parts[::2])
    if len(text) > _LONGEST or not all(states):
        raise ValidationException(
            f"A state is named as `Ask`, or as `Review[1]/Ask` inside of others, in at most {_LONGEST} characters,"
            f" but not as {text[:100]!r}"
        )
    branches = [ROOT]
    for index in parts[1::2]:
        branches.append(f"{branches[-1]}.{index}")
    return StatePath(text, states, tuple(branches))
