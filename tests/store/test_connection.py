"""Connections: where Redis can be, and who is trusted to be it."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from statebox.embedded import EmbeddedValkey
from statebox.engine.errors import ServiceUnavailable
from statebox.store.commits import Commits
from statebox.store.connection import RedisSettings
from statebox.store.replies import Reply, text
from tests.certificates import Certificates
from tests.programs import need_program
from tests.servers import ask


async def ping(settings: RedisSettings) -> Reply:
    return await ask_once(settings, "PING")


async def ask_once(settings: RedisSettings, *command: str) -> Reply:
    commits = Commits(settings, "statebox-test")
    commits.open()
    try:
        return await commits.ask(*command)
    finally:
        await commits.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_wrong_url_is_refused_at_once():
    with pytest.raises(ValueError, match="scheme"):
        RedisSettings(url="http://somewhere")


def test_a_password_is_never_shown():
    assert "secret" not in repr(RedisSettings(password="secret"))


@pytest.mark.parametrize(
    ("settings", "database"),
    [
        (RedisSettings(url="redis://somewhere"), 0),
        (RedisSettings(url="redis://somewhere/3"), 3),
        (RedisSettings(url="redis://somewhere/3", database=4), 4),
        (RedisSettings(url="unix:///somewhere?db=5"), 5),
    ],
)
def test_the_database_stands_in_the_url_or_beside_it(settings: RedisSettings, database: int):
    assert settings.db == database


async def test_a_connection_has_a_name_and_its_database(valkey: EmbeddedValkey):
    listed = text(await ask_once(RedisSettings(url=valkey.url, database=2), "CLIENT", "LIST"))

    (ours,) = [line for line in listed.splitlines() if "name=statebox-test" in line]
    assert " db=2 " in ours


async def test_user_and_password_stand_in_the_url_or_beside_it(own_valkey: EmbeddedValkey):
    ask(own_valkey, "ACL SETUSER", "box", "on", ">se:cret", "~*", "&*", "+@all")
    in_url = own_valkey.url.replace("unix://", "unix://box:se%3Acret@")

    assert await ping(RedisSettings(url=in_url)) == b"PONG"
    assert await ping(RedisSettings(url=own_valkey.url, username="box", password="se:cret")) == b"PONG"
    assert await ask_once(RedisSettings(url=in_url), "ACL", "WHOAMI") == b"box"


async def test_redis_can_be_reached_over_tcp():
    port = free_port()
    async with EmbeddedValkey(options=[("port", str(port))]):
        assert await ping(RedisSettings(url=f"redis://127.0.0.1:{port}/0")) == b"PONG"


@asynccontextmanager
async def over_tls(certificates: Certificates) -> AsyncGenerator[int]:
    """The port of a server that speaks TLS."""
    port = free_port()
    options = [("tls-port", str(port)), *certificates.options()]
    async with EmbeddedValkey(binary=need_program("redis-server"), options=options):
        yield port


async def test_rediss_trusts_the_given_certificates_and_no_others(tmp_path: Path):
    certificates = Certificates(tmp_path)
    async with over_tls(certificates) as port:
        trusted = RedisSettings(url=f"rediss://localhost:{port}", ca_file=certificates.ca, patience_seconds=0)
        assert await ping(trusted) == b"PONG"

        with pytest.raises(ServiceUnavailable, match="certificate verify failed"):
            await ping(RedisSettings(url=f"rediss://localhost:{port}", patience_seconds=0))
        with pytest.raises(ServiceUnavailable, match="certificate verify failed"):
            # The name that was asked for is not the one that the certificate is for.
            await ping(RedisSettings(url=f"rediss://127.0.0.1:{port}", ca_file=certificates.ca, patience_seconds=0))


async def test_a_missing_certificate_makes_redis_unavailable(tmp_path: Path):
    settings = RedisSettings(url="rediss://127.0.0.1:1", ca_file=tmp_path / "missing.pem", patience_seconds=0)

    with pytest.raises(ServiceUnavailable, match="cannot be reached"):
        await ping(settings)
