"""Letters: what one execution tells another that lives on another shard, until it has arrived there."""

from __future__ import annotations

from typing import Literal, Self

import msgspec


class Letter(msgspec.Struct, frozen=True):
    """A nested execution tells its `end` to who waits for it, or is told to `stop` as nobody does any more.

    `execution` is the nested execution's id, `continuation` that of the task that started it.
    """

    kind: Literal["end", "stop"]
    execution: str
    continuation: str

    def __str__(self) -> str:
        return f"{self.kind} {self.continuation} {self.execution}"

    @classmethod
    def read(cls, text: str) -> Self:
        """The letter that was written so. Raises ValueError."""
        kind, continuation, execution = text.split(" ", 2)
        return msgspec.convert({"kind": kind, "execution": execution, "continuation": continuation}, cls)
