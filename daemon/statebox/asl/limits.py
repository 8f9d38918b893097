"""Limits: how much one execution may be, with AWS's values where its behaviour depends on them."""

from __future__ import annotations

from typing import Final

import msgspec

_UNBOUNDED: Final = 1 << 62


class Limits(msgspec.Struct, frozen=True):
    """`transitions` bounds how many states one advance enters, so that an endless loop gives others their turn.

    `payload_bytes` bounds each input, output, result and each task's arguments, as compact JSON in UTF-8; one that is
    larger fails its state with States.DataLimitExceeded. So does an Assign that is larger, or that would have all
    variables of the execution take more than `variables_bytes`. `events` bounds the history: the last one says so and
    fails the execution. 0 lifts a limit.
    """

    transitions: int = 500
    payload_bytes: int = 262_144
    events: int = 25_000
    variables_bytes: int = 10_485_760

    def exceeded_by(self, size: int) -> bool:
        """Whether a payload of so many bytes is too large."""
        return 0 < self.payload_bytes < size

    @property
    def last_event(self) -> int:
        """The id that the history ends with at the latest."""
        return self.events or _UNBOUNDED


class HistoryFull(Exception):
    """The next event would be the last one that the limit allows."""
