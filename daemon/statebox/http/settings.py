"""What the HTTP side needs to be told."""

from __future__ import annotations

from dataclasses import dataclass, field

from statebox import __version__
from statebox.http.roles import Role


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A pair as AWS's clients sign with: an id, which is told, and a secret, which is not; what its holder may do."""

    id: str
    secret: str = field(repr=False)
    role: Role = Role.OPERATOR


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Where to listen, who may ask, and for how long and how much.

    `port` 0 takes any free one. With `tokens`, `viewer_tokens` (who has one only looks) or `access_keys` every request
    but /livez and /readyz needs a token or a signature by a key, whose credential names the `region`. `allowed_hosts`
    are names for the Host header beside the loopback ones and `host`. `wait_seconds` is how long a request at the
    seed's endpoint waits for its execution. AWS's operations take payloads of `payload_bytes` (0: of any size). Over at
    most `max_connections` at most `max_requests` are served at once, whose bodies may have `max_requests_bytes` in all.
    `reuse_port` lets several daemons share the port. The last three are shown to machines that are started there, as
    `constants`.
    """

    host: str = "127.0.0.1"
    port: int = 8083
    tokens: tuple[str, ...] = field(default=(), repr=False)
    viewer_tokens: tuple[str, ...] = field(default=(), repr=False)
    access_keys: tuple[AccessKey, ...] = ()
    region: str = "us-east-1"
    allow_remote_without_token: bool = False
    allowed_hosts: tuple[str, ...] = ()
    wait_seconds: float = 60.0
    max_body_bytes: int = 8 * 1024 * 1024
    payload_bytes: int = 262_144
    max_connections: int = 4096
    max_requests: int = 2048
    max_requests_bytes: int = 64 * 1024 * 1024
    reuse_port: bool = False
    version: str = __version__
    redis_host: str = "localhost"
    redis_port: int = 6379

    @property
    def guarded(self) -> bool:
        """Whether callers must show who they are."""
        return bool(self.tokens or self.viewer_tokens or self.access_keys)
