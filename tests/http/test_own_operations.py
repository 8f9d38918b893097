"""The operations that AWS has not, which the command line works with."""

from __future__ import annotations

import asyncio

import pytest

from statebox.asl.events import TaskSucceeded
from statebox.asl.jsontext import Json, read_json, write_json_text
from statebox.embedded import EmbeddedValkey
from statebox.engine.records import Answer
from statebox.store.connection import RedisSettings
from statebox.store.delivering import StoreSettings
from statebox.store.redis_store import RedisStore
from tests.http.site import PASSING, SUSPENDING, Site, states, suspending
from tests.waiting import wait_until


async def start(site: Site, definition: Json, **members: Json) -> Json:
    """Start a definition."""
    answer = await site.operate("Statebox.StartDefinition", definition=write_json_text(definition), **members)
    assert answer.status == 200, answer.raw
    return answer.json


async def settle(site: Site, id: str, seconds: float = 10, **members: Json) -> Json:
    answer = await site.operate("Statebox.SettleExecution", executionArn=id, seconds=seconds, **members)
    assert answer.status == 200, answer.raw
    return answer.json


async def test_a_definition_is_started_with_the_call(site: Site):
    started = await start(site, PASSING, machine="mine", name="one", input="[1]")
    assert started == {
        "executionArn": "arn:aws:states:us-east-1:000000000000:execution:mine:one",
        "execution": "mine:one",
        "startDate": started["startDate"],
    }
    shown = await settle(site, "mine:one")
    assert (shown["status"], shown["output"], shown["continuations"]) == ("SUCCEEDED", "[1]", [])


async def test_a_machine_without_a_name_is_called_unnamed(site: Site):
    assert (await start(site, PASSING))["execution"].startswith("unnamed:")


async def test_a_wrong_definition_is_refused_with_its_problems(site: Site):
    answer = await site.operate("Statebox.StartDefinition", definition="{}")
    assert (answer.status, answer.json["__type"]) == (400, "InvalidDefinition")
    assert answer.json["problems"][0]["code"] == "SCHEMA_VALIDATION_FAILED"


async def test_a_suspended_execution_settles_with_its_continuations(site: Site):
    id = (await start(site, states("Ask", Ask=suspending(TimeoutSeconds=60))))["execution"]
    shown = await settle(site, id)
    assert (shown["status"], shown["idle"]) == ("RUNNING", True)
    (one,) = shown["continuations"]
    assert set(one) == {"continuation", "state", "since", "deadline"}
    assert (one["state"], one["deadline"] - one["since"]) == ("Ask", 60)


async def test_settling_waits_no_longer_than_it_is_told(acting: Site):
    slow = states("Slow", Slow={"Type": "Task", "Resource": "module:slow", "Parameters": {"seconds": 1}, "End": True})
    id = (await start(acting, slow))["execution"]
    shown = await settle(acting, id, 0)
    assert (shown["status"], shown["idle"]) == ("RUNNING", False)
    assert read_json((await settle(acting, id))["output"]) == "done"


async def test_settling_beyond_a_continuation_waits_until_its_answer_is_taken_in(site: Site):
    id = (await start(site, states("One", One=suspending("Two"), Two=suspending())))["execution"]
    (one,) = (await settle(site, id))["continuations"]
    settled, resumed = await asyncio.gather(
        settle(site, id, beyond=one["continuation"]),
        site.operate("Statebox.Resume", continuation=one["continuation"]),
    )
    assert resumed.status == 200
    assert [two["state"] for two in settled["continuations"]] == ["Two"]


@pytest.mark.parametrize("seconds", [-1, 4000, "1", None])
async def test_settling_has_bounds(site: Site, seconds: Json):
    answer = await site.operate("Statebox.SettleExecution", executionArn="a:b", seconds=seconds)
    assert answer.status == 400
    assert "'seconds'" in answer.json["message"]


async def test_a_continuation_is_resumed_with_output_or_without(site: Site):
    for output, expected in ((None, {"a": 1}), ("null", None), ('{"b": 2}', {"a": 1, "b": 2})):
        id = (await start(site, SUSPENDING, input='{"a": 1}'))["execution"]
        token = (await settle(site, id))["continuations"][0]["continuation"]
        answer = await site.operate("Statebox.Resume", continuation=token, output=output)
        arn = f"arn:aws:states:us-east-1:000000000000:execution:{id}"
        assert answer.json == {"executionArn": arn, "execution": id}
        assert read_json((await settle(site, id, beyond=token))["output"]) == expected


