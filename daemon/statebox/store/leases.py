"""Leases: what is done with many of them at once, shard by shard."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

import msgspec

from statebox.engine.errors import ServiceUnavailable
from statebox.engine.ownership import Lease, Renewed
from statebox.store.connection import Reply

# No script touches more executions than this: others wait while it runs.
MOST_AT_ONCE: Final = 500

# Runs renew.lua on a shard with ids and tokens; returns what it says of each.
_Renew: TypeAlias = Callable[..., Awaitable[Sequence[Reply]]]


def by_shard(leases: Collection[Lease]) -> Iterator[tuple[int, Sequence[Lease]]]:
    """The leases of each shard, in groups that one script may touch."""
    for shard in sorted({lease.shard for lease in leases}):
        some = [lease for lease in leases if lease.shard == shard]
        for first in range(0, len(some), MOST_AT_ONCE):
            yield shard, some[first : first + MOST_AT_ONCE]


def ids_and_tokens(leases: Iterable[Lease]) -> Iterator[str]:
    """What scripts take of each lease."""
    for lease in leases:
        yield lease.id
        yield lease.token


async def renew_all(run: _Renew, leases: Collection[Lease], lease_ms: int, until: float) -> Renewed:
    """Prolong leases, so that they go on until then at least (s of the boottime clock).

    Those on a node of a cluster that does not answer in a third of a lease are left as they are, for the next time: the
    others' must not run out meanwhile. Raises ServiceUnavailable when no node answers.
    """
    groups = tuple(by_shard(leases))
    seconds = lease_ms / 3000 if len(groups) > 1 else None
    answers = await asyncio.gather(
        *(_renew(run, shard, some, seconds) for shard, some in groups), return_exceptions=True
    )
    failures = [answer for answer in answers if isinstance(answer, BaseException)]
    for failure in failures:
        if len(failures) == len(groups) or not isinstance(failure, ServiceUnavailable):
            raise failure
    goes_on: list[Lease] = []
    lost: set[str] = set()
    waiting: set[str] = set()
    for (_, some), standing in zip(groups, answers, strict=True):
        if isinstance(standing, BaseException):
            continue
        for lease, state in zip(some, standing, strict=True):
            if state == 0:
                lost.add(lease.id)
                continue
            goes_on.append(msgspec.structs.replace(lease, until=until))
            if state == 2:
                waiting.add(lease.id)
    return Renewed(tuple(goes_on), frozenset(lost), frozenset(waiting))


async def _renew(run: _Renew, shard: int, some: Sequence[Lease], seconds: float | None) -> Sequence[Reply]:
    """What renew.lua says of each. Raises ServiceUnavailable, also when there is no answer in so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            return await run(shard, *ids_and_tokens(some))
    except TimeoutError:
        raise ServiceUnavailable(f"Redis does not renew the leases of shard {shard} in time") from None
