"""The context object of a state that is tried alone: one that is made up, and what is wrong with one that is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from statebox.asl.inspection.setting import NAME, Setting, Subject, TrialRefused, invalid
from statebox.asl.jsontext import Json, is_object
from statebox.asl.moment import Dice, timestamp
from statebox.asl.states.map import Map
from statebox.asl.states.resource import Pattern
from statebox.asl.states.state import State
from statebox.asl.states.task import Task

_RETRIED: Final = ("Task", "Parallel", "Map")


def made_up(setting: Setting, state: State, now_ms: int, dice: Dice) -> Json:
    """The context object of an express execution of nothing but the state, which AWS always calls StateName."""
    machine, name = str(dice.uuid4()), str(dice.uuid4())
    about_state: Json = {"Name": NAME, "EnteredTime": timestamp(now_ms)}
    if state.type in _RETRIED:
        about_state["RetryCount"] = setting.retried
    return {
        "Execution": {
            "Id": f"arn:aws:states:{setting.place}:express:{machine}:{name}",
            "Input": setting.input,
            "StartTime": timestamp(now_ms),
            "Name": name,
            "RoleArn": setting.role_arn,
        },
        "StateMachine": {"Id": f"arn:aws:states:{setting.place}:stateMachine:{machine}", "Name": machine},
        "State": about_state,
    }


def check_context(context: Json, subject: Subject) -> None:
    """Raise TrialRefused when the context object has what no context object has, or not for this state."""
    if not is_object(context):
        raise _wrong("Context object must be a valid JSON object")
    _check_members(context, _CONTEXT)
    if "Task" in context and not _has_token(subject.state):
        raise _wrong(
            "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' "
            "service integration pattern"
        )
    if "Map" in context and not (isinstance(subject.state, Map) or _inside_map(subject)):
        raise _wrong("Context object contains 'Map' when state is not a Map state")


def _has_token(state: State) -> bool:
    return isinstance(state, Task) and state.resource.pattern in (Pattern.SYNC, Pattern.CALLBACK, Pattern.SUSPEND)


def _inside_map(subject: Subject) -> bool:
    return subject.scope.endswith("[]")


def _wrong(what: str) -> TrialRefused:
    return invalid(f"Invalid Context object provided: {what}")


def _is_text(value: Json) -> bool:
    return isinstance(value, str)


def _is_count(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_anything(_: Json) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a member may be, and how messages call that."""

    words: str
    holds: Callable[[Json], bool]


# The members that an object may have.
_Members: TypeAlias = "Mapping[str, _Kind | _Members]"

_TEXT: Final = _Kind("a string", _is_text)
_COUNT: Final = _Kind("a number", _is_count)
_ANYTHING: Final = _Kind("anything", _is_anything)
_CONTEXT: Final[_Members] = {
    "Execution": {
        "Id": _TEXT,
        "Input": _ANYTHING,
        "Name": _TEXT,
        "RoleArn": _TEXT,
        "StartTime": _TEXT,
        "RedriveCount": _COUNT,
        "RedriveTime": _TEXT,
    },
    "State": {"EnteredTime": _TEXT, "Name": _TEXT, "RetryCount": _COUNT},
    "StateMachine": {"Id": _TEXT, "Name": _TEXT},
    "Task": {"Token": _TEXT},
    "Map": {"Item": {"Index": _COUNT, "Value": _ANYTHING, "Key": _TEXT, "Source": _TEXT}},
}


def _check_members(found: Mapping[str, Json], known: _Members) -> None:
    for name, value in found.items():
        kind = known.get(name)
        if kind is None:
            raise _wrong(f"Field '{name}' is not allowed")
        if value is None:
            # As in the context object that is made up, where there is no role.
            continue
        if isinstance(kind, _Kind):
            if not kind.holds(value):
                raise _wrong(f"Field '{name}' must be {kind.words}")
        elif not is_object(value):
            raise _wrong(f"Field '{name}' must be an object")
        else:
            _check_members(value, kind)
