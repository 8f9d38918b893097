"""The pace of claiming: when a daemon looks at a shard again, so that many share it and none asks in vain for long."""

from __future__ import annotations

from collections.abc import Callable
from random import random
from typing import Final

# What becomes due within so short a time is claimed together: a script for each would cost more than it finds.
_GAP_SECONDS: Final = 0.005
# Where others claim as well, each lets up to so much time pass: whoever is first takes a portion, and it is another one
# each time.
_STAGGER_SECONDS: Final = 0.01
# For how long others are believed to be there after one of them was quicker.
_CROWDED_SECONDS: Final = 10.0
# Daemons that were started together drift apart.
_SWEEP_SPREAD: Final = 0.25


class Pace:
    """One daemon's looks at one shard. Times are in seconds of a clock that only goes forwards."""

    def __init__(self, sweep_ms: int, dice: Callable[[], float] = random) -> None:
        self._sweep_seconds = sweep_ms / 1000
        self._dice = dice
        self._looked = float("-inf")
        self._crowded_until = float("-inf")

    def looked(self, now: float, *, expected: bool, found: bool) -> None:
        """It was looked. Who expected something and found nothing was too late: there are others."""
        self._looked = now
        if expected and not found:
            self._crowded_until = now + _CROWDED_SECONDS

    def until_sweep(self) -> float:
        """How long until the next look that nobody asks for: it only finds what a lost hint told of."""
        return self._sweep_seconds * (1 - _SWEEP_SPREAD * self._dice())

    def until_due(self, now: float, due_in_seconds: float) -> float:
        """How long until the next look where something is due in so many seconds."""
        return max(due_in_seconds, self._looked + _GAP_SECONDS - now) + self._stagger(now)

    def after_hint(self, now: float) -> float:
        """How long until a look because of a hint."""
        return max(0.0, self._looked + _GAP_SECONDS - now) + self._stagger(now)

    def _stagger(self, now: float) -> float:
        return _STAGGER_SECONDS * self._dice() if now < self._crowded_until else 0.0
