"""The namespace: whether this Redis, under this prefix, can be used as it is configured here."""

from __future__ import annotations

import logging
import re
from typing import Final

from statebox.store.commits import Asking, Refused
from statebox.store.keys import Keys
from statebox.store.replies import integer, text

_log = logging.getLogger(__name__)

_OLDEST_REDIS: Final = (7, 0)


class UnusableRedis(Exception):
    """Redis is there, but cannot be used as it is configured here."""


async def settle(writes: Asking, keys: Keys) -> None:
    """Check the server, and fix the number of shards when the prefix is first used.

    Raises UnusableRedis, ServiceUnavailable.
    """
    await _check_version(writes)
    wanted = len(keys.shards)
    _, fixed = await writes.ask_all([("HSETNX", keys.namespace, "shards", wanted), ("HGET", keys.namespace, "shards")])
    if integer(fixed) != wanted:
        raise UnusableRedis(
            f"The prefix '{keys.prefix}' was first used with {integer(fixed)} shards, which is fixed since:"
            f" it cannot be used with {wanted}"
        )


async def _check_version(writes: Asking) -> None:
    try:
        infos = await writes.ask_each("INFO", "server")
    except Refused:
        _log.info("this user may not ask for the version of Redis")
        return
    for info in infos:
        found = re.search(r"^redis_version:(\d+)\.(\d+)", text(info), re.MULTILINE)
        if found is not None and (int(found[1]), int(found[2])) < _OLDEST_REDIS:
            raise UnusableRedis(f"Redis {found[1]}.{found[2]} is too old: it takes Redis 7.0 or Valkey 7.2")
