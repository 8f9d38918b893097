"""Retry and Catch: which retrier or catcher meets a failure, and how long a retry waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from statebox.asl.data.flow import CatchFlow, read_catch_flow
from statebox.asl.data.jsonata_flow import JsonataCatchFlow
from statebox.asl.errors import (
    ALL,
    DATA_LIMIT_EXCEEDED,
    HEARTBEAT_TIMEOUT,
    RUNTIME,
    TASK_FAILED,
    TIMEOUT,
    StateFailure,
)
from statebox.asl.fields import LONGEST_SECONDS, Fields
from statebox.asl.jsontext import Json, is_array, is_object
from statebox.asl.moment import Dice

_MOST_DELAY_SECONDS: Final = 31_622_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrier:
    """One entry of Retry."""

    error_equals: frozenset[str]
    interval_seconds: int = 1
    max_attempts: int = 3
    backoff_rate: float = 2.0
    max_delay_seconds: int | None = None
    full_jitter: bool = False

    def delay_ms(self, retried: int, dice: Dice) -> int:
        """How long to wait before the next attempt, after `retried` retries by this retrier."""
        most = self.max_delay_seconds or LONGEST_SECONDS
        try:
            seconds = min(self.interval_seconds * self.backoff_rate**retried, most)
        except OverflowError:
            seconds = most
        return int(seconds * 1000 * (dice.fraction() if self.full_jitter else 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Catcher:
    """One entry of Catch."""

    error_equals: frozenset[str]
    next: str
    flow: CatchFlow | JsonataCatchFlow


def matches(error_equals: frozenset[str], failure: StateFailure) -> bool:
    """Whether a retrier or catcher with these names meets the failure."""
    error = failure.error
    if error == RUNTIME:
        return False  # AWS lets nobody catch or retry it, not even by its name
    if ALL in error_equals or error in error_equals:
        return True
    if error == HEARTBEAT_TIMEOUT:
        return TIMEOUT in error_equals
    return TASK_FAILED in error_equals and error not in (TIMEOUT, DATA_LIMIT_EXCEEDED, None)


def find_retrier(retriers: Sequence[Retrier], failure: StateFailure) -> int | None:
    """The place of the first retrier that meets the failure; whether it has attempts left is another question."""
    return next((place for place, one in enumerate(retriers) if matches(one.error_equals, failure)), None)


def find_catcher(catchers: Sequence[Catcher], failure: StateFailure) -> Catcher | None:
    """The first catcher that meets the failure."""
    return next((one for one in catchers if matches(one.error_equals, failure)), None)


def read_retry(fields: Fields) -> tuple[Retrier, ...]:
    """Read a state's Retry."""
    retriers: list[Retrier] = []
    entries = fields.array("Retry", may_be_empty=True) or ()
    for entry in _entries(fields, "Retry", entries):
        entry.refuse_unknown(
            (
                "ErrorEquals",
                "IntervalSeconds",
                "MaxAttempts",
                "BackoffRate",
                "MaxDelaySeconds",
                "JitterStrategy",
                "Comment",
            )
        )
        entry.text("Comment")
        interval = entry.integer("IntervalSeconds", 1)
        attempts = entry.integer("MaxAttempts", 0)
        rate = entry.number("BackoffRate", 1.0)
        longest = entry.integer("MaxDelaySeconds", 1, _MOST_DELAY_SECONDS)
        if longest is not None and interval is not None and longest <= interval:
            entry.problem("MaxDelaySeconds must be greater than IntervalSeconds", entry.at("MaxDelaySeconds"))
        retriers.append(
            Retrier(
                error_equals=_error_equals(entry),
                interval_seconds=1 if interval is None else interval,
                max_attempts=3 if attempts is None else attempts,
                backoff_rate=2.0 if rate is None else rate,
                max_delay_seconds=longest,
                full_jitter=entry.choice("JitterStrategy", ("FULL", "NONE")) == "FULL",
            )
        )
    _all_stands_alone_and_last(fields, "Retry", entries)
    return tuple(retriers)


def read_catch(fields: Fields) -> tuple[Catcher, ...]:
    """Read a state's Catch."""
    catchers: list[Catcher] = []
    entries = fields.array("Catch", may_be_empty=True) or ()
    for entry in _entries(fields, "Catch", entries):
        entry.require("Next")
        entry.text("Comment")
        catchers.append(
            Catcher(
                error_equals=_error_equals(entry),
                next=entry.text("Next") or "",
                flow=read_catch_flow(entry, ("ErrorEquals", "Next", "Comment")),
            )
        )
    _all_stands_alone_and_last(fields, "Catch", entries)
    return tuple(catchers)


def _entries(fields: Fields, name: str, entries: Sequence[Json]) -> list[Fields]:
    read: list[Fields] = []
    for place, raw in enumerate(entries):
        location = f"{fields.at(name)}[{place}]"
        if is_object(raw):
            read.append(fields.inside(raw, location))
        else:
            fields.problem("Expected value of type [OBJECT]", location)
    return read


def _error_equals(entry: Fields) -> frozenset[str]:
    entry.require("ErrorEquals")
    names: list[str] = []
    for place, name in enumerate(entry.array("ErrorEquals") or ()):
        if isinstance(name, str):
            names.append(name)
        else:
            entry.problem("Expected value of type [STRING]", f"{entry.at('ErrorEquals')}[{place}]")
    return frozenset(names)


def _all_stands_alone_and_last(fields: Fields, name: str, entries: Sequence[Json]) -> None:
    for place, raw in enumerate(entries):
        names = raw.get("ErrorEquals") if is_object(raw) else None
        if is_array(names) and ALL in names and (len(names) > 1 or place < len(entries) - 1):
            fields.problem("States.ALL must appear alone and at end of list", f"{fields.at(name)}[{place}]/ErrorEquals")
