"""What goes wrong: in a definition (InvalidDefinition), and in a running state (StateFailure)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


class Problem(msgspec.Struct, frozen=True):
    """One finding about a definition: AWS's code and wording, and where (`/States/A/Next`; None for the whole)."""

    code: str
    message: str
    location: str | None = None

    def __str__(self) -> str:
        return f"{self.code}: {self.message} at {'null' if self.location is None else self.location}"


class InvalidDefinition(ValueError):
    """The definition is refused; `problems` holds all that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(", ".join(map(str, self.problems)))


class StateFailure(Exception):
    """A state failed with a named error: data for Retry and Catch, raised and caught inside the core only.

    `error` and `cause` may be None, as a Fail state or a SendTaskFailure may leave them out.
    """

    def __init__(self, error: str | None, cause: str | None = None) -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause


def too_large(whose: str) -> StateFailure:
    """The failure of a state or task whose result is larger than it may be."""
    return StateFailure(
        DATA_LIMIT_EXCEEDED,
        f"The state/task '{whose}' returned a result with a size exceeding the maximum number of bytes service limit.",
    )


RUNTIME = "States.Runtime"
TOO_DEEP = "The data is nested too deep."
TIMEOUT = "States.Timeout"
HEARTBEAT_TIMEOUT = "States.HeartbeatTimeout"
TASK_FAILED = "States.TaskFailed"
ALL = "States.ALL"
QUERY_EVALUATION_ERROR = "States.QueryEvaluationError"
RESULT_PATH_MATCH_FAILURE = "States.ResultPathMatchFailure"
DATA_LIMIT_EXCEEDED = "States.DataLimitExceeded"
EXCEED_TOLERATED_FAILURE_THRESHOLD = "States.ExceedToleratedFailureThreshold"
ITEM_READER_FAILED = "States.ItemReaderFailed"
RESULT_WRITER_FAILED = "States.ResultWriterFailed"
