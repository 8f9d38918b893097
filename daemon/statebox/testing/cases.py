"""Cases: a file of tests for a machine, read with everything that is wrong with it.

    {"cases": [{"name", "input", "startTime", "mocks": {state: mock}, "answers": {state: mock}, "stop", "expect"}],
     "MockedResponses": {name: mock}}

`mocks` has what tasks answer, `answers` what continuations are answered; a mock may be the name of one of
MockedResponses. A MockConfigFile of Step Functions Local is read as well: its test cases have no input and expect
success.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from statebox.asl.data.timestamps import parse_timestamp
from statebox.asl.definition import StateMachine
from statebox.asl.events import ExecutionStopped
from statebox.asl.execution import Status
from statebox.asl.jsontext import InvalidJson, Json, is_array, is_object, read_json
from statebox.asl.walk import BEGAN_MS
from statebox.testing.complaints import Complaints
from statebox.testing.mocks import Mock, read_mock
from statebox.testing.positions import PLACE, Position, Positions
from statebox.testing.targets import Targets

_CASE: Final = ("name", "comment", "input", "startTime", "mocks", "answers", "stop", "expect")
_EXPECT: Final = ("status", "output", "error", "cause", "path")


@dataclass(frozen=True, slots=True)
class Expected:
    """What a case expects; UNSET (or None, of status and path) where it does not say."""

    status: str | None
    output: Json | msgspec.UnsetType
    error: str | msgspec.UnsetType | None
    cause: str | msgspec.UnsetType | None
    path: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class Case:
    """One test: `input` is UNSET where the file does not say; `stop` is (milliseconds after the start, event)."""

    name: str
    input: Json | msgspec.UnsetType
    started_ms: int
    mocks: Mapping[str, Mock]
    answers: Mapping[str, Mock]
    stop: tuple[int, ExecutionStopped] | None
    expected: Expected


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a file of cases: where, as a location and as a position, and what."""

    location: str
    position: Position | None
    words: str


