"""Long histories and long lists, page by page in both directions."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from statebox.asl.jsontext import Json, write_json_text
from statebox.config import Address, Config, DaemonConfig, HttpConfig, RedisConfig
from statebox.daemon import Daemon
from statebox.embedded import EmbeddedValkey
from tests.aws.calling import Caller
from tests.aws.sfn import PLACE, Sfn, machine_arn
from tests.http.site import states, suspending

PASS: Json = states("P", P={"Type": "Pass", "End": True})
# Four events an item.
ITEMS = 2499


async def pages(call: Caller | Sfn, operation: str, member: str, **members: Json) -> list[list[Json]]:
    """All pages of a listing."""
    found: list[list[Json]] = []
    token: dict[str, str] = {}
    while True:
        page = await call(operation, **members, **token)
        found.append(page[member])
        if "nextToken" not in page:
            return found
        token = {"nextToken": page["nextToken"]}


async def test_a_history_of_10000_events_is_read_forwards_and_backwards(call: Caller):
    a_map = {"Type": "Map", "ItemProcessor": PASS, "End": True}
    done = await call.run(states("M", M=a_map), list(range(ITEMS)))
    arn = done["executionArn"]
    count = 4 * ITEMS + 6

    forwards = await pages(call, "get_execution_history", "events", executionArn=arn, maxResults=1000)
    backwards = await pages(
        call, "get_execution_history", "events", executionArn=arn, maxResults=1000, reverseOrder=True
    )

    there = [event for page in forwards for event in page]
    assert [event["id"] for event in there] == list(range(1, count + 1))
    assert [event for page in backwards for event in page] == there[::-1]
    assert [len(page) for page in forwards[:-1]] == [1000] * 10
    assert there[-1]["type"] == "ExecutionSucceeded"


async def test_a_history_is_read_without_data(call: Caller):
    arn = (await call.run(PASS, {"secret": 1}))["executionArn"]
    found = await call("get_execution_history", executionArn=arn, includeExecutionData=False)
    assert "secret" not in str(found["events"])


async def test_a_history_grows_behind_the_page_that_was_read(call: Caller):
    arn = await call.start(states("Ask", Ask=suspending()))
    first = await call("get_execution_history", executionArn=arn, maxResults=2)
    await call("stop_execution", executionArn=arn)
    rest = await pages(call, "get_execution_history", "events", executionArn=arn, nextToken=first["nextToken"])
    assert rest[-1][-1]["type"] == "ExecutionAborted"


async def test_foreign_page_tokens_are_refused(call: Caller):
    arn = (await call.run(PASS))["executionArn"]
    for operation in ("get_execution_history", "list_map_runs"):
        with pytest.raises(ClientError, match="InvalidToken"):
            await call(operation, executionArn=arn, nextToken="nonsense")


async def test_only_executions_of_a_map_run_wait_to_be_redriven(call: Caller):
    for members in ({}, {"stateMachineArn": machine_arn("m")}):
        with pytest.raises(ClientError, match="ValidationException"):
            await call("list_executions", statusFilter="PENDING_REDRIVE", **members)


async def test_executions_are_listed_over_all_shards_the_newest_first(valkey: EmbeddedValkey, tmp_path: Path):
    config = Config(
        redis=RedisConfig(url=f"unix://{valkey.socket}", prefix="sharded", shards=7),
        daemon=DaemonConfig(name="sharded"),
        http=HttpConfig(listen=Address("127.0.0.1", 0)),
    )
    async with Daemon(config, environment={}, home=tmp_path) as daemon:
        sfn = Sfn(daemon.url)
        await sfn.create("quick")
        for n in range(50):
            await sfn("start_execution", stateMachineArn=machine_arn("quick"), name=f"n{n}")

        listed = await pages(sfn, "list_executions", "executions", stateMachineArn=machine_arn("quick"), maxResults=7)

        found = [one for page in listed for one in page]
        assert {one["executionArn"] for one in found} == {f"{PLACE}:execution:quick:n{n}" for n in range(50)}
        assert [one["startDate"] for one in found] == sorted((one["startDate"] for one in found), reverse=True)
        assert len(found) == 50
        assert [len(page) for page in listed[:7]] == [7] * 7


async def test_a_map_run_is_found_on_its_shard(valkey: EmbeddedValkey, tmp_path: Path):
    config = Config(
        redis=RedisConfig(url=f"unix://{valkey.socket}", prefix="more", shards=300),
        daemon=DaemonConfig(name="more"),
        http=HttpConfig(listen=Address("127.0.0.1", 0)),
    )
    processor = {**PASS, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
    definition = states("M", M={"Type": "Map", "ItemProcessor": processor, "End": True})
    async with Daemon(config, environment={}, home=tmp_path) as daemon:
        sfn = Sfn(daemon.url)
        for n in range(5):
            begun = await daemon.service.start_execution("m", [1, 2], f"x{n}", write_json_text(definition))
            execution = await daemon.service.settle(begun.id, 10)
            assert execution.ended
            [run] = (await sfn("list_map_runs", executionArn=execution.arn))["mapRuns"]
            assert (await sfn("describe_map_run", mapRunArn=run["mapRunArn"]))["executionCounts"]["succeeded"] == 2
            assert len((await sfn("list_executions", mapRunArn=run["mapRunArn"]))["executions"]) == 2
