"""At work: one visit of a line to a state, as the state sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec

from statebox.asl.context import context_object
from statebox.asl.data.allowance import Allowance
from statebox.asl.data.sources import Sources
from statebox.asl.execution import ELSEWHERE, ROOT, Execution, OnChildren, OnTask
from statebox.asl.history import CODES
from statebox.asl.jsontext import Json
from statebox.asl.lines import DataNeeded, Line
from statebox.asl.moment import Dice, uuid_text
from statebox.asl.states.map import Map
from statebox.asl.states.resource import WRITE_RESULT
from statebox.asl.states.state import State

RUNNING: Final = "RUNNING"
_RUN_STARTED: Final = CODES["MapRunStarted"]
_RUN_SUCCEEDED: Final = CODES["MapRunSucceeded"]
_RUN_ENDED: Final = {_RUN_SUCCEEDED: "SUCCEEDED", CODES["MapRunFailed"]: "FAILED"}


class Surroundings(Protocol):
    """What a visit needs of the step that it is part of."""

    before: Execution
    now_ms: int
    dice: Dice
    allowance: Allowance | None
    response: Json | msgspec.UnsetType

    def write(self, previous: int, code: int, *values: Json) -> int:
        """Write a history event; returns its id."""
        ...

    def check(self, payload: Json, whose: str) -> None:
        """Raise StateFailure when a payload is larger or deeper than it may be."""
        ...

    def tell_of_run(self, map_run: str, **told: Json) -> None:
        """Note what is new about a map run."""
        ...

    def visible(self, line: Line) -> Mapping[str, Json]:
        """The variables that a line's state can read."""
        ...

    def item_of(self, line: Line) -> tuple[int, Json, str | None] | None:
        """The map item that a line works on, as (index, value, key)."""
        ...


class AtWork:
    """One visit of a line to a state, as the state sees it (the protocol states.state.Visit)."""

    __slots__ = ("_copy", "_line", "_plain", "_run", "_state")

    def __init__(self, copy: Surroundings, line: Line, state: State) -> None:
        self._copy = copy
        self._line = line
        self._state = state
        # What most states ask for twice, on the way in and on the way out.
        self._plain: Sources | None = None
        # The map run that was begun in this visit.
        self._run: str | None = None

    @property
    def input(self) -> Json:
        """The state's raw input."""
        return self._line.data

    @property
    def given(self) -> Json:
        """What the state's work was given: the evaluated arguments."""
        return self._line.given

    @property
    def now_ms(self) -> int:
        """The moment's time."""
        return self._copy.now_ms

    @property
    def entered(self) -> int:
        """The id of the state's Entered event."""
        return self._line.entered

    @property
    def last(self) -> int:
        """The id of the event that the next one points back to."""
        return self._line.last

    @property
    def seed(self) -> bool:
        """Whether the execution was started through the seed's contract."""
        return self._copy.before.seed

    @property
    def region(self) -> str:
        """The region that the execution's ARN names."""
        return self._copy.before.arn.split(":", 4)[3]

    def sources(self, token: str | None = None) -> Sources:
        """What paths read from, with the raw input as `$`."""
        if token is not None:
            return self._sources(token, None)
        if self._plain is None:
            self._plain = self._sources(None, None)
        return self._plain

    def item_sources(self, index: int, item: Json, key: str | None = None) -> Sources:
        """The same with Map.Item in the context object."""
        return self._sources(None, (index, item, key))

    def write(self, code: int, *values: Json) -> int:
        """Write a history event that the next one points back to."""
        self._tell_of_run(code, values)
        self._line.last = self._copy.write(self._line.last, code, *values)
        return self._line.last

    def note(self, code: int, previous: int, *values: Json) -> int:
        """Write a history event that the next one does not point back to."""
        self._tell_of_run(code, values)
        return self._copy.write(previous, code, *values)

    def point_back_to(self, event: int) -> None:
        """Let the next event point back to this one."""
        self._line.last = event

    def new_token(self) -> str:
        """Draw a continuation id: a uuid4 whose last 12 bits are the shard."""
        return uuid_text(self._copy.dice.bits(128), self._copy.before.shard)

    def map_run_arn(self, label: str, started: int) -> str:
        """The ARN of the map run that began with a MapStateStarted: the same for everyone who asks."""
        execution = self._copy.before
        place = execution.arn.split(":execution:", 1)[0]
        # It carries its shard, as continuations do, so that it is found by its ARN alone.
        unique = uuid_text(Dice(f"{execution.uid} {started}".encode()).bits(128), execution.shard)
        return f"{place}:mapRun:{execution.machine}/{label}:{unique}"

    def check(self, payload: Json, whose: str) -> None:
        """Raise StateFailure when a payload is larger or deeper than it may be."""
        self._copy.check(payload, whose)

    def respond(self, response: Json) -> None:
        """Answer whoever started the execution through the seed's contract."""
        self._copy.response = response

    @property
    def run(self) -> str | None:
        """The ARN of the map run that its Map is at."""
        state, waiting = self._state, self._line.waiting
        match waiting:
            case OnChildren(map_run=map_run) if map_run:
                return map_run
            case OnTask(event=event) if isinstance(state, Map) and state.distributed is not None:
                return self.map_run_arn(state.distributed.label, event - 1)
            case _:
                return self._run

    def _tell_of_run(self, code: int, values: Sequence[Json]) -> None:
        """Of the events that a Map writes, those of its run tell how that is doing."""
        copy, line = self._copy, self._line
        if code == _RUN_STARTED:
            self._run = values[0]
            copy.tell_of_run(
                values[0],
                arn=values[0],
                status=RUNNING,
                started_ms=copy.now_ms,
                branch=line.id,
                event=line.last,
                uid=copy.before.uid,
            )
        elif code in _RUN_ENDED and (run := self.run) is not None:
            copy.tell_of_run(run, status=_RUN_ENDED[code], stopped_ms=copy.now_ms)
            waiting = line.waiting
            if isinstance(waiting, OnTask) and waiting.resource == WRITE_RESULT and code == _RUN_SUCCEEDED:
                copy.tell_of_run(run, written=1)

    def _sources(self, token: str | None, item: tuple[int, Json, str | None] | None) -> Sources:
        copy, line, state = self._copy, self._line, self._state

        def context() -> Json:
            retries = None
            if state.type in ("Task", "Parallel", "Map"):
                retries = sum(line.retried)
            known = item if item is not None else copy.item_of(line)
            if copy.before.input is ELSEWHERE:
                raise DataNeeded(ROOT)
            return context_object(copy.before, state.name, line.entered_ms, retries, token, known)

        return Sources(line.data, context, copy.visible(line), copy.now_ms, copy.dice, copy.allowance)
