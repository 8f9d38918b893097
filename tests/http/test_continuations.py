"""Continuations: looking at one changes nothing, answering one is done once."""

from __future__ import annotations

import asyncio

import pytest

from statebox.asl.jsontext import Json
from tests.http.site import SUSPENDING, Site, states, suspending


async def suspended(site: Site, definition: Json = SUSPENDING) -> tuple[str, str]:
    """Run until it suspends; returns the continuation and the execution's id."""
    answer = await site.run(definition, input=6)
    assert answer.status == 200, answer.raw
    return answer.json["CONTINUATION"], answer.headers["x-statebox-execution-id"]


async def test_it_says_what_is_waited_for_since_when_and_until_when(site: Site):
    continuation, id = await suspended(site, states("Ask", Ask=suspending(TimeoutSeconds=3600)))
    answer = await site.get(f"/continuations/{continuation}")
    since, until = answer.json["since"], answer.json["until"]
    assert answer.status == 200
    assert answer.json == {
        "continuation": continuation,
        "execution": id,
        "state": "Ask",
        "status": "waiting",
        "since": since,
        "until": until,
    }
    assert since[:10] <= until[:10]
    assert (since[13:], since[-1]) == (until[13:], "Z")  # an hour apart


async def test_looking_never_changes_anything(site: Site):
    continuation, id = await suspended(site)
    before = await site.execution(id)
    for method in ("GET", "HEAD", "GET"):
        answer = await site.ask(method, f"/continuations/{continuation}")
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    assert await site.execution(id) == before
    assert (await site.ask("HEAD", f"/continuations/{continuation}")).raw == b""


async def test_it_stands_in_its_execution_while_it_waits(site: Site):
    continuation, id = await suspended(site)
    shown = await site.execution(id)
    assert [(one["continuation"], one["state"]) for one in shown["continuations"]] == [(continuation, "Ask")]


async def test_the_body_is_the_output(site: Site):
    continuation, id = await suspended(site)
    answer = await site.post(f"/continuations/{continuation}", {"approved": True})
    assert (answer.status, answer.json) == (200, {"execution": id, "status": "answered"})
    end = await site.ended(id)
    assert (end["status"], end["output"]["approved"], end["output"]["values"]) == ("SUCCEEDED", True, {"value": 6})


@pytest.mark.parametrize("output", [None, 0, False, "", "yes", [1, {"a": 2}], {}])
async def test_any_json_is_an_output(site: Site, output: Json):
    continuation, id = await suspended(site, states("Ask", Ask=suspending(ResultPath="$.said")))
    assert (await site.post(f"/continuations/{continuation}", output)).status == 200
    assert (await site.ended(id))["output"]["said"] == output


async def test_an_empty_body_lets_it_go_on_with_what_it_had(site: Site):
    continuation, id = await suspended(site)
    assert (await site.post(f"/continuations/{continuation}")).status == 200
    assert (await site.ended(id))["output"]["values"] == {"value": 6}


async def test_error_and_cause_fail_it(site: Site):
    continuation, id = await suspended(site)
    answer = await site.post(f"/continuations/{continuation}?error=Refused&cause=too%20dear")
    assert (answer.status, answer.json) == (200, {"execution": id, "status": "answered"})
    end = await site.ended(id)
    assert (end["status"], end["error"], end["cause"]) == ("FAILED", "Refused", "too dear")


@pytest.mark.parametrize(
    ("query", "body", "said"),
    [
        ("?error=No", b"{}", "not with both"),
        ("?eror=No", None, "Unknown query parameters: eror"),
        ("", b"{", "The body is not JSON"),
    ],
)
async def test_an_answer_that_is_not_clear_is_none(site: Site, query: str, body: bytes | None, said: str):
    continuation, id = await suspended(site)
    answer = await site.ask("POST", f"/continuations/{continuation}{query}", data=body)
    assert (answer.status, answer.json["code"]) == (400, "ValidationException")
    assert said in answer.json["error"]
    assert (await site.execution(id))["status"] == "RUNNING"


async def test_of_many_answers_at_once_one_is_taken_and_the_others_are_told(site: Site):
    continuation, id = await suspended(site, states("Ask", Ask=suspending(ResultPath="$.winner")))
    answers = await asyncio.gather(*(site.post(f"/continuations/{continuation}", n) for n in range(10)))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 9
    winner = next(n for n, answer in enumerate(answers) if answer.status == 200)
    assert (await site.ended(id))["output"]["winner"] == winner
    told = next(answer for answer in answers if answer.status == 409)
    assert (told.json["code"], told.json["channel"]) == ("TaskAlreadyAnswered", "http")


async def test_the_same_idempotency_key_gets_the_same_reply(site: Site):
    """Whoever lost the reply may ask again; somebody else's answer is refused."""
    continuation, id = await suspended(site)
    mine, theirs = {"Idempotency-Key": "mine"}, {"Idempotency-Key": "theirs"}
    for _ in range(2):
        answer = await site.ask("POST", f"/continuations/{continuation}", json=1, headers=mine)
        assert (answer.status, answer.json) == (200, {"execution": id, "status": "answered"})
    assert (await site.ask("POST", f"/continuations/{continuation}", json=2, headers=theirs)).status == 409
    assert (
        await site.ask("POST", f"/continuations/{continuation}", headers={"Idempotency-Key": "x" * 300})
    ).status == 400
    assert (await site.ended(id))["status"] == "SUCCEEDED"


async def test_it_can_be_looked_at_after_it_was_answered(site: Site):
    continuation, _ = await suspended(site)
    await site.post(f"/continuations/{continuation}")
    shown = (await site.get(f"/continuations/{continuation}")).json
    assert (shown["status"], shown["channel"]) == ("answered", "http")
    assert shown["since"] <= shown["answered"] <= shown["until"]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_one_is_not_found(site: Site, method: str):
    answer = await site.ask(method, "/continuations/nonsense")
    assert answer.status == 404
    assert answer.json == {"error": "Continuation not found or expired: nonsense", "code": "InvalidToken"}
    failed = await site.post("/continuations/nonsense?error=No")
    assert (failed.status, failed.json["code"]) == (404, "InvalidToken")


async def test_one_whose_execution_was_stopped_is_gone(site: Site):
    continuation, id = await suspended(site)
    assert (await site.operate("StopExecution", executionArn=id)).status == 200
    assert (await site.get(f"/continuations/{continuation}")).json["status"] == "closed"
    answer = await site.post(f"/continuations/{continuation}")
    assert (answer.status, answer.json["code"]) == (410, "TaskDoesNotExist")


async def test_one_that_may_take_for_ever_has_no_end(site: Site):
    task = {"Type": "Task", "Resource": "arn:aws:states:us-east-1:000000000000:activity:work", "End": True}
    assert (await site.operate("CreateActivity", name="work")).status == 200
    continuation, _ = await suspended(site, states("Work", Work=task))
    assert (await site.get(f"/continuations/{continuation}")).json["until"] is None


async def test_an_unknown_execution_is_not_found(site: Site):
    answer = await site.get("/executions/no/such")
    assert (answer.status, answer.json["code"]) == (404, "ExecutionDoesNotExist")
