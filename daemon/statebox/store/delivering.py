"""Delivering: what is told to an execution, which is taken over with it where nobody holds it: answers, stops."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from statebox.asl.events import ActivityTaken, ExecutionStopped, TaskHeartbeat
from statebox.engine.names import fresh_id
from statebox.engine.ownership import Claimed, Lease
from statebox.engine.records import Answer, Kept, StateAnswer
from statebox.store.codec import FORMAT
from statebox.store.commits import Asking
from statebox.store.connection import Argument, RedisSettings, Reply
from statebox.store.continuations import refusal
from statebox.store.early import event_around, read_waiting, refusal_by_path
from statebox.store.entries import write_around_task, write_entry
from statebox.store.keys import shard_of_token
from statebox.store.loading import Loading
from statebox.store.reading import no_such_execution
from statebox.store.replies import Unexpected, integer, items, text
from statebox.store.run_listing import RunListing


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """How executions are kept.

    `daemon` is this daemon's name, unique among the running ones. An execution is taken over `lease_ms` after the last
    sign of life of its owner, set aside when it is claimed for the `claim_limit`th time without a checkpoint, and
    forgotten `retention_ms` after its end. The number of `shards` is fixed when a prefix is first used.
    """

    daemon: str
    redis: RedisSettings = field(default_factory=RedisSettings)
    shards: int = 1
    lease_ms: int = 10_000
    retention_ms: int = 30 * 24 * 3600 * 1000
    claim_limit: int = 5


class Delivering(RunListing):
    """What delivers to executions, as one part of the store."""

    settings: StoreSettings
    _writes: Asking
    _loading: Loading
    _boottime: Callable[[], float]

    async def answer(self, answer: Answer, take: bool = True) -> Claimed | str:
        """Take a continuation. Returns the claimed execution when nobody held it, else the id of the one that was told.

        Raises InvalidToken, TaskTimedOut, TaskAlreadyAnswered, TaskDoesNotExist, IdempotencyKeyReused.
        """
        around_task = write_around_task(answer.event)
        return await self._deliver(
            "answer", take, answer.token, answer.operation, answer.channel, *around_task, self.settings.retention_ms
        )

    async def answer_state(self, answer: StateAnswer, take: bool = True) -> Claimed | str | Kept:
        """Answer what waits in a state, as `answer`; or keep the answer until the state is entered.

        Raises TaskAlreadyAnswered, TaskDoesNotExist, TaskTimedOut, IdempotencyKeyReused, TooManyRequests.
        """
        id, path, operation = answer.execution, answer.path, answer.operation
        shard, around = self._keys.shard_of_id(id), event_around(answer.event)
        while True:
            until, seen = self._lease_end(), await read_waiting(self._reads, self._keys, id, path)
            said = (operation, answer.channel, *around, self.settings.retention_ms)
            match await self._run(
                "early", shard, *self._who(fresh_id(), take), id, path.text, path.branch, *seen, *said
            ):
                case [b"kept", since_ms]:
                    return Kept(integer(since_ms))
                case [b"moved"]:
                    continue
                case reply:
                    delivered = await self._delivered(reply, shard, until)
                    if delivered is None:
                        raise refusal_by_path(reply, id, path, operation)
                    return delivered

    async def heartbeat(self, token: str, operation: str, take: bool = True) -> Claimed | str:
        """Tell that the work on a continuation goes on; as `answer`, without taking it."""
        return await self._deliver("heartbeat", take, token, operation, *write_around_task(TaskHeartbeat))

    async def take_task(
        self, token: str, worker: str | None, operation: str, take: bool = True
    ) -> Claimed | str | None:
        """Take an activity's task for a worker, once; None when nobody gets it any more. Otherwise as `answer`."""
        shard, until = shard_of_token(token), self._lease_end()
        around_task = write_around_task(lambda task: ActivityTaken(task, worker))
        reply = await self._run("take_activity", shard, *self._who(fresh_id(), take), token, operation, *around_task)
        return await self._delivered(reply, shard, until)

    async def stop(
        self, id: str, error: str | None, cause: str | None, operation: str, take: bool = True
    ) -> Claimed | int | None:
        """Mark the execution as closing and deliver the stop.

        Returns it claimed when nobody held it, when it had ended already (ms), or None when its owner was told.
        Raises ExecutionDoesNotExist.
        """
        shard, until = self._keys.shard_of_id(id), self._lease_end()
        entry = write_entry(ExecutionStopped(error, cause))
        match await self._run("stop", shard, *self._who(fresh_id(), take), id, operation, entry):
            case [b"claimed", value]:
                return await self._claimed(value, shard, until)
            case [b"told", _]:
                return None
            case [b"ended", stopped_ms]:
                return integer(stopped_ms)
            case [b"unknown"]:
                raise no_such_execution(id)
            case reply:
                raise Unexpected(reply)

    def _run(self, script: str, shard: int, *arguments: Argument) -> Coroutine[None, None, Reply]:
        keys = self._keys.shards[shard]
        now: Argument = "" if self._now_ms is None else self._now_ms()
        return self._writes.run(script, keys.due, keys.base, now, *arguments)

    async def _deliver(
        self, script: str, take: bool, token: str, operation: str, *arguments: Argument
    ) -> Claimed | str:
        """Deliver to whom a continuation belongs. Raises as `answer`."""
        self._keys.of_token(token)
        shard, until = shard_of_token(token), self._lease_end()
        reply = await self._run(script, shard, *self._who(fresh_id(), take), token, operation, *arguments)
        delivered = await self._delivered(reply, shard, until)
        if delivered is None:
            raise refusal(reply, operation)
        return delivered

    async def _delivered(self, reply: Reply, shard: int, until: float) -> Claimed | str | None:
        """What parts/deliver.lua returns: the execution that was claimed, or the id of the one told; else None."""
        match reply:
            case [b"claimed", value]:
                # Where it cannot be read here, it was delivered all the same.
                return await self._claimed(value, shard, until) or text(items(value)[0])
            case [b"told", id]:
                return text(id)
            case _:
                return None

    async def _claimed(self, value: Reply, shard: int, until: float) -> Claimed | None:
        """The execution that a script claimed; None when it cannot be read here."""
        return next(iter(await self._loading.claimed([value], shard, until)), None)

    async def _leave(self, lease: Lease, format: int) -> None:
        """Give back what has a format that this daemon does not know."""
        await self._run("leave", lease.shard, lease.id, lease.token, format)

    def _who(self, token: str, take: bool = True) -> tuple[Argument, ...]:
        """Who claims, as parts/lease.lua reads it."""
        settings = self.settings
        return token, settings.lease_ms if take else 0, settings.daemon, FORMAT, settings.claim_limit

    def _lease_end(self) -> float:
        """When a lease that is asked for now will have ended for certain, by our own clock (s)."""
        return self._boottime() + self.settings.lease_ms / 1000
