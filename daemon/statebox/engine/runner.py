"""The runner: one execution in memory. It advances, checkpoints, and reconciles what is in flight with the wanted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable
from typing import Final

from statebox.asl.events import (
    AnyEvent,
    CallbackAnswered,
    Continued,
    TaskFailed,
    TaskSucceeded,
    TimerFired,
    place_of,
)
from statebox.asl.execution import ROOT, Execution
from statebox.asl.interpreter import Step
from statebox.asl.lines import BranchesNeeded, DataNeeded
from statebox.engine.advancing import Program
from statebox.engine.checkpoints import checkpoint_of, letters_of
from statebox.engine.completing import with_all_below, with_data, with_ways
from statebox.engine.errors import AnswerCameFirst, LeaseLost
from statebox.engine.holding import Holding
from statebox.engine.inflight import Children, InFlight
from statebox.engine.ownership import Lease
from statebox.engine.surroundings import Surroundings

_log = logging.getLogger(__name__)

# Of what has happened, no more is taken into one step: others have their turn, and no script gets too large.
_MOST_EVENTS: Final = 500


class Runner:
    """One execution that this daemon owns. `drive` runs until it is parked, ended, lost or given back."""

    def __init__(
        self,
        around: Surroundings,
        program: Program,
        children: Children,
        lease: Lease,
        execution: Execution,
        events: Iterable[AnyEvent] = (),
        inbox: int = 0,
    ) -> None:
        self.execution: Execution = execution
        self._around = around
        self._program = program
        self._holding = Holding(around, lease)
        self._flight = InFlight(around, self._holding, children, self)
        self._pending: list[AnyEvent] = list(events)
        # How many of the pending events, at their head, came out of the inbox.
        self._from_inbox = inbox
        self._look_into_inbox = False
        # Nothing is in flight yet for what the value wants.
        self._fresh = True
        # It was claimed anew although it does well here: a checkpoint says so, as claims without one count against it.
        self._vouch = False
        self._turn = asyncio.Event()
        self._winding_down = False
        # Looks after the deadlines of branches that were not loaded.
        self._others: asyncio.TimerHandle | None = None
        self._load_all = False
        # The last step would have closed a continuation that was answered.
        self._answers_first = False

    def post(self, event: AnyEvent) -> None:
        """Let something happen to the execution."""
        self._pending.append(event)
        self._turn.set()

    def look_into_inbox(self) -> None:
        """Something was delivered to the execution: fetch it."""
        self._look_into_inbox = True
        self._turn.set()

    def heed(self, answered: frozenset[str]) -> None:
        """The last step opened these continuations, and the answers to them are in the inbox already."""
        if answered:
            self._flight.spare(answered)
            self.look_into_inbox()

    def readopt(self, lease: Lease) -> bool:
        """Go on under a new lease of our own, when nobody has written under another since; false when somebody has.

        After Redis was away for longer than a lease, this daemon may claim what it holds already.
        """
        if not self._holding.readopt(lease):
            return False
        self._vouch = True
        self.look_into_inbox()
        return True

    def prolong(self, lease: Lease) -> None:
        """The lease was renewed."""
        self._holding.prolong(lease)

    def lose(self) -> None:
        """Another daemon owns the execution: stop at once, write nothing."""
        self._holding.end()
        self._turn.set()

    def halt(self) -> None:
        """Stop at once, with the lease still held."""
        self._holding.over = True
        self._turn.set()

    def wind_down(self) -> None:
        """Finish the calls in flight, begin none, and stop with the lease still held."""
        self._winding_down = True
        self._turn.set()

    @property
    def lease(self) -> Lease:
        """The lease as last known."""
        return self._holding.lease

    @property
    def held(self) -> Lease | None:
        """The lease that is still to be given back; None when it was given back or lost."""
        return self._holding.held

    @property
    def fresh(self) -> bool:
        """Whether nothing was done for it yet."""
        return self._fresh and not self._holding.over

    @property
    def busy(self) -> bool:
        """Whether something is being done here, so that it is not at rest."""
        return self._fresh or bool(self._pending or self._flight.calls)

    async def drive(self) -> None:
        """Run the execution for as long as this daemon owns it."""
        holding = self._holding
        try:
            self._turn.set()
            while not holding.over:
                await self._turn.wait()
                self._turn.clear()
                if not holding.over:
                    await self._take_turn()
                if self._winding_down and not self._flight.calls and not self._pending:
                    holding.over = True
        except LeaseLost:
            holding.ours = False
            _log.info("the execution went on elsewhere", extra={"execution": self.execution.id})
        finally:
            holding.over = True
            self._flight.drop()
            if self._others is not None:
                self._others.cancel()

    async def _take_turn(self) -> None:
        """Advance by all that has happened, write it, and act on it."""
        if self._look_into_inbox:
            await self._fetch_inbox()
        if self._load_all:
            self._load_all = False
            self.execution = await with_all_below(self._around.store, self._holding, self.execution, ROOT)
            self._pending.extend(self._due_timers())
            self._flight.reconcile(self.execution.branches.keys(), self._winding_down)
        if self._fresh:
            self._pending.extend(self._due_timers())
        events, inbox = self._take_pending()
        if not events and not self._fresh and not self._vouch:
            return
        vouched, self._vouch = self._vouch, False
        step = await self._advance(events)
        touched = self.execution.branches.keys() if self._fresh else step.changed | step.removed
        busy = self._busy(step, touched)
        if step.execution is not self.execution or inbox or not busy or vouched:
            try:
                saved = await self._holding.checkpoint(checkpoint_of(step, self.execution, inbox, parked=not busy))
            except AnswerCameFirst:
                # Nothing was written: do it again from the value before, the answers first.
                if self._answers_first:
                    raise RuntimeError("a continuation was answered, and the answer is not in the inbox") from None
                self._pending = events[inbox:] + self._pending[self._from_inbox :]
                self._from_inbox = 0
                self._answers_first = True
                self.look_into_inbox()
                return
            if saved.lease is None:
                self.execution = step.execution
                return
            if saved.waiting > self._from_inbox:
                self.look_into_inbox()
            self.heed(saved.answered)
        self._answers_first = False
        self._fresh = False
        self.execution = step.execution
        self._flight.reconcile({*touched, *step.changed, *step.removed}, self._winding_down)
        if self.execution.unfinished and not self._winding_down:
            self.post(Continued())
        await self._look_after_others()
        if self._pending:
            self._turn.set()

    def _take_pending(self) -> tuple[list[AnyEvent], int]:
        """The events of this turn, and how many of them, at their head, came out of the inbox."""
        most = len(self._pending) if self._answers_first else _MOST_EVENTS
        events, self._pending = self._pending[:most], self._pending[most:]
        inbox = min(self._from_inbox, len(events))
        self._from_inbox -= inbox
        return events, inbox

    async def _look_after_others(self) -> None:
        """In memory nobody else looks at it: be there when a branch that was not loaded has its deadline."""
        if self.execution.whole or self._others is not None:
            return
        deadline_ms = await self._holding.patiently(lambda: self._around.store.next_deadline(self.execution.id))
        if deadline_ms is not None:
            delay = max(0, deadline_ms - self._around.clock.now_ms() + 1) / 1000
            self._others = asyncio.get_running_loop().call_later(delay, self._load_others)

    def _load_others(self) -> None:
        self._others = None
        self._load_all = True
        self._turn.set()

    async def _fetch_inbox(self) -> None:
        self._look_into_inbox = False
        limit = None if self._answers_first else _MOST_EVENTS
        delivered = list(
            await self._holding.patiently(lambda: self._around.store.inbox(self.execution.id, limit)),
        )
        if self._answers_first:
            # An answer that was accepted beats what would close its continuation, also what was delivered before it.
            delivered.sort(key=lambda event: not _is_answer(event))
        self._pending = [*delivered, *self._pending[self._from_inbox :]]
        self._from_inbox = len(delivered)

    async def _advance(self, events: list[AnyEvent]) -> Step:
        store, holding = self._around.store, self._holding
        if not self.execution.whole:
            missing = {place for event in events if (place := place_of(event)) is not None}
            missing -= self.execution.branches.keys()
            if missing:
                self.execution = await with_ways(store, holding, self.execution, missing)
        while True:
            try:
                step = await self._around.advancing(self._program, self.execution, events)
                # What it takes to tell others of it must be there too.
                tuple(letters_of(step, self.execution))
                return step
            except DataNeeded as needed:
                self.execution = await with_data(store, holding, self.execution, needed.branch)
            except BranchesNeeded as needed:
                self.execution = await with_all_below(store, holding, self.execution, needed.parent)

    def _due_timers(self) -> list[AnyEvent]:
        execution, now_ms = self.execution, self._around.clock.now_ms()
        if execution.ended:
            return []
        deadlines = [("", execution.deadline_ms), *((b.id, b.deadline_ms) for b in execution.branches.values())]
        return [TimerFired(branch) for branch, at_ms in deadlines if at_ms is not None and at_ms <= now_ms]

    def _busy(self, step: Step, touched: Collection[str]) -> bool:
        """Whether something must be done in memory after the step."""
        execution = step.execution
        if execution.ended:
            return False
        if execution.unfinished or len(self._pending) > self._from_inbox:
            return True
        if self._winding_down:
            # Calls that became wanted meanwhile were not begun, and are in flight nowhere.
            return not execution.idle
        if any(branch not in touched for branch in self._flight.calls):
            return True
        branches = execution.branches
        return any((b := branches.get(id)) is not None and b.wants_call for id in {*touched, *step.changed})


def _is_answer(event: AnyEvent) -> bool:
    match event:
        case CallbackAnswered():
            return True
        case TaskSucceeded(token=token) | TaskFailed(token=token):
            return token is not None
        case _:
            return False
