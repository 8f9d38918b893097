"""Activities in Redis: what there is under {meta}, and the queues of tasks that wait for workers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from statebox.engine.queues import Activity, NoSuchActivity, Reserved
from statebox.store.commits import Asking
from statebox.store.connection import Argument, Reply
from statebox.store.keys import Keys
from statebox.store.replies import Unexpected, integer, items, maybe_text, pairs, strings, text

# For how long a task is kept for the daemon that is about to take it for a worker: much more than that takes.
_RESERVED_MS: Final = 5_000
# What the names of fields for tags begin with.
_TAG: Final = "tag:"


class ActivityQueues:
    """The port engine.queues.Queues."""

    def __init__(self, writes: Asking, reads: Asking, keys: Keys, now_ms: Callable[[], int] | None) -> None:
        self._writes = writes
        self._reads = reads
        self._keys = keys
        self._now_ms = now_ms

    async def create(self, name: str, told: str, tags: Mapping[str, str] = {}) -> Activity:
        """Create it; one that is there already is returned as it is, and keeps its tags."""
        return _activity(name, await self._run("create_activity", name, told, *_flat(tags)))

    async def describe(self, name: str) -> Activity:
        """One activity. Raises NoSuchActivity."""
        return _activity(name, await self._reads.ask("HMGET", self._keys.meta.activity(name), "created", "told"))

    async def list(self, after: str, limit: int) -> Sequence[Activity]:
        """Up to `limit` activities by name, those behind the name `after`."""
        command = ("ZRANGEBYLEX", self._keys.meta.activities, f"({after}" if after else "-", "+", "LIMIT", 0, limit)
        names = [name.decode() for name in strings(await self._reads.ask(*command))]
        found = await self._reads.ask_all(
            [("HMGET", self._keys.meta.activity(name), "created", "told") for name in names]
        )
        # One may have been deleted in between.
        return [_activity(name, reply) for name, reply in zip(names, found, strict=True) if items(reply)[0] is not None]

    async def tags(self, name: str) -> Mapping[str, str]:
        """Its tags. Raises NoSuchActivity."""
        fields = pairs(await self._reads.ask("HGETALL", self._keys.meta.activity(name)))
        if not fields:
            raise NoSuchActivity(name)
        return {
            field.decode().removeprefix(_TAG): value.decode()
            for field, value in fields.items()
            if field.startswith(_TAG.encode())
        }

    async def tag(self, name: str, added: Mapping[str, str], removed: Collection[str], most: int) -> bool:
        """Add tags and remove others. False when that would make more than `most`. Raises NoSuchActivity."""
        match await self._run("tag_activity", name, most, len(added), *_flat(added), *(_TAG + key for key in removed)):
            case 1:
                return True
            case 0:
                return False
            case _:
                raise NoSuchActivity(name)

    async def delete(self, name: str) -> None:
        """Delete it with its queue; one that is not there is deleted already."""
        await self._run("delete_activity", name)

    async def enqueue(self, name: str, token: str) -> None:
        """Put a task into the queue, once. Raises NoSuchActivity."""
        if integer(await self._run("enqueue", name, token)) == 0:
            raise NoSuchActivity(name)

    async def reserve(self, name: str) -> Reserved:
        """Keep the first task for us, for a time."""
        match items(await self._run("reserve", name, _RESERVED_MS)):
            case []:
                return Reserved(None, None)
            case [b"", ms]:
                return Reserved(None, integer(ms))
            case [token]:
                return Reserved(text(token), None)
            case reply:
                raise Unexpected(reply)

    async def standing(self, name: str, limit: int) -> Sequence[str]:
        """The continuations of the tasks that stand there longest."""
        found = strings(await self._reads.ask("ZRANGE", self._keys.meta.queue(name), 0, limit - 1))
        return [token.decode() for token in found]

    async def drop(self, name: str, token: str) -> None:
        """Take it out of the queue."""
        await self._writes.ask("ZREM", self._keys.meta.queue(name), token)

    async def _run(self, script: str, *arguments: Argument) -> Reply:
        now: Argument = "" if self._now_ms is None else self._now_ms()
        return await self._writes.run(script, self._keys.meta.due, self._keys.meta.base, now, *arguments)


def _flat(tags: Mapping[str, str]) -> list[str]:
    """The fields for tags, with their values."""
    return [text for key, value in tags.items() for text in (_TAG + key, value)]


def _activity(name: str, reply: Reply) -> Activity:
    created_ms, told = items(reply)
    if created_ms is None:
        raise NoSuchActivity(name)
    return Activity(name, integer(created_ms), maybe_text(told) or "")
