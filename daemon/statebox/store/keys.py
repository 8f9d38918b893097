"""The keys: every key and channel of a namespace, its type, what it holds, and how long it lives.

A namespace is a prefix. All keys of a shard share the hash tag `{<shard>}`, what crosses shards lies under `{meta}`, so
that a script never leaves its slot. The scripts derive the same names from the base `<prefix>:{<shard>}:`.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final
from zlib import crc32

import msgspec

from statebox.asl.execution import Status
from statebox.engine.errors import InvalidToken

# A continuation is a uuid4 whose last 12 bits are its shard.
MOST_SHARDS: Final = 1 << 12
_TOKEN: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")


class Lives(StrEnum):
    """How long a key lives."""

    # It has no TTL; it goes when its last member goes.
    FOR_EVER = "for ever"
    # No TTL while the execution runs, the retention time once it has ended.
    WITH_EXECUTION = "with its execution"
    # No TTL while the continuation can be answered, the retention time afterwards.
    WITH_CONTINUATION = "until answered or closed"
    # The retention time from its last change on.
    RETAINED = "the retention time"
    # A TTL from the first moment on, except where what it shadows may take for ever.
    UNTIL_DEADLINE = "until its deadline"
    BRIEFLY = "one lease"


class Kind(msgspec.Struct, frozen=True):
    """One kind of key: its name after `<prefix>:{<shard>}:` (`*` where names differ), its type, life and content."""

    name: str
    type: str
    lives: Lives
    holds: str


SHARD_KEYS: Final = (
    Kind("due", "zset", Lives.FOR_EVER, "execution -> when somebody must look at it (ms): the one truth about time"),
    Kind("aside", "zset", Lives.FOR_EVER, "execution -> when it was set aside (ms)"),
    Kind("waiting", "zset", Lives.FOR_EVER, "open continuation -> since when (ms)"),
    Kind(
        "retention", "zset", Lives.FOR_EVER, "what the sweep needs to know about an ended execution -> when to forget"
    ),
    Kind("stops", "list", Lives.FOR_EVER, "child, and the entry for its inbox: too many for the step that ended them"),
    Kind("outbox", "zset", Lives.FOR_EVER, "letter to another shard -> when it should have arrived (ms)"),
    Kind("index", "zset", Lives.FOR_EVER, "execution -> start (ms)"),
    Kind("index:s:*", "zset", Lives.FOR_EVER, "of one status and machine: execution -> start (ms)"),
    Kind("index:q:*", "zset", Lives.FOR_EVER, "of one machine and version or alias: execution -> start (ms)"),
    Kind("qualifiers:*", "set", Lives.FOR_EVER, "of one machine: the versions and aliases that have executions here"),
    Kind("machines", "set", Lives.FOR_EVER, "the machines that have executions here"),
    Kind("held:*", "set", Lives.FOR_EVER, "of one daemon: the executions whose lease it holds"),
    Kind("definition:*", "hash", Lives.FOR_EVER, "of one content hash: text, and how many executions use it"),
    Kind("execution:*", "hash", Lives.WITH_EXECUTION, "the value, a field per branch; its lease; its standing"),
    Kind("history:*", "list", Lives.WITH_EXECUTION, "chunks of history events; each names its first"),
    Kind("runs:*", "list", Lives.WITH_EXECUTION, "of one execution: its map runs, in their order"),
    Kind("run:*", "hash", Lives.WITH_EXECUTION, "one map run: how it goes on, and its children and items by status"),
    Kind("inbox:*", "list", Lives.WITH_EXECUTION, "events that were delivered and not consumed; gone at the end"),
    Kind("timers:*", "zset", Lives.WITH_EXECUTION, "branch -> deadline (ms), but the root's; gone at the end"),
    Kind("token:*", "hash", Lives.WITH_CONTINUATION, "the truth about one continuation"),
    Kind("continuation:*", "string", Lives.UNTIL_DEADLINE, "its shadow, for its TTL; losing it changes nothing"),
    Kind(
        "early:*",
        "hash",
        Lives.RETAINED,
        "of one execution, perhaps to come: path of a state -> the answer that is kept, or the continuation answered",
    ),
    Kind("claimed:*", "string", Lives.BRIEFLY, "of one claim: what it took, for when its reply is lost"),
)
META_KEYS: Final = (
    Kind("namespace", "hash", Lives.FOR_EVER, "the number of shards, fixed at the first use"),
    Kind("machines", "zset", Lives.FOR_EVER, "the names of the registered machines, all with the score 0"),
    Kind("machine:*", "hash", Lives.FOR_EVER, "a registered machine: its record, its stamp, the definitions it needs"),
    Kind("loggroups", "hash", Lives.FOR_EVER, "the log groups: name -> when it was created (ms), and by which request"),
    Kind("activities", "zset", Lives.FOR_EVER, "the names of all activities"),
    Kind("activity:*", "hash", Lives.FOR_EVER, "of one activity: when it was created, what was told of it then, tags"),
    Kind(
        "queue:*", "zset", Lives.FOR_EVER, "of one activity: task's continuation -> from when on it is to be had (ms)"
    ),
)


class ShardKeys(msgspec.Struct, frozen=True):
    """The keys of one shard, as the reading side needs them."""

    base: str

    @property
    def due(self) -> str:
        return self.base + "due"

    @property
    def aside(self) -> str:
        return self.base + "aside"

    @property
    def waiting(self) -> str:
        return self.base + "waiting"

    @property
    def outbox(self) -> str:
        return self.base + "outbox"

    @property
    def machines(self) -> str:
        return self.base + "machines"

    def execution(self, id: str) -> str:
        return f"{self.base}execution:{id}"

    def history(self, id: str) -> str:
        return f"{self.base}history:{id}"

    def runs(self, id: str) -> str:
        return f"{self.base}runs:{id}"

    def run(self, run: str) -> str:
        return f"{self.base}run:{run}"

    def inbox(self, id: str) -> str:
        return f"{self.base}inbox:{id}"

    def early(self, id: str) -> str:
        return f"{self.base}early:{id}"

    def timers(self, id: str) -> str:
        return f"{self.base}timers:{id}"

    def token(self, token: str) -> str:
        return f"{self.base}token:{token}"

    def definition(self, hash: str) -> str:
        return f"{self.base}definition:{hash}"

    @property
    def index(self) -> str:
        return self.base + "index"

    def index_of(self, machine: str, status: Status) -> str:
        """The index of a machine's executions with one status."""
        return f"{self.base}index:s:{status}:{machine}"

    def index_of_qualified(self, qualified: str) -> str:
        """The index of the executions that were started by a version or alias, `<machine>:<version or alias>`."""
        return f"{self.base}index:q:{qualified}"


