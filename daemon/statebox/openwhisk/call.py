"""One call of an action: what a Resource comes to, and how its end is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from statebox.asl.jsontext import Json
from statebox.openwhisk.activation import Activation, is_object
from statebox.openwhisk.failures import BAD_REQUEST, Failure
from statebox.openwhisk.names import ActionName

# What the task's result is, given how the action ended.
Reading: TypeAlias = Callable[[Activation], Json]
# What the task's failure is, given what went wrong and, where the action has run, how it ended.
Naming: TypeAlias = Callable[[Failure, Activation | None], Failure]


class Mode(Enum):
    """How an action is called."""

    WAIT = "blocking; polled when it outlives the server's wait"
    SUBMIT = "not blocking; polled from the start"
    CALLBACK = "not blocking; somebody answers the task's token"
    WAIT_AND_CALLBACK = "blocking; somebody answers the task's token, unless the call fails"
    FORGET = "not blocking; done once it is accepted"


class InvalidCall(ValueError):
    """The Resource or its arguments do not say what to call; the message says why, `error` is what a Catch sees."""

    def __init__(self, message: str, error: str = BAD_REQUEST) -> None:
        super().__init__(message)
        self.error = error


def as_it_is(failure: Failure, _: Activation | None) -> Failure:
    """The failure under OpenWhisk's own names."""
    return failure


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `parameters` is always a JSON object."""

    action: ActionName
    parameters: dict[str, Json]
    mode: Mode
    reading: Reading
    naming: Naming = as_it_is


def parameters_of(value: Json) -> dict[str, Json]:
    """A value as parameters: OpenWhisk takes JSON objects only, any other value goes as {"value": …}."""
    return value if is_object(value) else {"value": value}
