"""java.util.Random: seeded random numbers must be the ones that Step Functions draws."""

from __future__ import annotations

from typing import Final

_MULTIPLIER: Final = 0x5DEECE66D
_MASK: Final = (1 << 48) - 1
_INT_LIMIT: Final = 1 << 31


class JavaRandom:
    """The linear congruential generator of java.util.Random, with a seed of any size (64 bits of it count)."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = (seed ^ _MULTIPLIER) & _MASK

    def below(self, bound: int) -> int:
        """Draw an integer in [0, bound): `nextInt(bound)`, and of two words where the bound takes more than 31 bits."""
        if bound > _INT_LIMIT:
            return ((self._bits(32) << 32) + self._bits(32)) % bound
        if bound & (bound - 1) == 0:
            return (bound * self._bits(31)) >> 31
        while True:
            drawn = self._bits(31)
            if drawn - drawn % bound + bound <= _INT_LIMIT:
                return drawn % bound

    def fraction(self) -> float:
        """Draw a float in [0, 1): `nextDouble()`."""
        return ((self._bits(26) << 27) + self._bits(27)) / 9007199254740992.0

    def _bits(self, count: int) -> int:
        self._state = (self._state * _MULTIPLIER + 0xB) & _MASK
        return self._state >> (48 - count)
