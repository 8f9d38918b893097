"""Hints: what Redis tells of before anybody looks."""

from __future__ import annotations

from typing import TypeAlias

import msgspec


class Resume(msgspec.Struct, frozen=True):
    """Somebody published a message on the resume channel: a continuation, or JSON with one and its answer."""

    message: bytes


class LookNow(msgspec.Struct, frozen=True):
    """Something may be due in the shard (None: in any, as whoever says so was deaf until now)."""

    shard: int | None


class InboxFilled(msgspec.Struct, frozen=True):
    """Something was delivered to the execution."""

    id: str


class Parked(msgspec.Struct, frozen=True):
    """The execution was parked or has ended."""

    id: str


class TaskQueued(msgspec.Struct, frozen=True):
    """A task was put into the queue of this activity."""

    activity: str


Hint: TypeAlias = Resume | LookNow | InboxFilled | Parked | TaskQueued
