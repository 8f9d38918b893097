"""Answers: what a driven run asks of the world, and what the world may say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from statebox.asl.jsontext import Json


class Asked(msgspec.Struct, frozen=True):
    """A task that wants to be done, or a continuation that waits for somebody.

    `state` is the state's name, `path` where it stands (`Review[1]/Approve`). `nth` counts from 0 how often the run has
    asked this of this state, retries and later visits included. `resource` and `arguments` are what the state says;
    of a distributed Map also `statebox:readItems` and `statebox:writeResult`. `token` is the continuation, if there is
    one. `now_ms` is virtual time.
    """

    state: str
    path: str
    nth: int
    resource: str
    arguments: Json
    token: str | None
    now_ms: int
    arn: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What comes back, so long after it was asked for; while it takes, a heartbeat may come now and then."""

    after_ms: int = 0
    heartbeat_every_ms: int | None = None


class Succeeds(Answer, frozen=True):
    """A result. For a task that is submitted first (`.sync`), `submitted` is what the submission responded."""

    output: Json
    submitted: Json = None


class Resumes(Answer, frozen=True):
    """A continuation is answered without a payload."""


class Fails(Answer, frozen=True):
    """A failure; error and cause may each be missing. `submitted` as in Succeeds."""

    error: str | None = None
    cause: str | None = None
    submitted: Json = None


class Never(Answer, frozen=True):
    """Nothing: only a deadline can end it. Heartbeats, if any, stop after `after_ms`."""


Answering: TypeAlias = Callable[[Asked], Answer]


class Unanswered(LookupError):
    """Somebody has to do a task, and the run was not told what comes of it."""


def nobody(asked: Asked) -> Answer:
    """Do no task. Raises Unanswered."""
    raise Unanswered(f"{asked.path} calls {asked.resource}, and nobody answers")


def silence(_: Asked) -> Answer:
    """Answer no continuation: each waits until its deadline."""
    return Never()
