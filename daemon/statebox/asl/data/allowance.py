"""The allowance: how much evaluating one advance may do where nobody can cut it off."""

from __future__ import annotations

from typing import Final

from statebox.asl.data.jsonata.failures import OutOfSteps
from statebox.asl.data.shapes import is_array, is_object, is_text
from statebox.asl.jsontext import Json

# About 10 ms of work, several times that on a busy machine.
STEPS_IN_PROCESS: Final = 10_000
_LETTERS_A_STEP: Final = 8


class Allowance:
    """What is left, in steps of about a microsecond. What costs nothing worth counting does not pay."""

    __slots__ = ("steps",)

    def __init__(self, steps: int = STEPS_IN_PROCESS) -> None:
        self.steps = steps

    def pay(self, steps: int) -> None:
        """Pay for work before it is done. Raises OutOfSteps when that is more than there is."""
        self.steps -= steps
        if self.steps < 0:
            raise OutOfSteps

    def pay_for(self, value: Json) -> None:
        """Pay for going through all of a value. Raises OutOfSteps, and looks at no more than is paid for."""
        ahead = [value]
        while ahead:
            one = ahead.pop()
            if is_text(one):
                self.pay(1 + len(one) // _LETTERS_A_STEP)
            elif is_array(one):
                self.pay(1 + len(one))
                ahead += one
            elif is_object(one):
                self.pay(1 + len(one))
                ahead += one.values()
