"""Addresses: where a Redis URL points: one server, the sentinels that know which it is, or some nodes of a cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import parse_qs, unquote

from redis.asyncio.connection import SSLConnection, parse_url

_REDIS_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What can be connected to: host and port, or a unix socket's path."""

    host: str = "127.0.0.1"
    port: int = _REDIS_PORT
    path: str | None = None

    def __str__(self) -> str:
        if self.path is not None:
            return self.path
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a URL says. `endpoints` are one server's, the sentinels', or those of any nodes of a cluster.

    `service` is the name under which the sentinels know the primary.
    """

    kind: Literal["server", "sentinel", "cluster"]
    endpoints: tuple[Endpoint, ...]
    tls: bool = False
    service: str = ""
    database: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def locate(url: str) -> Place:
    """The place that a URL names. Raises ValueError.

    redis://, rediss:// and unix:// as redis-py has them; redis+cluster://HOST:PORT,HOST:PORT and
    redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DATABASE, with rediss for TLS.
    """
    scheme, _, rest = url.partition("://")
    if "+" not in scheme:
        return _server(url)
    redis, _, kind = scheme.partition("+")
    if redis not in ("redis", "rediss") or kind not in ("cluster", "sentinel"):
        raise ValueError(f"a Redis URL cannot have the scheme {scheme}")
    rest, _, query = rest.partition("?")
    authority, _, path = rest.partition("/")
    credentials, _, members = authority.rpartition("@")
    username, _, password = map(unquote, credentials.partition(":"))
    options = {name: found[-1] for name, found in parse_qs(query).items()}
    service, database = ("", path) if kind == "cluster" else _service_and_database(path)
    place = Place(
        kind="cluster" if kind == "cluster" else "sentinel",
        endpoints=tuple(_member(text, kind) for text in members.split(",")),
        tls=redis == "rediss",
        service=service,
        database=int(database or options.get("db", 0)),
        username=username or options.get("username"),
        password=password or options.get("password"),
    )
    if kind == "cluster" and place.database != 0:
        raise ValueError("a Redis Cluster has the database 0 only")
    return place


def _server(url: str) -> Place:
    found = parse_url(url)
    if "path" in found:
        endpoint = Endpoint(path=found["path"])
    else:
        endpoint = Endpoint(found.get("host", "127.0.0.1"), found.get("port", _REDIS_PORT))
    return Place(
        kind="server",
        endpoints=(endpoint,),
        tls=found.get("connection_class") is SSLConnection,
        database=found.get("db", 0),
        username=found.get("username"),
        password=found.get("password"),
    )


def _service_and_database(path: str) -> tuple[str, str]:
    service, _, database = path.strip("/").partition("/")
    if not service:
        raise ValueError("a redis+sentinel:// URL names the primary: redis+sentinel://HOST:PORT/NAME")
    return unquote(service), database


def _member(text: str, kind: str) -> Endpoint:
    """One of a list, `host`, `host:port` or `[IPv6 address]:port`."""
    if not text:
        raise ValueError(f"a redis+{kind}:// URL lists hosts: redis+{kind}://HOST:PORT,HOST:PORT")
    found = parse_url(f"redis://{text}")
    return Endpoint(found.get("host", ""), found.get("port", _SENTINEL_PORT if kind == "sentinel" else _REDIS_PORT))
