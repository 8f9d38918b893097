"""Connections to Redis: where it is, and how long each kind of connection waits. Every timeout of redis-py is set here.

redis-py makes the connection (TLS, authentication, database, name). What goes over it is the business of wire for
commands and of wakeups for messages, each of which bounds its own waiting.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias, TypedDict

import hiredis
from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import AuthenticationError, RedisError

from statebox.store.addresses import Endpoint, Place, locate

# What a command is made of, and what Redis answers.
Argument: TypeAlias = str | bytes | int
Reply: TypeAlias = "int | bytes | list[Reply] | None"


class Unreachable(Exception):
    """The connection could not be made, or broke, or Redis did not answer in time."""


class NotLetIn(Unreachable):
    """Redis wants a user and password, or does not know those it was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisSettings:
    """Where Redis is and how long to wait for it.

    `url` is redis://, rediss:// or unix://, redis+sentinel:// or redis+cluster:// (store.addresses); user, password and
    database may stand in it, or beside it (which wins). Sentinels are asked with a user and password of their own.
    `ca_file` names the certificates (PEM) that rediss:// trusts instead of the system's. `connect_seconds` bounds
    making a connection, `command_seconds` a batch of commands; after `patience_seconds` a call is not tried again.
    At most `most_waiting` commands, of `most_waiting_bytes`, wait on one connection: what comes then is refused.
    """

    url: str = "redis://127.0.0.1:6379"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    database: int | None = None
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    prefix: str = "statebox"
    resume_channel: str = "resume"
    connect_seconds: float = 5.0
    command_seconds: float = 5.0
    patience_seconds: float = 8.0
    most_waiting: int = 50_000
    most_waiting_bytes: int = 64 << 20

    def __post_init__(self) -> None:
        """Refuse a wrong URL (ValueError) here, and not when it is first used."""
        locate(self.url)

    @property
    def place(self) -> Place:
        """Where the URL points."""
        return locate(self.url)

    @property
    def db(self) -> int:
        """The number of the database."""
        return locate(self.url).database if self.database is None else self.database


class Wire(Protocol):
    """What is used of redis-py's connections."""

    async def connect(self) -> None:
        """Connect, authenticate, choose the database."""
        ...

    async def send_packed_command(self, command: bytes, check_health: bool = True) -> None:
        """Send commands as they are on the wire."""
        ...

    async def read_response(self, disable_decoding: bool = False, timeout: float | None = None) -> Reply:
        """Read one reply; with a timeout (seconds) None when there is none in time. Raises ResponseError."""
        ...

    async def disconnect(self, nowait: bool = False) -> None:
        """Close."""
        ...


class _Profile(TypedDict):
    """What all connections have in common."""

    db: int
    username: str | None
    password: str | None
    socket_timeout: float | None
    socket_connect_timeout: float | None
    health_check_interval: float
    socket_read_size: int
    client_name: str
    protocol: int


async def connect(settings: RedisSettings, name: str, endpoint: Endpoint) -> Wire:
    """Make a connection to one server, which lists it under `name`. Raises Unreachable."""
    place = settings.place
    profile = _profile(settings, name)
    profile["db"] = settings.db
    profile["username"] = place.username if settings.username is None else settings.username
    profile["password"] = place.password if settings.password is None else settings.password
    return await _connected(settings, profile, endpoint, tls=place.tls)


async def connect_to_sentinel(settings: RedisSettings, name: str, endpoint: Endpoint) -> Wire:
    """Make a connection to one sentinel. Raises Unreachable."""
    profile = _profile(settings, name)
    profile["username"], profile["password"] = settings.sentinel_username, settings.sentinel_password
    return await _connected(settings, profile, endpoint, tls=settings.place.tls)


async def _connected(settings: RedisSettings, profile: _Profile, endpoint: Endpoint, *, tls: bool) -> Wire:
    with trouble():
        wire = _wire(settings, profile, endpoint, tls=tls)
        try:
            async with asyncio.timeout(settings.connect_seconds):
                await wire.connect()
        except BaseException:
            await wire.disconnect(nowait=True)
            raise
        return wire


@contextmanager
def trouble() -> Generator[None]:
    """Let everything that can go wrong with a connection be Unreachable."""
    try:
        yield
    except TimeoutError:
        raise Unreachable("no answer in time") from None
    except (RedisError, OSError) as error:
        # On a unix socket redis-py wraps it.
        if isinstance(error, AuthenticationError) or isinstance(error.__cause__, AuthenticationError):
            raise NotLetIn(str(error)) from error
        raise Unreachable(str(error) or type(error).__name__) from error


def pack(command: Sequence[Argument]) -> bytes:
    """A command as it is on the wire."""
    # The stub says that it takes a tuple of one, and nothing of what it gives.
    return bytes(hiredis.pack_command(tuple(command)))  # pyright: ignore[reportArgumentType, reportUnknownArgumentType, reportUnknownMemberType]


def _profile(settings: RedisSettings, name: str) -> _Profile:
    return _Profile(
        db=0,
        username=None,
        password=None,
        # None is no limit: a batch, and the silence between two messages, are bounded by whoever reads.
        socket_timeout=None,
        socket_connect_timeout=settings.connect_seconds,
        # It does not notice a server that hangs; wakeups ping by themselves, and commands always expect an answer.
        health_check_interval=0,
        socket_read_size=65536,
        client_name=name,
        # Version 2 has no pushed messages that could come between two replies.
        protocol=2,
    )


def _wire(settings: RedisSettings, profile: _Profile, endpoint: Endpoint, *, tls: bool) -> Wire:
    if endpoint.path is not None:
        return UnixDomainSocketConnection(path=endpoint.path, **profile)
    host, port = endpoint.host, endpoint.port
    if not tls:
        return Connection(host=host, port=port, socket_keepalive=True, **profile)
    secure = SSLConnection(
        host=host, port=port, socket_keepalive=True, ssl_cert_reqs="required", ssl_check_hostname=True, **profile
    )
    secure.ssl_context.context = ssl.create_default_context(cafile=settings.ca_file)
    return secure
