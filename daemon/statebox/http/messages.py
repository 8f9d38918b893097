"""How JSON comes in with a request and goes out with an answer, errors included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from aiohttp import web

from statebox import __version__
from statebox.asl.jsontext import InvalidJson, Json, read_json, write_json
from statebox.engine.errors import ServiceError, ValidationException
from statebox.engine.names import fresh_uuid
from statebox.http.admission import make_room_for_body
from statebox.http.errors import BodyTooLarge, EncodedBody
from statebox.http.reply import Reply
from statebox.http.statuses import headers_of, protocol_message_of, protocol_status_of, protocol_type_of, status_of

EXECUTION_HEADER: Final = "x-statebox-execution-id"
TARGET_HEADER: Final = "X-Amz-Target"
AWS_PREFIX: Final = "AWSStepFunctions."
LOGS_PREFIX: Final = "Logs_20140328."
_PROTOCOL_TYPE: Final = "application/x-amz-json-1.0"
# Where a request holds its body, between who looks at it and who reads it.
_HELD: Final = web.RequestKey("body", bytes)
_NONE: Final[Mapping[str, str]] = {}
# Nothing that this daemon says may be kept by caches.
_ALWAYS: Final = {"Cache-Control": "no-store", "Server": f"statebox/{__version__}"}


async def read_bytes(request: web.BaseRequest) -> bytes:
    """The body. Raises BodyTooLarge (before reading it, where its length is told), EncodedBody, TooManyRequests."""
    held = request.pop(_HELD, None)
    if held is not None:
        return held
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise EncodedBody
    limit = request.client_max_size
    told = request.content_length
    if told is not None and told > limit:
        raise _too_large(limit)
    make_room_for_body(limit if told is None else told)
    try:
        # Most have come as a whole, with their heads.
        body = request.content.read_nowait() if request.content.is_eof() else await _read_rest(request)
    except web.HTTPRequestEntityTooLarge:
        raise _too_large(limit) from None
    except web.RequestPayloadError as error:
        raise ValidationException(f"The body cannot be read: {error}") from None
    if len(body) > limit:
        raise _too_large(limit)
    make_room_for_body(len(body))
    return body


async def look_at_bytes(request: web.BaseRequest) -> bytes:
    """The body, which is kept for whoever reads it; otherwise as `read_bytes`."""
    body = request[_HELD] = await read_bytes(request)
    return body


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is larger than the {limit} bytes that this daemon accepts")


async def _read_rest(request: web.BaseRequest) -> bytes:
    """A body of which some is still to come; who waits to be told to send it is told."""
    if request.version >= (1, 1) and request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return await request.read()


async def read_body(request: web.BaseRequest) -> Json | msgspec.UnsetType:
    """The body as JSON, whatever type it is sent as; UNSET when empty. Raises ValidationException and the above."""
    body = await read_bytes(request)
    if not body.strip():
        return msgspec.UNSET
    try:
        return read_json(body)
    except InvalidJson as invalid:
        raise ValidationException(f"The body is not JSON: {invalid}") from None


def answer(value: Json, status: int = 200, headers: Mapping[str, str] = _NONE) -> Reply:
    """An answer in JSON."""
    return Reply(write_json(value), status, {**_ALWAYS, **headers, "Content-Type": "application/json"})


def protocol_answer(value: Json, status: int = 200, headers: Mapping[str, str] = _NONE) -> Reply:
    """An answer under AWS's protocol."""
    return Reply(
        write_json(value),
        status,
        {**_ALWAYS, **headers, "Content-Type": _PROTOCOL_TYPE, "x-amzn-RequestId": fresh_uuid()},
    )


def refusal(request: web.BaseRequest, error: ServiceError) -> Reply:
    """The answer to a request that cannot be served, in the form of what was asked."""
    target = request.headers.get(TARGET_HEADER)
    if target is not None and request.path == "/":
        for_aws = target.startswith(AWS_PREFIX)
        type, message = protocol_type_of(error, for_aws), protocol_message_of(error, for_aws)
        value = {"__type": type, "message": message, **error.details}
        return protocol_answer(value, protocol_status_of(error), headers_of(error))
    headers = headers_of(error)
    execution: Json = error.details.get("execution")
    if isinstance(execution, str):
        headers[EXECUTION_HEADER] = execution
    value = {"error": error.message, "code": type_name(error), **error.details}
    return answer(value, status_of(error), headers)


def type_name(error: ServiceError) -> str:
    """The name of an error, as callers see it."""
    return type(error).__name__
