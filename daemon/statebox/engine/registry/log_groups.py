"""Log groups: which there are, as machines may only name places to log to that exist; nothing is logged to them.

Those of another account or region than this daemon's are elsewhere, where nobody here can look: they are taken as said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Protocol

from statebox.asl.jsontext import Json
from statebox.engine.errors import (
    InvalidLoggingConfiguration,
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
)
from statebox.engine.names import Place

_ARN: Final = re.compile(r"arn:aws[\w-]*:logs:([^:]+):([^:]+):log-group:([^:*]+)(:\*)?")


class LogGroupShelf(Protocol):
    """Keeps the names of log groups, and when they were created (ms). All raise ServiceUnavailable."""

    async def create(self, name: str, at_ms: int) -> bool:
        """Add one; false when it is there."""
        ...

    async def delete(self, name: str) -> bool:
        """Take one away; false when it is not there."""
        ...

    async def all(self) -> Mapping[str, int]:
        """When each was created."""
        ...

    async def exists(self, name: str) -> bool:
        """Whether one is there."""
        ...


class LogGroups:
    """The log groups of a place."""

    def __init__(self, shelf: LogGroupShelf, place: Place) -> None:
        self._shelf = shelf
        self._place = place

    def arn(self, name: str) -> str:
        """The ARN of a log group, without the streams in it."""
        return f"arn:aws:logs:{self._place.region}:{self._place.account}:log-group:{name}"

    async def create(self, name: str, at_ms: int) -> None:
        """Create one. Raises ResourceAlreadyExistsException."""
        if not await self._shelf.create(name, at_ms):
            raise ResourceAlreadyExistsException("The specified log group already exists")

    async def delete(self, name: str) -> None:
        """Delete one. Raises ResourceNotFoundException."""
        if not await self._shelf.delete(name):
            raise ResourceNotFoundException("The specified log group does not exist.")

    async def beginning_with(self, prefix: str) -> Mapping[str, int]:
        """When those whose names begin so were created, by name."""
        found = await self._shelf.all()
        return {name: found[name] for name in sorted(found) if name.startswith(prefix)}

    async def check(self, logging: Json) -> None:
        """Refuse a configuration that names a log group which is not there. Raises InvalidLoggingConfiguration."""
        destinations: list[Json] = [] if logging is None else logging.get("destinations") or []
        for destination in destinations:
            found = _ARN.fullmatch(_arn_in(destination))
            if found is not None and (found[1], found[2]) != (self._place.region, self._place.account):
                continue
            if found is None or not await self._shelf.exists(found[3]):
                raise InvalidLoggingConfiguration("Invalid Logging Configuration: Log Destination not found.")


def _arn_in(destination: Json) -> str:
    group: Json = destination.get("cloudWatchLogsLogGroup")
    return "" if group is None else group.get("logGroupArn", "")
