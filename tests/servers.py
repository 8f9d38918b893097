"""The Redis and Valkey servers that tests run on: which there are, how they are emptied, what may stay in them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import closing
from fnmatch import fnmatchcase
from pathlib import Path

import redis

from statebox.embedded import EmbeddedValkey
from tests.programs import need_program

# valkey: the embedded one. redis7: the machine's redis-server, Debian's being 7.0. deaf: a Valkey that forbids CONFIG,
# so that nobody can turn keyspace notifications on.
SERVERS = ("valkey", "redis7", "deaf")


_PERMANENT_KEYS = """
local permanent = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  if redis.call('PTTL', key) == -1 then permanent[#permanent + 1] = key end
end
table.sort(permanent)
return table.concat(permanent, '\\n')
"""


def chosen_servers() -> list[str]:
    """The servers on which tests that take `server` run: all, or what STATEBOX_TEST_SERVERS lists with commas."""
    chosen = os.environ.get("STATEBOX_TEST_SERVERS", ",".join(SERVERS)).replace(" ", "").split(",")
    if unknown := set(chosen) - set(SERVERS):
        raise ValueError(f"STATEBOX_TEST_SERVERS: {', '.join(sorted(unknown))} is none of {', '.join(SERVERS)}")
    return chosen


def make_server(name: str, data: Path | None = None, *, appendfsync: str = "everysec") -> EmbeddedValkey:
    """A server of that name, to be entered with `async with`."""
    match name:
        case "redis7":
            return EmbeddedValkey(data, appendfsync=appendfsync, binary=need_program("redis-server"))
        case "deaf":
            return EmbeddedValkey(data, appendfsync=appendfsync, options=[("rename-command", "CONFIG", "")])
        case _:
            return EmbeddedValkey(data, appendfsync=appendfsync)


def ask(server: EmbeddedValkey, *command: str | int) -> object:
    """Send one command and give its reply, texts as text: for what a test looks up or puts in by itself."""
    with closing(
        redis.Redis(unix_socket_path=str(server.socket), decode_responses=True, socket_timeout=10, protocol=2)
    ) as client:
        # redis-py leaves the replies of commands without a type.
        return client.execute_command(*command)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def empty(server: EmbeddedValkey) -> None:
    """Bring a server back to where it was when it started: no keys, no scripts, no notifications."""
    ask(server, "FLUSHALL")
    ask(server, "SCRIPT FLUSH")
    try:
        ask(server, "CONFIG SET", "notify-keyspace-events", "")
    except redis.ResponseError as error:
        if "unknown command" not in str(error):
            raise


def no_unexpected_permanent_keys(server: EmbeddedValkey, allowed: Iterable[str]) -> None:
    """Fail when a key has no TTL and none of the patterns allows it: such a key would stay for ever."""
    patterns = tuple(allowed)
    permanent = str(ask(server, "EVAL", _PERMANENT_KEYS, 0)).splitlines()
    found = [key for key in permanent if not any(fnmatchcase(key, one) for one in patterns)]
    assert not found, f"keys without a TTL that are not on the list of permanent ones: {', '.join(found)}"
