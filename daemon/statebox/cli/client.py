"""The way to a daemon: one operation is one POST; what goes wrong on it comes back as a Failure in words."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

import aiohttp
import msgspec

from statebox.asl.errors import Problem
from statebox.asl.jsontext import InvalidJson, Json, read_json, write_json
from statebox.cli.failures import Failure, Unavailable, plural, problem_line, system_words

T = TypeVar("T")

_CONTENT_TYPE = "application/x-amz-json-1.0"
_CONNECT_SECONDS = 5.0
# How long a daemon may take for an operation that does not wait for anything; Redis has 5 s per command.
_REPLY_SECONDS = 30.0
_MORE_ATTEMPTS = 2
_EXECUTION_ARN = ":execution:"
_MACHINE_ARN = ":stateMachine:"
# What the API gives at once.
_LARGEST_PAGE = 1000
# To AWS's clients, which it takes this one for, a daemon says 400 also where a token is missing.
_UNKNOWN_CALLER = frozenset({"MissingAuthenticationTokenException", "UnrecognizedClientException"})


class Refused(Failure):
    """The daemon said no: `type` is the name of its error, `details` what came along with it."""

    def __init__(self, type: str, message: str, details: Mapping[str, Json]) -> None:
        super().__init__(message)
        self.type = type
        self.details = details

    @property
    def problems(self) -> Sequence[Problem]:
        """What is wrong with the definition, if that is why."""
        found: list[Json] = self.details.get("problems") or []
        return [Problem(one["code"], one["message"], one.get("location")) for one in found]

    def format_message(self) -> str:
        """The daemon's words, with its hint; of a definition, each problem on a line of its own."""
        if not self.problems:
            hint = self.details.get("hint")
            return f"{self.message}: {hint}" if hint else self.message
        return definition_refused([problem_line(one.code, one.message, one.location) for one in self.problems])


def definition_refused(problems: Sequence[str]) -> str:
    """The words for a definition with problems, each a line."""
    return "\n".join([f"the definition is not valid ({len(problems)} {plural('problem', len(problems))}):", *problems])


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Client:
    """`async with Client(endpoint, token) as client:` a connection to a daemon."""

    def __init__(self, endpoint: str, token: str | None = None) -> None:
        self.endpoint = endpoint
        self._token = token

    async def __aenter__(self) -> Self:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        self._session = aiohttp.ClientSession(
            headers=headers, timeout=aiohttp.ClientTimeout(connect=_CONNECT_SECONDS), auto_decompress=True
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def call(self, target: str, /, waits_seconds: float = 0, **parameters: Json) -> dict[str, Json]:
        """Do one operation, `AWSStepFunctions.DescribeExecution` or `Statebox.Resume`, and return its result.

        Parameters that are None are left out. `waits_seconds` is how long the operation may wait by its nature. Raises
        Refused, Unavailable, Failure.
        """
        body = write_json({name: value for name, value in parameters.items() if value is not None})
        headers = {"X-Amz-Target": target, "Content-Type": _CONTENT_TYPE}
        reply = await self.post("/", body, headers, waits_seconds)
        value = self.read(reply)
        if reply.status >= 400:
            raise self._refusal(reply.status, value)
        return value

    async def insist(self, target: str, /, **parameters: Json) -> dict[str, Json]:
        """As `call`, for an operation with a clientToken: under one token it counts once, however often it is asked.

        So it is asked for again when its answer gets lost.
        """
        parameters["clientToken"] = str(uuid.uuid4())
        for _ in range(_MORE_ATTEMPTS):
            try:
                return await self.call(target, **parameters)
            except Unavailable as failure:
                if not failure.maybe_done:
                    raise
        return await self.call(target, **parameters)

    async def all_of(self, target: str, member: str, /, **parameters: Json) -> list[Json]:
        """All that an operation lists in this member of its result, page by page."""
        found: list[Json] = []
        token: str | None = None
        while True:
            page = await self.call(target, **parameters, maxResults=_LARGEST_PAGE, nextToken=token)
            found += page[member]
            token = page.get("nextToken")
            if not token:
                return found

    async def post(self, path: str, body: bytes, headers: Mapping[str, str], waits_seconds: float = 0) -> Reply:
        """POST to a path of the daemon. Raises Unavailable."""
        timeout = aiohttp.ClientTimeout(total=_REPLY_SECONDS + waits_seconds, connect=_CONNECT_SECONDS)
        try:
            async with self._session.post(
                self.endpoint + path, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                return Reply(response.status, response.headers, await response.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unavailable(
                f"no daemon answers at {self.endpoint} ({_reason(error)}): start one with `statebox dev`, or name"
                " another with --endpoint or STATEBOX_ENDPOINT"
            ) from None
        except TimeoutError:
            raise Unavailable(
                f"the daemon at {self.endpoint} did not answer within {_REPLY_SECONDS + waits_seconds:g} s",
                maybe_done=True,
            ) from None
        except aiohttp.ClientError as error:
            raise Unavailable(f"the daemon at {self.endpoint} broke off: {_reason(error)}", maybe_done=True) from None

    def read(self, reply: Reply) -> dict[str, Json]:
        """The JSON object that a daemon answers with. Raises Failure."""
        try:
            return msgspec.convert(read_json(reply.body), dict[str, Json])
        except (InvalidJson, msgspec.ValidationError):
            raise Failure(
                f"what answers at {self.endpoint} is no statebox daemon: HTTP {reply.status}, {_excerpt(reply.body)};"
                " name one with --endpoint"
            ) from None

    def _refusal(self, status: int, reply: Mapping[str, Json]) -> Failure:
        # AWS's own servers may put a namespace before the name.
        type = str(reply.get("__type", f"HTTP {status}")).rpartition("#")[2]
        message = str(reply.get("message") or reply.get("error") or type)
        if status in (401, 403) or type in _UNKNOWN_CALLER:
            return Failure(f"the daemon at {self.endpoint} refuses this request: {message} (--token or STATEBOX_TOKEN)")
        if status == 503:
            return Unavailable(f"the daemon at {self.endpoint} cannot serve this now: {message}")
        return Refused(type, message, reply)


def short_id(arn: str) -> str:
    """An execution's id, `<machine>:<name>`, out of its ARN."""
    return arn.partition(_EXECUTION_ARN)[2] or arn


def short_machine(arn: str) -> str:
    """A machine's name, `<name>:<version>` or `<name>:<alias>`, out of its ARN."""
    return arn.partition(_MACHINE_ARN)[2] or arn


def run(coroutine: Coroutine[object, object, T]) -> T:
    """Run a command's coroutine; Ctrl-C cancels it and raises KeyboardInterrupt."""
    return asyncio.run(coroutine)


def _reason(error: aiohttp.ClientError) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return system_words(error.os_error)
    return str(error) or type(error).__name__


def _excerpt(text: bytes) -> str:
    shown = " ".join(text[:200].decode(errors="replace").split())
    return repr(shown[:80]) if shown else "an empty body"
