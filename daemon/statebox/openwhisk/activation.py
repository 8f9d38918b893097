"""The activation record: how one run of an action ended, as OpenWhisk tells it."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeGuard

import msgspec

from statebox.asl.jsontext import Json


class Ending(StrEnum):
    """`response.status` of a record."""

    SUCCESS = "success"
    APPLICATION_ERROR = "application error"
    DEVELOPER_ERROR = "action developer error"
    INTERNAL_ERROR = "whisk internal error"


class Activation(msgspec.Struct, frozen=True):
    """A run of an action that is over.

    `result` is UNSET where OpenWhisk was told not to keep results. `timed_out` says that the action's own time limit
    ended it. `logs` are there where the record has them, which depends on OpenWhisk.
    """

    id: str
    ending: Ending
    result: Json
    timed_out: bool = False
    logs: tuple[str, ...] = ()


class Submitted(msgspec.Struct, frozen=True):
    """A run of an action that goes on; its record appears when it ends."""

    id: str


class InvalidRecord(ValueError):
    """The JSON is not an activation record."""


class _Response(msgspec.Struct):
    status: Ending
    result: Json = msgspec.UNSET


class Annotation(msgspec.Struct):
    """One of the annotations that entities and records carry."""

    key: str
    value: Json = None


class _Record(msgspec.Struct, rename="camel"):
    activation_id: str
    response: _Response
    annotations: list[Annotation] = []
    logs: list[str] = []


def read_record(record: Json) -> Activation:
    """Read a record as `GET /activations/<id>` and a blocking call show it. Raises InvalidRecord."""
    try:
        read = msgspec.convert(record, _Record)
    except msgspec.ValidationError as error:
        raise InvalidRecord(f"an activation record was expected: {error}") from None
    timed_out = any(annotation.key == "timeout" and annotation.value is True for annotation in read.annotations)
    return Activation(read.activation_id, read.response.status, read.response.result, timed_out, tuple(read.logs))


def is_object(value: Json) -> TypeGuard[dict[str, Json]]:
    """Whether it is a JSON object."""
    return isinstance(value, dict)


def is_list(value: Json) -> TypeGuard[list[Json]]:
    """Whether it is a JSON array."""
    return isinstance(value, list)


def is_record(body: Json) -> bool:
    """Whether it looks like an activation record rather than like an error of the platform."""
    return is_object(body) and "activationId" in body and "response" in body
