"""The checker: reads Redis and the action host's log, nothing of the daemons, and says what should not be so."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from chaos.histories import broken_rules, details, entered, scheduled
from chaos.ledger import Attempt, Ledger, Life
from chaos.machines import Answers, Said
from statebox.asl.execution import Execution, Status
from statebox.asl.history import HistoryEvent, describe
from statebox.asl.jsontext import Json, read_json
from statebox.engine.errors import ServiceError
from statebox.store.commits import Commits
from statebox.store.keys import Keys
from statebox.store.redis_store import RedisStore
from statebox.store.replies import items, maybe_text

_PAGE: Final = 1000
# Beyond the end of a freeze, what was about to be called is called.
_AFTER_THAW_MS: Final = 3000


class Violation(msgspec.Struct, frozen=True):
    """What should not be so, of which execution, and what shows it."""

    execution: str
    what: str
    evidence: Json = None


class Call(msgspec.Struct, frozen=True):
    """One start of an action, as the action host logged it. `attempt` is what the daemon called it by."""

    attempt: str
    activation: str
    at_ms: int


class Checker:
    """Collects violations and counts; `check` is called once, when nothing runs any more."""

    def __init__(self, store: RedisStore, reads: Commits, keys: Keys, ledger: Ledger, calls: Sequence[Call]) -> None:
        self._store = store
        self._reads = reads
        self._keys = keys
        self._ledger = ledger
        self._calls: dict[str, list[Call]] = {}
        for call in calls:
            self._calls.setdefault(call.attempt, []).append(call)
        self._known_attempts: set[str] = set()
        self.violations: list[Violation] = []
        self.counts: Counter[str] = Counter()

    async def check(self) -> None:
        """Look at every execution, those that were asked for and those that are there."""
        listed = await self._ids()
        children = [id for id in listed if id not in self._ledger.lives]
        for life in self._ledger.lives.values():
            if life.id in listed:
                await self._check_life(life)
            elif life.started:
                self._bad(life.id, "its start was acknowledged, and it is not there")
        await self._check_children(children)
        for attempt in self._calls.keys() - self._known_attempts:
            self._bad("", f"called without a checkpoint that says so: {attempt}", len(self._calls[attempt]))
        self.counts["executions"] = len(listed)
        self.counts["calls"] = sum(map(len, self._calls.values()))
        self.counts["calls repeated"] = sum(len(calls) - 1 for calls in self._calls.values())

    async def _ids(self) -> set[str]:
        ids: set[str] = set()
        before: tuple[int, str] | None = None
        while page := await self._store.list(None, None, _PAGE, before):
            ids |= {summary.id for summary in page}
            before = (page[-1].started_ms, page[-1].id)
        return ids

    async def _check_life(self, life: Life) -> None:
        read = await self._read(life.id)
        if read is None:
            return
        execution, events = read
        self.counts[f"of {life.kind.name}"] += 1
        possible = await self._possible(life)
        ends = [(life.kind.output(life.n, answers), life.kind.entered(life.n, answers)) for answers in possible]
        if execution.status is not Status.SUCCEEDED:
            self._bad(life.id, f"it is {execution.status}: {execution.error}, {execution.cause}", _shown(events))
        elif (execution.output, entered(events)) not in ends:
            self._bad(
                life.id,
                "output or states are not what its input and answers make",
                {
                    "output": execution.output,
                    "entered": dict(entered(events)),
                    "possible": [[output, dict(states)] for output, states in ends[:8]],
                    "answers": _answers_shown(life),
                    "history": _shown(events),
                },
            )

    async def _check_children(self, children: Sequence[str]) -> None:
        """Items of distributed Maps: as many as there were, each ended well."""
        wanted = sum(life.kind.children(life.n) for life in self._ledger.lives.values() if life.kind.children(life.n))
        if len(children) != wanted:
            self._bad("", f"there are {len(children)} executions of items, and there were {wanted} items")
        for id in children:
            read = await self._read(id)
            if read is not None:
                execution, events = read
                if execution.status is not Status.SUCCEEDED or entered(events) != {"Work": 1, "Wait": 1}:
                    self._bad(id, f"an item's execution is {execution.status}", _shown(events))
        self.counts["items' executions"] = len(children)

    async def _read(self, id: str) -> tuple[Execution, list[HistoryEvent]] | None:
        try:
            execution = await self._store.describe(id)
            events: list[HistoryEvent] = []
            while page := await self._store.history(id, events[-1].id if events else 0, _PAGE, False):
                events += page
        except ServiceError as unreadable:
            self._bad(id, f"it is listed, and cannot be read: {unreadable!r}")
            return None
        for wrong in broken_rules(events, retry_seconds=1):
            self._bad(id, wrong, _shown(events))
        for wrong in self._wrong_calls(execution, events):
            self._bad(id, wrong, _shown(events))
        return execution, events

    # Answers

    async def _possible(self, life: Life) -> Iterator[Answers]:
        """What the places of an execution may have been answered with, by what those who answered know."""
        by_place: dict[str, list[Said | None]] = {}
        for place in life.kind.asks(life.n):
            given = life.answers.get(place, [])
            token = life.tokens.get(place)
            record: Mapping[str, str | None] = {} if token is None else await self._token(token)
            by_place[place] = self._candidates(life, place, given, record)
        return (dict(zip(by_place, said, strict=True)) for said in itertools.product(*by_place.values()))

    def _candidates(
        self, life: Life, place: str, given: Sequence[Attempt], record: Mapping[str, str | None]
    ) -> list[Said | None]:
        accepted = [attempt for attempt in given if attempt.acknowledged]
        if len(accepted) > 1:
            self._bad(life.id, f"{place}: two answers were accepted", _answers_shown(life))
        for attempt in given:
            if attempt.refused and attempt.safe and len(given) == 1 and not life.kind.expires:
                self._bad(life.id, f"{place}: its only answer was refused", _answers_shown(life))
        if record and record["status"] == "answered":
            self.counts[f"answered by {record['channel']}"] += 1
        if accepted:
            self.counts["acknowledged answers"] += 1
            if accepted[0].kept:
                self.counts["early answers used"] += 1
            if record and record["status"] != "answered":
                self._bad(
                    life.id,
                    f"{place}: an answer was accepted, and the continuation is {record['status']}",
                    _answers_shown(life),
                )
            return [accepted[0].said]
        # Refused at the first try: it was not taken. Refused later: the first try may have been.
        unsure: list[Said | None] = [
            attempt.said
            for attempt in given
            if attempt.refused is None or attempt.published or (attempt.tries > 1 and not attempt.safe)
        ]
        if life.kind.expires:
            unsure.append(None)
        return unsure

    async def _token(self, token: str) -> Mapping[str, str | None]:
        status, channel = items(
            await self._reads.ask("HMGET", self._keys.of_token(token).token(token), "status", "channel")
        )
        return {"status": maybe_text(status), "channel": maybe_text(channel)}

    # Calls

    def _wrong_calls(self, execution: Execution, events: Sequence[HistoryEvent]) -> Iterator[str]:
        """Calls that were made too early, too late, or not at all."""
        attempts = scheduled(events)
        submitted = {event.previous: event for event in events if event.type == "TaskSubmitted"}
        starts = {event.previous: event for event in events if event.type == "TaskStarted"}
        for id, event in attempts.items():
            attempt = f"{execution.uid}-{id}"
            calls = self._calls.get(attempt, [])
            self._known_attempts.add(attempt)
            # One that waits for its token may be answered before it is called: nothing is left to be called then.
            needless = ("suspend", "waitForTaskToken")
            if not calls and not any(word in str(details(event)["resource"]) for word in needless):
                yield f"the attempt of event {id} was never called"
            if any(call.at_ms < event.at_ms for call in calls):
                yield f"the attempt of event {id} was called before it was scheduled"
            known = submitted.get(starts[id].id if id in starts else id)
            if known is not None:
                self.counts["activations known"] += 1
                activation = str(read_json(details(known)["output"])["activationId"])
                yield from self._repeated(id, activation, known.at_ms, calls)

    def _repeated(self, event: int, activation: str, known_ms: int, calls: Sequence[Call]) -> Iterator[str]:
        for call in calls:
            if call.at_ms > known_ms and call.activation != activation:
                self.counts["calls after the activation was known"] += 1
                if not any(start <= call.at_ms <= end + _AFTER_THAW_MS for start, end in self._ledger.freezes):
                    yield f"event {event} was called {call.at_ms - known_ms} ms after its activation was known"

    def _bad(self, execution: str, what: str, evidence: Json = None) -> None:
        self.violations.append(Violation(execution, what, evidence))


def read_calls(lines: Sequence[str]) -> list[Call]:
    """The starts in the action host's log."""
    entries = map(read_json, lines)
    return [
        Call(entry["transaction"], entry["activation"], entry["time"]) for entry in entries if entry["event"] == "start"
    ]


def _shown(events: Sequence[HistoryEvent]) -> Json:
    return [describe(event) for event in events]


def _answers_shown(life: Life) -> Json:
    return msgspec.to_builtins(life.answers)
