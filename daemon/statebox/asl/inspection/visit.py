"""The visit of a state that is tried alone, as the state sees it: there is no execution around, and no history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import UNSET

from statebox.asl.context import with_item
from statebox.asl.data.allowance import Allowance
from statebox.asl.data.sources import Sources
from statebox.asl.errors import RUNTIME, TOO_DEEP, StateFailure, too_large
from statebox.asl.inspection.contexts import made_up
from statebox.asl.inspection.setting import NAME, Setting
from statebox.asl.jsontext import Json, is_object, nests_too_deep, text_or_none
from statebox.asl.limits import Limits
from statebox.asl.moment import Dice, Moment, uuid_text
from statebox.asl.states.state import State

# ExecutionStarted and the state's Entered come before whatever it writes.
_ENTERED: Final = 2


class AloneAtWork:
    """One visit (the protocol states.state.Visit)."""

    def __init__(
        self, setting: Setting, state: State, moment: Moment, limits: Limits, allowance: Allowance | None
    ) -> None:
        self._setting = setting
        self._limits = limits
        self._allowance = allowance
        self._dice = Dice(moment.entropy)
        self._now_ms = moment.now_ms
        self._last = _ENTERED
        # What the state's work was given: the evaluated arguments.
        self.given: Json = setting.input
        context = setting.context
        self._context: Json = made_up(setting, state, moment.now_ms, self._dice) if context is UNSET else context

    @property
    def input(self) -> Json:
        """The state's raw input."""
        return self._setting.input

    @property
    def now_ms(self) -> int:
        """The moment's time."""
        return self._now_ms

    @property
    def entered(self) -> int:
        """The id that the state's Entered event would have."""
        return _ENTERED

    @property
    def last(self) -> int:
        """The id that the last of its events would have."""
        return self._last

    @property
    def seed(self) -> bool:
        """Nobody started this through the seed's contract."""
        return False

    @property
    def region(self) -> str:
        """The region where it is tried."""
        return self._setting.place.partition(":")[0]

    @property
    def variables(self) -> Mapping[str, Json]:
        """The variables that it can read."""
        return self._setting.variables

    def pass_time_until(self, at_ms: int) -> None:
        """Let it be later, where the state waits."""
        self._now_ms = max(self._now_ms, at_ms)

    def sources(self, token: str | None = None) -> Sources:
        """What paths read from, with the raw input as `$`; the token stands in the context object unless one does."""
        context = self._context
        if token is not None and is_object(context) and "Task" not in context:
            context = {**context, "Task": {"Token": token}}
        return self._reading(context)

    def item_sources(self, index: int, item: Json, key: str | None = None) -> Sources:
        """The same with Map.Item in the context object."""
        return self._reading(with_item(self._context, (index, item, key)))

    def write(self, code: int, *values: Json) -> int:
        """Count a history event."""
        self._last += 1
        return self._last

    def note(self, code: int, previous: int, *values: Json) -> int:
        """Count a history event."""
        return self.write(code, *values)

    def point_back_to(self, event: int) -> None:
        """There is nothing that could point back."""

    def new_token(self) -> str:
        """Draw a continuation id, which nobody can answer."""
        return uuid_text(self._dice.bits(128), 0)

    def map_run_arn(self, label: str, started: int) -> str:
        """The ARN that a map run would have."""
        return f"arn:aws:states:{self._setting.place}:mapRun:{NAME}/{label}:{self._dice.uuid4()}"

    def check(self, payload: Json, whose: str) -> None:
        """Raise StateFailure when a payload is larger or deeper than it may be."""
        text = text_or_none(payload)
        if text is None or nests_too_deep(text):
            raise StateFailure(RUNTIME, TOO_DEEP)
        if self._limits.exceeded_by(len(text)):
            raise too_large(whose)

    def respond(self, response: Json) -> None:
        """There is nobody who could be answered."""

    def _reading(self, context: Json) -> Sources:
        setting = self._setting
        return Sources(setting.input, lambda: context, setting.variables, self._now_ms, self._dice, self._allowance)
