"""Answers by machine, execution and state: taken where the state waits, kept until it does where they come early."""

from __future__ import annotations

import pytest

from statebox.asl.jsontext import Json, write_json_text
from tests.http.site import PASSING, SUSPENDING, Site, states, suspending
from tests.waiting import wait_until

KEY = {"Idempotency-Key": "mine"}
TWO = states("First", First=suspending("Second"), Second=suspending())
EACH = states("Each", Each={"Type": "Map", "ItemProcessor": SUSPENDING, "End": True})
NESTED = states(
    "Both",
    Both={
        "Type": "Parallel",
        "Branches": [PASSING, states("Each", Each={"Type": "Map", "ItemProcessor": SUSPENDING, "End": True})],
        "End": True,
    },
)


async def start(site: Site, definition: Json, input: Json = ..., name: str = "x") -> str:
    """Start a definition as m:x."""
    text = write_json_text({} if input is ... else input)
    answer = await site.operate(
        "Statebox.StartDefinition", definition=write_json_text(definition), machine="m", name=name, input=text
    )
    assert answer.status == 200, answer.raw
    return answer.json["execution"]


async def waits_in(site: Site, id: str, *paths: str) -> None:
    """Wait until it waits in these states."""

    async def does() -> bool:
        return [one["state"] for one in (await site.execution(id)).get("continuations", [])] == list(paths)

    await wait_until(does, f"{id} to wait in {paths}")


async def test_a_state_that_waits_is_answered_at_once(site: Site):
    id = await start(site, SUSPENDING)
    answer = await site.post("/executions/m/x/answers/Ask", {"approved": True})
    assert (answer.status, answer.json) == (200, {"execution": id, "state": "Ask", "status": "answered"})
    assert answer.headers["x-statebox-execution-id"] == id
    assert (await site.ended(id))["output"] == {"approved": True}


async def test_an_answer_that_comes_before_the_start_is_kept_and_used(site: Site):
    answer = await site.post("/executions/m/x/answers/Ask", {"approved": True})
    assert (answer.status, answer.json) == (202, {"execution": "m:x", "state": "Ask", "status": "kept"})
    id = await start(site, SUSPENDING, {"who": "Ada"})
    assert (await site.ended(id))["output"] == {"who": "Ada", "approved": True}


async def test_all_of_them_may_come_early_and_nobody_is_waited_for(site: Site):
    for n, state in enumerate(("Second", "First")):
        assert (await site.post(f"/executions/m/x/answers/{state}", {state: n})).status == 202
    id = await start(site, TWO)
    assert (await site.ended(id))["output"] == {"First": 1, "Second": 0}


async def test_what_comes_early_for_a_later_state_waits_for_it(site: Site):
    id = await start(site, TWO)
    assert (await site.post("/executions/m/x/answers/Second?error=No&cause=thanks")).status == 202
    assert (await site.post("/executions/m/x/answers/First")).status == 200
    end = await site.ended(id)
    assert (end["status"], end["error"], end["cause"]) == ("FAILED", "No", "thanks")


@pytest.mark.parametrize("path", ["Each[1]/Ask", "Each%5B1%5D%2FAsk"])
async def test_an_iteration_of_a_map_has_its_own_path(site: Site, path: str):
    await site.post(f"/executions/m/x/answers/{path}", {"said": "early"})
    id = await start(site, EACH, [{"n": 0}, {"n": 1}, {"n": 2}])
    await waits_in(site, id, "Each[0]/Ask", "Each[2]/Ask")
    for n in (2, 0):
        assert (await site.post(f"/executions/m/x/answers/Each[{n}]/Ask", {"said": n})).status == 200
    assert [one["said"] for one in (await site.ended(id))["output"]] == [0, "early", 2]


async def test_so_has_one_that_is_nested(site: Site):
    await site.post("/executions/m/x/answers/Both[1]/Each[0]/Ask", {"said": "early"})
    id = await start(site, NESTED, [{}, {}])
    await waits_in(site, id, "Both[1]/Each[1]/Ask")
    assert (await site.post("/executions/m/x/answers/Both[1]/Each[1]/Ask", {"said": 1})).status == 200
    assert (await site.ended(id))["output"] == [[{}, {}], [{"said": "early"}, {"said": 1}]]


async def test_of_the_many_iterations_of_a_map_those_that_were_answered_early_do_not_wait(site: Site):
    """Also where they are more than are loaded whole."""
    for n in range(0, 100, 2):
        await site.post(f"/executions/m/x/answers/Each[{n}]/Ask", {"early": n})
    id = await start(site, EACH, [{}] * 100)
    await waits_in(site, id, *(f"Each[{n}]/Ask" for n in range(1, 100, 2)))
    for n in range(1, 100, 2):
        assert (await site.post(f"/executions/m/x/answers/Each[{n}]/Ask", {"late": n})).status == 200
    assert (await site.ended(id))["output"] == [{"late" if n % 2 else "early": n} for n in range(100)]


