"""A checkup's findings: what was looked at, how it is, and what to do about it."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Level(StrEnum):
    """How good it is: `fail` does not work or loses executions, `warn` may one day or cannot be known."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(msgspec.Struct, frozen=True):
    """One line: its subject, how that is in words, and what to do where something is."""

    level: Level
    subject: str
    words: str
    remedy: str | None = None


def ok(subject: str, words: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, subject, words)


def warn(subject: str, words: str, remedy: str | None = None) -> Finding:
    """It works, but somebody should look at it."""
    return Finding(Level.WARN, subject, words, remedy)


def fail(subject: str, words: str, remedy: str | None = None) -> Finding:
    """It does not work, or not as promised."""
    return Finding(Level.FAIL, subject, words, remedy)
