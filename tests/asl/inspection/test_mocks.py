"""Mocks: which states take one, and what a mocked result is held against."""

from __future__ import annotations

import pytest

from statebox.asl.jsontext import Json
from tests.asl.inspection.trying import INVOKE, failing, mocked, refused, task, tried

PASS: Json = {"Type": "Pass", "End": True}
START = "arn:aws:states:::states:startExecution"
WRONG = "ValidationException: Mock result schema validation error: "


def test_a_state_without_work_takes_no_mock():
    assert refused(PASS, mock=failing("E")) == (
        "ValidationException: State type 'Pass' is not supported when a mock is specified"
    )


@pytest.mark.parametrize("type", ["Map", "Parallel"])
def test_a_state_with_branches_needs_one(type: str):
    inside: Json = {"StartAt": "In", "States": {"In": PASS}}
    field: Json = {"ItemProcessor": inside} if type == "Map" else {"Branches": [inside]}
    assert refused({"Type": type, "End": True, **field}).startswith(
        "InvalidDefinition: TestState API does not support Map or Parallel states."
    )


@pytest.mark.parametrize("resource", [f"{START}.sync:2", f"{INVOKE}.waitForTaskToken", "module:suspend"])
def test_work_that_is_done_elsewhere_needs_one(resource: str):
    assert refused(task(resource)).startswith("InvalidDefinition: TestState API does not support Activity tasks")
    assert tried(task(resource), mock={"fieldValidationMode": "NONE", "result": "5"})["output"] == 5


def test_a_mock_has_a_result_or_an_error():
    both: Json = {**mocked({}), **failing("E")}
    neither: Json = {}
    for mock in (neither, both):
        assert "exactly one" in refused(task(), mock=mock)


def test_a_mocked_result_is_json():
    assert refused(task(), mock={"result": "no"}) == "ValidationException: Mocked result must be valid JSON"


def test_a_parallel_has_a_result_of_each_branch():
    inside: Json = {"StartAt": "In", "States": {"In": PASS}}
    state: Json = {"Type": "Parallel", "Branches": [inside, {"StartAt": "B", "States": {"B": PASS}}], "End": True}
    assert refused(state, mock=mocked({})) == "ValidationException: Mocked result must be an array."
    assert refused(state, mock=mocked([1])) == (
        "ValidationException: Mocked result must contain the same number of items as number of Parallel branches."
    )


def test_strictly_all_required_members_are_there_in_pascal_case():
    assert refused(task(START), mock=mocked({})) == WRONG + "Required field 'ExecutionArn' is missing"
    good = {"ExecutionArn": "arn", "StartDate": "2026-01-01T00:00:00Z"}
    assert tried(task(START), mock=mocked(good))["status"] == "SUCCEEDED"


def test_what_is_there_conforms_unless_nothing_is_checked():
    wrong = mocked({"ExecutionArn": 1})
    assert tried(task(START), mock={**mocked({}), "fieldValidationMode": "PRESENT"})["output"] == {}
    told = refused(task(START), mock={**wrong, "fieldValidationMode": "PRESENT"})
    assert told == WRONG + "Field 'ExecutionArn' must be a string"
    assert tried(task(START), mock={**wrong, "fieldValidationMode": "NONE"})["output"] == {"ExecutionArn": 1}


COMPLAINTS: list[tuple[str, Json, str]] = [
    ("events:putEvents", {"Entries": "no"}, "Field 'Entries' must be an array"),
    ("events:putEvents", {"Entries": [{}, {"EventId": []}]}, "Field 'EventId' must be a string"),
    ("lambda:invoke", {"StatusCode": "200"}, "Field 'StatusCode' must be a number"),
    ("aws-sdk:s3:getObject", {"StorageClass": "Papyrus"}, "Field 'StorageClass' is not an expected value"),
    ("aws-sdk:kms:encrypt", {"CiphertextBlob": ""}, "Field 'CiphertextBlob' is smaller than the minimum length"),
    ("aws-sdk:dynamodb:getItem", {"Item": []}, "Field 'Item' must be an object"),
    ("aws-sdk:dynamodb:getItem", {"Item": {"a": {"BOOL": 1}}}, "Field 'BOOL' must be a boolean"),
    ("states:startExecution", {"ExecutionArn": "a", "StartDate": True}, "Field 'StartDate' must be a valid"),
]


@pytest.mark.parametrize(("resource", "result", "wrong"), COMPLAINTS)
def test_each_kind_of_member_has_its_complaint(resource: str, result: Json, wrong: str):
    assert refused(task(f"arn:aws:states:::{resource}"), mock=mocked(result)).startswith(WRONG + wrong)


def test_the_payload_of_a_function_may_be_anything_and_so_may_unknown_members():
    result = {"Payload": [1, None], "more": 1}
    assert tried(task(), mock=mocked(result))["output"] == result


def test_a_job_that_was_waited_for_is_held_against_what_is_asked_for_until_it_is_done():
    result = {"ExecutionArn": "a", "StateMachineArn": "m", "Status": "SUCCEEDED", "StartDate": 1, "Output": {"a": 1}}
    assert tried(task(f"{START}.sync:2"), mock=mocked(result))["output"] == result
    assert "Field 'Status' is not" in refused(task(f"{START}.sync:2"), mock=mocked({**result, "Status": "GONE"}))


def test_a_service_without_a_model_is_believed():
    assert tried(task("arn:aws:states:::apigateway:invoke"), mock=mocked(1))["output"] == 1
