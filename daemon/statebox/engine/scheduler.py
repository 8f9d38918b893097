"""The scheduler: claims what is due, renews what is held, follows the hints, and gives everything back at the end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Sequence
from typing import Final

import msgspec

from statebox.engine.advancing import Program
from statebox.engine.children import ChildExecutions
from statebox.engine.errors import InvalidDefinition, ServiceUnavailable, TooManyRequests
from statebox.engine.hints import Hint, InboxFilled, LookNow, Parked, Resume, TaskQueued
from statebox.engine.machines import Machines, definition_of
from statebox.engine.ownership import Claimed, Claims, Definition, Lease
from statebox.engine.pace import Pace
from statebox.engine.runner import Runner
from statebox.engine.surroundings import Surroundings
from statebox.engine.watchers import Watchers, queue_of

_log = logging.getLogger(__name__)

_RENEWED_AT_ONCE: Final = 500
# How often, and at most how many times, it is looked whether a portion has begun.
_GLANCE_SECONDS: Final = 0.002
_LOOKS_AT_PORTION: Final = 100


class Limits(msgspec.Struct, frozen=True):
    """How much the scheduler takes, and how often it looks: `sweep_ms` bounds how late a lost hint makes things."""

    shards: int = 1
    lease_ms: int = 10_000
    sweep_ms: int = 1_000
    claimed_at_once: int = 50
    most_running: int = 10_000


class Scheduler:
    """Holds the executions that this daemon owns. One TaskGroup owns every task."""

    def __init__(self, around: Surroundings, machines: Machines, watchers: Watchers, limits: Limits) -> None:
        self._around = around
        self._machines = machines
        self._watchers = watchers
        self._limits = limits
        self._runners: dict[str, Runner] = {}
        self._drives: dict[str, asyncio.Task[None]] = {}
        # Places for executions that are being started or prepared, and for those that a claim may bring.
        self._kept = 0
        self._claiming = 0
        self._look = [asyncio.Event() for _ in range(limits.shards)]
        self._stopping = False
        self._sweeps: list[asyncio.Task[None]] = []
        self._renewal: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to claim and to renew."""
        self._sweeps = [self._around.spawn(self._sweep(shard)) for shard in range(self._limits.shards)]
        self._renewal = self._around.spawn(self._renew())

    @property
    def running(self) -> int:
        """How many executions are in memory."""
        return len(self._runners)

    @property
    def most_running(self) -> int:
        """How many executions there may be in memory."""
        return self._limits.most_running

    @property
    def full(self) -> bool:
        """Whether no more may be started here now."""
        return self._room() <= 0

    @contextlib.contextmanager
    def place(self) -> Generator[None]:
        """Keep a place for an execution that is to be run here. Raises TooManyRequests when there is none."""
        if self.full:
            raise TooManyRequests("This daemon runs as many executions as it may; try again later")
        with self._keeping(1):
            yield

    @contextlib.contextmanager
    def _keeping(self, places: int) -> Generator[None]:
        self._kept += places
        try:
            yield
        finally:
            self._kept -= places

    def _room(self) -> int:
        return self._limits.most_running - len(self._runners) - self._kept

    @property
    def stopping(self) -> bool:
        """Whether nothing new is taken."""
        return self._stopping

    def adopt(self, runner: Runner) -> None:
        """Run an execution whose lease this daemon holds."""
        id = runner.execution.id
        if self._stopping:
            runner.wind_down()
        self._runners[id] = runner
        self._drives[id] = self._around.spawn(self._drive(id, runner))

    def take(self, claimed: Claimed) -> None:
        """Run what was claimed; on the way out give it back at once."""
        if self._stopping:
            self._around.spawn(self._give_back(claimed.lease))
            return
        held = self._runners.get(claimed.execution.id)
        if held is not None:
            if held.readopt(claimed.lease):
                return
            held.lose()
        definition = definition_of(claimed.definition)
        if self._machines.takes_long(definition):
            self._around.spawn(self._take_later(claimed, definition))
            return
        try:
            program = Program(definition, self._machines.machine(definition))
        except InvalidDefinition:
            # It was valid when it was stored: leave it to a daemon that understands it, or to be set aside.
            _log.exception("a stored definition cannot be read", extra={"execution": claimed.execution.id})
            return
        self.adopt(
            Runner(
                self._around,
                program,
                self.children_of(program),
                claimed.lease,
                claimed.execution,
                claimed.inbox,
                inbox=len(claimed.inbox),
            )
        )

    async def _take_later(self, claimed: Claimed, definition: Definition) -> None:
        try:
            with self._keeping(1):
                await self._machines.prepare(definition)
        except Exception:  # noqa: BLE001 - also that nobody could read it now must not end the daemon
            _log.exception("a stored definition cannot be read", extra={"execution": claimed.execution.id})
            return
        self.take(claimed)

    def children_of(self, program: Program) -> ChildExecutions:
        """Who starts the children of this definition's distributed Maps."""
        return ChildExecutions(self._around, program, self.adopt, lambda: self.full)

    def is_busy(self, id: str) -> bool:
        """Whether an execution is being worked on here, and has not replied so far."""
        runner = self._runners.get(id)
        return runner is not None and runner.busy and runner.execution.response is msgspec.UNSET

    def look_into_inbox(self, id: str) -> None:
        """Something was delivered to an execution: if it is here, let it fetch it."""
        runner = self._runners.get(id)
        if runner is not None:
            runner.look_into_inbox()

    def look_now(self, shard: int | None = None) -> None:
        """Claim what is due without waiting for the clock."""
        for place, event in enumerate(self._look):
            if shard is None or shard == place:
                event.set()

    async def follow(self, hints: AsyncIterator[Hint], resume: Callable[[bytes], Coroutine[None, None, None]]) -> None:
        """Act on hints for ever. Every one may be lost: the sweep finds the same, only later."""
        async for hint in hints:
            match hint:
                case Resume(message):
                    self._around.spawn(resume(message))
                case LookNow(shard):
                    self.look_now(shard)
                    if shard is None:
                        self._watchers.notify_all()
                case InboxFilled(id):
                    self.look_into_inbox(id)
                case Parked(id):
                    # Who runs it here tells of its rest with the value at hand. This may be heard before Redis says so
                    # to him, and whoever waits would read that value for nothing.
                    if id not in self._runners:
                        self._watchers.notify(id)
                case TaskQueued(activity):
                    self._watchers.notify(queue_of(activity))

    async def _sweep(self, shard: int) -> None:
        """Claim what is due in a shard, for ever: at its next deadline, on a hint, and in any case each sweep time."""
        look, pace, now = self._look[shard], Pace(self._limits.sweep_ms), asyncio.get_running_loop().time
        expected = silent = False
        while not self._stopping:
            look.clear()
            seconds = pace.until_sweep()
            expects = False
            try:
                claims = await self._claim(shard)
                if silent:
                    silent = False
                    _log.info("Redis answers again")
                pace.looked(now(), expected=expected, found=bool(claims.claimed or claims.set_aside))
                if claims.stops_left or (self._has_room and len(claims.claimed) >= self._limits.claimed_at_once):
                    # More is due. A daemon that has not begun what it took leaves it to others.
                    await self._until_begun(claims.claimed)
                    expected = False
                    continue
                if claims.next_due_ms is not None and self._has_room:
                    # One millisecond more, as deadlines are whole milliseconds and waking early would find nothing.
                    due_in = (claims.next_due_ms - self._around.clock.now_ms() + 1) / 1000
                    until_due = pace.until_due(now(), due_in)
                    expects = until_due < seconds
                    seconds = min(seconds, until_due)
            except ServiceUnavailable as away:
                silent = True
                _log.warning("cannot claim: %s", away.message)
            except Exception:  # noqa: BLE001 - a fault with one value must not end the daemon
                _log.exception("cannot claim")
            # A hint that found nothing says nothing: what it told of may have been taken at its deadline, by ourselves.
            expected = not await _called(look, seconds) and expects
            if look.is_set() and not self._stopping:
                await asyncio.sleep(pace.after_hint(now()))

    async def _claim(self, shard: int) -> Claims:
        """Claim a portion, and run it."""
        # Most claims bring less than they may, so that nobody's start is refused for their sake.
        most = max(0, min(self._room() - self._claiming, self._limits.claimed_at_once))
        self._claiming += most
        try:
            claims = await self._around.store.claim(shard, most)
        finally:
            self._claiming -= most
        for id in claims.set_aside:
            _log.error("set aside: it was claimed too often without a checkpoint", extra={"execution": id})
        for claimed in claims.claimed:
            self.take(claimed)
        return claims

    @property
    def _has_room(self) -> bool:
        return not self.full

    async def _until_begun(self, portion: Sequence[Claimed]) -> None:
        """Wait until half of a portion has got its first turn, but not for one that takes long."""
        half, runners = len(portion) // 2, [self._runners.get(claimed.execution.id) for claimed in portion]
        for _ in range(_LOOKS_AT_PORTION):
            if sum(runner is not None and runner.fresh for runner in runners) <= half:
                return
            await asyncio.sleep(_GLANCE_SECONDS)

    async def _renew(self) -> None:
        """Renew the leases of everything in memory, for ever, three times a lease."""
        while True:
            await asyncio.sleep(self._limits.lease_ms / 3000)
            leases = [runner.lease for runner in self._runners.values()]
            asked = {lease.id: lease for lease in leases}
            for start in range(0, len(leases), _RENEWED_AT_ONCE):
                try:
                    renewed = await self._around.store.renew(leases[start : start + _RENEWED_AT_ONCE])
                except ServiceUnavailable as away:
                    _log.warning("cannot renew leases: %s", away.message)
                    break
                for lease in renewed.leases:
                    if (runner := self._runners.get(lease.id)) is not None:
                        runner.prolong(lease)
                for id in renewed.lost:
                    if (runner := self._runners.get(id)) is not None and runner.lease == asked[id]:
                        runner.lose()
                for id in renewed.waiting:
                    self.look_into_inbox(id)

    async def drain(self, seconds: float) -> None:
        """Take nothing new, give what is in flight its time, and give all leases back for others to go on at once."""
        self._stopping = True
        self.look_now()
        if self._sweeps:
            await asyncio.wait(self._sweeps)
        for runner in self._runners.values():
            runner.wind_down()
        if self._drives:
            await asyncio.wait(list(self._drives.values()), timeout=seconds)
        # What was adopted meanwhile ends as well: no call is cut off by what is closed next.
        while self._drives:
            for runner in self._runners.values():
                runner.halt()
            await asyncio.wait(list(self._drives.values()))
        if self._renewal is not None:
            self._renewal.cancel()

    async def _drive(self, id: str, runner: Runner) -> None:
        try:
            await runner.drive()
        except Exception:  # noqa: BLE001 - one execution's fault must not end the daemon
            # A fault of ours: the lease runs out, somebody tries again, and after a few times it is set aside.
            _log.exception("an execution could not be advanced", extra={"execution": id})
        finally:
            if self._stopping and runner.held is not None:
                await self._give_back(runner.held)
            if self._runners.get(id) is runner:
                if self.full:
                    # What it had no room for may have been waiting.
                    self.look_now()
                del self._runners[id]
                self._drives.pop(id, None)
            if runner.execution.ended and runner.execution.whole:
                self._watchers.notify_end(runner.execution)
            else:
                self._watchers.notify(id)

    async def _give_back(self, lease: Lease) -> None:
        try:
            await self._around.store.release([lease])
        except ServiceUnavailable as away:
            _log.warning("a lease could not be given back, it will run out: %s", away.message)


async def _called(event: asyncio.Event, seconds: float) -> bool:
    """Wait for the event, at most so long; whether it came."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
