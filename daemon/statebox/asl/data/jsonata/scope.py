"""Where an expression reads from: `$states`, the variables, and the moment's time and randomness."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from statebox.asl.data.allowance import Allowance
from statebox.asl.data.jsonata.meter import MOST_STEPS
from statebox.asl.data.jsonata.values import UNDEFINED
from statebox.asl.jsontext import Json
from statebox.asl.moment import Dice


class Scope:
    """What one evaluation may read.

    `input`, `result` and `error_output` are those members of `$states`; the last two are UNDEFINED where a state does
    not have them. `context` makes the context object when an expression reads it. `variables` are the workflow's, by
    name. `now_ms` and `dice` stand for the clock and for randomness. `steps` is how much work each expression may do:
    with fewer than MOST_STEPS, an expression that takes more raises OutOfSteps instead of failing its state.
    `allowance` is what several evaluations share: what one of them used is taken off it and off `steps`.
    """

    __slots__ = ("allowance", "context", "dice", "error_output", "input", "now_ms", "result", "steps", "variables")

    def __init__(
        self,
        input: Json,
        context: Callable[[], Json],
        variables: Mapping[str, Json],
        now_ms: int,
        dice: Dice,
        *,
        result: Json = UNDEFINED,
        error_output: Json = UNDEFINED,
        steps: int = MOST_STEPS,
        allowance: Allowance | None = None,
    ) -> None:
        self.input = input
        self.context = context
        self.variables = variables
        self.now_ms = now_ms
        self.dice = dice
        self.result = result
        self.error_output = error_output
        self.steps = steps
        self.allowance = allowance

    def states(self, with_context: bool) -> dict[str, Json]:
        """The value of `$states`; the context object is made only where it is wanted."""
        states = {"input": self.input}
        if with_context:
            states["context"] = self.context()
        if self.result is not UNDEFINED:
            states["result"] = self.result
        if self.error_output is not UNDEFINED:
            states["errorOutput"] = self.error_output
        return states

    def with_result(self, result: Json) -> Scope:
        """The same scope, after the work of the state gave this result."""
        return Scope(
            self.input,
            self.context,
            self.variables,
            self.now_ms,
            self.dice,
            result=result,
            steps=self.steps,
            allowance=self.allowance,
        )

    def with_error(self, error_output: Json) -> Scope:
        """The same scope, in a catcher that took this Error Output."""
        return Scope(
            self.input,
            self.context,
            self.variables,
            self.now_ms,
            self.dice,
            error_output=error_output,
            steps=self.steps,
            allowance=self.allowance,
        )
