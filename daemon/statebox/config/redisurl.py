"""A Redis URL taken apart, so that what is left of it can be printed: credentials become options of their own."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, unquote, urlsplit

_FORMS = "must be redis://HOST:PORT/DATABASE, rediss://HOST:PORT/DATABASE or unix:///path/to/socket?db=DATABASE"


def split_redis_url(url: str) -> Iterator[tuple[str, str]]:
    """Yield the options that a URL sets, by name: always `url`; `username`, `password`, `database` where it has them.

    Raises ValueError, never with a part of the URL that may be a secret in its message.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise ValueError(_FORMS) from None
    query = {name: found[-1] for name, found in parse_qs(parts.query).items()}
    database = query.pop("db", None)
    if parts.scheme == "unix" and parts.path.startswith("/") and not parts.hostname:
        yield "url", f"unix://{parts.path}"
    elif parts.scheme in ("redis", "rediss") and parts.hostname:
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        yield "url", f"{parts.scheme}://{host}:{6379 if port is None else port}"
        database = unquote(parts.path.strip("/")) or database
    else:
        raise ValueError(_FORMS)
    for name, found in (
        ("username", unquote(parts.username or "") or query.pop("username", None)),
        ("password", unquote(parts.password or "") or query.pop("password", None)),
        ("database", database),
    ):
        if found:
            yield name, found
    if query or parts.fragment:
        raise ValueError("can have ?db=, username and password; everything else has an option of its own in [redis]")
