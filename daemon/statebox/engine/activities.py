"""Activities: work that workers come for. Tasks stand in an activity's queue until somebody takes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from statebox.asl.commands import InvokeTask
from statebox.asl.errors import RUNTIME
from statebox.asl.events import TaskFailed, TaskSubmitted, place_of
from statebox.asl.execution import OnTask
from statebox.asl.jsontext import Json
from statebox.engine.errors import (
    ActivityDoesNotExist,
    ActivityWorkerLimitExceeded,
    ExecutionDoesNotExist,
    InvalidToken,
    ServiceUnavailable,
    TooManyTags,
)
from statebox.engine.names import Place, activity_name, fresh_id
from statebox.engine.ownership import Claimed
from statebox.engine.ports import Permit, Store
from statebox.engine.queues import Activity, NoSuchActivity, Queues
from statebox.engine.registry.tags import MOST_TAGS, no_such_resource
from statebox.engine.scheduler import Scheduler
from statebox.engine.watchers import Watchers, queue_of

# As many workers as AWS lets wait for one activity.
_MOST_WAITING: Final = 1000
# How often whoever waits first looks by himself, in case a notice was lost.
_LOOK_SECONDS: Final = 1.0
# A sweep is for so many activities, and looks at so many tasks of each at a time: those that stand there longest.
_SWEPT_AT_ONCE: Final = 100
_LOOKED_AT: Final = 10
# How long to wait before the store is asked again while it is away.
_STORE_PAUSE_SECONDS: Final = 0.5


class ActivityTask(msgspec.Struct, frozen=True):
    """A task as a worker gets it."""

    token: str
    input: Json


class ActivityInvoker:
    """Puts tasks into the queues of activities: what is wanted of it stays wanted until it is there."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues

    async def invoke(self, task: InvokeTask, permit: Permit | None = None) -> TaskSubmitted | TaskFailed:
        """Put the task into its queue; see engine.ports.Invoker."""
        name, token = activity_name(task.resource), task.token
        assert token is not None, "an activity's task is answered by its token"
        while True:
            try:
                if permit is not None:
                    await permit()
                await self._queues.enqueue(name, token)
                return TaskSubmitted(task.id, "queued", None)
            except NoSuchActivity:
                return TaskFailed(task.id, RUNTIME, f"The activity {task.resource} does not exist.")
            except ServiceUnavailable:
                await asyncio.sleep(_STORE_PAUSE_SECONDS)


