"""The pool: warm processes for the actions that are called, as many as are called for at once, up to a limit."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from statebox.openwhisk.local.background import Background
from statebox.openwhisk.local.entities import Action
from statebox.openwhisk.local.limits import HostLimits
from statebox.openwhisk.local.process import ActionProcess, resident_bytes

_WATCH_S = 0.1
_MIB = 1024 * 1024

# An action as it is now; when any of this changes, its processes are of no more use. The path is the first of it.
Key: TypeAlias = tuple[str, str, str, str, str, int, bool]


@dataclass(slots=True, eq=False)
class Place:
    """A process in the pool and what it is for.

    `load_ms` is how long it took to be ready, until its first activation has told of it. `busy` while an activation has
    it, `leaving` once it has been told to end.
    """

    process: ActionProcess
    key: Key
    memory_bytes: int
    load_ms: int | None
    idle_since: float = 0.0
    busy: bool = False
    leaving: bool = False


@dataclass(slots=True, eq=False)
class _Queue:
    """Those who wait for a process of one action."""

    action: Action
    waiting: deque[asyncio.Future[Place]] = field(default_factory=deque[asyncio.Future[Place]])
    starting: int = 0


class Pool:
    """Hands out processes. `start` makes one ready to be used, or raises for what its caller is told.

    Whoever waits gets the next process that is free, be it a new one or one that has finished its work: a burst of
    short calls is over before many processes could be started for it.
    """

    def __init__(
        self,
        start: Callable[[Action], Awaitable[tuple[ActionProcess, int]]],
        limits: HostLimits,
        background: Background,
    ) -> None:
        self._start = start
        self._limits = limits
        self._background = background
        self._all: set[Place] = set()
        self._idle: dict[Key, list[Place]] = {}
        self._queues: dict[Key, _Queue] = {}
        self._newest: dict[str, Key] = {}
        self._starting = 0
        self._watched = False

    def __repr__(self) -> str:
        idle = sum(map(len, self._idle.values()))
        return f"<Pool {len(self._all)} processes, {idle} idle, {self._starting} starting>"

    @property
    def size(self) -> int:
        """How many processes there are."""
        return self._starting + sum(not place.leaving for place in self._all)

    async def acquire(self, action: Action) -> Place:
        """A process for one activation; raises what `start` raises."""
        key = _key(action)
        self._retire(action.path, key)
        place = self._take_idle(key)
        if place is None:
            place = await self._wait(key, action)
        place.busy = True
        if not self._watched:
            self._watched = True
            self._background.spawn(self._watch())
        return place

    def release(self, place: Place) -> None:
        """The activation is over."""
        place.busy = False
        if place not in self._all:
            return
        queue = self._queues.get(place.key)
        while queue is not None and queue.waiting:
            future = queue.waiting.popleft()
            if not future.done():
                future.set_result(place)
                return
        if self._newest.get(place.key[0]) != place.key:
            self._dismiss(place)
            return
        place.idle_since = asyncio.get_running_loop().time()
        self._idle.setdefault(place.key, []).append(place)
        # Somebody may wait who can have this one's room.
        self._grow()

    async def reap(self) -> None:
        """End processes that nobody has used for a while, for ever."""
        while True:
            await asyncio.sleep(self._limits.idle_s / 4)
            longest = asyncio.get_running_loop().time() - self._limits.idle_s
            for place in [place for places in self._idle.values() for place in places if place.idle_since < longest]:
                self._idle[place.key].remove(place)
                self._dismiss(place)

    async def close(self) -> None:
        """End all processes."""
        await asyncio.gather(*(place.process.end() for place in self._all))

    def _take_idle(self, key: Key) -> Place | None:
        places = self._idle.get(key)
        while places:
            # The one that was used last: its memory is warm, and the others grow old enough to be reaped.
            place = places.pop()
            if not place.process.ended:
                return place
        return None

    async def _wait(self, key: Key, action: Action) -> Place:
        queue = self._queues.setdefault(key, _Queue(action))
        future: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        queue.waiting.append(future)
        self._grow()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self.release(future.result())
            raise

    def _grow(self) -> None:
        """Start processes for those who wait, as far as the limits go."""
        for key, queue in list(self._queues.items()):
            while queue.waiting and queue.waiting[0].done():
                queue.waiting.popleft()
            if not queue.waiting and not queue.starting:
                del self._queues[key]
                continue
            while queue.starting < len(queue.waiting) and self._starting < self._limits.starting and self._has_room():
                queue.starting += 1
                self._starting += 1
                self._background.spawn(self._begin(key, queue))

    def _has_room(self) -> bool:
        if self.size < self._limits.processes:
            return True
        idle = [place for places in self._idle.values() for place in places]
        if not idle:
            return False
        oldest = min(idle, key=lambda place: place.idle_since)
        self._idle[oldest.key].remove(oldest)
        self._dismiss(oldest)
        return True

    async def _begin(self, key: Key, queue: _Queue) -> None:
        try:
            process, load_ms = await self._start(queue.action)
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the one who waits
            while queue.waiting:
                future = queue.waiting.popleft()
                if not future.done():
                    future.set_exception(error)
                    break
        else:
            place = Place(process, key, queue.action.memory_mb * _MIB, load_ms)
            self._all.add(place)
            process.when_ended(lambda: self._gone(place))
            self.release(place)
        finally:
            queue.starting -= 1
            self._starting -= 1
            self._grow()

    def _gone(self, place: Place) -> None:
        self._all.discard(place)
        if place in (places := self._idle.get(place.key, [])):
            places.remove(place)
        self._grow()

    def _dismiss(self, place: Place) -> None:
        """End a process that is not idle any more; its room is free from now on."""
        place.leaving = True
        place.process.kill()

    def _retire(self, path: str, key: Key) -> None:
        """End the idle processes of the version before; busy ones finish their work first."""
        old = self._newest.get(path)
        if old == key:
            return
        self._newest[path] = key
        if old is not None:
            for place in self._idle.pop(old, []):
                self._dismiss(place)

    async def _watch(self) -> None:
        """While any process works, see that none holds more memory than its action may."""
        while busy := [place for place in self._all if place.busy]:
            for place in busy:
                held = resident_bytes(place.process.pid)
                if held is not None and held > place.memory_bytes:
                    place.process.exhaust()
            await asyncio.sleep(_WATCH_S)
        self._watched = False


def _key(action: Action) -> Key:
    wants_key = action.annotation("provide-api-key") is True
    return (action.path, action.version, action.kind, action.code, action.main, action.memory_mb, wants_key)
