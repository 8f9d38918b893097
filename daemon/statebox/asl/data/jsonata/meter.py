"""How much an evaluation may take: its depth, its work counted in steps, and the size of one value."""

from __future__ import annotations

from typing import Final, NoReturn

from statebox.asl.data.jsonata.failures import DEPTH, MEMORY, TIME, LimitExceeded, OutOfSteps

# AWS accepts 100 terms of `1+1+…`, and refuses 101.
DEEPEST: Final = 100
# AWS accepts `[1..873782]` and refuses one number more; a number counts 8 bytes, a character one.
MOST_BYTES: Final = 6_990_256
BYTES_OF_A_SCALAR: Final = 8
# Three or four seconds of work. Steps are counted instead of the time, so that an evaluation always ends the same way.
MOST_STEPS: Final = 3_000_000


class Meter:
    """What one evaluation has used: `depth` of nested expressions, `steps` that are left."""

    __slots__ = ("_given", "depth", "steps")

    def __init__(self, steps: int) -> None:
        self._given = steps
        self.steps = steps
        self.depth = 0

    def enter(self) -> None:
        """One expression deeper; leaving it is `depth -= 1`. Raises LimitExceeded and OutOfSteps."""
        self.depth += 1
        self.steps -= 1
        if self.depth > DEEPEST or self.steps < 0:
            self.refuse()

    def touch(self) -> None:
        """An expression without others in it. Raises LimitExceeded and OutOfSteps."""
        self.steps -= 1
        if self.depth >= DEEPEST or self.steps < 0:
            self.refuse()

    def refuse(self) -> NoReturn:
        """Raise what is exceeded: LimitExceeded, or OutOfSteps where there would be more steps to have."""
        if self.steps >= 0:
            raise LimitExceeded(DEPTH)
        if self._given < MOST_STEPS:
            raise OutOfSteps
        raise LimitExceeded(TIME)

    def charge(self, steps: int) -> None:
        """Pay for work. Raises LimitExceeded and OutOfSteps."""
        self.steps -= steps
        if self.steps < 0:
            self.refuse()

    def array(self, length: int) -> None:
        """Pay for an array of this length, before or after it is made. Raises LimitExceeded and OutOfSteps."""
        if length * BYTES_OF_A_SCALAR > MOST_BYTES:
            raise LimitExceeded(MEMORY)
        self.charge(length >> 1)

    def text(self, length: int) -> None:
        """Pay for a string of this length, before or after it is made. Raises LimitExceeded and OutOfSteps."""
        if length > MOST_BYTES:
            raise LimitExceeded(MEMORY)
        self.charge(length >> 4)