class _Turns:
    """The workers that wait here for one activity; one at a time looks into its queue, in the order they came."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.waiting = 0


class Activities:
    """What users can ask for about activities. All raise the errors of engine.errors."""

    def __init__(self, store: Store, scheduler: Scheduler, watchers: Watchers, place: Place) -> None:
        self._store = store
        self._queues = store.activities
        self._scheduler = scheduler
        self._watchers = watchers
        self._place = place
        self._turns: dict[str, _Turns] = {}
        # The last activity that was swept.
        self._swept = ""

    async def create(self, name: str, told: str, tags: Mapping[str, str]) -> Activity:
        """Create it; one that is there already is returned as it is, and keeps its tags. Raises TooManyTags."""
        if len(tags) > MOST_TAGS:
            raise TooManyTags
        return await self._queues.create(name, told, tags)

    async def tags(self, name: str) -> Mapping[str, str]:
        """Its tags. Raises ResourceNotFound."""
        try:
            return await self._queues.tags(name)
        except NoSuchActivity:
            raise no_such_resource(self._place.activity_arn(name)) from None

    async def tag(self, name: str, added: Mapping[str, str], removed: Collection[str] = ()) -> None:
        """Add tags or change them, and remove others. Raises ResourceNotFound, TooManyTags."""
        try:
            if not await self._queues.tag(name, added, removed, MOST_TAGS):
                raise TooManyTags
        except NoSuchActivity:
            raise no_such_resource(self._place.activity_arn(name)) from None

    async def describe(self, name: str) -> Activity:
        """One activity. Raises ActivityDoesNotExist."""
        try:
            return await self._queues.describe(name)
        except NoSuchActivity:
            raise ActivityDoesNotExist(f"Activity Does Not Exist: '{self._place.activity_arn(name)}'") from None

    async def list(self, after: str, limit: int) -> Sequence[Activity]:
        """Up to `limit` activities by name, those behind the name `after`."""
        return await self._queues.list(after, limit)

    async def delete(self, name: str) -> None:
        """Delete it, and with it the tasks that nobody has taken; one that is not there is deleted already."""
        await self._queues.delete(name)

    def waiting(self, name: str) -> int:
        """How many workers wait here for a task of this activity."""
        turns = self._turns.get(name)
        return 0 if turns is None else turns.waiting

    async def next_task(
        self, name: str, worker: str | None, seconds: float, gone: Callable[[], bool]
    ) -> ActivityTask | None:
        """The next task, taken for this worker; None when there is none so long, or when the worker is `gone`.

        A task is handed out once, and only while its execution waits for it.
        Raises ActivityDoesNotExist, ActivityWorkerLimitExceeded.
        """
        await self.describe(name)
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            token = await self._reserved(name, deadline, gone)
            if token is None:
                return None
            task = await self._taken(token, worker)
            try:
                await self._queues.drop(name, token)
            except ServiceUnavailable:
                # What has been taken nobody gets again: it is for this worker, and whoever comes next passes it over.
                if task is None:
                    raise
            if task is not None:
                return task

    async def sweep(self) -> int:
        """Take tasks that nobody waits for any more out of the queues of some activities; returns how many.

        Whoever polls passes them over: this is for activities without workers. The next sweep is for the next of them.
        """
        dropped = 0
        page = await self._queues.list(self._swept, _SWEPT_AT_ONCE)
        self._swept = page[-1].name if len(page) == _SWEPT_AT_ONCE else ""
        for activity in page:
            unwanted = _LOOKED_AT
            # Where all that stand there longest are unwanted, more may be.
            while unwanted == _LOOKED_AT:
                tokens = await self._queues.standing(activity.name, _LOOKED_AT)
                stale = [token for token in tokens if not await self._is_wanted(token)]
                for token in stale:
                    await self._queues.drop(activity.name, token)
                unwanted = len(stale)
                dropped += unwanted
        return dropped

    async def _is_wanted(self, token: str) -> bool:
        try:
            return (await self._store.continuation(token)).status == "waiting"
        except InvalidToken:
            return False

    async def _reserved(self, name: str, deadline: float, gone: Callable[[], bool]) -> str | None:
        now = asyncio.get_running_loop().time
        async with self._turn(name, deadline) as turn:
            if not turn:
                return None
            with self._watchers.watching(queue_of(name)) as watch:
                while not gone() and not self._scheduler.stopping:
                    watch.clear()
                    reserved = await self._queues.reserve(name)
                    if reserved.token is not None:
                        return reserved.token
                    left = deadline - now()
                    if left <= 0:
                        return None
                    free_in = _LOOK_SECONDS if reserved.free_in_ms is None else (reserved.free_in_ms + 1) / 1000
                    try:
                        async with asyncio.timeout(min(left, _LOOK_SECONDS, free_in)):
                            await watch.wait()
                    except TimeoutError:
                        pass
        return None

    @asynccontextmanager
    async def _turn(self, name: str, deadline: float) -> AsyncGenerator[bool]:
        """A worker's turn to look; false when it did not come in time."""
        turns = self._turns.setdefault(name, _Turns())
        if turns.waiting >= _MOST_WAITING:
            raise ActivityWorkerLimitExceeded(f"Too many workers wait for tasks of the activity '{name}'")
        turns.waiting += 1
        came = False
        try:
            try:
                async with asyncio.timeout_at(deadline):
                    came = await turns.lock.acquire()
            except TimeoutError:
                pass
            yield came
        finally:
            if came:
                turns.lock.release()
            turns.waiting -= 1
            if not turns.waiting:
                self._turns.pop(name, None)

    async def _taken(self, token: str, worker: str | None) -> ActivityTask | None:
        """The task when it is ours; None when nobody waits for it any more, or somebody else has taken it."""
        try:
            continuation = await self._store.continuation(token)
            # Before it is taken, as whoever is told of that may be quick to answer by another way.
            branch = place_of(TaskSubmitted(continuation.task, "", None)) or ""
            _, found = await self._store.data(continuation.execution, branch)
        except (InvalidToken, ExecutionDoesNotExist):
            return None
        if found is None or not isinstance(found.waiting, OnTask) or found.waiting.token != token:
            return None
        taken = await self._store.take_task(token, worker, fresh_id(), take=not self._scheduler.full)
        if taken is None:
            return None
        if isinstance(taken, Claimed):
            self._scheduler.take(taken)
        else:
            self._scheduler.look_into_inbox(taken)
        return ActivityTask(token, found.data if found.arguments is msgspec.UNSET else found.arguments)
