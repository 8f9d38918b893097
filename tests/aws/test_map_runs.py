"""Map runs: described, listed with their executions, and updated while they run."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from statebox.asl.jsontext import Json
from tests.aws.calling import Caller
from tests.http.site import states, suspending
from tests.waiting import wait_until

NONE: Json = dict.fromkeys(
    (
        *("pending", "running", "succeeded", "failed", "timedOut", "aborted", "total"),
        *("resultsWritten", "failuresNotRedrivable", "pendingRedrive"),
    ),
    0,
)


def asking(**fields: Json) -> Json:
    """A distributed Map over the input; each of its children asks, and goes on with the answer."""
    config: Json = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    processor: Json = {**states("Ask", Ask=suspending()), "ProcessorConfig": config}
    return states("M", M={"Type": "Map", "ItemProcessor": processor, "Label": "Each", "End": True, **fields})


class Run:
    """A map run whose children are answered by the test."""

    def __init__(self, call: Caller, execution: str, arn: str) -> None:
        self.call = call
        self.execution = execution
        self.arn = arn

    async def described(self) -> Json:
        return await self.call("describe_map_run", mapRunArn=self.arn)

    async def executions(self, **members: Json) -> Json:
        return (await self.call("list_executions", mapRunArn=self.arn, **members))["executions"]

    async def asked(self, count: int) -> dict[str, str]:
        """Wait until so many children ask; the continuations by the children's inputs."""
        found: dict[str, str] = {}

        async def all_ask() -> bool:
            found.clear()
            for child in await self.executions(statusFilter="RUNNING"):
                arn = child["executionArn"]
                answer = await self.call.site.operate("Statebox.ListContinuations", executionArn=arn)
                for one in answer.json["continuations"]:
                    described = await self.call("describe_execution", executionArn=arn)
                    found[described["input"]] = one["continuation"]
            return len(found) == count

        await wait_until(all_ask, f"{count} children to ask")
        return found

    async def counts(self, kind: str = "executionCounts") -> Json:
        """What is counted, but for what is 0."""
        return {name: count for name, count in (await self.described())[kind].items() if count}


async def begin(call: Caller, items: Json, **fields: Json) -> Run:
    """Start one."""
    execution = await call.start(asking(**fields), items)
    found: list[Json] = []

    async def has_begun() -> bool:
        found[:] = (await call("list_map_runs", executionArn=execution))["mapRuns"]
        return bool(found)

    await wait_until(has_begun, "the map run to begin")
    return Run(call, execution, found[0]["mapRunArn"])


async def test_a_map_run_is_described(call: Caller):
    run = await begin(call, [1, 2, 3], MaxConcurrency=2, ToleratedFailurePercentage=50.5)
    await run.asked(2)

    described = await run.described()

    assert {name: described[name] for name in described.keys() - {"startDate"}} == {
        "mapRunArn": run.arn,
        "executionArn": run.execution,
        "status": "RUNNING",
        "maxConcurrency": 2,
        "toleratedFailurePercentage": 50.5,
        "toleratedFailureCount": 0,
        "itemCounts": {**NONE, "pending": 1, "running": 2, "total": 3},
        "executionCounts": {**NONE, "pending": 1, "running": 2, "total": 3},
        "redriveCount": 0,
    }
    assert run.arn.startswith("arn:aws:states:us-east-1:000000000000:mapRun:m/Each:")


async def test_children_are_counted_by_how_they_ended(call: Caller):
    run = await begin(call, ["a", "b", "c"], ToleratedFailureCount=2)
    tokens = await run.asked(3)
    await call("send_task_success", taskToken=tokens['"a"'], output="1")
    await call("send_task_failure", taskToken=tokens['"b"'], error="E")

    async def both_ended() -> bool:
        return await run.counts() == {"running": 1, "succeeded": 1, "failed": 1, "total": 3}

    await wait_until(both_ended, "two to be counted")
    [left] = await run.executions(statusFilter="RUNNING")
    await call("stop_execution", executionArn=left["executionArn"])
    assert (await call.ended(run.execution))["status"] == "SUCCEEDED"

    described = await run.described()
    assert described["status"] == "SUCCEEDED"
    assert described["stopDate"] >= described["startDate"]
    assert await run.counts() == {"succeeded": 1, "failed": 1, "aborted": 1, "total": 3}


