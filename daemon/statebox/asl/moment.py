"""The moment: the time and the entropy that an advance is given, so that it needs no clock and no dice."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec

_SHARD_BITS: Final = 0xFFF


class Moment(msgspec.Struct, frozen=True):
    """When something happens, and the randomness it may use.

    `now_ms` is Redis time in milliseconds since the epoch. `entropy` is at least 16 random bytes, fresh for each call
    of `advance`; the same moment gives the same result, to the byte.
    """

    now_ms: int
    entropy: bytes = b""


class Dice:
    """A stream of random numbers grown from one moment's entropy."""

    __slots__ = ("_drawn", "_entropy")

    def __init__(self, entropy: bytes) -> None:
        self._entropy = entropy
        self._drawn = 0

    def bits(self, count: int) -> int:
        """Draw `count` random bits, at most 512, as an integer."""
        self._drawn += 1
        digest = hashlib.blake2b(self._entropy, salt=self._drawn.to_bytes(16, "big"), digest_size=64).digest()
        return int.from_bytes(digest, "big") >> (512 - count)

    def uuid4(self) -> UUID:
        """Draw a random UUID (version 4)."""
        return UUID(int=self.bits(128), version=4)

    def fraction(self) -> float:
        """Draw a float in [0, 1)."""
        return self.bits(53) / 9007199254740992.0


def uuid_text(bits: int, shard: int) -> str:
    """128 random bits as a uuid4 whose last 12 bits are the shard."""
    return str(UUID(int=bits & ~_SHARD_BITS | shard, version=4))


def timestamp(at_ms: int) -> str:
    """Render milliseconds since the epoch the way the context object shows times: 2026-11-23T03:25:29.899Z."""
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"
