"""Many daemons on one Redis: they share what is due, and who holds something answers for it alone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from statebox.asl.jsontext import Json, write_json, write_json_text
from tests.durability.world import Daemon, World
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


async def test_daemons_share_a_port_and_what_one_leaves_the_other_takes_at_once(world: World):
    """As the instances of statebox@.service do: the kernel deals out the connections."""
    options = ("--reuse-port", "--drain-seconds=0", "--lease-seconds=60")
    first = await world.daemon("host-1", *options)
    second = Daemon(world, "host-2", options)
    second.port = first.port
    world.daemons.append(second)
    await second.start()
    # Whoever asks at the port may be answered by the first.
    await wait_until(lambda: "ready at" in second.log(), "the second to be ready", seconds=20)
    work = write_json_text({"StartAt": "Work", "States": {"Work": WAIT_AND_WORK["States"]["Work"]}})
    headers = {"Connection": "close", "X-Amz-Target": "Statebox.StartDefinition"}

    def held(name: str) -> int:
        return int(str(redis(world.valkey, "SCARD", f"statebox:{{0}}:held:{name}")))

    # Each connection goes to one of them, and 40 do not all go to the same.
    for n in range(40):
        request = write_json({"definition": work, "machine": "test", "name": f"n{n}", "input": "{}"})
        async with world.http.post(first.url, data=request, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
    assert held("host-1") + held("host-2") == 40
    assert min(held("host-1"), held("host-2")) > 0
    await first.stop()
    await wait_until(lambda: held("host-2") == 40, "the other to take all")
