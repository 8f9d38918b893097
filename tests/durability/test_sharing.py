"""Many daemons on one Redis: they share what is due, and who holds something answers for it alone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from statebox.asl.jsontext import Json
from tests.durability.world import World
from tests.servers import ask as redis
from tests.waiting import wait_until

COUNT = 600
NAMES = ("one", "two", "three")
WAIT_AND_WORK: Json = {
    "StartAt": "Wait",
    "States": {
        "Wait": {"Type": "Wait", "TimestampPath": "$.at", "Next": "Work"},
        "Work": {"Type": "Task", "Resource": "openwhisk:slow", "Parameters": {"seconds": 30}, "End": True},
    },
}


async def test_what_is_due_at_the_same_time_is_shared_by_all_daemons(world: World):
    """None takes it all, though it has room; each holds a fair part."""
    daemons = [await world.daemon(name, "--lease-seconds=20") for name in NAMES]
    at = datetime.now(UTC) + timedelta(seconds=10)
    input = {"at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
    left = iter(range(COUNT))

    async def start_some() -> None:
        for n in left:
            await daemons[0].start_execution(WAIT_AND_WORK, input, name=f"n{n}")

    await asyncio.gather(*(start_some() for _ in range(20)))
    assert datetime.now(UTC) < at

    def held() -> list[int]:
        return [int(str(redis(world.valkey, "SCARD", f"statebox:{{0}}:held:{name}"))) for name in NAMES]

    await wait_until(lambda: sum(held()) == COUNT, "all to be taken", seconds=30)
    assert min(held()) >= COUNT / len(NAMES) / 3, held()
