"""TestState over HTTP: one state, whose work is really done where no mock stands for it."""

from __future__ import annotations

from statebox.asl.jsontext import Json, read_json, write_json_text
from tests.http.site import Answer, Site

INVOKE = "arn:aws:states:::lambda:invoke"


async def ask(site: Site, definition: Json, input: Json = None, **members: Json) -> Answer:
    """Ask for a trial."""
    texts = {"definition": write_json_text(definition), "input": write_json_text({} if input is None else input)}
    return await site.operate("TestState", **texts, **members)


def task(resource: str, **fields: Json) -> Json:
    return {"Type": "Task", "Resource": resource, "End": True, **fields}


async def test_the_answer_has_texts_and_nothing_that_is_not_said(site: Site):
    said = await ask(site, {"Type": "Pass", "End": True}, {"a": 1}, inspectionLevel="TRACE", context=None)
    assert (said.status, said.json["status"], said.json["output"]) == (200, "SUCCEEDED", '{"a":1}')
    assert said.json["inspectionData"]["afterInputPath"] == '{"a":1}'
    assert "nextState" not in said.json


async def test_an_action_is_called_where_no_mock_stands_for_it(acting: Site):
    said = await ask(acting, task("openwhisk:increment", ResultPath="$.r"), {"value": 1})
    assert read_json(said.json["output"]) == {"value": 1, "r": {"value": 2}}


async def test_an_action_that_fails_meets_retry(acting: Site):
    state = task("openwhisk:broken", Retry=[{"ErrorEquals": ["States.ALL"]}])
    assert (await ask(acting, state)).json["status"] == "RETRIABLE"


async def test_an_action_that_takes_too_long_times_out(acting: Site):
    late = await ask(acting, task("openwhisk:slow", TimeoutSeconds=1), {"seconds": 30})
    assert (late.json["status"], late.json["error"]) == ("FAILED", "States.Timeout")


async def test_nothing_is_kept_of_a_trial(site: Site):
    await ask(site, {"Type": "Pass", "End": True})
    assert (await site.operate("ListExecutions")).json["executions"] == []


async def test_what_is_wrong_is_told_in_the_form_of_the_protocol(site: Site):
    for definition, members, error in (
        ({"Type": "Pass"}, {}, "InvalidDefinition"),
        ({"Type": "Pass", "End": True}, {"mock": {"result": "1"}}, "ValidationException"),
        ({"Type": "Pass", "End": True}, {"roleArn": "nobody"}, "InvalidArn"),
    ):
        answer = await ask(site, definition, **members)
        assert (answer.status, answer.json["__type"]) == (400, error)
    answer = await site.operate("TestState", definition='{"Type":"Pass","End":true}', input="{")
    assert answer.json["__type"] == "InvalidExecutionInput"
    assert answer.json["message"].startswith("Invalid State Machine Execution Input: ")


async def test_a_mock_comes_with_its_mode_and_the_situation_with_its_counts(site: Site):
    state = task(INVOKE, Retry=[{"ErrorEquals": ["E"], "MaxAttempts": 1}])
    error = {"errorOutput": {"error": "E", "cause": "c"}}
    for retried, status in ((0, "RETRIABLE"), (1, "FAILED")):
        said = await ask(site, state, mock=error, stateConfiguration={"retrierRetryCount": retried})
        assert (said.json["status"], said.json["cause"]) == (status, "c")
    wrong = {"result": '{"StatusCode":"200"}'}
    assert (await ask(site, state, mock=wrong)).status == 400
    assert (await ask(site, state, mock={**wrong, "fieldValidationMode": "NONE"})).status == 200
