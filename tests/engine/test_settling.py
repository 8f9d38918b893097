"""Settling: whoever waits for an execution gets it as it is in Redis, also where it need not be read there."""

from __future__ import annotations

import asyncio

from statebox.asl.execution import Status
from statebox.embedded import EmbeddedValkey
from tests.engine.running import daemon_on, start
from tests.servers import ask
from tests.waiting import wait_until

CALL = {"Type": "Task", "Resource": "openwhisk:nothing"}


async def test_who_waits_for_work_that_ends_here_gets_the_end_that_was_written(valkey: EmbeddedValkey):
    caught = CALL | {"Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Done"}], "End": True}
    states = {"Call": caught, "Done": {"Type": "Pass", "End": True}}
    async with daemon_on(valkey) as daemon:
        id = await start(daemon, states, {"n": 1})

        settled = await daemon.service.settle(id, 10)

        assert (settled.status, settled.input) == (Status.SUCCEEDED, {"n": 1})
        assert settled == await daemon.service.describe_execution(id)


async def test_who_waits_for_work_that_ends_here_reads_nothing(valkey: EmbeddedValkey):
    """Also when the hint that it has ended is heard before the answer of the script that ended it."""
    async with daemon_on(valkey) as daemon:

        async def run(name: str) -> Status:
            id = await start(daemon, {"Call": CALL | {"End": True}}, {}, name)
            return (await daemon.service.settle(id, 10)).status

        # The first thing that is heard is that everything may have been missed.
        await wait_until(lambda: ask(valkey, "PUBSUB NUMPAT") == 1, "Redis to be listened to")
        assert (await daemon.service.settle(await start(daemon, {"Call": CALL | {"End": True}}, {}), 10)).ended
        ask(valkey, "CONFIG RESETSTAT")
        for round in range(5):
            ended = await asyncio.gather(*(run(f"{round}-{n}") for n in range(20)))
            assert set(ended) == {Status.FAILED}

        commands = ask(valkey, "INFO", "commandstats")
        assert isinstance(commands, dict)
        # `cmdstat_hgetall` is how an execution is read.
        assert "cmdstat_evalsha" in commands
        assert "cmdstat_hgetall" not in commands


async def test_who_waits_for_work_that_fails_here_gets_its_error(valkey: EmbeddedValkey):
    async with daemon_on(valkey) as daemon:
        id = await start(daemon, {"Call": CALL | {"End": True}}, {})

        settled = await daemon.service.settle(id, 10)

        assert settled.status is Status.FAILED
        assert settled == await daemon.service.describe_execution(id)


async def test_who_waits_too_long_gets_it_as_it_is(valkey: EmbeddedValkey):
    async with daemon_on(valkey) as daemon:
        id = await start(daemon, {"Rest": {"Type": "Wait", "Seconds": 60, "End": True}}, {})

        assert (await daemon.service.settle(id, 0)).status is Status.RUNNING
