"""How things look on a terminal, and how errors of other floors are told there."""

from __future__ import annotations

import errno
import time

import pytest

from statebox.cli.failures import Failure, Misconfigured, Unavailable
from statebox.cli.printing import cut, event_line, span, until
from statebox.cli.troubles import explained
from statebox.config import Address
from statebox.engine.errors import InvalidDefinition, ServiceUnavailable
from statebox.openwhisk.config import InvalidOpenWhiskConfig


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.00 s"),
        (9.994, "9.99 s"),
        (59.9, "59 s"),
        (60, "1 m 00 s"),
        (3599, "59 m 59 s"),
        (3600, "1 h 00 m"),
        (86_399, "23 h 59 m"),
        (86_400, "1 d 00 h"),
        (40 * 86_400 + 3600, "40 d 01 h"),
    ],
)
def test_a_span_has_the_two_units_that_matter(seconds: float, shown: str):
    assert span(seconds) == shown


def test_a_deadline_is_shown_with_how_long_it_still_is():
    assert until(None) == "without a deadline"
    assert until(time.time() - 1).endswith(", which is over")
    assert until(time.time() + 7205).endswith(", in 2 h 00 m")


def test_a_long_value_is_cut_to_one_line():
    assert cut("a\nb") == "a b"
    assert len(cut("x" * 1000)) == 200
    assert cut("x" * 1000).endswith("x…")


def test_an_event_shows_whose_it_is_and_what_it_carries():
    failed = {
        "timestamp": 12.5,
        "id": 7,
        "type": "TaskFailed",
        "taskFailedEventDetails": {"resource": "square", "error": "E", "cause": "why", "activationId": "a1"},
    }
    iteration = {
        "timestamp": 12.5,
        "id": 8,
        "type": "MapIterationStarted",
        "mapIterationStartedEventDetails": {"name": "Each", "index": 2},
    }

    assert event_line(failed, began=10).split() == [
        "2.500",
        "7",
        "TaskFailed",
        "square",
        "E:",
        "why",
        "(activation",
        "a1)",
    ]
    assert event_line(iteration, began=10).split() == ["2.500", "8", "MapIterationStarted", "Each[2]"]


@pytest.mark.parametrize(
    ("error", "kind", "code", "words"),
    [
        (ServiceUnavailable("Redis is away"), Unavailable, 69, "Redis is away"),
        (InvalidDefinition("bad: it is wrong"), Misconfigured, 78, "bad: it is wrong"),
        (InvalidOpenWhiskConfig("there are no credentials"), Misconfigured, 78, "there are no credentials"),
        (
            FileNotFoundError(errno.ENOENT, "", "a.json"),
            Misconfigured,
            78,
            "a.json cannot be used: No such file or directory",
        ),
        (b"\xff".decode, Misconfigured, 78, "a file is not UTF-8"),
        (
            OSError(errno.EADDRNOTAVAIL, "long story"),
            Unavailable,
            69,
            "h:1 cannot be listened on: Cannot assign requested",
        ),
        (
            OSError(-2, "Name or service not known"),
            Unavailable,
            69,
            "h:1 cannot be listened on: Name or service not known",
        ),
        (Failure("as it is"), Failure, 1, "as it is"),
    ],
)
@pytest.mark.parametrize("grouped", [False, True])
def test_what_keeps_a_daemon_from_running_is_told_with_a_code(
    error: object, kind: type[Failure], code: int, words: str, grouped: bool
):
    def fail() -> None:
        raised = error
        if callable(error):
            try:
                error()
            except UnicodeDecodeError as broken:
                raised = broken
        assert isinstance(raised, Exception)
        raise ExceptionGroup("parts", [raised]) if grouped else raised

    with pytest.raises(kind) as told, explained(Address("h", 1)):
        fail()

    assert told.value.exit_code == code
    assert words in told.value.message


def test_what_nobody_foresaw_stays_what_it_is():
    with pytest.raises(ZeroDivisionError), explained():
        raise ExceptionGroup("parts", [ZeroDivisionError()])
    with pytest.raises(ExceptionGroup), explained():
        raise ExceptionGroup("parts", [ZeroDivisionError(), ValueError()])
