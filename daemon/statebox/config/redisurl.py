"""A Redis URL taken apart, so that what is left of it can be printed: credentials become options of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

_FORMS: Final = (
    "must be redis://HOST:PORT/DATABASE, unix:///path/to/socket?db=DATABASE, redis+cluster://HOST:PORT,HOST:PORT or"
    " redis+sentinel://HOST:PORT,HOST:PORT/NAME/DATABASE, with rediss for TLS"
)
_PORTS: Final = {"": 6379, "cluster": 6379, "sentinel": 26379}


def split_redis_url(url: str) -> Iterator[tuple[str, str]]:
    """Yield the options that a URL sets, by name: always `url`; credentials and `database` where it has them.

    Raises ValueError, never with a part of the URL that may be a secret in its message.
    """
    scheme, _, rest = url.strip().partition("://")
    authority = rest.partition("?")[0].partition("/")[0]
    credentials, at, hosts = authority.rpartition("@")
    # A list of hosts is no authority that urlsplit knows: it is read host by host, and the rest with the first of them.
    one = rest.replace(authority, credentials + at + hosts.partition(",")[0], 1)
    try:
        parts = urlsplit(f"{scheme}://{one}")
        listed = [urlsplit(f"{scheme}://{host}") for host in hosts.split(",")]
        where = ",".join(_host_and_port(host) for host in listed) if scheme != "unix" else ""
    except ValueError:
        raise ValueError(_FORMS) from None
    query = {name: found[-1] for name, found in parse_qs(parts.query).items()}
    database = query.pop("db", None)
    path = parts.path.strip("/")
    if scheme == "unix" and parts.path.startswith("/") and not parts.hostname:
        yield "url", f"unix://{parts.path}"
    elif (scheme in ("redis", "rediss") and len(listed) == 1) or scheme in ("redis+cluster", "rediss+cluster"):
        yield "url", f"{scheme}://{where}"
        database = unquote(path) or database
    elif scheme in ("redis+sentinel", "rediss+sentinel") and path:
        service, _, named = path.partition("/")
        yield "url", f"{scheme}://{where}/{service}"
        database = unquote(named) or database
    else:
        raise ValueError(_FORMS)
    for name, found in (
        ("username", unquote(parts.username or "") or query.pop("username", None)),
        ("password", unquote(parts.password or "") or query.pop("password", None)),
        ("sentinel_username", query.pop("sentinel_username", None)),
        ("sentinel_password", query.pop("sentinel_password", None)),
        ("database", database),
    ):
        if found:
            yield name, found
    if query or parts.fragment:
        raise ValueError("can have ?db=, username and password; everything else has an option of its own in [redis]")


def first_host(url: str) -> tuple[str, int]:
    """The first host that a URL names and its port; localhost and Redis's own where it names none."""
    first = urlsplit(url.partition(",")[0])
    return first.hostname or "localhost", first.port or _PORTS[""]


def _host_and_port(parts: SplitResult) -> str:
    if not parts.hostname or parts.path or parts.query or parts.fragment:
        raise ValueError(_FORMS)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = _PORTS.get(parts.scheme.partition("+")[2])
    if default is None:
        raise ValueError(_FORMS)
    return f"{host}:{default if parts.port is None else parts.port}"
