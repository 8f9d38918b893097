"""A registered state machine as a value: its current revision, its published versions, its aliases and its tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from statebox.asl.jsontext import Json

MachineType = Literal["STANDARD", "EXPRESS"]

LOGGING_OFF: Final[Json] = {"level": "OFF", "includeExecutionData": False}
TRACING_OFF: Final[Json] = {"enabled": False}


class Revision(msgspec.Struct, frozen=True, omit_defaults=True):
    """A definition (its content hash) and its configuration, as they were from `since_ms` on.

    The first revision of a machine has no id, as with AWS. Role, logging, tracing and encryption are kept and shown;
    those that are None were never said.
    """

    definition: str
    role_arn: str
    since_ms: int
    id: str | None = None
    logging: Json = None
    tracing: Json = None
    encryption: Json = None

    @property
    def configuration(self) -> dict[str, Json]:
        """What is configured beside the role, as the Step Functions API shows it."""
        shown: dict[str, Json] = {
            "loggingConfiguration": self.logging or LOGGING_OFF,
            "tracingConfiguration": self.tracing or TRACING_OFF,
        }
        return shown if self.encryption is None else {**shown, "encryptionConfiguration": self.encryption}


class Version(msgspec.Struct, frozen=True, omit_defaults=True):
    """A revision that was published: it never changes, and its number is never used again."""

    number: int
    revision: Revision
    created_ms: int
    description: str | None = None


class Route(msgspec.Struct, frozen=True, array_like=True):
    """Which share of an alias's executions a version gets, in percent."""

    version: int
    weight: int


class Alias(msgspec.Struct, frozen=True, omit_defaults=True):
    """A name for one version, or for two that share its executions."""

    name: str
    routes: tuple[Route, ...]
    created_ms: int
    updated_ms: int
    description: str | None = None


class Registered(msgspec.Struct, frozen=True, omit_defaults=True):
    """One state machine. `published` and `described` are what it was created with: a repeated creation must agree.

    `versions` are in the order of their numbers, of which `last_version` was given last. While it is `deleting` its
    executions end, but none begins.
    """

    name: str
    type: MachineType
    created_ms: int
    revision: Revision
    published: bool = False
    described: str | None = None
    versions: tuple[Version, ...] = ()
    last_version: int = 0
    aliases: Mapping[str, Alias] = {}
    tags: Mapping[str, str] = {}
    deleting: bool = False

    def version(self, number: int) -> Version | None:
        """The version of that number."""
        return next((version for version in self.versions if version.number == number), None)

    @property
    def definitions(self) -> frozenset[str]:
        """The content hashes of all definitions that it needs."""
        return frozenset((self.revision.definition, *(version.revision.definition for version in self.versions)))
