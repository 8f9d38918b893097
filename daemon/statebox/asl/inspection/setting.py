"""The setting: which state is tried, with what, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from statebox.asl.commands import InvokeTask
from statebox.asl.definition import StateMachine
from statebox.asl.errors import Problem
from statebox.asl.jsontext import Json
from statebox.asl.states.state import State

# What AWS calls a state that is tried alone.
NAME: Final = "StateName"

Status: TypeAlias = Literal["SUCCEEDED", "FAILED", "RETRIABLE", "CAUGHT_ERROR"]


class Subject(msgspec.Struct, frozen=True):
    """A state of a machine: `scope` is the key of the States object where it stands."""

    machine: StateMachine
    scope: str
    state: State


class Mocked(msgspec.Struct, frozen=True):
    """What stands for the work: its result, or (UNSET) the error that it comes to."""

    result: Json | msgspec.UnsetType = msgspec.UNSET
    error: str | None = None
    cause: str | None = None


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What a state is tried with.

    `context` is the context object; UNSET makes one up. `mock` None has the work done. `retried` counts the retries of
    the retrier that meets the error, `failed_items` the iterations of a Map that failed, `read_items` is what its
    ItemReader brings.
    """

    input: Json
    variables: Mapping[str, Json] = {}
    context: Json | msgspec.UnsetType = msgspec.UNSET
    role_arn: str | None = None
    place: str = "us-east-1:000000000000"
    mock: Mocked | None = None
    retried: int = 0
    failed_items: int | None = None
    read_items: Json | msgspec.UnsetType = msgspec.UNSET


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it; `inspection` has the steps of the data, named as in the Step Functions API."""

    status: Status
    output: Json | msgspec.UnsetType = msgspec.UNSET
    error: str | None = None
    cause: str | None = None
    next: str | None = None
    inspection: Mapping[str, Json] = {}


class Wanted(msgspec.Struct, frozen=True):
    """The state's work is to be done, until `deadline_ms` (None: it may take for ever)."""

    call: InvokeTask
    deadline_ms: int | None


class TrialRefused(Exception):
    """The request makes no sense, or more than can be tried: `code` is the error's name in the Step Functions API.

    `problems` are those of a definition that is not valid.
    """

    def __init__(self, code: str, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.problems = tuple(problems)


def invalid(message: str) -> TrialRefused:
    """The refusal of an argument."""
    return TrialRefused("ValidationException", message)