class InvalidCases(ValueError):
    """The file cannot be used; `faults` has all that is wrong with it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{fault.location}: {fault.words}" for fault in faults))
        self.faults = faults


_SUCCESS: Final = Expected(Status.SUCCEEDED.value, msgspec.UNSET, msgspec.UNSET, msgspec.UNSET, None)


def read_cases(text: str, machine: StateMachine, name: str, *, exactly: bool = False) -> list[Case]:
    """Read the JSON text of a file of cases for the machine of that name. Raises InvalidCases.

    A MockConfigFile with one machine is meant for whatever the machine is called, unless the name is `exactly` that.
    """
    try:
        raw = read_json(text)
    except InvalidJson as invalid:
        raise InvalidCases([_unreadable(str(invalid))]) from None
    reader = _Reader(machine, exactly)
    cases = reader.read(raw, name)
    found = reader.complaints.found
    if found:
        positions = Positions(text)
        faults = [Fault(location or "/", positions.at(location), words) for location, words in found]
        raise InvalidCases(sorted(faults, key=_by_position))
    return cases


def _by_position(fault: Fault) -> tuple[int, int]:
    return (0, 0) if fault.position is None else (fault.position.line, fault.position.column)


class _Reader:
    def __init__(self, machine: StateMachine, exactly: bool) -> None:
        self._exactly = exactly
        self.complaints = Complaints()
        self._targets = Targets(machine)
        self._shared: dict[str, Mock] = {}

    def read(self, raw: Json, name: str) -> list[Case]:
        if not is_object(raw):
            self.complaints.add("", 'expected {"cases": [...]}, or a MockConfigFile')
            return []
        responses = self.complaints.object(raw, "MockedResponses", "")
        for named, response in responses.items():
            self._shared[named] = read_mock(response, f"/MockedResponses/{named}", self.complaints)
        if "cases" not in raw and "StateMachines" in raw:
            self.complaints.unknown(raw, "", ("StateMachines", "MockedResponses"))
            return self._read_mock_config(raw, name)
        self.complaints.unknown(raw, "", ("cases", "comment", "MockedResponses"))
        cases = raw.get("cases")
        if not is_array(cases) or not cases:
            words = "there is no case in it" if cases == [] else "expected an array of cases under cases"
            self.complaints.add("/cases" if "cases" in raw else "", words)
            return []
        found = [
            self._read_case(case, f"/cases[{place}]", f"case {place + 1}")
            for place, case in enumerate(cases)
            if self._is_case(case, f"/cases[{place}]")
        ]
        names = set[str]()
        for place, case in enumerate(found):
            if case.name in names:
                self.complaints.add(f"/cases[{place}]/name", f"there are two cases {case.name}")
            names.add(case.name)
        return found

    def _is_case(self, raw: Json, place: str) -> bool:
        if is_object(raw):
            return True
        self.complaints.add(place, "a case is an object")
        return False

    def _read_mock_config(self, raw: Mapping[str, Json], name: str) -> list[Case]:
        machines = self.complaints.object(raw, "StateMachines", "")
        if name not in machines and len(machines) == 1 and not self._exactly:
            name = next(iter(machines))
        if not machines:
            self.complaints.add("/StateMachines", "there is no machine in it")
            return []
        if name not in machines:
            self.complaints.add(
                "/StateMachines",
                f"there is no machine {name} in it, only {', '.join(machines)}: name one with --machine",
            )
            return []
        machine = self.complaints.object(machines, name, "/StateMachines")
        self.complaints.unknown(machine, f"/StateMachines/{name}", ("TestCases",))
        place = f"/StateMachines/{name}/TestCases"
        cases = self.complaints.object(machine, "TestCases", f"/StateMachines/{name}")
        if not cases:
            self.complaints.add(place, "there is no test case in it")
        found: list[Case] = []
        for case in cases:
            mocked = self.complaints.object(cases, case, place)
            mocks = self._read_mocks(mocked, f"{place}/{case}")
            # A mock stands for the whole task, so for the answer to its continuation too.
            found.append(Case(case, msgspec.UNSET, BEGAN_MS, mocks, mocks, None, _SUCCESS))
        return found

    def _read_case(self, raw: Mapping[str, Json], place: str, name: str) -> Case:
        complaints = self.complaints
        complaints.unknown(raw, place, _CASE)
        mocked = self._read_mocks(complaints.object(raw, "mocks", place), f"{place}/mocks")
        answered = self._read_answers(complaints.object(raw, "answers", place), f"{place}/answers")
        return Case(
            name=complaints.text(raw, "name", place) or name,
            input=raw.get("input", msgspec.UNSET),
            started_ms=self._started(raw, place),
            mocks=mocked,
            answers={**mocked, **answered},
            stop=self._stop(raw, place),
            expected=self._read_expected(raw, place),
        )

    def _started(self, raw: Mapping[str, Json], place: str) -> int:
        text = self.complaints.text(raw, "startTime", place)
        nanoseconds = None if text is None else parse_timestamp(text)
        if text is not None and nanoseconds is None:
            self.complaints.add(f"{place}/startTime", "expected a timestamp as 2026-01-31T12:00:00Z")
        return BEGAN_MS if nanoseconds is None else nanoseconds // 1_000_000

    def _stop(self, raw: Mapping[str, Json], place: str) -> tuple[int, ExecutionStopped] | None:
        if "stop" not in raw:
            return None
        stop, place = self.complaints.object(raw, "stop", place), f"{place}/stop"
        self.complaints.unknown(stop, place, ("After", "Error", "Cause"))
        after_ms = self.complaints.seconds(stop, "After", place) or 0
        error = self.complaints.text(stop, "Error", place)
        return after_ms, ExecutionStopped(error, self.complaints.text(stop, "Cause", place))

    def _read_mocks(self, raw: Mapping[str, Json], place: str) -> dict[str, Mock]:
        mocks = {state: self._read_mock(mock, f"{place}/{state}") for state, mock in raw.items()}
        for state, mock in mocks.items():
            self._targets.check_mock(state, mock, f"{place}/{state}", self.complaints)
        return mocks

    def _read_answers(self, raw: Mapping[str, Json], place: str) -> dict[str, Mock]:
        for path in raw:
            self._targets.check_answer(path, f"{place}/{path}", self.complaints)
        return {path: self._read_mock(mock, f"{place}/{path}") for path, mock in raw.items()}

    def _read_mock(self, raw: Json, place: str) -> Mock:
        if not isinstance(raw, str):
            return read_mock(raw, place, self.complaints)
        if raw not in self._shared:
            there = f"; there are {', '.join(self._shared)}" if self._shared else ""
            self.complaints.add(place, f"there is no {raw} among MockedResponses{there}")
        return self._shared.get(raw, Mock(()))

    def _read_expected(self, raw: Mapping[str, Json], place: str) -> Expected:
        expect, place = self.complaints.object(raw, "expect", place), f"{place}/expect"
        self.complaints.unknown(expect, place, _EXPECT)
        status = self.complaints.text(expect, "status", place)
        if status is not None and status not in list(Status):
            self.complaints.add(f"{place}/status", f"expected one of {', '.join(Status)}")
        if status is None and not ("error" in expect or "cause" in expect):
            status = Status.SUCCEEDED.value
        path: Json = expect.get("path")
        if path is not None and not (is_array(path) and all(isinstance(name, str) for name in path)):
            self.complaints.add(f"{place}/path", "expected an array of state names")
            path = None
        return Expected(
            status=status,
            output=expect.get("output", msgspec.UNSET),
            error=self.complaints.text(expect, "error", place) if "error" in expect else msgspec.UNSET,
            cause=self.complaints.text(expect, "cause", place) if "cause" in expect else msgspec.UNSET,
            path=path,
        )


def _unreadable(words: str) -> Fault:
    """The fault of a text that is no JSON: the parser's words end with the place, if it knows one."""
    told = PLACE.search(words)
    position = None if told is None else Position(int(told[1]), int(told[2]))
    return Fault("", position, f"not valid JSON: {PLACE.sub('', words)}")
