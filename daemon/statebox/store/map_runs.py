"""Map runs as hashes: what their executions tell of them, and their children counted by status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from statebox.asl.execution import Status
from statebox.asl.jsontext import Json
from statebox.engine.errors import InvalidToken, ResourceNotFound
from statebox.engine.records import MapRun
from statebox.store.connection import Argument
from statebox.store.keys import Keys, ShardKeys

_COUNTED: Final = {"n:": "executions", "i:": "worked_on"}


def run_of(arn: str) -> str:
    """The last part of a map run's ARN, by which it is kept."""
    return arn.rpartition(":")[2]


def run_fields(run: str, told: Mapping[str, Json]) -> Iterator[Argument]:
    """What is told of a map run, as write_step.lua reads it: nothing is an empty text."""
    for name, value in told.items():
        yield from (run, name, "" if value is None else str(value))


def keys_of_run(keys: Keys, run: str) -> ShardKeys:
    """The keys of the shard that a map run names. Raises ResourceNotFound."""
    try:
        return keys.of_token(run)
    except InvalidToken:
        raise ResourceNotFound from None


def read_run(fields: Mapping[bytes, bytes]) -> MapRun:
    """A map run. Raises ResourceNotFound when there is none."""
    known: dict[str, Json] = {"executions": {}, "worked_on": {}}
    for name, value in ((name.decode(), value.decode()) for name, value in fields.items()):
        counted = _COUNTED.get(name[:2])
        if counted is not None:
            known[counted][Status(name[2:])] = int(value)
        elif value:
            known[name] = value
    if "arn" not in known or "execution" not in known:
        raise ResourceNotFound
    return msgspec.convert(known, MapRun, strict=False)
