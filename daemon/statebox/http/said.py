"""What a request says as an answer (an output, an error or nothing), and by which key it is known when repeated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from aiohttp import web

from statebox.asl.jsontext import Json
from statebox.engine.errors import ValidationException
from statebox.engine.idempotency import operation_of
from statebox.http.messages import read_body

_HEADER: Final = "Idempotency-Key"


class Said(msgspec.Struct, frozen=True):
    """An answer: `payload` is UNSET when it is an error, or says nothing but "go on"."""

    payload: Json | msgspec.UnsetType = msgspec.UNSET
    error: str | None = None
    cause: str | None = None
    operation: str | None = None

    @property
    def failed(self) -> bool:
        """Whether it is an error."""
        return self.error is not None or self.cause is not None


async def read_said(request: web.BaseRequest) -> Said:
    """The JSON body is an output, none at all says nothing; `?error=NAME&cause=TEXT` with an empty body is an error.

    Raises ValidationException.
    """
    error, cause = _failure(request.query)
    payload = await read_body(request)
    if payload is not msgspec.UNSET and (error is not None or cause is not None):
        raise ValidationException("It is answered with a body or with `error` and `cause`, not with both")
    return Said(payload, error, cause, answer_operation(request, payload, error, cause))


def start_operation(request: web.BaseRequest, *said: Json) -> str | None:
    """What a repeated start is recognised by: its key and what it says. Raises ValidationException."""
    key = request.headers.get(_HEADER)
    return None if key is None else operation_of(key, *said)


def answer_operation(
    request: web.BaseRequest,
    payload: Json | msgspec.UnsetType = msgspec.UNSET,
    error: str | None = None,
    cause: str | None = None,
    client_token: str | None = None,
) -> str | None:
    """What a repeated answer is recognised by, the same by whichever way it comes. Raises ValidationException."""
    key = request.headers.get(_HEADER, client_token)
    return None if key is None else operation_of(key, error, cause, payload)


def _failure(query: Mapping[str, str]) -> tuple[str | None, str | None]:
    # An answer cannot be taken back, so a parameter that was meant otherwise must not pass as none.
    if unknown := sorted(set(query) - {"error", "cause"}):
        raise ValidationException(f"Unknown query parameters: {', '.join(unknown)} (there are `error` and `cause`)")
    return query.get("error"), query.get("cause")
