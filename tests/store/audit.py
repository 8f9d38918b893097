"""The audit after each test: no key without a TTL that may not stay, and no two keys that contradict each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from statebox.asl.jsontext import Json, read_json
from statebox.store.cluster import commits_for
from statebox.store.commits import Asking
from statebox.store.connection import RedisSettings, Reply
from statebox.store.keys import META_KEYS, SHARD_KEYS, Kind, Lives
from statebox.store.replies import integer, pairs, strings
from tests.servers import Server

# Where in an execution's head the map run stands that it belongs to.
_MAP_RUN: Final = 14


class Found(msgspec.Struct):
    """One key: its base `<prefix>:{<shard>}:`, the rest of its name, its kind, its TTL (ms; None: none), its value."""

    base: str
    name: str
    kind: Kind
    ttl_ms: int | None
    fields: dict[str, str] = {}
    members: frozenset[str] = frozenset()

    @property
    def subject(self) -> str:
        """What follows the kind: an execution, a continuation, a daemon …; for a map run its execution."""
        if self.kind.name == "run:*":
            return self.fields["execution"]
        return self.name.removeprefix(self.kind.name.removesuffix("*"))


async def audit(server: Server) -> None:
    """Fail when what is in the server cannot be right."""
    commits = commits_for(RedisSettings(url=server.url), "audit")
    commits.open()
    try:
        found = await _read_all(commits)
    finally:
        await commits.close()
    for base in {one.base for one in found}:
        shard = _Shard([one for one in found if one.base == base])
        if base.endswith("{meta}:"):
            shard.check_meta()
        else:
            shard.check()


async def snapshot(server: Server) -> dict[str, Reply]:
    """Every key with its value, as Redis dumps it."""
    commits = commits_for(RedisSettings(url=server.url), "snapshot")
    commits.open()
    try:
        keys = sorted(key.decode() for some in await commits.ask_each("KEYS", "*") for key in strings(some))
        return dict(zip(keys, await commits.ask_all([("DUMP", key) for key in keys]), strict=True))
    finally:
        await commits.close()


class _Shard:
    def __init__(self, found: list[Found]) -> None:
        self._found = found
        self._executions = {one.subject: one.fields for one in self._of("execution:*")}
        self._tokens = {one.subject: one.fields for one in self._of("token:*")}

    def check(self) -> None:
        for one in self._found:
            self._check_ttl(one)
        self._check_standing()
        self._check_early()
        self._check_indices()
        self._check_runs()

    def check_meta(self) -> None:
        for one in self._found:
            self._check_ttl(one)
        assert self._members("machines") == {one.subject for one in self._of("machine:*")}

    def _check_ttl(self, one: Found) -> None:
        has_ttl = one.ttl_ms is not None
        match one.kind.lives:
            case Lives.FOR_EVER:
                wanted = False
            case Lives.WITH_EXECUTION:
                wanted = self._executions[one.subject]["status"] != "RUNNING"
            case Lives.WITH_CONTINUATION:
                wanted = one.fields["status"] != "waiting"
            case Lives.UNTIL_DEADLINE:
                assert self._tokens[one.subject]["status"] == "waiting", f"{one.name} is the shadow of nothing"
                wanted = self._tokens[one.subject]["deadline"] != ""
            case Lives.BRIEFLY | Lives.RETAINED:
                wanted = True
        assert has_ttl == wanted, f"{one.name} has {'a' if has_ttl else 'no'} TTL"

    def _check_standing(self) -> None:
        running = {id for id, fields in self._executions.items() if fields["status"] == "RUNNING"}
        due, aside = self._members("due"), self._members("aside")
        assert due <= running, "in due, but not running"
        assert aside <= running, "set aside, but not running"
        assert not due & aside, "in due and set aside"
        assert {id for id, fields in self._executions.items() if "lease" in fields} <= due, "a lease that never ends"
        held = {(one.subject, id) for one in self._of("held:*") for id in one.members}
        assert held == {(fields["owner"], id) for id, fields in self._executions.items() if "owner" in fields}
        waiting = {token for token, fields in self._tokens.items() if fields["status"] == "waiting"}
        assert self._members("waiting") == waiting

    def _check_early(self) -> None:
        waiting = {(f["execution"], f["state"]) for f in self._tokens.values() if f["status"] == "waiting"}
        for one in self._of("early:*"):
            for path, said in one.fields.items():
                if said.startswith("{"):
                    assert (one.subject, path) not in waiting, f"{one.subject} waits in {path} for what is kept"
                elif said in self._tokens:
                    assert self._tokens[said]["status"] == "answered", f"{said} is not answered"

    def _check_indices(self) -> None:
        statuses = [(fields["status"], id.partition(":")[0], id) for id, fields in self._executions.items()]
        machines = {machine for _, machine, _ in statuses}
        assert self._members("machines") == machines
        assert self._members("index") == set(self._executions)
        by_status = {(one.subject, id) for one in self._of("index:s:*") for id in one.members}
        assert by_status == {(f"{status}:{machine}", id) for status, machine, id in statuses}
        qualified = {
            (f"{id.partition(':')[0]}:{qualifier}", id)
            for id, fields in self._executions.items()
            for qualifier in fields.get("qualified", "").split()
        }
        assert {(one.subject, id) for one in self._of("index:q:*") for id in one.members} == qualified
        known = {f"{one.subject}:{qualifier}" for one in self._of("qualifiers:*") for qualifier in one.members}
        assert known == {name for name, _ in qualified}
        used = Counter(fields["definition"] for fields in self._executions.values())
        assert {one.subject: int(one.fields["users"]) for one in self._of("definition:*")} == dict(used)

    def _check_runs(self) -> None:
        """Of the children that a map run counts by status, some may be forgotten already, but there are no others."""
        children: Counter[tuple[str, str]] = Counter()
        for fields in self._executions.values():
            head: Json = read_json(fields["head"])
            if len(head) > _MAP_RUN and head[_MAP_RUN] is not None:
                children[head[_MAP_RUN].rpartition(":")[2], fields["status"]] += 1
        runs = {one.name.partition(":")[2]: one.fields for one in self._of("run:*")}
        for (run, status), count in children.items():
            if run in runs:
                assert count <= int(runs[run].get(f"n:{status}", 0)), f"{run} counts less than {count} {status}"
        for run, fields in runs.items():
            counted = [int(count) for name, count in fields.items() if name.startswith("n:")]
            assert min(counted, default=0) >= 0, f"{run} counts less than none"
            assert sum(counted) <= int(fields.get("total") or 0), f"{run} counts more than there are"

    def _of(self, kind: str) -> Iterator[Found]:
        return (one for one in self._found if one.kind.name == kind)

    def _members(self, name: str) -> frozenset[str]:
        none: frozenset[str] = frozenset()
        return next((one.members for one in self._found if one.name == name), none)


async def _read_all(commits: Asking) -> list[Found]:
    keys = sorted(key.decode() for some in await commits.ask_each("KEYS", "*") for key in strings(some))
    types = await commits.ask_all([("TYPE", key) for key in keys])
    ttls = await commits.ask_all([("PTTL", key) for key in keys])
    found: list[Found] = []
    reads: list[tuple[str | int, ...]] = []
    for key, type, ttl in zip(keys, types, ttls, strict=True):
        if ttl == -2:
            # It has expired since, by Redis's own time.
            continue
        base, _, name = key.partition("}:")
        kind = _kind_of(name, meta=base.endswith("{meta"))
        assert type == kind.type.encode(), f"{key} is a {type}"
        found.append(Found(f"{base}}}:", name, kind, None if integer(ttl) < 0 else integer(ttl)))
        reads.append(_read_of(key, kind))
    for one, value in zip(found, await commits.ask_all(reads), strict=True):
        match one.kind.type:
            case "hash":
                one.fields = {name.decode(): data.decode() for name, data in pairs(value).items()}
            case "set" | "zset":
                one.members = frozenset(member.decode() for member in strings(value))
            case _:
                pass
    return found


def _read_of(key: str, kind: Kind) -> tuple[str | int, ...]:
    match kind.type:
        case "hash":
            return ("HGETALL", key)
        case "set":
            return ("SMEMBERS", key)
        case "zset":
            return ("ZRANGE", key, 0, -1)
        case _:
            return ("EXISTS", key)


def _kind_of(name: str, *, meta: bool) -> Kind:
    for kind in META_KEYS if meta else SHARD_KEYS:
        if fnmatchcase(name, kind.name):
            return kind
    raise AssertionError(f"a key that is not in the catalogue: {name}")
