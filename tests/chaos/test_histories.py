"""What the checker finds wrong with histories: each rule is broken once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chaos.histories import broken_rules
from statebox.asl.history import CODES, HistoryEvent
from statebox.asl.jsontext import Json


def event(id: int, previous: int, at_ms: int, type: str, *values: Json) -> HistoryEvent:
    """One event."""
    return HistoryEvent(id, previous, at_ms, CODES[type], values)


SOUND = (
    event(1, 0, 0, "ExecutionStarted", {}),
    event(2, 0, 0, "TaskStateEntered", "Try", {}),
    event(3, 2, 0, "TaskScheduled", "openwhisk", "flaky"),
    event(4, 3, 0, "TaskStarted", "openwhisk", "flaky"),
    event(5, 4, 200, "TaskFailed", "openwhisk", "flaky", "Flaky"),
    event(6, 5, 1200, "TaskScheduled", "openwhisk", "flaky"),
    event(7, 6, 1200, "TaskStarted", "openwhisk", "flaky"),
    event(8, 7, 1300, "TaskSucceeded", "openwhisk", "flaky", 5),
    event(9, 8, 1300, "TaskStateExited", "Try", 5),
    event(10, 9, 1300, "WaitStateEntered", "Wait", {"seconds": 2}),
    event(11, 10, 3300, "WaitStateExited", "Wait", 5),
    event(12, 11, 3300, "ExecutionSucceeded", 5),
)


def test_a_sound_history_breaks_no_rule():
    assert list(broken_rules(SOUND, retry_seconds=1)) == []


def replaced(*events: HistoryEvent) -> list[HistoryEvent]:
    """The sound history with these events in it, by their ids."""
    return [next((new for new in events if new.id == old.id), old) for old in SOUND]


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([*SOUND[:4], *SOUND[5:]], "the ids have gaps"),
        (replaced(event(9, 9, 1300, "TaskStateExited", "Try", 5)), "does not point back"),
        (replaced(event(4, 3, 500, "TaskStarted", "openwhisk", "flaky")), "times go backwards"),
        (SOUND[:-1], "has not one end"),
        (replaced(event(8, 7, 1300, "ExecutionSucceeded", 5)), "has not one end"),
        (replaced(event(8, 6, 1300, "TaskStarted", "openwhisk", "flaky")), "the same happened twice"),
        (replaced(event(9, 8, 1300, "TaskStateExited", "Other", 5)), "but left"),
        (replaced(event(8, 4, 1300, "TaskSucceeded", "openwhisk", "flaky", 5)), "outcomes of attempts"),
        (replaced(event(6, 5, 1199, "TaskScheduled", "openwhisk", "flaky")), "a retry came after 999 ms"),
        (replaced(event(11, 10, 3299, "WaitStateExited", "Wait", 5)), "was over after 1999 ms"),
    ],
)
def test_a_broken_rule_is_told(events: Sequence[HistoryEvent], told: str):
    assert told in "\n".join(broken_rules(events, retry_seconds=1))
