"""What the HTTP side needs to be told."""

from __future__ import annotations

from dataclasses import dataclass, field

from statebox import __version__


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Where to listen, who may ask, and for how long and how much.

    `port` 0 takes any free one. With `tokens` every request but /livez and /readyz needs one of them. `allowed_hosts`
    are names for the Host header beside the loopback ones and `host`. `wait_seconds` is how long a request at the
    seed's endpoint waits for its execution. Over at most `max_connections` at most `max_requests` are served at once,
    whose bodies may have `max_requests_bytes` in all. `reuse_port` lets several daemons share the port. The last three
    are shown to machines that are started there, as `constants`.
    """

    host: str = "127.0.0.1"
    port: int = 8083
    tokens: tuple[str, ...] = field(default=(), repr=False)
    allow_remote_without_token: bool = False
    allowed_hosts: tuple[str, ...] = ()
    wait_seconds: float = 60.0
    max_body_bytes: int = 8 * 1024 * 1024
    max_connections: int = 4096
    max_requests: int = 2048
    max_requests_bytes: int = 64 * 1024 * 1024
    reuse_port: bool = False
    version: str = __version__
    redis_host: str = "localhost"
    redis_port: int = 6379
