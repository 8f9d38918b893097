"""Where paths and expressions read from: `$`, `$$`, `$name`, and the moment's randomness."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from statebox.asl.data.allowance import Allowance
from statebox.asl.jsontext import Json
from statebox.asl.moment import Dice


class Sources:
    """What one evaluation may read.

    `input` is `$` (which value that is, the state decides: its raw input, its effective input, a result); `context`
    makes the context object `$$` when a path asks for it; `variables` are the `$name`s in scope; `now_ms` and `dice`
    stand for the clock and for randomness. `allowance` is what evaluating may cost; None: as much as it likes.
    """

    __slots__ = ("allowance", "context", "dice", "input", "now_ms", "variables")

    def __init__(
        self,
        input: Json,
        context: Callable[[], Json],
        variables: Mapping[str, Json],
        now_ms: int,
        dice: Dice,
        allowance: Allowance | None = None,
    ) -> None:
        self.allowance = allowance
        self.input = input
        self.context = context
        self.variables = variables
        self.now_ms = now_ms
        self.dice = dice

    def of(self, input: Json) -> Sources:
        """The same sources with another value as `$`."""
        return Sources(input, self.context, self.variables, self.now_ms, self.dice, self.allowance)