async def test_a_second_resume_is_told_when_and_how_unless_it_is_the_same_one_again(site: Site):
    id = (await start(site, SUSPENDING))["execution"]
    token = (await settle(site, id))["continuations"][0]["continuation"]
    for _ in range(2):
        assert (await site.operate("Statebox.Resume", continuation=token, clientToken="mine")).status == 200
    refused = await site.operate("Statebox.Resume", continuation=token)
    assert (refused.status, refused.json["__type"]) == (400, "TaskAlreadyAnswered")
    assert refused.json["channel"] == "api"


async def test_a_continuation_is_failed(site: Site):
    id = (await start(site, SUSPENDING))["execution"]
    token = (await settle(site, id))["continuations"][0]["continuation"]
    answer = await site.operate("Statebox.Fail", continuation=token, error="No", cause="way")
    assert answer.json["execution"] == id
    shown = await settle(site, id, beyond=token)
    assert (shown["status"], shown["error"], shown["cause"]) == ("FAILED", "No", "way")


async def test_a_continuation_is_described(site: Site):
    started = await start(site, SUSPENDING)
    token = (await settle(site, started["execution"]))["continuations"][0]["continuation"]
    shown = (await site.operate("Statebox.DescribeContinuation", continuation=token)).json
    assert shown == {
        "continuation": token,
        "executionArn": started["executionArn"],
        "execution": started["execution"],
        "state": "Ask",
        "status": "waiting",
        "since": shown["since"],
        "deadline": shown["since"] + 300,
    }
    await site.operate("Statebox.Resume", continuation=token)
    shown = (await site.operate("Statebox.DescribeContinuation", continuation=token)).json
    assert (shown["status"], shown["channel"]) == ("answered", "api")
    assert shown["answered"] >= shown["since"]


async def test_the_open_continuations_of_an_execution_are_listed(site: Site):
    branches = [{"StartAt": name, "States": {name: suspending()}} for name in ("A", "B")]
    id = (await start(site, states("Both", Both={"Type": "Parallel", "Branches": branches, "End": True})))["execution"]
    found = (await site.operate("Statebox.ListContinuations", executionArn=id)).json["continuations"]
    assert [one["state"] for one in found] == ["Both[0]/A", "Both[1]/B"]
    await site.operate("Statebox.Resume", continuation=found[0]["continuation"])

    async def one_is_left() -> bool:
        left = (await site.operate("Statebox.ListContinuations", executionArn=id)).json["continuations"]
        return [one["state"] for one in left] == ["Both[1]/B"]

    await wait_until(one_is_left, "the answered continuation to go")


async def test_no_continuations_and_no_execution_are_told_apart(site: Site):
    id = (await start(site, PASSING))["execution"]
    assert (await site.operate("Statebox.ListContinuations", executionArn=id)).json == {"continuations": []}
    unknown = await site.operate("Statebox.ListContinuations", executionArn="no:such")
    assert unknown.json["__type"] == "ExecutionDoesNotExist"


async def test_an_execution_that_was_set_aside_is_listed_and_retried(site: Site, valkey: EmbeddedValkey):
    """Another daemon that gives executions only one claim stands for five that died of this one."""
    id = (await start(site, SUSPENDING, input="{}"))["execution"]
    token = (await settle(site, id))["continuations"][0]["continuation"]
    redis = RedisSettings(url=valkey.url)
    other = RedisStore(StoreSettings(daemon="other", redis=redis, claim_limit=1))
    await other.connect()
    try:
        await other.answer(Answer(token, lambda task: TaskSucceeded(task, {"a": 1}, None, token), "once", "test"))
    finally:
        await other.close()
    (aside,) = (await site.operate("Statebox.ListSetAside")).json["executions"]
    assert (aside["executionArn"].endswith(id), aside["status"], aside["setAside"]) == (True, "RUNNING", True)

    assert (await site.operate("Statebox.RetryExecution", executionArn=id)).json == {}
    assert read_json((await settle(site, id, beyond=token))["output"]) == {"a": 1}
    assert (await site.operate("Statebox.ListSetAside")).json == {"executions": []}


async def test_only_what_was_set_aside_can_be_retried(site: Site):
    id = (await start(site, SUSPENDING))["execution"]
    assert (await site.operate("Statebox.ListSetAside")).json == {"executions": []}
    answer = await site.operate("Statebox.RetryExecution", executionArn=id)
    assert (answer.status, answer.json["__type"]) == (400, "ExecutionDoesNotExist")
