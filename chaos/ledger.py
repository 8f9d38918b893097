"""The ledger: what was asked for and what was acknowledged, as those who asked know it."""

from __future__ import annotations

from collections import Counter

import msgspec

from chaos.machines import KINDS, Kind, Said


class Attempt(msgspec.Struct):
    """One answer that was given: by which channel, whether it was acknowledged, or refused for good.

    `safe`: it can be told from others when it is repeated, so that a repetition must not be refused.
    """

    operation: str
    channel: str
    said: Said
    safe: bool
    early: bool = False
    acknowledged: bool = False
    # It was kept, as nothing waited for it yet.
    kept: bool = False
    refused: str | None = None
    # It went out on a channel on which nobody is told whether it arrived.
    published: bool = False
    tries: int = 0


class Life(msgspec.Struct):
    """One execution: its start, and by place the answers that were given and the continuations that were seen."""

    n: int
    kind: Kind
    name: str
    started: bool = False
    tries: int = 0
    answers: dict[str, list[Attempt]] = {}
    tokens: dict[str, str] = {}

    @property
    def id(self) -> str:
        """Its id."""
        return f"{self.kind.name}:{self.name}"


class Ledger(msgspec.Struct):
    """All that was asked for. `counts` are those that only the askers know."""

    lives: dict[str, Life] = {}
    counts: Counter[str] = msgspec.field(default_factory=Counter[str])
    # When each freeze of a daemon began and ended (ms since the epoch).
    freezes: list[tuple[int, int]] = []

    def open(self, n: int) -> Life:
        """Enter the life number n; the kinds take turns."""
        kind = KINDS[n % len(KINDS)]
        life = Life(n, kind, f"x{n}")
        self.lives[life.id] = life
        return life
