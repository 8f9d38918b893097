"""AWS's JSON 1.0 protocol: the header X-Amz-Target names an operation, the body is its input, the answer its output."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec
from aiohttp import web

from statebox.asl.jsontext import Json
from statebox.engine.errors import ExecutionDoesNotExist, ValidationException
from statebox.engine.service import Service
from statebox.http.errors import SerializationException, UnknownOperationException
from statebox.http.messages import TARGET_HEADER, protocol_answer, read_body
from statebox.http.pages import goes_on, with_mark, without_mark
from statebox.http.reply import Reply
from statebox.http.settling import Settling
from statebox.http.validation import Request, read_request


@dataclass(frozen=True, slots=True)
class Call:
    """What an operation works with. `up_since_ms` is when this server was made, and with it the machines it knows.

    `payload_bytes` is what a payload may have, 0 any.
    """

    service: Service
    settling: Settling
    http: web.BaseRequest
    up_since_ms: int
    payload_bytes: int = 0


T = TypeVar("T", bound=Request)


@dataclass(frozen=True, slots=True)
class Operation(Generic[T]):
    """One operation: the class of its input bears its name, `answer` does it and returns its output."""

    input: type[T]
    answer: Callable[[Call, T], Awaitable[Json]]

    @property
    def name(self) -> str:
        """Its name, as in X-Amz-Target behind the dot."""
        return self.input.__name__

    async def __call__(self, call: Call, raw: Json) -> Json:
        """Do it. Raises ValidationException, SerializationException, InvalidToken and what it raises itself."""
        ask = read_request(self.input, raw, call.payload_bytes)
        if not goes_on(self.input):
            return await self.answer(call, ask)
        return with_mark(ask, await self.answer(call, without_mark(ask)))


# Some operation; which input it has is its own affair.
AnyOperation = Callable[[Call, Json], Awaitable[Json]]


class Protocol:
    """Serves operations."""

    def __init__(
        self,
        service: Service,
        settling: Settling,
        operations: Mapping[str, AnyOperation],
        up_since_ms: int,
        payload_bytes: int = 0,
    ) -> None:
        self._service = service
        self._settling = settling
        self._operations = operations
        self._up_since_ms = up_since_ms
        self._payload_bytes = payload_bytes

    async def post(self, request: web.BaseRequest) -> Reply:
        """Do the operation that the request names."""
        target = request.headers[TARGET_HEADER]
        operation = self._operations.get(target)
        if operation is None:
            raise UnknownOperationException(f"There is no operation {target!r}")
        try:
            raw = await read_body(request)
        except ValidationException as error:
            raise SerializationException(error.message) from None
        call = Call(self._service, self._settling, request, self._up_since_ms, self._payload_bytes)
        asked: Json = {} if raw is msgspec.UNSET else raw
        try:
            return protocol_answer(await operation(call, asked))
        except ExecutionDoesNotExist:
            # AWS names it by the ARN that it was asked with.
            arn = asked["executionArn"]
            if not arn.startswith("arn:"):
                raise
            raise ExecutionDoesNotExist(f"Execution Does Not Exist: '{arn}'") from None
