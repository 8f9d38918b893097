"""The Redis and Valkey servers that tests run on: which there are, how they are emptied, what may stay in them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, TypeAlias

import redis

from statebox.asl.jsontext import Json
from statebox.embedded import EmbeddedValkey
from tests.cluster import ValkeyCluster, ask_node
from tests.programs import need_program

# valkey: the embedded one. redis7: the machine's redis-server, Debian's being 7.0. deaf: a Valkey that forbids CONFIG,
# so that nobody can turn keyspace notifications on. cluster: a Redis Cluster of three of the embedded ones.
SERVERS = ("valkey", "redis7", "deaf", "cluster")
Server: TypeAlias = EmbeddedValkey | ValkeyCluster

# Commands that are about no key: in a cluster every node is asked, or, to publish, any.
_KEYLESS: Final = frozenset({"FLUSHALL", "SCRIPT", "CONFIG", "ACL", "CLIENT", "PUBLISH", "KEYS", "DBSIZE"})

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


def make_server(
    name: str, data: Path | None = None, *, appendfsync: str = "everysec", options: Sequence[tuple[str, ...]] = ()
) -> Server:
    """A server of that name, to be entered with `async with`."""
    match name:
        case "cluster":
            return ValkeyCluster(data, appendfsync=appendfsync)
        case "redis7":
            return EmbeddedValkey(data, appendfsync=appendfsync, binary=need_program("redis-server"))
        case "deaf":
            return EmbeddedValkey(data, appendfsync=appendfsync, options=[("rename-command", "CONFIG", "")])
        case _:
            return EmbeddedValkey(data, appendfsync=appendfsync, options=options)


def ask(server: Server, *command: str | int) -> object:
    """Send one command and give its reply, texts as text: for what a test looks up or puts in by itself."""
    if isinstance(server, EmbeddedValkey):
        return ask_node(server, command)
    name = str(command[0]).split()[0]
    if name not in _KEYLESS:
        return ask_node(server.serving(str(command[3 if name == "EVAL" else 1])), command)
    replies: list[Json] = [ask_node(node, command) for node in server.primaries[: 1 if name == "PUBLISH" else None]]
    return sum(replies[1:], replies[0]) if name in ("KEYS", "DBSIZE") else replies[0]


def empty(server: Server) -> None:
    """Bring a server back to where it was when it started: no keys, no scripts, no notifications."""
    ask(server, "FLUSHALL")
    ask(server, "SCRIPT FLUSH")
    try:
        ask(server, "CONFIG SET", "notify-keyspace-events", "")
    except redis.ResponseError as error:
        if "unknown command" not in str(error):
            raise


def no_unexpected_permanent_keys(server: Server, allowed: Iterable[str]) -> None:
    """Fail when a key has no TTL and none of the patterns allows it: such a key would stay for ever."""
    patterns = tuple(allowed)
    nodes = [server] if isinstance(server, EmbeddedValkey) else server.primaries
    permanent = [key for node in nodes for key in str(ask_node(node, ("EVAL", _PERMANENT_KEYS, 0))).splitlines()]
    found = [key for key in permanent if not any(fnmatchcase(key, one) for one in patterns)]
    assert not found, f"keys without a TTL that are not on the list of permanent ones: {', '.join(found)}"
