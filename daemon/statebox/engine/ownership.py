"""Ownership: what whoever runs executions and the store hand each other: leases, checkpoints, claims."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from statebox.asl.commands import AwaitCallback
from statebox.asl.events import AnyEvent
from statebox.asl.execution import Execution
from statebox.asl.history import HistoryEvent
from statebox.asl.jsontext import Json
from statebox.engine.letters import Letter


class Lease(msgspec.Struct, frozen=True):
    """The right to write an execution: a fresh random token per claim, and the number of the last checkpoint.

    `until` is in seconds of the daemon's own CLOCK_BOOTTIME, counted from before the request was sent.
    """

    id: str
    shard: int
    token: str
    sequence: int
    until: float


class Definition(msgspec.Struct, frozen=True):
    """A definition as stored: its content hash (sha256, hex) and its JSON text."""

    hash: str
    text: str


class Checkpoint(msgspec.Struct, frozen=True):
    """All that one step changes, to be written at once.

    `changed` are the branches to write, `reloaded` those of them whose data, arguments or items changed as well,
    `removed` the branches that are over. `consumed` inbox entries are dropped. `opened` are continuations to write (or
    to give a new deadline), `closed` those that end unanswered. `deadlines` has the next deadline of each changed
    branch but the root. `stopped` are children on the same shard that nobody waits for any more. `letters` go into the
    outbox of the shard. `release` gives the lease back: the execution has ended, or is parked until the first of the
    branches' deadlines and `due_ms`, that of the root and of the execution itself (None: until somebody answers).
    """

    execution: Execution
    changed: frozenset[str] = frozenset()
    reloaded: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    history: tuple[HistoryEvent, ...] = ()
    consumed: int = 0
    opened: tuple[AwaitCallback, ...] = ()
    closed: tuple[str, ...] = ()
    deadlines: Mapping[str, int | None] = {}
    stopped: tuple[str, ...] = ()
    letters: tuple[Letter, ...] = ()
    map_runs: Mapping[str, Mapping[str, Json]] = {}
    release: bool = False
    due_ms: int | None = None


class Claimed(msgspec.Struct, frozen=True):
    """An execution that this daemon owns now, with the definition it is pinned to and its undelivered events."""

    lease: Lease
    execution: Execution
    definition: str
    inbox: tuple[AnyEvent, ...] = ()


class Started(msgspec.Struct, frozen=True):
    """The outcome of a start: `existing` when an execution of that name was there before (idempotent).

    `lease` is None then, and when the first step gave it back (parked or ended). `unwanted`: it was not started, as it
    is a map run's child that its parent does not wait for any more. `answered` are the continuations that the step
    opened and that had been answered early: what they are answered with is in the inbox, and nobody need be asked.
    """

    started_ms: int
    lease: Lease | None
    existing: bool = False
    unwanted: bool = False
    answered: frozenset[str] = frozenset()


class Ended(msgspec.Struct, frozen=True):
    """An execution as last written, with its definition, and what a redrive of it is checked against.

    `sequence` is the number of its last checkpoint, `released` says with which lease that was, `operation` is the one
    that redrove it last (empty: none).
    """

    execution: Execution
    definition: str
    sequence: int
    released: str
    operation: str


class Saved(msgspec.Struct, frozen=True):
    """The outcome of a checkpoint: the lease goes on (None: it was given back), `waiting` entries are in the inbox.

    `answered` as in Started.
    """

    lease: Lease | None
    waiting: int = 0
    answered: frozenset[str] = frozenset()


class Renewed(msgspec.Struct, frozen=True):
    """The outcome of a renewal: leases that go on, ids that were lost, ids that have something in their inbox."""

    leases: tuple[Lease, ...]
    lost: frozenset[str]
    waiting: frozenset[str]


class Claims(msgspec.Struct, frozen=True):
    """The outcome of a claim: what is owned now, and when the shard wants to be looked at again (None: never).

    `stops_left` children of map runs are still to be stopped: by the next claim, also by one of nothing.
    """

    claimed: tuple[Claimed, ...]
    next_due_ms: int | None
    set_aside: tuple[str, ...] = ()
    stops_left: int = 0
