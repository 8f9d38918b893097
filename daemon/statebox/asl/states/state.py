"""What all states have in common, and what a state can answer: leave, wait, fork or fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol, Self, TypeAlias, TypedDict

import msgspec

from statebox.asl.data.flow import FLOW_FIELDS, Flow, read_flow
from statebox.asl.data.jsonata_flow import JsonataFlow
from statebox.asl.data.sources import Sources
from statebox.asl.errors import StateFailure
from statebox.asl.events import AnyEvent
from statebox.asl.execution import AnyWaiting
from statebox.asl.fields import JSONATA, Fields
from statebox.asl.history import CODES
from statebox.asl.jsontext import Json
from statebox.asl.recovery import Catcher, Retrier

_EVERYWHERE: Final = ("Type", "Comment", "QueryLanguage")


class Leave(msgspec.Struct, frozen=True):
    """The state is done: hand `output` to the state `next` (None: the branch ends here)."""

    output: Json
    next: str | None
    assigned: Mapping[str, Json] | None = None


class Await(msgspec.Struct, frozen=True):
    """The state waits. `arguments` is what its task was given, where that is not the state's input."""

    waiting: AnyWaiting
    arguments: Json | msgspec.UnsetType = msgspec.UNSET
    items: Json | msgspec.UnsetType = msgspec.UNSET


class Broken(msgspec.Struct, frozen=True):
    """The state failed. `inside` says that one of its branches or items failed it, and no work of its own."""

    failure: StateFailure
    inside: bool = False


Transition: TypeAlias = Leave | Await | Broken


class Visit(Protocol):
    """What a state sees of the execution while it is at work."""

    @property
    def input(self) -> Json:
        """The state's raw input."""
        ...

    @property
    def given(self) -> Json:
        """What the state's work was given: the evaluated arguments."""
        ...

    @property
    def now_ms(self) -> int:
        """The moment's time."""
        ...

    @property
    def entered(self) -> int:
        """The id of the state's Entered event."""
        ...

    @property
    def last(self) -> int:
        """The id of the event that the next one points back to."""
        ...

    @property
    def seed(self) -> bool:
        """Whether the execution was started through the seed's contract."""
        ...

    @property
    def region(self) -> str:
        """The region that the execution's ARN names."""
        ...

    def sources(self, token: str | None = None) -> Sources:
        """What paths read from, with the raw input as `$`; `token` stands in the context object as Task.Token."""
        ...

    def item_sources(self, index: int, item: Json, key: str | None = None) -> Sources:
        """The same with Map.Item in the context object; `key` is that of the member of an object."""
        ...

    def write(self, code: int, *values: Json) -> int:
        """Write a history event that the next one points back to; returns its id."""
        ...

    def note(self, code: int, previous: int, *values: Json) -> int:
        """Write a history event that points at `previous` and that the next one does not point back to."""
        ...

    def point_back_to(self, event: int) -> None:
        """Let the next event point back to this one."""
        ...

    def new_token(self) -> str:
        """Draw a continuation id."""
        ...

    def map_run_arn(self, label: str, started: int) -> str:
        """The ARN of the map run that began with the event `started`, always the same."""
        ...

    def check(self, payload: Json, whose: str) -> None:
        """Raise StateFailure when a payload is larger or deeper than it may be."""
        ...

    def respond(self, response: Json) -> None:
        """Answer whoever started the execution through the seed's contract."""
        ...


class Common(TypedDict):
    """What State's constructor takes from every state's fields."""

    name: str
    next: str | None
    flow: Flow | JsonataFlow


class Allowed(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that a type of state may have: in both query languages, and in one of them only."""

    both: tuple[str, ...]
    jsonpath: tuple[str, ...]
    jsonata: tuple[str, ...]

    def check(self, fields: Fields) -> None:
        """Note each field that a state of this type and language cannot have."""
        here, there = self.jsonpath, self.jsonata
        if fields.language == JSONATA:
            here, there = there, here
        fields.refuse_unknown((*_EVERYWHERE, *self.both, *here), there)

    def known(self, fields: Fields) -> Fields:
        """The same object without the data fields that were refused, so that each is reported once."""
        here = (*self.both, *(self.jsonata if fields.language == JSONATA else self.jsonpath))
        return fields.without([name for name in FLOW_FIELDS if name not in here])


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One state of a definition."""

    type: ClassVar[str]
    # The fields beside those that every state may have.
    allowed: ClassVar[Allowed]
    # Whether its Output and Assign can read `$states.result`.
    has_result: ClassVar[bool] = False
    # The codes of its Entered and Exited events; a Fail state has no Exited.
    entered_code: ClassVar[int]
    exited_code: ClassVar[int | None]

    name: str
    next: str | None
    flow: Flow | JsonataFlow

    def __init_subclass__(cls) -> None:
        cls.entered_code = CODES[f"{cls.type}StateEntered"]
        cls.exited_code = CODES.get(f"{cls.type}StateExited")

    @classmethod
    def read(cls, name: str, fields: Fields, scopes: ScopeReader) -> Self:
        """Read the state from its JSON object, noting every problem."""
        raise NotImplementedError

    def enter(self, visit: Visit) -> Transition:
        """Begin an attempt."""
        raise NotImplementedError

    def resume(self, visit: Visit, waiting: AnyWaiting, event: AnyEvent) -> Transition | None:
        """Go on with what the state waited for; None when the event changes nothing."""
        return None

    @property
    def recovery(self) -> tuple[tuple[Retrier, ...], tuple[Catcher, ...]]:
        """Its Retry and Catch."""
        return (), ()

    def leave(self, visit: Visit, result: Json) -> Leave:
        """Leave with a result, through ResultSelector, ResultPath and OutputPath."""
        sources = visit.sources()
        return Leave(self.flow.output(sources, result), self.next, self.flow.assigned(sources, result))

    @classmethod
    def common(cls, name: str, fields: Fields) -> Common:
        """Read what every state has, and note the fields that this type cannot have."""
        cls.allowed.check(fields)
        if "Next" in cls.allowed.both:
            fields.text("Next")
            end = fields.boolean("End")
            if "Next" in fields and end is True:
                fields.problem("There should only be one of the following fields: [Next, End]")
            elif "Next" not in fields and end is not True:
                fields.problem("This object should have only one of the following fields: [Next, End]")
        return Common(name=name, next=_text(fields, "Next"), flow=read_flow(cls.allowed.known(fields), cls.has_result))


class ScopeReader(Protocol):
    """Reads the States objects inside a Parallel or Map."""

    def read_scope(self, key: str, fields: Fields) -> None:
        """Read a branch or an item processor and keep it under `key`."""
        ...


def _text(fields: Fields, name: str) -> str | None:
    value = fields.raw.get(name)
    return value if isinstance(value, str) else None
