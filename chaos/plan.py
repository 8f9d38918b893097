"""The plan: what is decided before the chaos begins, all of it by the seed."""

from __future__ import annotations

from typing import Final

import msgspec

DAEMONS: Final = ("one", "two", "three")


class Plan(msgspec.Struct, frozen=True):
    """How long, how much, how hard. With `appendfsync` everysec the Valkey is not killed."""

    seed: int = 1
    seconds: float = 180
    executions: int = 2000
    lease_seconds: float = 2.0
    appendfsync: str = "always"
    # What is left must end within this time after the last fault.
    settle_seconds: float = 120

    @property
    def kills_valkey(self) -> bool:
        """Whether the Valkey is killed as well."""
        return self.appendfsync == "always"

    @property
    def pause_seconds(self) -> float:
        """How long it is from one fault to the next, on average: each kind has its turn also in a short run."""
        return max(1.0, min(3.0, self.seconds / 15))
