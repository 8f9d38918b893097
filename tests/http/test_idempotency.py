"""Idempotency-Key: a request that is sent again finds what the first one did; another one under its key is refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from statebox.asl.jsontext import Json, write_json_text
from statebox.embedded import EmbeddedValkey
from tests.http.site import PASSING, SUSPENDING, Answer, Site, open_site, states, suspending

KEY = {"Idempotency-Key": "order 17/é"}


async def operate(site: Site, operation: str, **members: Json) -> Answer:
    """An operation, with the key."""
    target = operation if "." in operation else f"AWSStepFunctions.{operation}"
    return await site.ask("POST", "/", json=members, headers={"X-Amz-Target": target, **KEY})


async def run(site: Site, definition: Json, **more: Json) -> Answer:
    """The seed's start, with the key."""
    return await site.ask("POST", "/", json={"statemachine": {"machine": definition}, **more}, headers=KEY)


async def executions(site: Site) -> list[Json]:
    return (await site.operate("ListExecutions")).json["executions"]


@pytest.mark.parametrize("definition", [PASSING, SUSPENDING])
async def test_a_start_under_the_same_key_is_one_execution_also_when_it_has_ended(site: Site, definition: Json):
    text = write_json_text(definition)
    replies = [
        await operate(site, "Statebox.StartDefinition", definition=text, machine="m", input='{"n": 1}')
        for _ in range(3)
    ]
    assert [reply.status for reply in replies] == [200] * 3
    assert [reply.json for reply in replies] == [replies[0].json] * 3
    assert len(await executions(site)) == 1


async def test_starts_under_the_same_key_at_the_same_moment_are_one_execution(site: Site):
    replies = await asyncio.gather(*(run(site, PASSING, input=6) for _ in range(10)))
    assert {reply.status for reply in replies} == {200}
    assert len({reply.headers["x-statebox-execution-id"] for reply in replies}) == 1
    assert len({reply.raw for reply in replies}) == 1
    assert len(await executions(site)) == 1


async def test_starts_without_a_key_are_executions_of_their_own(site: Site):
    for _ in range(2):
        await site.run(PASSING)
    assert len(await executions(site)) == 2


async def test_a_named_machine_is_started_once_under_a_key(valkey: EmbeddedValkey, tmp_path: Path):
    """Also under a name, and when it has ended, where AWS without a key would refuse it."""
    (tmp_path / "pass.json").write_text(write_json_text(PASSING))
    async with open_site(valkey, tmp_path, machines=tmp_path) as site:
        for name in (None, "mine"):
            first, again = [await operate(site, "StartExecution", stateMachineArn="pass", name=name) for _ in range(2)]
            assert (first.status, again.json) == (200, first.json)
        without = await site.operate("StartExecution", stateMachineArn="pass", name="mine")
        assert (without.status, without.json["__type"]) == (400, "ExecutionAlreadyExists")
        assert len(await executions(site)) == 2


@pytest.mark.parametrize("definition", [PASSING, SUSPENDING])
async def test_another_start_under_the_key_is_refused_and_the_key_named(site: Site, definition: Json):
    """Also where only the definition differs."""
    assert (await run(site, definition, input=6)).status == 200
    for another, input in ((definition, 7), (states("X", X=suspending()), 6)):
        refused = await run(site, another, input=input)
        assert (refused.status, refused.json["code"]) == (422, "IdempotencyKeyReused")
        assert "'order 17/é'" in refused.json["error"]
    assert len(await executions(site)) == 1


async def test_a_key_counts_for_one_machine(site: Site):
    for machine in ("one", "two"):
        text = write_json_text(PASSING)
        assert (await operate(site, "Statebox.StartDefinition", definition=text, machine=machine)).status == 200
    assert len(await executions(site)) == 2


async def test_the_seed_s_reply_tells_how_the_execution_is_by_now(site: Site):
    first = await run(site, SUSPENDING, input=6)
    assert (await run(site, SUSPENDING, input=6)).json == first.json
    await site.post(f"/continuations/{first.json['CONTINUATION']}", {"said": True})
    await site.ended(first.headers["x-statebox-execution-id"])
    assert (await run(site, SUSPENDING, input=6)).json["said"] is True


@pytest.mark.parametrize("way", ["continuations", "seed", "resume", "send"])
async def test_an_answer_under_the_same_key_gets_the_same_reply_also_at_the_end(site: Site, way: str):
    started = await site.run(SUSPENDING, input=6)
    token = started.json["CONTINUATION"]

    async def answer(said: Json, key: dict[str, str] = KEY) -> Answer:
        """By this way."""
        match way:
            case "continuations":
                return await site.ask("POST", f"/continuations/{token}", json=said, headers=key)
            case "seed":
                return await site.ask("POST", f"/?continuation={token}", json=said, headers=key)
            case "resume":
                members = {"continuation": token, "output": write_json_text(said)}
                headers = {"X-Amz-Target": "Statebox.Resume", **key}
            case _:
                members = {"taskToken": token, "output": write_json_text(said)}
                headers = {"X-Amz-Target": "AWSStepFunctions.SendTaskSuccess", **key}
        return await site.ask("POST", "/", json=members, headers=headers)

    first = await answer({"n": 1})
    await site.ended(started.headers["x-statebox-execution-id"])
    again = await answer({"n": 1})
    assert (first.status, again.status, again.raw) == (200, 200, first.raw)
    another = await answer({"n": 2})
    assert another.status in (400, 422)
    assert b"IdempotencyKeyReused" in another.raw
    assert "'order 17/é'" in another.raw.decode()
    assert (await answer({"n": 1}, {"Idempotency-Key": "other"})).status in (400, 409)


async def test_an_answer_with_an_error_has_its_key_as_well(site: Site):
    token = (await site.run(SUSPENDING)).json["CONTINUATION"]
    for _ in range(2):
        assert (await operate(site, "SendTaskFailure", taskToken=token, error="No")).status == 200
    assert (await operate(site, "SendTaskFailure", taskToken=token, error="Nay")).json["__type"] == (
        "IdempotencyKeyReused"
    )
    # The same answer, whichever way it comes.
    assert (await site.ask("POST", f"/continuations/{token}?error=No", headers=KEY)).status == 200


@pytest.mark.parametrize("key", ["", "x" * 257, "a\tb"])
async def test_a_key_that_is_none_is_refused(site: Site, key: str):
    answer = await site.ask("POST", "/", json={"statemachine": {"m": PASSING}}, headers={"Idempotency-Key": key})
    assert (answer.status, answer.json["code"]) == (400, "ValidationException")
    assert await executions(site) == []
