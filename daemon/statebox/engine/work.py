"""Work for a killable process: what it is told and what it answers, pickled between this program's own processes."""

from __future__ import annotations

import pickle
import struct
from typing import Final, TypeAlias

import msgspec

from statebox.asl.errors import Problem
from statebox.asl.events import AnyEvent, EvaluationAborted
from statebox.asl.execution import Execution
from statebox.asl.inspection.asking import Asked
from statebox.asl.inspection.setting import Verdict, Wanted
from statebox.asl.interpreter import Step
from statebox.asl.jsontext import Json
from statebox.asl.limits import Limits
from statebox.asl.moment import Moment
from statebox.engine.ownership import Definition

Happened: TypeAlias = tuple[AnyEvent | EvaluationAborted, Moment]

# In front of every pickle: its length in bytes.
LENGTH: Final = struct.Struct("<Q")
# In the memory that both see: which event is at work, counted from 0, and which of its evaluations, counted from 1.
PROGRESS: Final = struct.Struct("<II")


class Work(msgspec.Struct, frozen=True):
    """An execution of a definition, and what happens to it, each event at its moment."""

    definition: Definition
    execution: Execution
    events: tuple[Happened, ...]
    limits: Limits


class Check(msgspec.Struct, frozen=True):
    """A definition that is to be parsed, to see whether it can be."""

    definition: Definition


class Try(msgspec.Struct, frozen=True):
    """A state that is to be tried alone: the arguments of `attempt`."""

    asked: Asked
    place: str
    moment: Moment
    answer: AnyEvent | None
    limits: Limits
    aborted: str | None = None


class Done(msgspec.Struct, frozen=True):
    """The Step that came of it. Its execution holds only the branches that changed."""

    step: Step
    unchanged: bool = False


class Valid(msgspec.Struct, frozen=True):
    """The definition can be parsed in reasonable time."""


class Refused(msgspec.Struct, frozen=True):
    """The definition is refused, with these words and details."""

    message: str
    problems: Json


class Tried(msgspec.Struct, frozen=True):
    """What came of it, so far."""

    verdict: Verdict | Wanted


class Declined(msgspec.Struct, frozen=True):
    """It makes no sense: the error's name in the Step Functions API, its message, and the definition's problems."""

    code: str
    message: str
    problems: tuple[Problem, ...]


class Incomplete(msgspec.Struct, frozen=True):
    """More branches below `parent` are needed."""

    parent: str


class Faulty(msgspec.Struct, frozen=True):
    """The interpreter broke; `error` says how."""

    error: str


Request: TypeAlias = Work | Check | Try
Answer: TypeAlias = Done | Incomplete | Faulty | Valid | Refused | Tried | Declined


def packed(message: Request | Answer) -> bytes:
    """A message with its length in front."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(body)) + body


def without_unchanged(step: Step) -> Step:
    """The Step without the branches that whoever asked has already."""
    branches = {id: step.execution.branches[id] for id in step.changed}
    return msgspec.structs.replace(step, execution=msgspec.structs.replace(step.execution, branches=branches))


def with_unchanged(step: Step, before: Execution) -> Step:
    """The Step with all its branches again, those that did not change being the very same objects."""
    kept = {id: branch for id, branch in before.branches.items() if id not in step.removed}
    branches = {} if step.execution.ended else {**kept, **step.execution.branches}
    return msgspec.structs.replace(step, execution=msgspec.structs.replace(step.execution, branches=branches))
