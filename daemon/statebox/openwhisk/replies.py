"""What OpenWhisk answers, read into what it means."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from time import time

import msgspec

from statebox.asl.jsontext import InvalidJson, Json, read_json
from statebox.openwhisk.activation import (
    Activation,
    Annotation,
    Ending,
    InvalidRecord,
    Submitted,
    is_list,
    is_object,
    is_record,
    read_record,
)
from statebox.openwhisk.errors import Refused
from statebox.openwhisk.names import ActionName


class Action(msgspec.Struct, frozen=True):
    """What is known about an action. `kind` is the runtime's, or `sequence` for one with `components`."""

    name: ActionName
    version: str
    kind: str
    timeout_ms: int
    components: int = 0


class Reply(msgspec.Struct, frozen=True):
    """An HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Json:
        """The body as JSON, exactly. Raises Refused when it is something else (a proxy's page)."""
        try:
            return read_json(self.body)
        except InvalidJson:
            raise Refused(self.status, f"the answer is not JSON: {_excerpt(self.body)}") from None

    def refusal(self) -> Refused:
        """The answer as an error."""
        try:
            message = read_json(self.body)["error"]
        except (InvalidJson, KeyError, TypeError):
            message = None
        if not isinstance(message, str):
            message = _excerpt(self.body) or "no explanation was given"
        if 300 <= self.status < 400:
            message = f"it redirects to {self.headers.get('Location')}: set the API host to that"
        return Refused(self.status, message, _retry_after_s(self.headers.get("Retry-After")))


def read_outcome(reply: Reply) -> Activation | Submitted:
    """What became of a call. An action that failed is an Activation too. Raises Refused."""
    match reply.status:
        case 200:
            record = reply.json()
            # An action that returns an array is answered with the bare array, whatever was asked for.
            if is_list(record):
                return Activation(reply.headers.get("x-openwhisk-activation-id", ""), Ending.SUCCESS, record)
            return _read_record(record)
        case 202:
            match reply.json():
                case {"activationId": str(id)}:
                    return Submitted(id)
                case _:
                    raise Refused(202, f"the answer names no activation: {_excerpt(reply.body)}")
        # With `code` instead of a record in it, it is the platform that failed; without JSON, a proxy.
        case 500 | 502 if is_record(record := _json_or_none(reply.body)):
            return _read_record(record)
        case _:
            raise reply.refusal()


def read_activation(reply: Reply) -> Activation | None:
    """A record; None where there is none (yet). Raises Refused."""
    match reply.status:
        case 200:
            return _read_record(reply.json())
        case 404:
            return None
        case _:
            raise reply.refusal()


def read_action(reply: Reply) -> Action | None:
    """An action; None where there is none. Raises Refused."""
    match reply.status:
        case 200:
            return _read_entity(reply.json())
        case 404:
            return None
        case _:
            raise reply.refusal()


def read_actions(reply: Reply) -> list[Action]:
    """A page of actions. Raises Refused."""
    return [_read_entity(entry) for entry in read_list(reply)]


def read_list(reply: Reply) -> list[Json]:
    """A JSON array. Raises Refused."""
    if reply.status == 200 and is_list(items := reply.json()):
        return items
    raise reply.refusal()


def read_object(reply: Reply) -> dict[str, Json]:
    """A JSON object. Raises Refused."""
    if reply.status == 200 and is_object(value := reply.json()):
        return value
    raise reply.refusal()


def _read_record(record: Json) -> Activation:
    try:
        return read_record(record)
    except InvalidRecord as error:
        raise Refused(200, str(error)) from None


class _Exec(msgspec.Struct, frozen=True):
    kind: str = ""
    components: list[str] = []


class _Limits(msgspec.Struct, frozen=True):
    timeout: int = 60_000


class _Entity(msgspec.Struct):
    namespace: str
    name: str
    version: str = ""
    exec: _Exec = _Exec()
    limits: _Limits = _Limits()
    annotations: list[Annotation] = []


def _read_entity(described: Json) -> Action:
    try:
        entity = msgspec.convert(described, _Entity)
    except msgspec.ValidationError as error:
        raise Refused(200, f"the description of an action was expected: {error}") from None
    namespace, _, package = entity.namespace.partition("/")
    # A listing leaves out the kind, and has it in an annotation.
    kinds = (str(annotation.value) for annotation in entity.annotations if annotation.key == "exec")
    return Action(
        ActionName(namespace, package or None, entity.name),
        version=entity.version,
        kind=entity.exec.kind or next(kinds, ""),
        timeout_ms=entity.limits.timeout,
        components=len(entity.exec.components),
    )


def _json_or_none(body: bytes) -> Json:
    try:
        return read_json(body)
    except InvalidJson:
        return None


def _excerpt(body: bytes) -> str:
    return " ".join(body[:300].decode(errors="replace").split())


def _retry_after_s(value: str | None) -> float | None:
    """Retry-After as seconds from now; it is a number of seconds or a date."""
    if value is None:
        return None
    try:
        return max(0.0, float(value) if value.strip().isdigit() else parsedate_to_datetime(value).timestamp() - time())
    except (ValueError, OverflowError):
        return None
