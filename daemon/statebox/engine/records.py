"""Records: what the store tells of executions, map runs, continuations and answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from statebox.asl.events import AnyEvent
from statebox.asl.execution import Status
from statebox.engine.statepaths import StatePath


class MapRun(msgspec.Struct, frozen=True):
    """A map run as last written.

    `branch` and `event` (its MapStateStarted) say where in its execution it belongs, `uid` is the execution's. Of
    `total` children, working on `items` items, `begun` have begun; of those that ended without success `pending`, from
    the one `again` on, are still to be redriven. `executions` and `worked_on` count children and their items by status.
    """

    arn: str
    execution: str
    status: str
    branch: str
    event: int
    uid: str
    started_ms: int
    stopped_ms: int | None = None
    total: int = 0
    items: int = 0
    begun: int = 0
    concurrency: int = 0
    tolerated_count: int | None = None
    tolerated_percentage: float | None = None
    redrives: int = 0
    redriven_ms: int | None = None
    pending: int = 0
    again: int = 0
    written: int = 0
    executions: Mapping[Status, int] = {}
    worked_on: Mapping[Status, int] = {}


class Answer(msgspec.Struct, frozen=True):
    """What somebody answers to a continuation. `operation` makes a repeated request get its first reply."""

    token: str
    event: Callable[[str], AnyEvent]
    operation: str
    channel: str


class StateAnswer(msgspec.Struct, frozen=True):
    """What somebody answers to a state of an execution, by its path; the event is made of task and continuation."""

    execution: str
    path: StatePath
    event: Callable[[str, str], AnyEvent]
    operation: str
    channel: str


class Kept(msgspec.Struct, frozen=True):
    """An answer came before its state was entered, and is kept until then."""

    since_ms: int


class Continuation(msgspec.Struct, frozen=True):
    """What is known about a continuation.

    `status` is one of waiting, answered, expired, closed (the execution went on or ended without it).
    """

    token: str
    execution: str
    task: str
    state: str
    since_ms: int
    deadline_ms: int | None
    status: str
    answered_ms: int | None = None
    channel: str | None = None


class StateStanding(msgspec.Struct, frozen=True):
    """What is known about a state that is asked for by its path.

    `status` is that of its last `continuation`, where one is known; else one of kept (an answer, since `answered_ms` by
    `channel`), unanswered (it does not wait now, and nothing is kept), over (its execution has ended).
    """

    execution: str
    state: str
    status: str
    continuation: Continuation | None = None
    answered_ms: int | None = None
    channel: str | None = None


class Summary(msgspec.Struct, frozen=True):
    """One line about an execution, as listings show it."""

    id: str
    machine: str
    name: str
    status: Status
    started_ms: int
    stopped_ms: int | None
    set_aside: bool = False
    redrives: int = 0
    redriven_ms: int | None = None
    pending_redrive: bool = False
    items: int | None = None
    version: int | None = None
    alias: str | None = None


class Counts(msgspec.Struct, frozen=True):
    """How much there is: for health and metrics."""

    running: int
    suspended: int
    oldest_suspended_ms: int | None
    set_aside: int


class Purged(msgspec.Struct, frozen=True):
    """How many executions were forgotten, and where to go on (None: that was all)."""

    executions: int
    next: tuple[int, str] | None
