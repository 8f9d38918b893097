"""What one measurement says, whoever made it: a contestant's own process or the load generator."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Outcome(msgspec.Struct, frozen=True):
    """So many in so many seconds; latencies in ms; `cpu_seconds` of the process that measured."""

    count: int
    seconds: float
    p50_ms: float
    p99_ms: float
    cpu_seconds: float
    errors: int = 0
    # What each suspended execution takes in the process that holds it, where that was asked.
    bytes_each: float = 0.0

    @property
    def per_second(self) -> float:
        """The rate."""
        return self.count / self.seconds if self.seconds else 0.0


def summed_up(latencies: Sequence[float], seconds: float, cpu_seconds: float, errors: int = 0) -> Outcome:
    """An outcome from single latencies in seconds."""
    ordered = sorted(latencies)
    if not ordered:
        return Outcome(0, seconds, 0.0, 0.0, cpu_seconds, errors)
    return Outcome(
        count=len(ordered),
        seconds=seconds,
        p50_ms=ordered[len(ordered) // 2] * 1000,
        p99_ms=ordered[int(len(ordered) * 0.99)] * 1000,
        cpu_seconds=cpu_seconds,
        errors=errors,
    )
