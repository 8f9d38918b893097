"""How long to wait before asking OpenWhisk again, and when to give up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """The waits, in seconds.

    A call that was surely not started is made again up to `retries` times, the waits growing from `retry_first_s` by
    `retry_factor` up to `retry_cap_s`: 32 to 63 s in all with these values, as OpenWhisk's limits are by the minute.
    A run is polled with waits that grow from `poll_first_s` by `poll_factor` up to `poll_cap_s`, for as long as the
    action's own time limit allows twice over, and `poll_margin_s` more for the queue before and the record after it.
    """

    retries: int = 6
    retry_first_s: float = 1.0
    retry_factor: float = 2.0
    retry_cap_s: float = 60.0
    poll_first_s: float = 0.5
    poll_factor: float = 1.5
    poll_cap_s: float = 10.0
    poll_margin_s: float = 60.0

    def between_tries(self) -> Iterator[float]:
        """The waits between tries; at its end it is time to give up."""
        wait = self.retry_first_s
        for _ in range(self.retries):
            yield min(wait, self.retry_cap_s)
            wait *= self.retry_factor

    def between_polls(self) -> Iterator[float]:
        """The waits between polls, without end."""
        wait = self.poll_first_s
        while True:
            yield min(wait, self.poll_cap_s)
            wait = min(wait * self.poll_factor, self.poll_cap_s)

    def longest_poll_s(self, time_limit_ms: int) -> float:
        """How long a run with this time limit may go without a record before it counts as lost."""
        return 2 * time_limit_ms / 1000 + self.poll_margin_s


def jittered(wait_s: float, fraction: float) -> float:
    """Half of the wait, and `fraction` (0 to 1) of the other half: those who failed together do not return together."""
    return wait_s * (0.5 + fraction / 2)