class MetaKeys(msgspec.Struct, frozen=True):
    """The keys of what crosses shards."""

    base: str

    @property
    def due(self) -> str:
        """A key that never exists: it sends scripts to the slot."""
        return self.base + "due"

    @property
    def machines(self) -> str:
        return self.base + "machines"

    def machine(self, name: str) -> str:
        return f"{self.base}machine:{name}"

    @property
    def log_groups(self) -> str:
        return self.base + "loggroups"

    @property
    def activities(self) -> str:
        return self.base + "activities"

    def activity(self, name: str) -> str:
        return f"{self.base}activity:{name}"

    def queue(self, name: str) -> str:
        return f"{self.base}queue:{name}"


class Keys:
    """The keys and channels of one namespace, spread over its shards."""

    def __init__(self, prefix: str, shards: int) -> None:
        if not 1 <= shards <= MOST_SHARDS:
            raise ValueError(f"there can be 1 to {MOST_SHARDS} shards, not {shards}")
        if not prefix or "{" in prefix or "}" in prefix:
            raise ValueError(f"the prefix of keys must not be empty nor contain a brace: {prefix!r}")
        self.prefix = prefix
        self.shards = tuple(ShardKeys(f"{prefix}:{{{shard}}}:") for shard in range(shards))
        self.meta = MetaKeys(f"{prefix}:{{meta}}:")
        self.namespace = f"{self.meta.base}namespace"
        # Channels, one for the whole namespace.
        self.inbox_channel = f"{prefix}:inbox"
        self.parked_channel = f"{prefix}:parked"
        self.due_channel = f"{prefix}:due"
        self.queued_channel = f"{prefix}:queued"

    def shard_of_id(self, id: str) -> int:
        """The shard of an execution, by its id `<machine>:<name>`; a map run's children carry theirs as tokens do."""
        machine, _, name = id.rpartition(":")
        if "/" in machine and _TOKEN.match(name) is not None and int(name[-3:], 16) < len(self.shards):
            return int(name[-3:], 16)
        return crc32(id.encode()) % len(self.shards)

    def of_id(self, id: str) -> ShardKeys:
        """The keys of the execution's shard."""
        return self.shards[self.shard_of_id(id)]

    def of_token(self, token: str) -> ShardKeys:
        """The keys of the continuation's shard. Raises InvalidToken."""
        shard = shard_of_token(token)
        if shard >= len(self.shards):
            raise InvalidToken
        return self.shards[shard]

    def expired_pattern(self, database: int) -> str:
        """The channels on which Redis tells that a continuation's shadow has expired, as a glob pattern."""
        return f"__keyspace@{database}__:{_literal(self.prefix)}:{{*}}:continuation:*"

    def shard_of_expired(self, channel: str) -> int | None:
        """The shard that such a channel is about, None when it cannot be told."""
        found = re.search(r":\{(\d+)\}:continuation:", channel)
        return None if found is None else self.shard_named(found[1])

    def shard_named(self, text: str) -> int | None:
        """The shard with this number, None when there is none."""
        return int(text) if re.fullmatch(r"[0-9]{1,4}", text) and int(text) < len(self.shards) else None


def shard_of(machine: str, name: str, shards: int) -> int:
    """The shard that an execution lives on."""
    return crc32(f"{machine}:{name}".encode()) % shards


def shard_of_token(token: str) -> int:
    """The shard that a continuation carries in its last 12 bits. Raises InvalidToken when it is no continuation."""
    if _TOKEN.match(token) is None:
        raise InvalidToken
    return int(token[-3:], 16)


def _literal(text: str) -> str:
    """The text as a glob pattern that matches only itself."""
    return re.sub(r"([*?\[\]\\^-])", r"\\\1", text)
