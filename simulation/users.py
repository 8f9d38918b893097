"""The users: they start, answer and stop executions, repeat what was not acknowledged, and know what they were told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from random import Random
from typing import Final, Protocol, TypeVar

import msgspec

from simulation.keyspace import Scores
from simulation.machines import BEAT_SECONDS, BEATS, DEFINITIONS, EARLY, TEXTS, input_of
from simulation.nodes import Gone, Node
from simulation.server import Server
from statebox.asl.jsontext import write_json
from statebox.engine.errors import (
    ExecutionAlreadyExists,
    ExecutionDoesNotExist,
    InvalidToken,
    ServiceUnavailable,
    TaskAlreadyAnswered,
    TaskDoesNotExist,
    TaskTimedOut,
)
from statebox.engine.service import Service

_T = TypeVar("_T")

_PATIENCE_SECONDS: Final = 6.0
_TRIES: Final = 40
_REFUSALS: Final = (TaskAlreadyAnswered, TaskTimedOut, TaskDoesNotExist, InvalidToken)


class Wanted(msgspec.Struct):
    """One execution, as its user knows it."""

    kind: str
    number: int
    acknowledged: bool = False
    stopped: bool = False
    refused: bool = False

    @property
    def name(self) -> str:
        return f"e{self.number}"

    @property
    def id(self) -> str:
        return f"{self.kind}:{self.name}"


class Given(msgspec.Struct):
    """One answer: its operation, its value, and what its user was told: "" (nothing), "taken", "kept", or why not.

    It is for a continuation, or, with `execution`, for the state Ask of that execution, however early.
    """

    token: str
    operation: str
    value: str
    told: str = ""
    published: bool = False
    execution: str = ""
    # When it was told (ms of the server's clock).
    told_ms: int = 0


class Beat(msgspec.Struct, frozen=True):
    """A heartbeat that was acknowledged, and when it was sent (ms of the server's clock)."""

    token: str
    sent_ms: int


class World(Protocol):
    """Where they live."""

    @property
    def nodes(self) -> Sequence[Node]: ...

    @property
    def server(self) -> Server: ...


class Users:
    """All of them. `wanted`, `answers` and `beats` are what they know in the end."""

    def __init__(self, world: World, rng: Random, executions: int, shards: int) -> None:
        self.wanted: list[Wanted] = []
        self.answers: list[Given] = []
        self.beats: list[Beat] = []
        # What nobody ever answered, however often it was asked.
        self.unheard: list[str] = []
        self._world = world
        self._rng = rng
        self._executions = executions
        self._shards = shards
        self._seen: set[bytes] = set()
        self._acting: list[asyncio.Task[None]] = []

    async def act(self, seconds: float) -> None:
        """Start everything and answer for as long."""
        loop = self._world.server.loop
        kinds = sorted(DEFINITIONS)
        for number in range(self._executions):
            one = Wanted(self._rng.choice(kinds), number)
            self.wanted.append(one)
            self._begin(self._start(one, 3 * self._rng.random()))
            if self._rng.random() < 0.15:
                self._begin(self._start(one, 3 * self._rng.random()))
            if self._rng.random() < 0.1:
                self._begin(self._stop(one, 4 + 6 * self._rng.random()))
            while one.kind in EARLY and self._rng.random() < 0.4:
                self._begin(self._answer_early(self._given(execution=one.id), 7 * self._rng.random()))
        end = loop.time() + seconds
        while loop.time() < end:
            await asyncio.sleep(0.25)
            self._answer_what_is_asked()

    async def done(self) -> None:
        """Wait until nobody does anything any more."""
        while self._acting:
            some, self._acting = self._acting, []
            await asyncio.gather(*some)

    def answer_the_rest(self) -> None:
        """Answer whatever is still asked."""
        self._answer_what_is_asked()

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        self._acting.append(self._world.server.loop.create_task(work))

    async def _start(self, one: Wanted, after: float) -> None:
        await asyncio.sleep(after)
        try:
            await self._until_told(
                lambda service: service.start_execution(
                    one.kind,
                    input_of(one.kind, one.number),
                    one.name,
                    TEXTS[one.kind],
                    operation=f"start-{one.number}",
                )
            )
            one.acknowledged = True
        except ExecutionAlreadyExists:
            one.refused = True
        except Gone:
            self.unheard.append(f"the start of {one.id}")

    async def _stop(self, one: Wanted, after: float) -> None:
        await asyncio.sleep(after)
        one.stopped = True
        try:
            await self._until_told(lambda service: service.stop_execution(one.id, operation=f"stop-{one.number}"))
        except ExecutionDoesNotExist:
            return
        except Gone:
            self.unheard.append(f"the stop of {one.id}")

    def _answer_what_is_asked(self) -> None:
        for shard in range(self._shards):
            waiting = self._world.server.keyspace.peek(b"statebox:{%d}:waiting" % shard)
            if not isinstance(waiting, Scores):
                continue
            for _, token in waiting.ranked:
                if token in self._seen:
                    continue
                self._seen.add(token)
                fields = self._world.server.keyspace.peek(b"statebox:{%d}:token:%s" % (shard, token))
                assert isinstance(fields, dict)
                if fields[b"execution"].startswith(BEATS.encode()):
                    self._begin(self._beat(token.decode()))
                while self._rng.random() < 0.6:
                    self._begin(self._answer(self._given(token.decode()), self._when()))

    def _given(self, token: str = "", execution: str = "") -> Given:
        number = len(self.answers)
        given = Given(token, f"answer-{number}", f"v{number}", execution=execution)
        self.answers.append(given)
        return given

    def _when(self) -> float:
        # Many of them just when the question is about to run out.
        return 4.7 + 0.3 * self._rng.random() if self._rng.random() < 0.4 else 6 * self._rng.random() ** 2

    async def _answer(self, given: Given, after: float) -> None:
        await asyncio.sleep(after)
        if self._rng.random() < 0.2:
            given.published = True
            message = write_json({"continuation": given.token, "output": given.value})
            self._world.server.publish(b"resume", message)
            return
        try:
            await self._until_told(lambda service: service.send_task_success(given.token, given.value, given.operation))
            given.told = "taken"
        except _REFUSALS as refused:
            given.told = type(refused).__name__
        except Gone:
            self.unheard.append(f"the answer {given.value}")

    async def _answer_early(self, given: Given, after: float) -> None:
        await asyncio.sleep(after)
        try:
            taken = await self._until_told(
                lambda service: service.answer_state(given.execution, "Ask", given.value, operation=given.operation)
            )
            given.told, given.told_ms = "taken" if taken else "kept", self._world.server.now_ms()
        except _REFUSALS as refused:
            given.told = type(refused).__name__
        except Gone:
            self.unheard.append(f"the early answer {given.value}")

    async def _beat(self, token: str) -> None:
        """Say for a while that the work goes on."""
        while self._rng.random() < 0.8:
            await asyncio.sleep(BEAT_SECONDS * 0.9 * self._rng.random())
            sent_ms = self._world.server.now_ms()
            try:
                await self._until_told(lambda service: service.send_task_heartbeat(token))
            except _REFUSALS:
                return
            except Gone:
                self.unheard.append(f"a heartbeat of {token}")
                return
            self.beats.append(Beat(token, sent_ms))

    async def _until_told(self, question: Callable[[Service], Coroutine[None, None, _T]]) -> _T:
        """Ask one daemon after the other. Raises Gone when there is no end to it."""
        for _ in range(_TRIES):
            ready = [node for node in self._world.nodes if node.ready]
            try:
                if ready:
                    return await self._rng.choice(ready).ask(question, _PATIENCE_SECONDS)
            except (Gone, ServiceUnavailable):
                pass
            await asyncio.sleep(0.2 + 0.3 * self._rng.random())
        raise Gone
