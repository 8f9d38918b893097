"""What the seed's endpoint answers about an execution, when it has ended, come to rest, or taken too long."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from statebox.asl.commands import AwaitCallback
from statebox.asl.execution import Execution, OnTask, Status
from statebox.asl.jsontext import Json
from statebox.http.statuses import GOES_ON_BY_ITSELF, STILL_AT_WORK, SUSPENDED, status_of_outcome


def answer_of(execution: Execution) -> tuple[int, Json]:
    """The status and the value to answer with.

    At the end the output; before it, what the first suspended state was given, with its continuation as CONTINUATION,
    and all of them by state as CONTINUATIONS where there are several. What `module:sendResponse` said stands in the
    place of either. Without any of these: who it is and how it is doing.
    """
    response: Json = execution.response
    continuations = continuations_of(execution) if execution.idle and not execution.ended else ()
    if continuations:
        said: Json = _given(execution, continuations[0]) if response is msgspec.UNSET else response
        return SUSPENDED, _with_continuations(said, continuations)
    if response is not msgspec.UNSET:
        return status_of_outcome(Status.SUCCEEDED), response
    if execution.status is Status.SUCCEEDED:
        return status_of_outcome(execution.status), execution.output
    if execution.ended:
        return status_of_outcome(execution.status), _standing(execution, execution.error, execution.cause)
    if execution.idle:
        return GOES_ON_BY_ITSELF, {"execution": execution.id, "status": execution.status}
    return STILL_AT_WORK, _standing(execution, "StillAtWork", "The execution goes on; ask for it later")


def continuations_of(execution: Execution) -> Sequence[AwaitCallback]:
    """Its open continuations that people answer, in the order of its branches."""
    waiting = [
        command
        for command in execution.outstanding()
        if isinstance(command, AwaitCallback) and not _is_nested(execution, command)
    ]
    return sorted(waiting, key=lambda command: [int(part) for part in _branch(command).split(".")])


def _is_nested(execution: Execution, continuation: AwaitCallback) -> bool:
    waiting = execution.branches[_branch(continuation)].waiting
    return isinstance(waiting, OnTask) and waiting.nested


def _standing(execution: Execution, error: str | None, cause: str | None) -> Json:
    return {"error": error, "cause": cause, "execution": execution.id, "status": execution.status}


def _given(execution: Execution, continuation: AwaitCallback) -> Json:
    branch = execution.branches[_branch(continuation)]
    return branch.data if branch.arguments is msgspec.UNSET else branch.arguments


def _branch(continuation: AwaitCallback) -> str:
    return continuation.id.rpartition(":")[0]


def _with_continuations(said: Json, continuations: Sequence[AwaitCallback]) -> Json:
    # What is no object goes as OpenWhisk takes it everywhere, under `value`.
    answer: dict[str, Json] = {**said} if isinstance(said, dict) else {"value": said}
    answer["CONTINUATION"] = continuations[0].token
    if len(continuations) > 1:
        answer["CONTINUATIONS"] = {command.state: command.token for command in continuations}
    return answer
