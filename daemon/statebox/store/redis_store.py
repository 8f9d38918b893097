"""The store on Redis: every change of state as one script, and what its reply means."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from statebox.asl.events import AnyEvent
from statebox.asl.execution import Status
from statebox.asl.jsontext import Json
from statebox.engine.errors import (
    AnswerCameFirst,
    ExecutionAlreadyExists,
    ExecutionDoesNotExist,
    LeaseLost,
    ResourceNotFound,
    ValidationException,
)
from statebox.engine.idempotency import refuse_reused
from statebox.engine.letters import Letter
from statebox.engine.names import fresh_id
from statebox.engine.ownership import Checkpoint, Claimed, Claims, Definition, Ended, Lease, Renewed, Saved, Started
from statebox.engine.records import MapRun, Purged
from statebox.store.activities import ActivityQueues
from statebox.store.clock import RedisClock, boottime
from statebox.store.cluster import commits_for
from statebox.store.codec import Texts, write_head
from statebox.store.connection import Argument, Reply
from statebox.store.definitions import Definitions
from statebox.store.delivering import Delivering, StoreSettings
from statebox.store.entries import write_entry
from statebox.store.forgetting import Forgetting
from statebox.store.keys import Keys, shard_of_token
from statebox.store.leases import MOST_AT_ONCE, by_shard, ids_and_tokens, renew_all
from statebox.store.loading import Loading
from statebox.store.log_groups import RedisLogGroups
from statebox.store.map_runs import keys_of_run, run_of
from statebox.store.namespace import settle
from statebox.store.primary import Primary
from statebox.store.reading import no_such_execution
from statebox.store.replies import Unexpected, integer, items, maybe_integer, strings, text
from statebox.store.shelf import RedisShelf
from statebox.store.steps import qualified, step_arguments, waiting_place

_log = logging.getLogger(__name__)


class RedisStore(Delivering):
    """The port Store. Use it between `connect` and `close`.

    `now_ms` lets somebody else than Redis own the time (ms since the epoch); `boottime` is this daemon's own clock.
    `clock` is the port Clock, measured against Redis, `shelf` the port Shelf.
    """

    def __init__(
        self,
        settings: StoreSettings,
        now_ms: Callable[[], int] | None = None,
        boottime: Callable[[], float] = boottime,
    ) -> None:
        name = re.sub(r"[^!-~]", "_", f"statebox-{settings.daemon}")
        keys, primary = Keys(settings.redis.prefix, settings.shards), Primary(settings.redis)
        one_of_each = (keys.namespace, *(shard.due for shard in keys.shards))
        super().__init__(commits_for(settings.redis, f"{name}-reads", one_of_each, primary), keys, now_ms)
        self.settings = settings
        self.clock = RedisClock(self.server_time_us, boottime)
        self._writes = commits_for(settings.redis, name, one_of_each, primary)
        self.shelf = RedisShelf(self._reads, self._writes, keys)
        self.log_groups = RedisLogGroups(self._writes, keys)
        self._definitions = Definitions()
        self._loading = Loading(self._reads, self._keys, self._definitions, self._leave)
        self._boottime = boottime
        self._queues = ActivityQueues(self._writes, self._reads, self._keys, now_ms)
        self._forgetting = Forgetting(self._run, self, self._keys)

    @property
    def activities(self) -> ActivityQueues:
        """The activities, and their queues."""
        return self._queues

    async def connect(self) -> None:
        """Connect, and make sure that this Redis can be used. Raises UnusableRedis, ServiceUnavailable."""
        self._writes.open()
        self._reads.open()
        try:
            await settle(self._writes, self._keys)
            await self.clock.measure()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Disconnect."""
        await self._writes.close()
        await self._reads.close()

    async def start(self, definition: Definition, checkpoint: Checkpoint, operation: str) -> Started:
        """Create the execution and write its first step. Raises ExecutionAlreadyExists, IdempotencyKeyReused."""
        execution = checkpoint.execution
        token, texts, until = fresh_id(), Texts(), self._lease_end()
        head: tuple[Argument, ...] = (execution.id, operation, definition.hash)
        tail = (
            write_head(execution),
            texts.of(execution.input),
            *waiting_place(execution),
            qualified(execution),
            *self._step(checkpoint, token, 1, texts, first=True),
        )
        known = self._definitions.is_stored(definition.hash, execution.shard)
        reply = await self._run("start", execution.shard, *head, "" if known else definition.text, *tail)
        if reply == [b"definition"]:
            reply = await self._run("start", execution.shard, *head, definition.text, *tail)
        match reply:
            case [b"started", started_ms, b"kept", *answered]:
                lease = Lease(execution.id, execution.shard, token, 1, until)
                started = Started(integer(started_ms), lease, answered=_tokens(answered))
            case [b"started", started_ms, b"given"]:
                started = Started(integer(started_ms), None)
            case [b"existing", started_ms, former]:
                refuse_reused(operation, text(former))
                return Started(integer(started_ms), None, existing=True)
            case [b"unwanted"]:
                return Started(execution.started_ms, None, unwanted=True)
            case [b"exists", former]:
                refuse_reused(operation, text(former))
                raise ExecutionAlreadyExists(f"Execution Already Exists: '{execution.arn}'")
            case _:
                raise Unexpected(reply)
        self._definitions.keep(definition.hash, definition.text, execution.shard)
        return started

    async def redrive(self, ended: Ended, checkpoint: Checkpoint, operation: str) -> Started | None:
        """Write the first step of a redrive; None when the execution is not any more as it was read.

        Raises ExecutionDoesNotExist.
        """
        execution, sequence = checkpoint.execution, ended.sequence + 1
        token, texts, until = fresh_id(), Texts(), self._lease_end()
        at_ms = execution.redriven_ms or 0
        reply = await self._run(
            "redrive",
            execution.shard,
            execution.id,
            operation,
            ended.released,
            write_head(execution),
            execution.redrives,
            at_ms,
            *waiting_place(execution),
            *self._step(checkpoint, token, sequence, texts),
        )
        match reply:
            case [b"started", when, b"kept", *answered]:
                lease = Lease(execution.id, execution.shard, token, sequence, until)
                return Started(integer(when), lease, answered=_tokens(answered))
            case [b"started", when, b"given"]:
                return Started(integer(when), None)
            case [b"existing", when]:
                return Started(integer(when), None, existing=True)
            case [b"unwanted"]:
                return Started(at_ms, None, unwanted=True)
            case [b"moved"]:
                return None
            case [b"unknown"]:
                raise no_such_execution(execution.id)
            case _:
                raise Unexpected(reply)

    async def update_map_run(
        self, run: MapRun, changes: Mapping[str, Json], event: AnyEvent, take: bool = True
    ) -> Claimed | None:
        """Change how a map run goes on; returns its execution claimed, where nobody held it.

        Raises ResourceNotFound, ValidationException when it has ended.
        """
        unique, until = run_of(run.arn), self._lease_end()
        keys_of_run(self._keys, unique)
        shard = shard_of_token(unique)
        fields = [text for name, value in changes.items() for text in (name, str(value))]
        reply = await self._run("update_run", shard, *self._who(fresh_id(), take), unique, write_entry(event), *fields)
        match reply:
            case [b"claimed", value]:
                return await self._claimed(value, shard, until)
            case [b"told", _]:
                return None
            case [b"over"]:
                raise ValidationException("The Map Run has ended and cannot be updated")
            case [b"unknown"]:
                raise ResourceNotFound
            case _:
                raise Unexpected(reply)

    async def claim(self, shard: int, limit: int) -> Claims:
        """Take over what is due, at most 500."""
        until, passed_over = self._lease_end(), 0
        while True:
            who = self._who(fresh_id())
            reply = await self._run("claim", shard, *who, min(limit, MOST_AT_ONCE), passed_over)
            values, aside, next_due_ms, newer, more, left = items(reply)
            # What has a newer format stays where it is in `due`, and must not hide what is behind it.
            if items(values) or items(aside) or not integer(newer) or not integer(more):
                return Claims(
                    claimed=await self._loading.claimed(items(values), shard, until),
                    next_due_ms=maybe_integer(next_due_ms),
                    set_aside=tuple(map(bytes.decode, strings(aside))),
                    stops_left=integer(left),
                )
            passed_over += integer(newer)

    async def claim_one(self, id: str) -> Claimed | None:
        """Take over one execution if nobody holds it and it has something in its inbox; else None."""
        shard, until = self._keys.shard_of_id(id), self._lease_end()
        values = items(await self._run("claim_one", shard, *self._who(fresh_id()), id))
        return next(iter(await self._loading.claimed(values, shard, until)), None)

    async def renew(self, leases: Collection[Lease]) -> Renewed:
        """Prolong the leases, as store.leases does."""

        async def run(shard: int, *ids_and_tokens: str) -> Sequence[Reply]:
            return items(await self._run("renew", shard, self.settings.lease_ms, *ids_and_tokens))

        return await renew_all(run, leases, self.settings.lease_ms, self._lease_end())

    async def checkpoint(self, lease: Lease, checkpoint: Checkpoint) -> Saved:
        """Write a step. Raises LeaseLost, AnswerCameFirst.

        The lease goes on, even though it was to be given back, when something is in the inbox.
        """
        until, sequence = self._lease_end(), lease.sequence + 1
        step = self._step(checkpoint, lease.token, sequence, Texts())
        match await self._run("checkpoint", lease.shard, lease.id, *step):
            case [b"kept", waiting, *answered]:
                kept = msgspec.structs.replace(lease, sequence=sequence, until=until)
                return Saved(kept, integer(waiting), _tokens(answered))
            case [b"given", _]:
                return Saved(None)
            case [b"lost"]:
                raise LeaseLost(lease.id)
            case [b"answered", token]:
                raise AnswerCameFirst(text(token))
            case reply:
                raise Unexpected(reply)

    async def release(self, leases: Collection[Lease]) -> None:
        """Give leases back without a step: the executions are due at once."""
        for shard, some in by_shard(leases):
            await self._run("release", shard, *ids_and_tokens(some))

    async def reclaim(self) -> int:
        """Make due at once what a daemon of this name held before it died. Returns how many."""
        made_due = 0
        for shard in range(self.settings.shards):
            looked_at = MOST_AT_ONCE
            while looked_at == MOST_AT_ONCE:
                reply = items(await self._run("reclaim", shard, self.settings.daemon, MOST_AT_ONCE))
                made_due += integer(reply[0])
                looked_at = integer(reply[1])
        return made_due

    async def letters(self, shard: int, limit: int) -> Sequence[Letter]:
        """Letters of the shard's outbox that should have arrived; nobody else gets them for as long as a lease."""
        reply = strings(await self._run("letters", shard, self.settings.lease_ms, limit))
        return [letter for found in reply if (letter := _read_letter(found)) is not None]

    async def arrived(self, shard: int, letter: Letter) -> None:
        """Take a letter out of the shard's outbox."""
        await self._writes.ask("ZREM", self._keys.shards[shard].outbox, str(letter))

    async def retry(self, id: str) -> None:
        """Make an execution that was set aside due again. Raises ExecutionDoesNotExist when it is not set aside."""
        match await self._run("retry", self._keys.shard_of_id(id), id, fresh_id()):
            case 1:
                return
            case 0:
                raise ExecutionDoesNotExist(f"'{id}' is not set aside")
            case _:
                raise no_such_execution(id)

    async def sweep(self) -> int:
        """Forget what is past its retention. Returns how many executions were forgotten."""
        return await self._forgetting.sweep()

    async def purge(
        self,
        machine: str | None,
        status: Status | None,
        ended_before_ms: int,
        limit: int,
        before: tuple[int, str] | None,
        only_count: bool,
    ) -> Purged:
        """Forget executions that ended before then; see the port."""
        return await self._forgetting.purge(machine, status, ended_before_ms, limit, before, only_count)

    def _step(
        self, checkpoint: Checkpoint, token: str, sequence: int, texts: Texts, first: bool = False
    ) -> list[Argument]:
        settings = self.settings
        return step_arguments(
            checkpoint, token, sequence, settings.lease_ms, settings.daemon, settings.retention_ms, texts, first
        )


def _read_letter(found: bytes) -> Letter | None:
    """The letter; None for one that only newer daemons can read, which must not keep back those beside it."""
    try:
        return Letter.read(found.decode())
    except ValueError:
        _log.warning("a letter cannot be read here, it is left to others: %r", found)
        return None


def _tokens(answered: Sequence[Reply]) -> frozenset[str]:
    return frozenset(text(token) for some in answered for token in items(some))
