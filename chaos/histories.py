"""Histories: what must be true of every one, whatever the machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from statebox.asl.history import HistoryEvent, describe
from statebox.asl.jsontext import Json

_ENDS: Final = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut")
_TASK_ENDS: Final = ("TaskSucceeded", "TaskFailed", "TaskTimedOut", "TaskStartFailed", "TaskSubmitFailed")
# Several events follow these: the branches' first.
_FORKS: Final = ("ParallelStateStarted", "MapStateStarted", "MapRunStarted")
_FIRST: Final = 2
# Deadlines are whole milliseconds.
_MS: Final = 1000


def broken_rules(events: Sequence[HistoryEvent], retry_seconds: float = 0) -> Iterator[str]:
    """What is wrong with a history by itself: ids, chains, transitions, deadlines."""
    if [event.id for event in events] != list(range(1, len(events) + 1)):
        yield f"the ids have gaps: {[event.id for event in events]}"
        return
    # As AWS has it, the first state's entry points back to nothing either.
    if any(event.previous >= event.id or (event.previous == 0) != (event.id <= _FIRST) for event in events):
        yield "an event does not point back to an earlier one"
    if [event.at_ms for event in events] != sorted(event.at_ms for event in events):
        yield "the times go backwards"
    ends = [event for event in events if event.type in _ENDS]
    if not events or ends != [events[-1]]:
        yield f"it has not one end, at its end: {[event.type for event in ends]}"
    by_id = {event.id: event for event in events}
    yield from _doubled(events, by_id)
    yield from _unpaired(events)
    yield from _early(events, by_id, retry_seconds)


def entered(events: Sequence[HistoryEvent]) -> Mapping[str, int]:
    """How often each state was entered."""
    return Counter(str(event.values[0]) for event in events if event.type.endswith("StateEntered"))


def scheduled(events: Sequence[HistoryEvent]) -> dict[int, HistoryEvent]:
    """The attempts of tasks, by the id of the event that scheduled them."""
    return {event.id: event for event in events if event.type == "TaskScheduled"}


def details(event: HistoryEvent) -> dict[str, Json]:
    """The fields of an event."""
    found: dict[str, Json] = {}
    for name, value in describe(event).items():
        if name.endswith("EventDetails"):
            found = value
    return found


def _doubled(events: Sequence[HistoryEvent], by_id: Mapping[int, HistoryEvent]) -> Iterator[str]:
    """A transition that happened twice follows the same event twice."""
    followers: dict[int, list[HistoryEvent]] = {}
    for event in events:
        followers.setdefault(event.previous, []).append(event)
    for previous, some in followers.items():
        fork = previous in by_id and by_id[previous].type in _FORKS
        if len(some) > 1 and not fork:
            # An ended branch may have the next one begun, beside what comes after the last of all.
            kinds = Counter((event.type, str(event.values)) for event in some)
            if max(kinds.values()) > 1:
                yield f"after event {previous} the same happened twice: {kinds.most_common(1)[0][0]}"
    for type in ("MapIterationStarted", "MapIterationSucceeded"):
        seen = Counter(str(event.values) for event in events if event.type == type)
        if seen and max(seen.values()) > 1:
            yield f"{type} twice: {seen.most_common(1)[0][0]}"


def _unpaired(events: Sequence[HistoryEvent]) -> Iterator[str]:
    """Each state that was entered was left; each attempt of a task has one outcome."""
    left = Counter(str(event.values[0]) for event in events if event.type.endswith("StateExited"))
    if left != entered(events):
        yield f"entered {dict(entered(events))}, but left {dict(left)}"
    # An outcome's way back leads to its attempt over TaskStarted and TaskSubmitted.
    by_id = {event.id: event for event in events}
    outcomes: Counter[int] = Counter()
    for event in events:
        if event.type in _TASK_ENDS:
            outcomes[_attempt_of(event, by_id)] += 1
    wanted = dict.fromkeys(scheduled(events), 1)
    if dict(outcomes) != wanted:
        yield f"the outcomes of attempts are not one each: {dict(outcomes)} for {sorted(wanted)}"


def _attempt_of(event: HistoryEvent, by_id: Mapping[int, HistoryEvent]) -> int:
    while event.type != "TaskScheduled" and event.previous in by_id:
        event = by_id[event.previous]
    return event.id


def _early(events: Sequence[HistoryEvent], by_id: Mapping[int, HistoryEvent], retry_seconds: float) -> Iterator[str]:
    """Waits, timeouts and delays of retries that were over before their time."""
    for event in events:
        before = by_id.get(event.previous)
        if event.type == "WaitStateExited" and before is not None:
            seconds = _waited_for(before)
            if event.at_ms < before.at_ms + seconds * _MS:
                yield f"event {event.id}: a wait of {seconds} s was over after {event.at_ms - before.at_ms} ms"
        if event.type == "TaskTimedOut":
            attempt = by_id[_attempt_of(event, by_id)]
            seconds = details(attempt).get("timeoutInSeconds", 0)
            if event.at_ms < attempt.at_ms + seconds * _MS:
                yield f"event {event.id}: a timeout of {seconds} s came after {event.at_ms - attempt.at_ms} ms"
        retried = event.type == "TaskScheduled" and before is not None and before.type == "TaskFailed"
        if retried and before is not None and event.at_ms < before.at_ms + retry_seconds * _MS:
            yield f"event {event.id}: a retry came after {event.at_ms - before.at_ms} ms"


def _waited_for(entry: HistoryEvent) -> int:
    """How long a Wait state was to wait: what its input says, else 1 s as in all machines here."""
    match entry.values[1]:
        case {"seconds": int() as seconds} if entry.values[0] == "Wait":
            return seconds
        case _:
            return 1