async def test_the_items_of_batches_are_counted(call: Caller):
    run = await begin(call, [1, 2, 3, 4, 5], ItemBatcher={"MaxItemsPerBatch": 2})
    tokens = await run.asked(3)
    assert (await run.counts("itemCounts"), await run.counts()) == (
        {"running": 5, "total": 5},
        {"running": 3, "total": 3},
    )
    await call("send_task_success", taskToken=tokens['{"Items":[5]}'], output="1")
    await call("send_task_failure", taskToken=tokens['{"Items":[1,2]}'])
    assert (await call.ended(run.execution))["status"] == "FAILED"

    async def all_ended() -> bool:
        return await run.counts("itemCounts") == {"succeeded": 1, "failed": 2, "aborted": 2, "total": 5}

    await wait_until(all_ended, "the last child to be stopped")
    assert (await run.described())["status"] == "FAILED"
    counts = {child["itemCount"] for child in await run.executions()}
    assert counts == {1, 2}


@pytest.mark.parametrize("how", ["stopped", "timed out"])
async def test_a_map_run_is_aborted_with_its_execution(call: Caller, how: str):
    if how == "stopped":
        run = await begin(call, [1, 2])
        await call("stop_execution", executionArn=run.execution)
    else:
        execution = await call.start({**asking(), "TimeoutSeconds": 1}, [1, 2])
        await call.ended(execution)
        [listed] = (await call("list_map_runs", executionArn=execution))["mapRuns"]
        run = Run(call, execution, listed["mapRunArn"])
    assert (await run.described())["status"] == "ABORTED"

    async def all_ended() -> bool:
        return await run.counts() == {"aborted": 2, "total": 2}

    await wait_until(all_ended, "the children to be stopped")


async def test_the_executions_of_a_map_run_are_listed_page_by_page(call: Caller):
    run = await begin(call, list(range(7)))
    await run.asked(7)
    other = await begin(call, [0])

    seen: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = await call("list_executions", mapRunArn=run.arn, maxResults=3, **token)
        seen += [one["executionArn"] for one in page["executions"]]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}

    assert len(seen) == len(set(seen)) == 7
    [one] = await other.executions()
    assert one["executionArn"] not in seen
    assert one["mapRunArn"] == other.arn
    assert (one["itemCount"], one["redriveCount"]) == (1, 0)


async def test_an_execution_tells_its_map_runs_page_by_page(call: Caller):
    branches = [
        {
            "StartAt": f"M{n}",
            "States": {
                f"M{n}": {
                    "Type": "Map",
                    "ItemProcessor": {
                        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                        "StartAt": f"P{n}",
                        "States": {f"P{n}": {"Type": "Pass", "End": True}},
                    },
                    "End": True,
                }
            },
        }
        for n in range(3)
    ]
    execution = (await call.run(states("P", P={"Type": "Parallel", "Branches": branches, "End": True}), [1]))[
        "executionArn"
    ]
    first = await call("list_map_runs", executionArn=execution, maxResults=2)
    rest = await call("list_map_runs", executionArn=execution, maxResults=2, nextToken=first["nextToken"])
    assert "nextToken" not in rest
    runs = [*first["mapRuns"], *rest["mapRuns"]]
    assert [run["stateMachineArn"].rpartition(":")[2] for run in runs] == ["m/M0", "m/M1", "m/M2"]
    assert all(run["stopDate"] >= run["startDate"] and run["executionArn"] == execution for run in runs)


async def test_more_children_are_begun_when_more_may_be_at_once(call: Caller):
    run = await begin(call, [1, 2, 3, 4], MaxConcurrency=1)
    await run.asked(1)

    await call("update_map_run", mapRunArn=run.arn, maxConcurrency=3)

    await run.asked(3)
    assert (await run.described())["maxConcurrency"] == 3


async def test_more_failures_are_borne_when_more_may_be(call: Caller):
    run = await begin(call, [1, 2, 3])
    tokens = await run.asked(3)

    await call("update_map_run", mapRunArn=run.arn, toleratedFailureCount=1)

    await call("send_task_failure", taskToken=tokens["1"])
    for item in ("2", "3"):
        await call("send_task_success", taskToken=tokens[item], output=item)
    assert (await call.ended(run.execution))["output"] == "[2,3]"


