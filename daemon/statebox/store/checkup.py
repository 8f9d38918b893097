"""The checkup of Redis: whether it can be used, whether it keeps what it acknowledged, what is in the namespace."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Final

from statebox.engine.checkup import Finding, Level, fail, ok, warn
from statebox.engine.errors import ServiceUnavailable
from statebox.store.cluster import commits_for
from statebox.store.codec import FORMAT
from statebox.store.commits import Asking, InCluster, Refused
from statebox.store.connection import Argument, NotLetIn, RedisSettings, Reply
from statebox.store.keys import Keys
from statebox.store.primary import Primary
from statebox.store.replies import integer, items, maybe_integer, strings, text
from statebox.store.rights import acl_line, rights

_PATIENCE_SECONDS: Final = 1.0
_PINGS: Final = 20
_SLOW_MS: Final = 10.0
_CLOCKS_APART_SECONDS: Final = 1.0
# Of each shard, as formats change all at once.
_EXECUTIONS_LOOKED_AT: Final = 200
_ADDRESS_REMEDY: Final = "start it, or say where it is: --redis-url or [redis] url"
_CLUSTER_REMEDY: Final = "set --redis-url or [redis] url to redis+cluster://HOST:PORT, and shards to some for each node"
_CREDENTIALS_REMEDY: Final = (
    "set the password, and the user where there is one: STATEBOX_REDIS_PASSWORD or [redis] password"
)
_NOT_TOLD: Final = "unknown: this user may not ask for it"


async def check_redis(settings: RedisSettings, shards: int) -> AsyncIterator[Finding]:
    """Findings, in the order in which somebody should read them. Changes nothing; what goes wrong is a finding."""
    brief, keys = replace(settings, patience_seconds=_PATIENCE_SECONDS), Keys(settings.prefix, shards)
    one_of_each = (keys.namespace, *(shard.due for shard in keys.shards))
    commits = commits_for(brief, "statebox-doctor", one_of_each, Primary(brief))
    commits.open()
    try:
        async for finding in _Checkup(commits, settings, keys).findings():
            yield finding
    finally:
        await commits.close()


class _Checkup:
    def __init__(self, commits: Asking, settings: RedisSettings, keys: Keys) -> None:
        self._commits = commits
        self._settings = settings
        self._keys = keys

    async def findings(self) -> AsyncIterator[Finding]:
        line_told = False
        try:
            yield await self._reachable()
            info = _read_info(await self._maybe(self._commits.ask("INFO")))
            for finding in (*_version(info), *_role(info), *_persistence(info), *_memory(info)):
                yield finding
            yield await self._fsync()
            yield await self._notifications()
            for finding in await self._rights():
                line_told = line_told or finding.level is Level.FAIL
                yield finding
            yield await self._clock()
            yield await self._shards()
            yield await self._formats()
            yield await self._aside()
        except Refused as refused:
            yield fail("redis", refused.message, None if line_told else f"allow what is needed: {self._line()}")
        except InCluster as named_wrongly:
            yield fail("redis", named_wrongly.message, _CLUSTER_REMEDY)
        except ServiceUnavailable as away:
            no_entry = isinstance(away.__cause__, NotLetIn)
            yield fail("redis", away.message, _CREDENTIALS_REMEDY if no_entry else _ADDRESS_REMEDY)

    async def _reachable(self) -> Finding:
        times: list[float] = []
        for _ in range(_PINGS):
            began = time.perf_counter()
            await self._commits.ask("PING")
            times.append((time.perf_counter() - began) * 1000)
        words = f"answers at {self._settings.url}, in {median(times):.1f} ms"
        if median(times) > _SLOW_MS:
            return warn("redis", words, "each step of an execution waits for it: bring them closer together")
        return ok("redis", words)

    async def _fsync(self) -> Finding:
        match await self._config("appendfsync"):
            case "always":
                return ok("appendfsync", "always: nothing that was acknowledged is lost")
            case "everysec":
                return ok("appendfsync", "everysec: the last second or two are lost when the server dies")
            case "no":
                return warn(
                    "appendfsync",
                    "no: half a minute is lost when the server's machine dies",
                    "set it to everysec or always",
                )
            case None:
                return warn("appendfsync", _NOT_TOLD)
            case other:
                return warn("appendfsync", f"{other}, which this statebox does not know")

    async def _notifications(self) -> Finding:
        flags = await self._config("notify-keyspace-events")
        if flags is None:
            words = "unknown: this user may not ask; without them it looks for what is due each sweep_seconds"
            return warn("notifications", words, "let them be turned on for it: notify-keyspace-events Kx")
        if "K" in flags and ("x" in flags or "A" in flags):
            return ok("notifications", "on: continuations that expire wake daemons at once")
        return ok("notifications", "off until a daemon starts and turns them on, where it may")

    async def _rights(self) -> Sequence[Finding]:
        wanted = rights(self._settings, self._keys)
        words: list[Argument] = []
        for right in wanted:
            words += [len(right.command), *right.command]
        shard = self._keys.shards[0]
        try:
            reply = await self._commits.run("rights", shard.due, shard.base, "", *words)
        except Refused as refused:
            return [fail("rights", refused.message, self._line())]
        refused_ones = [wanted[integer(number) - 1] for number in items(reply)]
        needed = [" ".join(right.command[:2]) for right in refused_ones if right.needed]
        rest = [" ".join(right.command[:2]) for right in refused_ones if not right.needed]
        if needed:
            return [fail("rights", f"refused: {', '.join(needed)}", self._line())]
        if rest:
            return [ok("rights", f"all that is needed; not allowed, and done without: {', '.join(rest)}")]
        return [ok("rights", "all that is needed, and more")]

    async def _clock(self) -> Finding:
        began = time.time()
        seconds, microseconds = strings(await self._commits.ask("TIME"))
        middle = (began + time.time()) / 2
        apart = int(seconds) + int(microseconds) / 1e6 - middle
        words = f"Redis's clock is {abs(apart) * 1000:.0f} ms {'ahead of' if apart > 0 else 'behind'} this machine's"
        if abs(apart) > _CLOCKS_APART_SECONDS:
            return warn("clock", words, "deadlines follow Redis's clock: let both follow the same time server")
        return ok("clock", words)

    async def _shards(self) -> Finding:
        wanted = len(self._keys.shards)
        fixed = maybe_integer(await self._commits.ask("HGET", self._keys.namespace, "shards"))
        where = f"the prefix '{self._keys.prefix}'"
        if fixed is None:
            return ok("shards", f"{where} is new here; its first daemon fixes the number at {wanted}")
        if fixed != wanted:
            return fail(
                "shards",
                f"{where} was first used with {fixed}, and {wanted} are configured: no daemon starts so",
                f"configure [redis] shards = {fixed}, or another prefix",
            )
        return ok("shards", f"{fixed}, as configured")

    async def _formats(self) -> Finding:
        last = _EXECUTIONS_LOOKED_AT - 1
        found = [strings(await self._commits.ask("ZREVRANGE", keys.index, 0, last)) for keys in self._keys.shards]
        ids = [id.decode() for some in found for id in some]
        formats = await self._commits.ask_all([("HGET", self._keys.of_id(id).execution(id), "format") for id in ids])
        newer = [format for format in map(maybe_integer, formats) if format is not None and format > FORMAT]
        if newer:
            words = f"{len(newer)} of the last {len(ids)} executions have a newer format than {FORMAT}: {max(newer)}"
            return warn("formats", words, "a newer statebox wrote them, and only it runs them: bring all up to date")
        return ok("formats", f"the last {len(ids)} executions have formats that this statebox knows")

    async def _aside(self) -> Finding:
        counts = await self._commits.ask_all([("ZCARD", keys.aside) for keys in self._keys.shards])
        count = sum(map(integer, counts))
        if count:
            remedy = "statebox list --set-aside shows them; when the reason is gone, statebox retry ID"
            executions = "1 execution" if count == 1 else f"{count} executions"
            return warn("set aside", f"{executions} that no daemon gets on with", remedy)
        return ok("set aside", "no executions")

    async def _config(self, name: str) -> str | None:
        match await self._maybe(self._commits.ask("CONFIG", "GET", name)):
            case [_, bytes() as value]:
                return value.decode()
            case _:
                return None

    @staticmethod
    async def _maybe(asked: Awaitable[Reply]) -> Reply:
        """The reply, None where the user may not ask."""
        try:
            return await asked
        except Refused:
            return None

    def _line(self) -> str:
        return acl_line(self._settings, self._keys, self._settings.username or "statebox")


def _read_info(reply: Reply) -> Mapping[str, str]:
    if reply is None:
        return {}
    return dict(line.split(":", 1) for line in text(reply).splitlines() if ":" in line)


def _version(info: Mapping[str, str]) -> Iterator[Finding]:
    valkey, redis = info.get("valkey_version"), info.get("redis_version")
    name, version, oldest = ("Valkey", valkey, (7, 2)) if valkey else ("Redis", redis, (7, 0))
    found = re.match(r"(\d+)\.(\d+)", version or "")
    if version is None or found is None:
        yield warn("version", _NOT_TOLD, "it takes Redis 7.0 or Valkey 7.2 at least")
    elif (int(found[1]), int(found[2])) < oldest:
        yield fail("version", f"{name} {version} is too old", "it takes Redis 7.0 or Valkey 7.2 at least")
    else:
        yield ok("version", f"{name} {version}")


def _role(info: Mapping[str, str]) -> Iterator[Finding]:
    if info.get("role") == "slave":
        yield fail("role", "it is a replica, which takes no writes", "name the primary")


def _persistence(info: Mapping[str, str]) -> Iterator[Finding]:
    match info.get("aof_enabled"):
        case None:
            yield warn("appendonly", _NOT_TOLD)
        case "1":
            yield ok("appendonly", "on")
        case _:
            yield fail(
                "appendonly",
                "off: when the server ends, what was acknowledged since its last snapshot is lost",
                "set appendonly yes (CONFIG SET appendonly yes, and in its configuration file)",
            )
    for field, what in (("aof_last_write_status", "append-only file"), ("rdb_last_bgsave_status", "snapshot")):
        if info.get(field, "ok") != "ok":
            yield fail(
                "disk", f"the last write of its {what} has failed", "look for the reason in its log: is the disk full?"
            )


def _memory(info: Mapping[str, str]) -> Iterator[Finding]:
    policy = info.get("maxmemory_policy")
    most, used = int(info.get("maxmemory", "0")), int(info.get("used_memory", "0"))
    if policy is None:
        yield warn("maxmemory-policy", _NOT_TOLD, "it must be noeviction")
    elif policy != "noeviction":
        level = fail if policy.startswith("allkeys") and most else warn
        yield level(
            "maxmemory-policy", f"{policy}: a full Redis would drop executions", "set maxmemory-policy noeviction"
        )
    else:
        yield ok("maxmemory-policy", policy)
    if most and used > 0.9 * most:
        yield warn("memory", f"{used * 100 // most} % of maxmemory are used", "a full Redis takes no writes: raise it")
