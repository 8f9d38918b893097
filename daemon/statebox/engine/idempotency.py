"""Idempotency keys: how a request that is repeated is recognised, and told from another one under the same key.

A key counts for what it is sent to: a machine (a start), a continuation or a state of an execution (an answer). There
it is kept as the operation `<key> <hash of what was said>`, for as long as that is, its retention included.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import Final

import msgspec

from statebox.asl.jsontext import Json, write_json
from statebox.engine.errors import IdempotencyKeyReused, ValidationException

_LONGEST_KEY: Final = 256
_NAMES: Final = uuid.UUID("6f4dd8a5-2a4c-5f0e-9d53-1c6d3d1b7a40")


def operation_of(key: str, *said: Json | msgspec.UnsetType) -> str:
    """The operation of a request with a key, and with what it says; UNSET parts are not there.

    Raises ValidationException.
    """
    if not 0 < len(key) <= _LONGEST_KEY or not key.isprintable():
        raise ValidationException(f"Idempotency-Key must have 1 to {_LONGEST_KEY} printable characters")
    text = write_json([part for part in said if part is not msgspec.UNSET])
    return f"{key} {hashlib.sha256(text).hexdigest()}"


def key_of(operation: str) -> str | None:
    """The key in an operation, None where there was none."""
    key, space, _ = operation.rpartition(" ")
    return key if space else None


def name_of(operation: str) -> str | None:
    """The name for an execution that is given none: made of the key, so that a repeated start finds the first one."""
    key = key_of(operation)
    return None if key is None else str(uuid.uuid5(_NAMES, key))


def refuse_reused(operation: str, former: str) -> None:
    """Refuse a request under the key of another one. Raises IdempotencyKeyReused."""
    key = key_of(operation)
    if key is not None and operation != former and key == key_of(former):
        raise IdempotencyKeyReused(f"The Idempotency-Key '{key}' was sent before with another request", key=key)
