"""The seed's contract: what its clients sent and got, they send and get; and what was made of its errors."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import pytest

from statebox.asl.jsontext import Json, read_json
from statebox.embedded import EmbeddedValkey
from statebox.http import demo
from tests.http.site import PASSING, ROOT, SUSPENDING, Site, open_actions, open_site, states, suspending
from tests.waiting import wait_until

INCSQUARE = ROOT / "state_machines" / "incsquare.json"


async def test_the_seeds_two_calls_give_49_and_then_50(acting: Site):
    headers = {"Content-Type": "application/json"}
    first = await acting.ask("POST", "/?input=6", data=INCSQUARE.read_bytes(), headers=headers)
    assert first.status == 200
    assert first.headers["Content-Type"] == "application/json"
    continuation = first.json["CONTINUATION"]
    constants = first.json["constants"]
    assert list(first.json) == ["constants", "values", "CONTINUATION"]
    assert first.json["values"] == {"value": 49}
    assert [type(constants[name]) for name in ("version", "redis_host", "redis_port")] == [str, str, int]
    assert uuid.UUID(continuation).version == 4

    second = await acting.post(f"/?continuation={continuation}")
    assert second.status == 200
    assert second.json == {"constants": {**constants, "restartedFrom": continuation}, "values": {"value": 50}}


async def test_without_a_machine_the_demo_runs(acting: Site):
    """A body of {} and no body at all are the same; without an input it is 1."""
    for answer in (await acting.post("/"), await acting.post("/", {})):
        assert answer.json["values"] == {"value": 4}
        assert answer.headers["x-statebox-execution-id"].startswith("incsquare:")


def test_the_demo_is_the_file_that_the_readme_names():
    assert read_json(INCSQUARE.read_bytes()) == {"statemachine": {demo.NAME: demo.DEFINITION}}


@pytest.mark.parametrize("path", ["statebox", "statebox.http", "statebox.json"])
async def test_it_is_also_where_openwhisk_served_it(site: Site, path: str):
    answer = await site.post(f"/api/v1/web/guest/default/{path}?input=3", {"statemachine": {"p": PASSING}})
    assert (answer.status, answer.json["values"]) == (200, {"value": 3})


@pytest.mark.parametrize("path", ["/", "/api/v1/web/guest/default/statebox"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
async def test_other_methods_than_post_are_refused_in_the_seeds_words(site: Site, method: str, path: str):
    answer = await site.ask(method, path)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert answer.json == {"error": f"Expected post method, got {method.lower()}", "code": "MethodNotAllowed"}


async def test_only_the_first_machine_of_the_wrapper_runs(site: Site):
    answer = await site.post("/", {"statemachine": {"first": PASSING, "second": {"no": "machine"}}})
    assert answer.status == 200
    assert answer.headers["x-statebox-execution-id"].startswith("first:")


async def test_the_body_wins_over_the_query(site: Site):
    assert (await site.run(PASSING, "?input=3", input=5)).json["values"] == {"value": 5}


async def test_any_json_in_the_body_is_an_input(site: Site):
    assert (await site.run(PASSING, input={"a": [1]})).json["values"] == {"a": [1]}
    assert (await site.run(PASSING, input=[1, None])).json["values"] == {"value": [1, None]}
    assert (await site.run(PASSING, input=12345678901234567890123)).json["values"] == {"value": 12345678901234567890123}


async def test_an_input_that_is_no_number_is_refused(site: Site):
    answer = await site.run(PASSING, "?input=abc")
    assert answer.status == 400
    assert answer.json == {"error": "`input` must begin with an integer, but is 'abc'", "code": "ValidationException"}


# Going on


async def test_what_comes_with_a_resume_is_merged(site: Site):
    continuation = (await site.run(SUSPENDING, input=6)).json["CONTINUATION"]
    answer = await site.post(f"/?continuation={continuation}", {"approved": True, "values": {"value": 7}})
    assert answer.status == 200
    assert (answer.json["approved"], answer.json["values"]) == (True, {"value": 7})
    assert answer.json["constants"]["restartedFrom"] == continuation


async def test_the_seeds_parameters_in_a_resume_are_no_answer(site: Site):
    """The seed ignored `statemachine` and `input` beside a continuation, and took that from the body as well."""
    continuation = (await site.run(SUSPENDING, input=6)).json["CONTINUATION"]
    answer = await site.post("/", {"continuation": continuation, "statemachine": {"p": PASSING}, "input": 9})
    assert (answer.status, sorted(answer.json)) == (200, ["constants", "values"])
    assert answer.json["values"] == {"value": 6}


async def test_a_resume_may_end_at_the_next_suspension(site: Site):
    twice = states("One", One=suspending("Two"), Two=suspending())
    first = (await site.run(twice, input=1)).json["CONTINUATION"]
    second = await site.post(f"/?continuation={first}")
    assert second.json["CONTINUATION"] != first
    assert second.json["constants"]["restartedFrom"] == first
    last = await site.post(f"/?continuation={second.json['CONTINUATION']}")
    assert last.json["constants"]["restartedFrom"] == second.json["CONTINUATION"]


async def test_a_continuation_of_one_character_is_none_but_is_noted(site: Site):
    answer = await site.run(PASSING, "?continuation=x&input=4")
    assert answer.json["values"] == {"value": 4}
    assert answer.json["constants"]["restartedFrom"] == "x"


@pytest.mark.parametrize("id", ["nonsense", str(uuid.UUID(int=0, version=4)), "00000000-0000-4000-8000-000000000fff"])
async def test_an_unknown_continuation_is_not_found(site: Site, id: str):
    answer = await site.post(f"/?continuation={id}")
    assert answer.status == 404
    assert answer.json == {"error": f"Continuation not found or expired: {id}", "code": "InvalidToken"}


async def test_an_expired_continuation_is_gone(site: Site):
    continuation = (await site.run(states("Ask", Ask=suspending(TimeoutSeconds=1)))).json["CONTINUATION"]

    async def has_expired() -> bool:
        return (await site.get(f"/continuations/{continuation}")).json["status"] == "expired"

    await wait_until(has_expired, "the continuation to expire")
    answer = await site.post(f"/?continuation={continuation}")
    assert answer.status == 410
    assert answer.json == {"error": f"Continuation not found or expired: {continuation}", "code": "TaskTimedOut"}


async def test_a_continuation_is_taken_once_and_the_second_caller_is_told_when_and_how(site: Site):
    continuation = (await site.run(SUSPENDING)).json["CONTINUATION"]
    answers = await asyncio.gather(*(site.post(f"/?continuation={continuation}") for _ in range(2)))
    won, refused = sorted(answers, key=lambda answer: answer.status)
    assert (won.status, refused.status) == (200, 409)
    assert won.json["constants"]["restartedFrom"] == continuation
    assert (refused.json["code"], refused.json["channel"]) == ("TaskAlreadyAnswered", "http")
    assert refused.json["answered_ms"] > 1_700_000_000_000
    assert "answered before: at 2" in refused.json["error"]


# Parallel, and other ways to rest


async def test_suspended_branches_have_a_continuation_each(site: Site):
    """The answer has what the first was given, its continuation, and all of them by state."""
    branch = {"StartAt": "Inner", "States": {"Inner": suspending()}}
    outer = states("Both", Both={"Type": "Parallel", "Branches": [branch, _renamed(branch)], "End": True})
    answer = await site.run(outer, input=6)
    assert answer.status == 200
    first, second = answer.json["CONTINUATIONS"].values()
    assert list(answer.json["CONTINUATIONS"]) == ["Both[0]/Inner", "Both[1]/Other"]
    assert answer.json["CONTINUATION"] == first
    assert answer.json["values"] == {"value": 6}

    half = await site.post(f"/?continuation={second}", {"by": "b"})
    assert (half.json["CONTINUATION"], "CONTINUATIONS" in half.json) == (first, False)
    whole = await site.post(f"/?continuation={first}", {"by": "a"})
    assert [branch["by"] for branch in whole.json] == ["a", "b"]


async def test_a_suspended_state_that_was_given_no_object_says_so_under_value(site: Site):
    over = states("All", All={
        "Type": "Map", "ItemsPath": "$.values.value", "MaxConcurrency": 1, "End": True,
        "ItemProcessor": {"StartAt": "One", "States": {"One": suspending()}},
    })  # fmt: skip
    answer = await site.run(over, input=[7, 8])
    assert answer.json["value"] == 7
    assert set(answer.json) == {"value", "CONTINUATION"}


async def test_the_answer_shows_what_the_suspended_state_was_given(site: Site):
    answer = await site.run(states("Ask", Ask=suspending(InputPath="$.values")), input={"q": "why"})
    assert answer.json == {"q": "why", "CONTINUATION": answer.json["CONTINUATION"]}


async def test_where_only_time_has_to_pass_the_answer_is_202(site: Site):
    answer = await site.run(states("Nap", Nap={"Type": "Wait", "Seconds": 3600, "End": True}))
    id = answer.headers["x-statebox-execution-id"]
    assert (answer.status, answer.json) == (202, {"execution": id, "status": "RUNNING"})


async def test_who_has_waited_long_enough_gets_504_and_the_execution_goes_on(acting: Site):
    """This site waits 1 s."""
    slow = states("Slow", Slow={"Type": "Task", "Resource": "module:slow", "Parameters": {"seconds": 2}, "End": True})
    answer = await acting.run(slow)
    id = answer.headers["x-statebox-execution-id"]
    assert answer.status == 504
    assert (answer.json["error"], answer.json["execution"], answer.json["status"]) == ("StillAtWork", id, "RUNNING")
    assert (await acting.ended(id))["output"] == "done"


async def test_send_response_decides_what_is_answered(site: Site):
    """At the end its input is answered, not the output; before it, where the suspended state's input would be."""
    answering = {"Type": "Task", "Resource": "module:sendResponse", "InputPath": "$.values"}
    at_the_end = states("Say", Say={**answering, "Next": "Then"}, Then={"Type": "Pass", "Result": 0, "End": True})
    assert (await site.run(at_the_end, input=5)).json == {"value": 5}

    first = states("Say", Say={**answering, "Next": "Ask"}, Ask=suspending())
    answer = await site.run(first, input=5)
    assert answer.json == {"value": 5, "CONTINUATION": answer.json["CONTINUATION"]}


