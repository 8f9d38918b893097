"""The event loop of the simulation: its time jumps to what comes next, and a seed decides who has the next turn.

Whatever runs belongs to an actor (a daemon, the network, …), which it hands on to all that it calls. Of one actor the
turns keep their order; between actors there is none, as between processes. An actor can be frozen and killed, as a
process can.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Final, Protocol, TypeVar, TypeVarTuple

from statebox.asl.jsontext import Json

_T = TypeVar("_T")
_ProtocolT = TypeVar("_ProtocolT", bound=asyncio.BaseProtocol)
_Ts = TypeVarTuple("_Ts")

ACTOR: Final[ContextVar[str]] = ContextVar("actor", default="world")
# More turns than this without any time passing are an endless loop.
_MOST_TURNS_AT_ONCE: Final = 1_000_000


class Network(Protocol):
    """Where connections come from."""

    def connect(self, protocol: asyncio.Protocol, port: int) -> asyncio.Transport:
        """A connection for the actor at work. Raises OSError."""
        ...


class Endless(RuntimeError):
    """Time does not pass any more."""


class VirtualLoop(asyncio.AbstractEventLoop):
    """An event loop without a clock. `network` makes its connections."""

    def __init__(self, rng: Random) -> None:
        self.network: Network | None = None
        self._rng = rng
        self._now = 0.0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._numbered = 0
        self._ready: dict[str, deque[asyncio.Handle]] = {}
        # Those with something to do, in an order that only the seed knows.
        self._waiting: list[str] = []
        self._frozen: set[str] = set()
        self._dead: set[str] = set()
        # Kept until the end, so that nothing of what was killed is cleaned up while others run.
        self._tasks: list[asyncio.Future[Json]] = []
        self.complaints: list[str] = []

    # Processes

    def freeze(self, actor: str) -> None:
        """Let it have no turn until it is thawed."""
        self._frozen.add(actor)
        if actor in self._waiting:
            self._waiting.remove(actor)

    def thaw(self, actor: str) -> None:
        """Let it go on, with everything that has become due meanwhile."""
        self._frozen.discard(actor)
        if self._ready.get(actor) and actor not in self._waiting:
            self._waiting.append(actor)

    def kill(self, actor: str) -> None:
        """Let it never have a turn again; nothing of it is cleaned up, as nobody is there to do it."""
        self._dead.add(actor)
        self._ready.pop(actor, None)
        if actor in self._waiting:
            self._waiting.remove(actor)

    def jump(self, seconds: float) -> None:
        """Let time pass at once; everything that was to happen meanwhile happens afterwards."""
        self._now += seconds

    def drive(self, main: Coroutine[None, None, _T], most_seconds: float) -> _T:
        """Run until the coroutine is done. Raises Endless when it takes longer, or when time stands still."""
        events._set_running_loop(self)  # noqa: SLF001 - how asyncio knows which loop runs, as all loops tell it
        try:
            task = self.create_task(main)
            turns, at = 0, self._now
            while not task.done():
                self._turn()
                turns = turns + 1 if at == self._now else 0
                at = self._now
                if turns > _MOST_TURNS_AT_ONCE:
                    raise Endless(f"time stands still at {at}")
                if at > most_seconds:
                    raise Endless(f"it takes longer than {most_seconds:g} s")
            return task.result()
        finally:
            events._set_running_loop(None)  # noqa: SLF001 - as above

    def _turn(self) -> None:
        waiting = self._waiting
        timers = self._timers
        if not waiting:
            if not timers:
                raise Endless("nothing will ever happen any more")
            self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            handle = heapq.heappop(timers)[2]
            if not handle.cancelled():
                self._put(handle)
        if not waiting:
            return
        place = int(self._rng.random() * len(waiting)) if len(waiting) > 1 else 0
        actor = waiting[place]
        ready = self._ready[actor]
        handle = ready.popleft()
        if not ready:
            del waiting[place]
        if not handle.cancelled():
            handle._run()  # noqa: SLF001 - how loops run what was given to them

    def _put(self, handle: asyncio.Handle) -> None:
        actor = _context_of(handle).get(ACTOR, "world")
        if actor in self._dead:
            return
        ready = self._ready.get(actor)
        if ready is None:
            ready = self._ready[actor] = deque()
        if not ready and actor not in self._frozen:
            self._waiting.append(actor)
        ready.append(handle)

    # What asyncio asks of a loop

    def time(self) -> float:
        return self._now

    def call_soon(
        self, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, copy_context() if context is None else context)
        self._put(handle)
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, copy_context() if context is None else context)
        self._numbered += 1
        heapq.heappush(self._timers, (when, self._numbered, handle))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It stays where it is, and is passed over."""

    def create_future(self) -> asyncio.Future[Json]:
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Coroutine[None, None, _T] | Generator[None, None, _T],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[_T]:
        task = asyncio.Task(coro, loop=self, name=name or "task", context=context)
        self._tasks.append(task)
        return task

    async def create_connection(  # pyright: ignore[reportIncompatibleMethodOverride] # of all its ways only the used
        self, protocol_factory: Callable[[], _ProtocolT], host: str = "", port: int = 0, **options: Json
    ) -> tuple[asyncio.Transport, _ProtocolT]:
        assert self.network is not None
        protocol = protocol_factory()
        assert isinstance(protocol, asyncio.Protocol)
        transport = self.network.connect(protocol, port)
        protocol.connection_made(transport)
        return transport, protocol

    def call_exception_handler(self, context: dict[str, Json]) -> None:
        """A task that failed and that nobody asked is a fault of whoever began it."""
        error = context.get("exception")
        if error is not None:
            self.complaints.append(f"{context.get('message')}: {error!r}")

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False


def context_of(actor: str) -> Context:
    """A context in which everything belongs to the actor."""
    context = copy_context()
    context.run(ACTOR.set, actor)
    return context


def _context_of(handle: asyncio.Handle) -> Context:
    return handle._context  # noqa: SLF001 - who it belongs to stands only there
