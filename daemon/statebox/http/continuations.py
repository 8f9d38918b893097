"""Continuations over HTTP: what one waits for, and the answer to it."""

from __future__ import annotations

from typing import Final

import msgspec
from aiohttp import web

from statebox.asl.jsontext import Json
from statebox.asl.moment import timestamp
from statebox.engine.errors import InvalidToken, TaskTimedOut
from statebox.engine.records import Continuation
from statebox.engine.service import Service
from statebox.http.messages import EXECUTION_HEADER, answer
from statebox.http.reply import Reply
from statebox.http.said import Said, read_said

CHANNEL: Final = "http"


class Continuations:
    """Serves /continuations/<id>."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def get(self, _: web.BaseRequest, continuation: str) -> Reply:
        """What is waited for, since when and until when, and how it was answered. Never changes anything."""
        try:
            found = await self._service.continuation(continuation)
        except InvalidToken as error:
            raise _in_the_seeds_words(error, continuation) from None
        return answer(continuation_shown(found), headers={EXECUTION_HEADER: found.execution})

    async def post(self, request: web.BaseRequest, continuation: str) -> Reply:
        """Answer it: the body, any JSON, is its output; an empty one says nothing but "go on".

        `?error=NAME&cause=TEXT` with an empty body fails it instead. The header Idempotency-Key makes it safe to ask
        again when the reply was lost: the same key gets the same reply.
        """
        id = await answer_continuation(self._service, continuation, await read_said(request))
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


async def answer_continuation(service: Service, continuation: str, said: Said) -> str:
    """Answer a continuation; returns the execution's id.

    Raises what Service.send_task_success does, in the seed's words for what cannot be found.
    """
    try:
        if said.failed:
            return await service.send_task_failure(continuation, said.error, said.cause, said.operation, CHANNEL)
        if said.payload is msgspec.UNSET:
            return await service.resume(continuation, said.operation, CHANNEL)
        return await service.send_task_success(continuation, said.payload, said.operation, CHANNEL)
    except (InvalidToken, TaskTimedOut) as error:
        raise _in_the_seeds_words(error, continuation) from None


def _in_the_seeds_words(error: InvalidToken | TaskTimedOut, continuation: str) -> InvalidToken | TaskTimedOut:
    return type(error)(f"Continuation not found or expired: {continuation}", **error.details)