async def test_a_map_run_fails_when_it_bears_less_than_has_failed_already(call: Caller):
    run = await begin(call, [1, 2, 3], ToleratedFailureCount=2)
    tokens = await run.asked(3)
    await call("send_task_failure", taskToken=tokens["1"])
    await run.asked(2)

    await call("update_map_run", mapRunArn=run.arn, toleratedFailureCount=0)

    assert (await call.ended(run.execution))["error"] == "States.ExceedToleratedFailureThreshold"
    assert (await run.described())["status"] == "FAILED"


async def test_a_redriven_map_run_tells_which_children_wait_for_their_turn(call: Caller):
    run = await begin(call, [1, 2, 3])
    tokens = await run.asked(3)
    await call("send_task_success", taskToken=tokens["1"], output="1")
    await call("send_task_failure", taskToken=tokens["2"])
    await call.ended(run.execution)
    await call("redrive_execution", executionArn=run.execution)
    await run.asked(2)
    await call("update_map_run", mapRunArn=run.arn, maxConcurrency=1)
    await call("stop_execution", executionArn=run.execution)

    await call("redrive_execution", executionArn=run.execution)

    await run.asked(1)
    described = await run.described()
    assert (described["status"], described["redriveCount"], described["executionCounts"]["pendingRedrive"]) == (
        *("RUNNING", 2, 1),
    )
    assert "stopDate" not in described
    assert described["redriveDate"] >= described["startDate"]
    [waiting] = await run.executions(statusFilter="PENDING_REDRIVE")
    assert waiting["status"] == "PENDING_REDRIVE"
    assert len(await run.executions(redriveFilter="REDRIVEN")) == 2
    [never] = await run.executions(redriveFilter="NOT_REDRIVEN")
    assert never["status"] == "SUCCEEDED"
    for item in ("2", "3"):
        [token] = (await run.asked(1)).values()
        await call("send_task_success", taskToken=token, output=item)
    assert (await call.ended(run.execution))["output"] == "[1,2,3]"
    assert await run.counts() == {"succeeded": 3, "total": 3}


async def test_executions_are_listed_by_whether_they_were_redriven(call: Caller):
    failing = states("No", No={"Type": "Fail"})
    once, never = await call.start(failing), await call.start(failing)
    await call("redrive_execution", executionArn=once)
    machine = "arn:aws:states:us-east-1:000000000000:stateMachine:m"
    for wanted, arn in (("REDRIVEN", once), ("NOT_REDRIVEN", never)):
        [found] = (await call("list_executions", stateMachineArn=machine, redriveFilter=wanted))["executions"]
        assert found["executionArn"] == arn
        assert ("redriveDate" in found) == (arn == once)


async def test_the_machine_of_a_child_is_described_with_its_map_run(call: Caller):
    run = await begin(call, [1])
    await run.asked(1)
    [child] = await run.executions()
    found = await call("describe_state_machine_for_execution", executionArn=child["executionArn"])
    assert (found["mapRunArn"], found["label"]) == (run.arn, "Each")
    assert (await call("describe_execution", executionArn=child["executionArn"]))["mapRunArn"] == run.arn


async def test_what_is_no_map_run_cannot_be_found(call: Caller):
    place = "arn:aws:states:us-east-1:000000000000"
    for wrong in (f"{place}:mapRun:m/Each:7c42cb1e-1ad5-4d1e-9b5a-3c1b4cd1f000", f"{place}:mapRun:m/Each:nothing"):
        for operation in ("describe_map_run", "update_map_run", "list_executions"):
            with pytest.raises(ClientError, match="ResourceNotFound"):
                await call(operation, mapRunArn=wrong)
    with pytest.raises(ClientError, match="InvalidArn"):
        await call("describe_map_run", mapRunArn=f"{place}:stateMachine:m")
    with pytest.raises(ClientError, match="ExecutionDoesNotExist"):
        await call("list_map_runs", executionArn=f"{place}:execution:m:nobody")


async def test_a_map_run_that_has_ended_cannot_be_updated(call: Caller):
    run = await begin(call, [1])
    await call("stop_execution", executionArn=run.execution)
    with pytest.raises(ClientError, match="ValidationException"):
        await call("update_map_run", mapRunArn=run.arn, maxConcurrency=1)
