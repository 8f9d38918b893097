"""Holding: the lease on an execution in memory, and what may be done under it for as long as it is ours."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import msgspec

from statebox.engine.errors import LeaseLost, ServiceUnavailable, Unreadable
from statebox.engine.ownership import Checkpoint, Lease, Saved
from statebox.engine.surroundings import Surroundings

_log = logging.getLogger(__name__)

# How long to wait before the store is asked again while it is away.
_STORE_PAUSE_SECONDS: Final = 0.5

_T = TypeVar("_T")


class Holding:
    """One execution's lease. `over`: nothing more is done here; `ours`: the lease is still to be given back."""

    def __init__(self, around: Surroundings, lease: Lease) -> None:
        self.lease = lease
        self.over = False
        self.ours = True
        self._around = around

    @property
    def held(self) -> Lease | None:
        """The lease that is still to be given back; None when it was given back or lost."""
        return self.lease if self.ours else None

    def end(self) -> None:
        """The lease is not ours any more: it was lost, or given back with the last step."""
        self.ours = False
        self.over = True

    def readopt(self, lease: Lease) -> bool:
        """Go on under a new lease of our own, when nobody has written under another since; false when somebody has."""
        if self.over or lease.sequence != self.lease.sequence:
            return False
        self.lease = lease
        return True

    def prolong(self, lease: Lease) -> None:
        """The lease was renewed; a checkpoint may have moved its sequence on meanwhile."""
        if lease.token == self.lease.token:
            self.lease = msgspec.structs.replace(self.lease, until=max(lease.until, self.lease.until))

    async def permit(self) -> None:
        """Raise LeaseLost unless the lease is ours, by our own clock or after asking."""
        if self.over:
            raise LeaseLost
        if self._around.clock.boottime() >= self.lease.until:
            renewed = await self.patiently(lambda: self._around.store.renew([self.lease]))
            for lease in renewed.leases:
                self.prolong(lease)
            if renewed.lost:
                raise LeaseLost

    async def checkpoint(self, checkpoint: Checkpoint) -> Saved:
        """Write a step, and go on under the lease that it gives. Raises LeaseLost, AnswerCameFirst."""
        while True:
            lease = self.lease
            try:
                saved = await self._around.store.checkpoint(lease, checkpoint)
            except LeaseLost:
                if self.lease.token == lease.token:
                    raise
                continue
            except Unreadable:
                raise
            except ServiceUnavailable:
                await self._pause()
                continue
            if checkpoint.letters:
                self._around.post(lease.shard, checkpoint.letters)
            if saved.lease is None:
                self.end()
            else:
                self.lease = msgspec.structs.replace(saved.lease, until=max(saved.lease.until, self.lease.until))
            return saved

    async def patiently(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """Do it again until the store is there; the lease stands until somebody else claims. Raises LeaseLost."""
        while True:
            try:
                return await call()
            except Unreadable:
                raise
            except ServiceUnavailable:
                await self._pause()

    async def _pause(self) -> None:
        """Let time pass while the store is away. Raises LeaseLost when nothing more is to be done here after it."""
        _log.warning("waiting for Redis", extra={"execution": self.lease.id})
        await asyncio.sleep(_STORE_PAUSE_SECONDS)
        if self.over:
            raise LeaseLost from None
