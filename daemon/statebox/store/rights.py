"""Rights: what a Redis user must be allowed for statebox to work, and the line that allows just that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from statebox.store.connection import RedisSettings
from statebox.store.keys import Keys

# Commands as they are given to a key `KEY`; each with as many words as it takes.
_ON_KEYS: Final = (
    *("DEL", "EXISTS", "GET", "HGETALL", "HLEN", "LLEN", "LPOP", "PERSIST", "SMEMBERS", "TYPE", "UNLINK", "ZCARD"),
    *("HDEL 1", "HGET 1", "HMGET 1", "HSTRLEN 1", "LINDEX 1", "PEXPIRE 1", "RPUSH 1", "SADD 1", "SET 1"),
    *("SRANDMEMBER 1", "SREM 1", "ZREM 1", "ZSCORE 1"),
    *("HINCRBY 1 1", "HSET 1 1", "HSETNX 1 1", "LRANGE 1 1", "LTRIM 1 1", "ZADD 1 1", "ZRANGE 1 1"),
    *("ZRANGEBYLEX [1 [1", "ZRANGEBYSCORE 1 1", "ZREVRANGE 1 1", "ZREVRANGEBYSCORE 1 1"),
)
_ON_NOTHING: Final = ("EVAL x 0", "EVALSHA x 0", "PING", "TIME", "CLIENT SETNAME x", "SELECT 0")
_OPTIONAL: Final = ("INFO", "CONFIG GET x", "CONFIG SET x x")
# What is asked for while a connection is made.
_CONNECTING: Final = ("auth", "hello")


class Right(msgspec.Struct, frozen=True):
    """One command that is given; without those that are not `needed` it works, with less."""

    command: tuple[str, ...]
    needed: bool = True


def rights(settings: RedisSettings, keys: Keys) -> Sequence[Right]:
    """Every command that is given, on keys and channels of the namespace."""
    key = keys.shards[0].execution("any:any")
    told = (keys.inbox_channel, keys.parked_channel, keys.due_channel, keys.queued_channel)
    return [
        *(Right((words[0], key, *words[1:])) for words in map(str.split, _ON_KEYS)),
        *(Right(tuple(words.split())) for words in _ON_NOTHING),
        *(Right(("PUBLISH", channel, "x")) for channel in told),
        *(Right(("SUBSCRIBE", channel)) for channel in (settings.resume_channel, *told)),
        Right(("PSUBSCRIBE", keys.expired_pattern(settings.db)), needed=False),
        *(Right(tuple(words.split()), needed=False) for words in _OPTIONAL),
    ]


def acl_line(settings: RedisSettings, keys: Keys, user: str) -> str:
    """The command that makes a user who may do just what is needed, and see whether Redis is well."""
    names = {_acl_name(right.command) for right in rights(settings, keys) if right.command[0] != "CONFIG"}
    allowed = " ".join(f"+{name}" for name in sorted({*names, *_CONNECTING}))
    channels = (settings.resume_channel, f"{keys.prefix}:*", keys.expired_pattern(settings.db))
    return (
        f"ACL SETUSER {user} on >PASSWORD resetkeys ~{keys.prefix}:* resetchannels "
        + " ".join(f"&{channel}" for channel in channels)
        + f" -@all {allowed}"
    )


def _acl_name(command: tuple[str, ...]) -> str:
    name = command[0].lower()
    return f"{name}|{command[1].lower()}" if name in ("client", "config") else name