async def test_send_response_is_answered_although_only_time_has_to_pass(site: Site):
    say = {"Type": "Task", "Resource": "module:sendResponse", "Next": "Nap"}
    answer = await site.run(states("Say", Say=say, Nap={"Type": "Wait", "Seconds": 3600, "End": True}), input=5)
    assert (answer.status, answer.json["values"]) == (200, {"value": 5})


# Failures


async def test_a_failed_execution_is_502_with_error_and_cause(site: Site):
    answer = await site.run(states("No", No={"Type": "Fail", "Error": "Nope", "Cause": "because"}))
    id = answer.headers["x-statebox-execution-id"]
    assert answer.status == 502
    assert answer.json == {"error": "Nope", "cause": "because", "execution": id, "status": "FAILED"}


async def test_an_action_that_fails_fails_the_execution(acting: Site):
    answer = await acting.run(states("Do", Do={"Type": "Task", "Resource": "module:broken", "End": True}))
    assert (answer.status, answer.json["error"], answer.json["status"]) == (502, "OpenWhisk.ApplicationError", "FAILED")
    assert "no luck today" in answer.json["cause"]


async def test_an_execution_that_runs_out_of_time_is_504(valkey: EmbeddedValkey, tmp_path: Path):
    slow = states("Slow", Slow={"Type": "Task", "Resource": "module:slow", "Parameters": {"seconds": 20}, "End": True})
    async with open_actions(tmp_path / "actions") as actions, open_site(valkey, tmp_path, actions=actions) as site:
        answer = await site.run({**slow, "TimeoutSeconds": 1})
    id = answer.headers["x-statebox-execution-id"]
    assert answer.status == 504
    assert (answer.json["execution"], answer.json["status"]) == (id, "TIMED_OUT")


