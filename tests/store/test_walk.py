"""A long random walk of two daemons over a few executions: whatever happens in whatever order, the promises hold."""

from __future__ import annotations

from collections import Counter
from random import Random
from uuid import UUID

import msgspec
import pytest

from statebox.asl.events import AnyEvent, CallbackAnswered, ExecutionStopped
from statebox.asl.execution import Execution, OnTask, Status
from statebox.engine.errors import (
    AnswerCameFirst,
    LeaseLost,
    TaskAlreadyAnswered,
    TaskDoesNotExist,
    TaskTimedOut,
)
from statebox.engine.ownership import Checkpoint, Claimed, Lease
from statebox.engine.records import Answer
from statebox.store.redis_store import RedisStore
from tests.store.conftest import Daemons
from tests.store.values import DEFINITION, callback, ended, execution, first_step, suspended

STEPS = 1500
LEASE_MS = 1000


class Walk:
    """What a model of two daemons believes, beside what the store says."""

    def __init__(self, daemons: Daemons, stores: list[RedisStore], random: Random) -> None:
        self.daemons = daemons
        self.stores = stores
        self.random = random
        self.started = 0
        # Of each daemon: what it believes to own. And who really owns what.
        self.held: list[dict[str, tuple[Lease, Execution]]] = [{}, {}]
        self.owner: dict[str, str] = {}
        self.executions: dict[str, str] = {}
        self.tokens: dict[str, str] = {}
        self.deadlines: dict[str, int | None] = {}
        self.accepted: set[str] = set()
        self.consumed: Counter[str] = Counter()
        self.stopped: set[str] = set()
        self.outcomes: Counter[str] = Counter()

    async def step(self) -> None:
        """One thing that can happen."""
        moves = (self.start, self.claim, self.write, self.write, self.write, self.answer, self.answer, self.beat)
        rare = (self.stop, self.give_back, self.renew, self.pass_time, self.pass_time, self.retry, self.come_back)
        await self.random.choice(self.random.choice((moves, moves, rare)))()

    def _which(self) -> int:
        return self.random.randrange(2)

    def _new_token(self) -> str:
        return f"{str(UUID(int=self.random.getrandbits(128), version=4))[:-3]}000"

    def _deadline(self) -> int | None:
        return self.random.choice((None, self.daemons.time() + self.random.randrange(1, 3 * LEASE_MS)))

    def _took(self, which: int, claimed: Claimed) -> None:
        self.outcomes["claimed"] += 1
        self.held[which][claimed.execution.id] = claimed.lease, claimed.execution
        self.owner[claimed.execution.id] = claimed.lease.token

    async def start(self) -> None:
        which, token, deadline_ms = self._which(), self._new_token(), self._deadline()
        self.started += 1
        one = execution(f"x{self.started}", branches=[suspended(token, deadline_ms=deadline_ms)])
        self.executions[one.id], self.tokens[token], self.deadlines[token] = token, one.id, deadline_ms
        step = first_step(one, opened=(callback(token, deadline_ms=deadline_ms),), due_ms=deadline_ms)
        parked = self.random.random() < 0.5
        started = await self.stores[which].start(DEFINITION, msgspec.structs.replace(step, release=parked), one.id)
        assert (started.lease is None) == parked
        if started.lease is not None:
            self.held[which][one.id] = started.lease, one
            self.owner[one.id] = started.lease.token

    async def claim(self) -> None:
        which = self._which()
        claims = await self.stores[which].claim(0, self.random.randrange(1, 30))
        for claimed in claims.claimed:
            self._took(which, claimed)
        for id in claims.set_aside:
            self.owner.pop(id, None)

    async def write(self) -> None:
        """A daemon advances what it believes to own, consumes its inbox, and keeps, parks or ends it."""
        which = self._which()
        if not self.held[which]:
            return
        id = self.random.choice(sorted(self.held[which]))
        lease, one = self.held[which][id]
        store = self.stores[which]
        try:
            events = await store.inbox(id)
            step, after = self._advance(one, events)
            saved = await store.checkpoint(lease, step)
        except LeaseLost:
            self.outcomes["lost"] += 1
            assert self.owner.get(id) != lease.token
            del self.held[which][id]
            return
        except AnswerCameFirst:
            # Only a race of two daemons could do this here, as the inbox was read just before.
            raise AssertionError("an answer that was not in the inbox") from None
        assert self.owner[id] == lease.token, "somebody wrote who did not own it"
        self.consumed.update(self.executions[id] for event in events if isinstance(event, CallbackAnswered))
        for callback_ in step.opened:
            self.executions[id] = callback_.token
            self.tokens[callback_.token], self.deadlines[callback_.token] = id, callback_.deadline_ms
        if saved.lease is None:
            self.outcomes["ended" if after.ended else "parked"] += 1
            del self.held[which][id], self.owner[id]
        else:
            self.held[which][id] = saved.lease, after

    def _advance(self, one: Execution, events: tuple[AnyEvent, ...]) -> tuple[Checkpoint, Execution]:
        now_ms = self.daemons.time()
        task = one.branches["0"].waiting
        assert isinstance(task, OnTask)
        assert task.token is not None
        answered = any(isinstance(event, CallbackAnswered) for event in events)
        stopped = any(isinstance(event, ExecutionStopped) for event in events)
        late = task.deadline_ms is not None and now_ms >= task.deadline_ms
        if stopped or ((answered or late) and self.random.random() < 0.3):
            status = Status.ABORTED if stopped else Status.SUCCEEDED if answered else Status.TIMED_OUT
            after = ended(one, status=status, at_ms=now_ms)
            closed = () if answered else (task.token,)
            everything = frozenset(one.branches)
            return Checkpoint(after, removed=everything, consumed=len(events), closed=closed, release=True), after
        if answered or late:
            token, deadline_ms = self._new_token(), self._deadline()
            after = msgspec.structs.replace(one, branches={"0": suspended(token, deadline_ms=deadline_ms)})
            return (
                Checkpoint(
                    after,
                    changed=frozenset("0"),
                    consumed=len(events),
                    opened=(callback(token, deadline_ms=deadline_ms),),
                    closed=() if answered else (task.token,),
                    release=self.random.random() < 0.7,
                    due_ms=deadline_ms,
                ),
                after,
            )
        parked = self.random.random() < 0.5
        return Checkpoint(one, consumed=len(events), release=parked, due_ms=task.deadline_ms), one

    async def answer(self) -> None:
        if not self.tokens:
            return
        which, token = self._which(), self.random.choice(sorted(self.tokens))
        id, deadline_ms = self.tokens[token], self.deadlines[token]
        late = deadline_ms is not None and self.daemons.time() >= deadline_ms
        over = self.executions[id] != token or id in self.stopped
        try:
            taken = await self.stores[which].answer(Answer(token, CallbackAnswered, self._new_token(), "test"))
        except TaskAlreadyAnswered:
            self.outcomes["again"] += 1
            assert token in self.accepted
        except TaskTimedOut:
            self.outcomes["late"] += 1
            assert late
        except TaskDoesNotExist:
            self.outcomes["over"] += 1
            described = await self.stores[which].describe(id)
            assert over or described.ended
        else:
            self.outcomes["answered"] += 1
            assert token not in self.accepted
            assert not late
            assert not over
            self.accepted.add(token)
            await self._delivered(which, taken)

    async def beat(self) -> None:
        which = self._which()
        if self.tokens:
            token = self.random.choice(sorted(self.tokens))
            try:
                await self._delivered(which, await self.stores[which].heartbeat(token, self._new_token()))
            except (TaskAlreadyAnswered, TaskTimedOut, TaskDoesNotExist):
                self.outcomes["no beat"] += 1

    async def stop(self) -> None:
        if self.executions and self.random.random() < 0.3:
            which, id = self._which(), self.random.choice(sorted(self.executions))
            self.stopped.add(id)
            await self._delivered(which, await self.stores[which].stop(id, None, None, self._new_token()))

    async def _delivered(self, which: int, taken: Claimed | str | int | None) -> None:
        if isinstance(taken, Claimed):
            self._took(which, taken)
            return
        # Instead of being taken over it may have been set aside.
        for line in await self.stores[which].set_aside():
            self.owner.pop(line.id, None)

    async def give_back(self) -> None:
        which = self._which()
        leases = [lease for lease, _ in self.held[which].values()]
        await self.stores[which].release(leases)
        for lease in leases:
            if self.owner.get(lease.id) == lease.token:
                del self.owner[lease.id]
        self.held[which].clear()

    async def come_back(self) -> None:
        """A daemon died and comes back under its name: what it held is due."""
        which = self._which()
        self.held[which].clear()
        await self.stores[which].reclaim()
        mine = {lease.token for lease, _ in self.held[1 - which].values()}
        self.owner = {id: token for id, token in self.owner.items() if token in mine}

    async def renew(self) -> None:
        which = self._which()
        renewed = await self.stores[which].renew([lease for lease, _ in self.held[which].values()])
        for id, (lease, _) in self.held[which].items():
            assert (id in renewed.lost) == (self.owner.get(id) != lease.token)

    async def pass_time(self) -> None:
        self.daemons.time.pass_by(self.random.choice((1, 100, LEASE_MS, LEASE_MS)))

    async def retry(self) -> None:
        for line in await self.stores[0].set_aside():
            await self.stores[0].retry(line.id)

    async def check(self) -> None:
        """Each accepted answer was consumed once, or still lies in the inbox."""
        for token in self.accepted:
            id = self.tokens[token]
            waiting = sum(isinstance(event, CallbackAnswered) for event in await self.stores[0].inbox(id))
            if self.executions[id] == token:
                assert self.consumed[token] + waiting == 1, f"{token} was taken, but came {self.consumed[token]} times"
            else:
                assert self.consumed[token] == 1
        assert all(self.consumed[token] == 1 for token in self.consumed)


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_the_promises_hold(daemons: Daemons, seed: int):
    stores = [await daemons.open(name, lease_ms=LEASE_MS, retention_ms=10**9) for name in ("a", "b")]
    walk = Walk(daemons, stores, Random(seed))

    for _ in range(STEPS):
        await walk.step()

    await walk.check()
    for outcome in ("answered", "again", "late", "over", "lost", "parked", "ended", "claimed"):
        assert walk.outcomes[outcome], f"the walk never came to: {outcome}"
