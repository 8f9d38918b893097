"""ValidateStateMachineDefinition: for which type of machine, and down to which severity."""

from __future__ import annotations

from statebox.asl.jsontext import Json, write_json_text
from tests.http.site import PASSING, Site, states


async def validated(site: Site, definition: Json, **members: Json) -> Json:
    """What the operation says."""
    answer = await site.operate("ValidateStateMachineDefinition", definition=write_json_text(definition), **members)
    assert answer.status == 200, answer.raw
    return answer.json


async def test_what_an_express_machine_cannot_have_is_an_error_of_that_type_only(site: Site):
    waiting: Json = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "End": True}
    assert await validated(site, states("A", A=waiting)) == {"result": "OK", "diagnostics": [], "truncated": False}
    said = await validated(site, states("A", A=waiting), type="EXPRESS")
    assert said["result"] == "FAIL"
    assert said["diagnostics"][0]["severity"] == "ERROR"
    assert said["diagnostics"][0]["location"] == "/States/A/Resource"


async def test_warnings_are_shown_where_they_are_asked_for_and_fail_nothing(site: Site):
    doubtful: Json = {"Type": "Pass", "Parameters": {"a": "$.a"}, "End": True}
    assert (await validated(site, states("A", A=doubtful)))["diagnostics"] == []
    said = await validated(site, states("A", A=doubtful), severity="WARNING")
    assert (said["result"], [one["severity"] for one in said["diagnostics"]]) == ("OK", ["WARNING"])


async def test_no_more_is_shown_than_is_wanted(site: Site):
    wrong = {name: {"Type": "Pass", "Next": f"None{name}"} for name in "ABC"}
    everything = await validated(site, states("A", **wrong))
    few = await validated(site, states("A", **wrong), maxResults=2)
    assert (few["diagnostics"], few["truncated"]) == (everything["diagnostics"][:2], True)
    assert everything["truncated"] is False
    assert (await validated(site, PASSING, maxResults=0))["truncated"] is False


async def test_a_machine_of_the_type_express_is_refused_for_the_same_reasons(site: Site):
    waiting: Json = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "End": True}
    texts = {"waits": write_json_text(states("A", A=waiting)), "passes": write_json_text(PASSING)}
    common: Json = {"roleArn": "arn:aws:iam::000000000000:role/r", "type": "EXPRESS"}
    refused = await site.operate("CreateStateMachine", name="waits", definition=texts["waits"], **common)
    assert (refused.status, refused.json["__type"]) == (400, "InvalidDefinition")
    assert "Express state machine does not support '.waitForTaskToken'" in refused.json["message"]
    made = await site.operate("CreateStateMachine", name="passes", definition=texts["passes"], **common)
    arn = made.json["stateMachineArn"]
    changed = await site.operate("UpdateStateMachine", stateMachineArn=arn, definition=texts["waits"])
    assert changed.json["__type"] == "InvalidDefinition"
