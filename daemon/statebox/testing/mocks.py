"""Mocks: what tasks answer in a test, in the form of Step Functions Local's MockConfigFile."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from statebox.asl.answers import Answer, Asked, Fails, Never, Resumes, Succeeds
from statebox.asl.jsontext import Json, is_array, is_object
from statebox.testing.complaints import LONGEST_SECONDS, Complaints

_TURNS: Final = re.compile(r"(0|[1-9][0-9]{0,8})(?:-(0|[1-9][0-9]{0,8}))?\Z")
_RESPONSES: Final = ("Return", "Throw", "Resume", "Never")
_KEYS: Final = (*_RESPONSES, "After", "HeartbeatEvery")


class Exhausted(LookupError):
    """A state was asked for more often than its mock has answers."""


@dataclass(frozen=True, slots=True)
class Mock:
    """What one state answers, turn by turn: (first, last, answer); last is None for all that follow."""

    turns: Sequence[tuple[int, int | None, Answer]]

    def answer(self, asked: Asked) -> Answer:
        """The answer to the turn that `asked` counts. Raises Exhausted."""
        for first, last, answer in self.turns:
            if asked.nth >= first and (last is None or asked.nth <= last):
                return answer
        raise Exhausted(
            f"{asked.path} is called for the {_ordinal(asked.nth + 1)} time; its mock has no answer to that"
        )


def read_mock(raw: Json, place: str, complaints: Complaints) -> Mock:
    """Read what a state answers.

    Either one response for every turn, {"Return": any} or {"Throw": {"Error", "Cause"}}, or responses by turn:
    {"0": response, "1-2": response, ...} or [response, ...], turns counted from 0 over all calls of the state.
    """
    if is_object(raw) and any(key in raw for key in _KEYS):
        return Mock([(0, None, _read_response(raw, place, complaints))])
    if is_array(raw) and raw:
        return Mock([(turn, turn, _read_response(one, f"{place}[{turn}]", complaints)) for turn, one in enumerate(raw)])
    turns: list[tuple[int, int | None, Answer]] = []
    if not is_object(raw) or not raw:
        complaints.add(place, 'expected {"Return": ...}, {"Throw": ...} or responses by turn: {"0": ..., "1-2": ...}')
        return Mock(turns)
    for key, response in raw.items():
        found = _TURNS.match(key)
        inner = f"{place}/{key}"
        if found is None:
            complaints.add(inner, 'a turn is "0", "1" ... or a range as "1-3"; a response has Return or Throw')
            continue
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first:
            complaints.add(inner, f"the range {key} ends before it begins")
        turns.append((first, last, _read_response(response, inner, complaints)))
    _check_order(turns, place, complaints)
    return Mock(turns)


def _check_order(turns: Sequence[tuple[int, int | None, Answer]], place: str, complaints: Complaints) -> None:
    expected = 0
    for first, last, _ in sorted(turns, key=lambda turn: turn[0]):
        if first > expected:
            complaints.add(place, f"turn {expected} is missing")
        elif first < expected:
            complaints.add(place, f"turn {first} is there twice")
        expected = max(expected, (first if last is None else last) + 1)


def _read_response(raw: Json, place: str, complaints: Complaints) -> Answer:
    if not is_object(raw):
        complaints.add(place, f"expected an object with one of {', '.join(_RESPONSES)}")
        return Never()
    complaints.unknown(raw, place, _KEYS)
    if sum(kind in raw for kind in _RESPONSES) != 1:
        complaints.add(place, f"expected exactly one of {', '.join(_RESPONSES)}")
    for kind in ("Resume", "Never"):
        if raw.get(kind, True) is not True:
            complaints.add(f"{place}/{kind}", "expected true")
    after_ms = complaints.seconds(raw, "After", place) or 0
    every_ms = complaints.seconds(raw, "HeartbeatEvery", place)
    if every_ms == 0:
        complaints.add(f"{place}/HeartbeatEvery", "expected more than 0 seconds")
    if every_ms and not after_ms:
        # Nobody answers, but somebody is there: for as long as a state can wait.
        after_ms = LONGEST_SECONDS * 1000 if "Never" in raw and "After" not in raw else 0
        if not after_ms:
            complaints.add(f"{place}/HeartbeatEvery", "HeartbeatEvery needs After: there is no time in between")
    if "Return" in raw:
        return Succeeds(raw["Return"], after_ms=after_ms, heartbeat_every_ms=every_ms)
    if "Resume" in raw:
        return Resumes(after_ms=after_ms, heartbeat_every_ms=every_ms)
    thrown: Json = raw.get("Throw", {})
    if not is_object(thrown):
        complaints.add(f"{place}/Throw", "expected an object with Error and Cause")
        thrown = {}
    if "Throw" in raw:
        complaints.unknown(thrown, f"{place}/Throw", ("Error", "Cause"))
        error = complaints.text(thrown, "Error", f"{place}/Throw")
        cause = complaints.text(thrown, "Cause", f"{place}/Throw")
        return Fails(error, cause, after_ms=after_ms, heartbeat_every_ms=every_ms)
    return Never(after_ms=after_ms, heartbeat_every_ms=every_ms)


def _ordinal(number: int) -> str:
    ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