async def test_a_second_answer_is_told_when_and_how_the_first_came(site: Site):
    """Also once it was used, while the execution waits elsewhere."""
    await site.post("/executions/m/x/answers/First", 1)
    for _ in range(2):
        told = await site.post("/executions/m/x/answers/First", 2)
        assert (told.status, told.json["code"], told.json["channel"]) == (409, "TaskAlreadyAnswered", "http")
        assert "by http" in told.json["error"]
        if (await site.get("/executions/m/x")).status == 404:
            await start(site, TWO)
            await waits_in(site, "m:x", "Second")


async def test_what_was_answered_by_its_continuation_is_told_as_well(site: Site):
    id = await start(site, TWO)
    continuation = (await site.execution(id))["continuations"][0]["continuation"]
    await site.post(f"/continuations/{continuation}")
    await waits_in(site, id, "Second")
    assert (await site.post("/executions/m/x/answers/First", 2)).status == 409


async def test_the_same_key_gets_the_same_reply_early_late_and_at_the_end(site: Site):
    replies = [await site.ask("POST", "/executions/m/x/answers/Ask", json=1, headers=KEY) for _ in range(2)]
    id = await start(site, SUSPENDING)
    await site.ended(id)
    replies.append(await site.ask("POST", "/executions/m/x/answers/Ask", json=1, headers=KEY))
    assert [(reply.status, reply.raw) for reply in replies] == [(202, replies[0].raw)] * 3
    another = await site.ask("POST", "/executions/m/x/answers/Ask", json=2, headers=KEY)
    assert (another.status, another.json["code"], another.json["key"]) == (422, "IdempotencyKeyReused", "mine")


async def test_an_execution_that_has_ended_takes_none(site: Site):
    await start(site, PASSING)
    answer = await site.post("/executions/m/x/answers/Ask", 1)
    assert (answer.status, answer.json["code"]) == (410, "TaskDoesNotExist")


async def test_a_wait_for_a_task_token_needs_no_question_any_more(acting: Site):
    """The action is not called, and AWS's rules hold for the answer."""
    asking = states("Ask", Ask={"Type": "Task", "Resource": "openwhisk:no-such.waitForTaskToken", "End": True})
    await acting.post("/executions/m/x/answers/Ask", {"approved": True})
    id = await start(acting, asking, {"who": "Ada"})
    end = await acting.ended(id)
    assert (end["status"], end["output"]) == ("SUCCEEDED", {"approved": True})
    history = (await acting.operate("GetExecutionHistory", executionArn=id)).json["events"]
    assert [event["type"] for event in history][2:5] == ["TaskScheduled", "TaskStarted", "TaskSucceeded"]


async def test_looking_tells_what_is_known(site: Site):
    path = "/executions/m/x/answers/Ask"
    assert (await site.get(path)).status == 404
    await site.post(path, 1)
    kept = (await site.get(path)).json
    assert kept == {
        "execution": "m:x",
        "state": "Ask",
        "status": "kept",
        "answered": kept["answered"],
        "channel": "http",
    }
    await site.ended(await start(site, SUSPENDING))
    used = (await site.get(path)).json
    assert (used["status"], used["answered"]) == ("answered", kept["answered"])
    await start(site, TWO, name="y")
    assert (await site.get("/executions/m/y/answers/First")).json["status"] == "waiting"
    assert (await site.get("/executions/m/y/answers/Second")).json == {
        "execution": "m:y",
        "state": "Second",
        "status": "unanswered",
    }


async def test_the_seed_s_reply_to_a_start_is_not_that_it_waits_for_what_has_come(site: Site):
    """An Idempotency-Key gives the start a name, under which the answer can be there before."""
    first = await site.ask("POST", "/", json={"statemachine": {"m": TWO}}, headers=KEY)
    id = first.headers["x-statebox-execution-id"]
    await site.post(f"/executions/{id.replace(':', '/')}/answers/Second", {"early": True})
    answer = await site.post(f"/?continuation={first.json['CONTINUATION']}", {"now": True})
    assert (answer.status, answer.json["early"], answer.json["now"]) == (200, True, True)


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/executions/m/x/answers/Ask?error=No", b"1", 400, "not with both"),
        ("/executions/m/x/answers/Ask?eror=No", None, 400, "Unknown query parameters"),
        ("/executions/m/x/answers/Each[1]/", None, 400, "A state is named as"),
        ("/executions/m/x%20y/answers/Ask", None, 400, "Invalid Name"),
        ("/executions/m/x/answers/", None, 404, "There is nothing"),
    ],
)
async def test_what_is_not_clear_is_no_answer(site: Site, path: str, body: bytes | None, status: int, said: str):
    answer = await site.ask("POST", path, data=body)
    assert answer.status == status
    assert said in answer.json["error"]
