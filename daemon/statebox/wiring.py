"""Wiring: what of the configuration goes to which floor, in that floor's own terms."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from statebox.asl.limits import Limits as ExecutionLimits
from statebox.config import Config, Secret
from statebox.config.redisurl import first_host
from statebox.engine.names import Place
from statebox.engine.scheduler import Limits
from statebox.http.roles import Role
from statebox.http.settings import AccessKey, HttpSettings
from statebox.openwhisk.config import Given, discover
from statebox.openwhisk.config import OpenWhiskConfig as FoundOpenWhisk
from statebox.store.connection import RedisSettings
from statebox.store.redis_store import StoreSettings

_SECONDS_A_DAY: Final = 24 * 3600


def _revealed(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()


def openwhisk_of(config: Config, environment: Mapping[str, str], home: Path | None) -> FoundOpenWhisk | None:
    """Where OpenWhisk is, as configured or else as wsk finds it; None where nobody says."""
    section = config.openwhisk
    given = Given(
        host=section.apihost,
        auth=_revealed(section.auth),
        bearer=_revealed(section.bearer),
        namespace=section.namespace,
        insecure=section.insecure or None,
        ca_file=section.ca_file,
    )
    return discover(given, environment, home)


def store_settings(config: Config, name: str) -> StoreSettings:
    """How executions are kept, and where, by the daemon of this name."""
    redis = config.redis
    return StoreSettings(
        daemon=name,
        redis=RedisSettings(
            url=redis.url,
            username=_revealed(redis.username),
            password=_revealed(redis.password),
            database=redis.database,
            sentinel_username=_revealed(redis.sentinel_username),
            sentinel_password=_revealed(redis.sentinel_password),
            ca_file=redis.ca_file,
            prefix=redis.prefix,
            connect_seconds=redis.connect_seconds,
            command_seconds=redis.command_seconds,
            most_waiting=redis.waiting_commands,
            most_waiting_bytes=redis.waiting_bytes,
        ),
        shards=redis.shards,
        lease_ms=int(config.daemon.lease_seconds * 1000),
        retention_ms=int(config.daemon.retention_days * _SECONDS_A_DAY * 1000),
    )


def execution_limits(config: Config) -> ExecutionLimits:
    """How much one execution may be."""
    limits = config.limits
    return ExecutionLimits(
        config.daemon.transitions_per_step, limits.payload_bytes, limits.history_events, limits.variables_bytes
    )


def scheduler_limits(config: Config) -> Limits:
    """How much a daemon runs at once, and for how long it holds what it runs."""
    return Limits(
        shards=config.redis.shards,
        lease_ms=int(config.daemon.lease_seconds * 1000),
        sweep_ms=int(config.daemon.sweep_seconds * 1000),
        most_running=config.daemon.max_running,
    )


def http_settings(config: Config) -> HttpSettings:
    """Where HTTP listens, whom it lets in, and how much it takes."""
    http, (redis_host, redis_port) = config.http, first_host(config.redis.url)
    return HttpSettings(
        host=http.listen.host,
        port=http.listen.port,
        tokens=tuple(token.reveal() for token in http.tokens),
        viewer_tokens=tuple(token.reveal() for token in http.viewer_tokens),
        access_keys=(
            *(_access_key(pair, Role.OPERATOR) for pair in http.access_keys),
            *(_access_key(pair, Role.VIEWER) for pair in http.viewer_access_keys),
        ),
        region=Place().region,
        allow_remote_without_token=http.allow_remote_without_token,
        allowed_hosts=http.allowed_hosts,
        wait_seconds=http.wait_seconds,
        max_body_bytes=http.max_body_bytes,
        payload_bytes=config.limits.payload_bytes,
        max_connections=http.max_connections,
        max_requests=http.max_requests,
        max_requests_bytes=http.max_requests_bytes,
        reuse_port=http.reuse_port,
        redis_host=redis_host,
        redis_port=redis_port,
    )


def _access_key(pair: Secret, role: Role) -> AccessKey:
    id, _, secret = pair.reveal().partition(":")
    return AccessKey(id, secret, role)
