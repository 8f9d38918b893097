"""Parallel: walk all branches at once, and go on with the array of their outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Self

import msgspec

from statebox.asl.execution import OnChildren
from statebox.asl.fields import Fields
from statebox.asl.history import CODES
from statebox.asl.jsontext import is_object
from statebox.asl.recovery import Catcher, Retrier, read_catch, read_retry
from statebox.asl.states.state import Allowed, Await, ScopeReader, State, Transition, Visit

_STARTED: Final = CODES["ParallelStateStarted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallel(State):
    """A Parallel state with `count` branches, kept as the machine's scopes `<name>[0]` and so on."""

    type: ClassVar[str] = "Parallel"
    has_result: ClassVar[bool] = True
    allowed: ClassVar[Allowed] = Allowed(
        both=("Next", "End", "Branches", "Assign", "Retry", "Catch"),
        jsonpath=("InputPath", "Parameters", "ResultSelector", "ResultPath", "OutputPath"),
        jsonata=("Arguments", "Output"),
    )

    count: int
    retry: tuple[Retrier, ...] = ()
    catch: tuple[Catcher, ...] = ()

    @classmethod
    def read(cls, name: str, fields: Fields, scopes: ScopeReader) -> Self:
        fields.require("Branches")
        branches = fields.array("Branches") or ()
        for place, branch in enumerate(branches):
            location = f"{fields.at('Branches')}[{place}]"
            if is_object(branch):
                scopes.read_scope(f"{name}[{place}]", fields.inside(branch, location))
            else:
                fields.problem("Expected value of type [OBJECT]", location)
        return cls(**cls.common(name, fields), count=len(branches), retry=read_retry(fields), catch=read_catch(fields))

    @property
    def recovery(self) -> tuple[tuple[Retrier, ...], tuple[Catcher, ...]]:
        return self.retry, self.catch

    def enter(self, visit: Visit) -> Transition:
        arguments = self.flow.effective_input(visit.sources())
        started = visit.write(_STARTED)
        return Await(
            OnChildren(started=started, total=self.count),
            msgspec.UNSET if arguments is visit.input else arguments,
        )

    def scope_of(self, index: int) -> str:
        """The scope that a branch walks through."""
        return f"{self.name}[{index}]"