async def test_a_definition_is_refused_with_all_its_problems(site: Site):
    wrong = states("Gone", A={"Type": "Pass"}, B={"Type": "Nothing", "End": True})
    answer = await site.run(wrong)
    assert (answer.status, answer.json["code"]) == (400, "InvalidDefinition")
    assert len(answer.json["problems"]) >= 3
    assert set(answer.json["problems"][0]) == {"code", "message", "location"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"statemachine": }', "The body is not JSON: Expecting value at line 1 column 18"),
        (b'{"a": 1,\n "b": 2,}', "at line 2 column"),
        (b'{"input": "\xff"}', "The body is not JSON: the text is not UTF-8"),
        (b'{"input": NaN}', "NaN is not a JSON number"),
        (b"[" * 200_000, "nested too deep"),
        (b"[1]", "The body must be a JSON object"),
        (b"17", "The body must be a JSON object"),
        (b'{"statemachine": {}}', "with at least one machine"),
        (b'{"statemachine": "incsquare"}', "`statemachine` must be an object {NAME: DEFINITION}"),
        (b'{"statemachine": {"a": 1}}', "Definition must be a valid JSON object"),
        (b'{"continuation": 12}', "`continuation` must be a string"),
    ],
)
async def test_what_cannot_be_understood_is_400_and_says_where(site: Site, body: bytes, said: str):
    answer = await site.ask("POST", "/", data=body)
    assert answer.status == 400
    assert said in answer.json["error"]


async def test_json_is_read_whatever_type_it_is_sent_as(site: Site):
    """As curl -d sends it, without being told a type."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await site.ask("POST", "/", json={"statemachine": {"p": PASSING}, "input": 2}, headers=headers)
    assert answer.json["values"] == {"value": 2}


def _renamed(branch: Json) -> Json:
    return {"StartAt": "Other", "States": {"Other": branch["States"]["Inner"]}}
