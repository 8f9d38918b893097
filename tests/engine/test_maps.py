"""Maps with more iterations than a claim loads, over more data than it reads."""

from __future__ import annotations

from random import Random

from statebox.asl.events import TaskFailed, TaskSucceeded
from statebox.asl.execution import OnChild, Status
from statebox.asl.jsontext import Json
from statebox.embedded import EmbeddedValkey
from statebox.engine.ownership import Claimed
from statebox.engine.records import Answer
from statebox.store.connection import RedisSettings
from statebox.store.delivering import StoreSettings
from statebox.store.entries import write_entry
from statebox.store.redis_store import RedisStore
from tests.engine.running import ASK, daemon_on, each, ended, start, tokens
from tests.servers import ask

ITEMS: Json = [{"n": n, "text": "x" * 100} for n in range(100)]
INPUT: Json = {"items": ITEMS, "about": "y" * 2000}


async def test_what_an_iteration_reads_of_its_item_and_of_the_input_is_fetched_when_it_is_read(valkey: EmbeddedValkey):
    show: Json = {
        "Type": "Pass",
        "Parameters": {"n.$": "$$.Map.Item.Value.n", "about.$": "$$.Execution.Input.about", "answer.$": "$.answer"},
        "End": True,
    }
    async with daemon_on(valkey) as daemon:
        id = await start(daemon, {"Each": each({"Ask": {**ASK, "Next": "Show"}, "Show": show}, End=True)}, INPUT)
        asked = list(enumerate(await tokens(daemon, id)))
        Random(1).shuffle(asked)
        for n, token in asked:
            await daemon.service.send_task_success(token, {"answer": n})

        execution = await ended(daemon, id)

        assert execution.output == [{"n": n, "about": "y" * 2000, "answer": n} for n in range(100)]


async def test_a_map_that_fails_is_caught_with_its_own_input(valkey: EmbeddedValkey):
    """Although that was not loaded with the answer that made it fail."""
    catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Caught"}]
    states = {
        "Each": each({"Ask": {**ASK, "End": True}}, Catch=catch, End=True),
        "Caught": {"Type": "Pass", "End": True},
    }
    async with daemon_on(valkey) as daemon:
        id = await start(daemon, states, INPUT)

        await daemon.service.send_task_failure((await tokens(daemon, id))[42], "No", "way")

        assert (await ended(daemon, id)).output == {**INPUT, "error": {"Error": "No", "Cause": "way"}}


async def test_a_map_that_is_tried_again_goes_over_its_items_again(valkey: EmbeddedValkey):
    retry = [{"ErrorEquals": ["No"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    async with daemon_on(valkey) as daemon:
        id = await start(daemon, {"Each": each({"Ask": {**ASK, "End": True}}, Retry=retry, End=True)}, INPUT)
        before = await tokens(daemon, id)
        await daemon.service.send_task_failure(before[42], "No", "way")
        execution = await daemon.service.settle(id, 10, beyond=before[0])
        while not (asked := await tokens(daemon, id)) and not execution.ended:
            execution = await daemon.service.settle(id, 0.5)
        for token in asked:
            await daemon.service.resume(token)

        assert (await ended(daemon, id)).output == ITEMS


async def test_an_accepted_answer_beats_what_came_into_the_inbox_before_it(valkey: EmbeddedValkey):
    """A map run's child fails it, which would close a question that was answered meanwhile."""
    branches = [
        {"StartAt": "Each", "States": {"Each": each({"Ask": {**ASK, "End": True}}, distributed=True, End=True)}},
        {"StartAt": "Other", "States": {"Other": {**ASK, "End": True}}},
    ]
    async with daemon_on(valkey) as daemon:
        id = await start(daemon, {"Both": {"Type": "Parallel", "Branches": branches, "End": True}}, {"items": [1]})
        execution = await daemon.service.settle(id, 10)
        assert execution.idle
        [token] = await tokens(daemon, id)
    store = RedisStore(StoreSettings(daemon="by hand", redis=RedisSettings(url=valkey.url)))
    await store.connect()
    child = execution.branches["0.0.0"].waiting
    assert isinstance(child, OnChild)
    entry = write_entry(TaskFailed(f"0.0.0:{child.event}", "No", "way")).decode()
    ask(valkey, "RPUSH", f"statebox:{{0}}:inbox:{id}", entry)
    answered = await store.answer(Answer(token, lambda task: TaskSucceeded(task, "yes", None, token), "op", "test"))
    assert isinstance(answered, Claimed)
    await store.release([answered.lease])
    await store.close()

    async with daemon_on(valkey) as daemon:
        execution = await ended(daemon, id)
        assert (execution.status, execution.error) == (Status.FAILED, "States.ExceedToleratedFailureThreshold")
        types = [event["type"] for event in await daemon.service.get_execution_history(id)]
        assert "TaskSucceeded" in types
