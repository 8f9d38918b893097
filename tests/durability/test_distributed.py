"""Distributed Maps: their items are executions of their own, and survive what their parent survives."""

from __future__ import annotations

from pathlib import Path

from statebox.asl.jsontext import Json, read_json
from tests.durability.world import World, check_history
from tests.waiting import wait_until


def distributed(states: Json, **fields: Json) -> Json:
    """A machine that is one distributed Map."""
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **states}
    return {"StartAt": "Each", "States": {"Each": {"Type": "Map", "ItemProcessor": processor, "End": True, **fields}}}


WORK: Json = {
    "StartAt": "Work",
    "States": {
        "Work": {
            "Type": "Task",
            "Resource": "openwhisk:slow",
            "Parameters": {"seconds": 0.3, "n.$": "$.n"},
            "OutputPath": "$.n",
            "End": True,
        }
    },
}
PICKY: Json = {
    "StartAt": "Pick",
    "States": {
        "Pick": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.n", "NumericGreaterThanEquals": 8, "Next": "No"}],
            "Default": "Yes",
        },
        "No": {"Type": "Fail", "Error": "TooMuch"},
        "Yes": {"Type": "Pass", "OutputPath": "$.n", "End": True},
    },
}


async def test_a_killed_daemon_s_map_run_goes_on_and_loses_no_item(world: World):
    """Parent and children are taken over; each child was started once."""
    daemon = await world.daemon("one")
    items = [{"n": n} for n in range(12)]
    id = await daemon.start_execution(distributed(WORK, MaxConcurrency=4), items, name="run")
    await wait_until(lambda: len(world.calls()) >= 3, "the first items to be worked on")
    await daemon.kill()
    await daemon.start()
    described = await daemon.ended(id, seconds=30)
    assert read_json(described["output"]) == list(range(12))
    check_history(await daemon.history(id))
    listed = (await daemon.ask("ListExecutions", maxResults=100))["executions"]
    assert sorted(entry["status"] for entry in listed) == ["SUCCEEDED"] * 13
    assert max(world.calls_by_attempt().values()) <= 2


async def test_a_map_run_bears_as_many_failures_as_it_says(world: World):
    """One more fails it, and the items that are still at work are stopped."""
    daemon = await world.daemon("one")
    items = [{"n": n} for n in range(10)]
    id = await daemon.start_execution(distributed(PICKY, ToleratedFailureCount=2), items, name="borne")
    assert read_json((await daemon.ended(id))["output"]) == list(range(8))
    id = await daemon.start_execution(distributed(PICKY, ToleratedFailurePercentage=10), items, name="failed")
    described = await daemon.ended(id)
    assert (described["status"], described["error"]) == ("FAILED", "States.ExceedToleratedFailureThreshold")


async def test_items_come_from_a_file_and_results_go_to_one(world: World, tmp_path: Path):
    """A CSV is read, batched, worked on and written."""
    files = tmp_path / "files"
    files.mkdir()
    (files / "orders.csv").write_text("id,amount\na,1\nb,2\nc,3\n")
    daemon = await world.daemon("one", f"--files={files}")
    machine = distributed(
        {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}},
        ItemReader={"Resource": "file:orders.csv", "ReaderConfig": {"InputType": "CSV"}},
        ItemBatcher={"MaxItemsPerBatch": 2},
        ResultWriter={"Resource": "file:results", "WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSON"}},
    )
    id = await daemon.start_execution(machine, {}, name="orders")
    described = await daemon.ended(id)
    assert described["status"] == "SUCCEEDED", described
    manifest = files / read_json(described["output"])["ResultWriterDetails"]["Key"]
    [succeeded] = manifest.parent.glob("SUCCEEDED_0.*")
    assert read_json(succeeded.read_bytes()) == [
        {"Items": [{"id": "a", "amount": "1"}, {"id": "b", "amount": "2"}]},
        {"Items": [{"id": "c", "amount": "3"}]},
    ]


async def test_a_reader_that_finds_nothing_fails_the_map_run(world: World):
    """With the name that Catch knows, and a cause that says which file."""
    daemon = await world.daemon("one", f"--files={world.folder}")
    machine = distributed(PICKY, ItemReader={"Resource": "file:../secret.json"})
    described = await daemon.ended(await daemon.start_execution(machine, {}, name="out"))
    assert described["error"] == "States.ItemReaderFailed"
    assert "../secret.json" in described["cause"]
