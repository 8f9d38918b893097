"""Continuations over HTTP: what one waits for, and the answer to it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import msgspec
from aiohttp import web

from statebox.asl.jsontext import Json, write_json
from statebox.asl.moment import timestamp
from statebox.engine.errors import InvalidToken, TaskTimedOut, ValidationException
from statebox.engine.ports import Continuation
from statebox.engine.service import Service
from statebox.http.messages import EXECUTION_HEADER, answer, read_body

_CHANNEL: Final = "http"
_LONGEST_OPERATION: Final = 256


class Continuations:
    """Serves /continuations/<id>."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def get(self, request: web.Request) -> web.Response:
        """What is waited for, since when and until when, and how it was answered. Never changes anything."""
        token = request.match_info["continuation"]
        try:
            found = await self._service.continuation(token)
        except InvalidToken as error:
            raise _in_the_seeds_words(error, token) from None
        return answer(continuation_shown(found), headers={EXECUTION_HEADER: found.execution})

    async def post(self, request: web.Request) -> web.Response:
        """Answer it: the body, any JSON, is its output; an empty one says nothing but "go on".

        `?error=NAME&cause=TEXT` with an empty body fails it instead. The header Idempotency-Key makes it safe to ask
        again when the reply was lost: the same key gets the same reply.
        """
        token = request.match_info["continuation"]
        error, cause = _failure(request.query)
        payload = await read_body(request)
        operation = _operation(request, (error, cause, payload))
        if error is None and cause is None:
            id = await answer_continuation(self._service, token, payload, operation)
        elif payload is msgspec.UNSET:
            id = await fail_continuation(self._service, token, error, cause, operation)
        else:
            raise ValidationException(
                "A continuation is answered with a body or with `error` and `cause`, not with both"
            )
        return answer({"execution": id, "status": "answered"}, headers={EXECUTION_HEADER: id})


def continuation_shown(continuation: Continuation) -> Json:
    """A continuation for people: times as in the context object, `until` null when it may take for ever."""
    shown: dict[str, Json] = {
        "continuation": continuation.token,
        "execution": continuation.execution,
        "state": continuation.state,
        "status": continuation.status,
        "since": timestamp(continuation.since_ms),
        "until": None if continuation.deadline_ms is None else timestamp(continuation.deadline_ms),
    }
    if continuation.answered_ms is not None:
        shown |= {"answered": timestamp(continuation.answered_ms), "channel": continuation.channel}
    return shown


async def answer_continuation(
    service: Service, continuation: str, payload: Json | msgspec.UnsetType, operation: str | None = None
) -> str:
    """Answer a continuation, with nothing where the payload is UNSET; returns the execution's id.

    Raises what Service.send_task_success does, in the seed's words for what cannot be found.
    """
    try:
        if payload is msgspec.UNSET:
            return await service.resume(continuation, operation, _CHANNEL)
        return await service.send_task_success(continuation, payload, operation, _CHANNEL)
    except (InvalidToken, TaskTimedOut) as error:
        raise _in_the_seeds_words(error, continuation) from None


async def fail_continuation(
    service: Service, continuation: str, error: str | None, cause: str | None, operation: str | None = None
) -> str:
    """Answer a continuation with an error; otherwise as answer_continuation."""
    try:
        return await service.send_task_failure(continuation, error, cause, operation, _CHANNEL)
    except (InvalidToken, TaskTimedOut) as refused:
        raise _in_the_seeds_words(refused, continuation) from None


def _in_the_seeds_words(error: InvalidToken | TaskTimedOut, continuation: str) -> InvalidToken | TaskTimedOut:
    return type(error)(f"Continuation not found or expired: {continuation}", **error.details)


def _failure(query: Mapping[str, str]) -> tuple[str | None, str | None]:
    # An answer cannot be taken back, so a parameter that was meant otherwise must not pass as none.
    if unknown := sorted(set(query) - {"error", "cause"}):
        raise ValidationException(f"Unknown query parameters: {', '.join(unknown)} (there are `error` and `cause`)")
    return query.get("error"), query.get("cause")


def _operation(request: web.Request, answer: tuple[Json, ...]) -> str | None:
    """What a repeated request is recognised by: its key and what it says, so that no other answer is taken for it."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 0 < len(key) <= _LONGEST_OPERATION:
        raise ValidationException(f"Idempotency-Key must have 1 to {_LONGEST_OPERATION} characters")
    said = write_json([part for part in answer if part is not msgspec.UNSET])
    return f"{key} {hashlib.sha256(said).hexdigest()}"
