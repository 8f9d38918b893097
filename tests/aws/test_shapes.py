"""The check that answers go through: it finds what is missing, unknown, or of another type than AWS's model says."""

from __future__ import annotations

import pytest

from statebox.asl.jsontext import Json
from tests.aws.sfn import machine_arn, session
from tests.aws.shapes import differences

_EXECUTION: Json = {"executionArn": "e", "stateMachineArn": "m", "status": "RUNNING", "startDate": 1.5}


def output_of(operation: str) -> Json:
    client = session().client("stepfunctions", endpoint_url="http://127.0.0.1:1")
    return client.meta.service_model.operation_model(operation).output_shape


def test_an_answer_as_the_model_has_it_has_no_differences():
    assert list(differences(output_of("DescribeExecution"), {**_EXECUTION, "redriveCount": 0}, "it")) == []
    told: Json = {"tags": [{"key": "a", "value": "b"}]}
    assert list(differences(output_of("ListTagsForResource"), told, "it")) == []
    described: Json = {"stateMachineArn": machine_arn("m"), "name": "m", "definition": "{}", "roleArn": "r"}
    described |= {"type": "STANDARD", "creationDate": 1, "variableReferences": {"A": ["$x"]}}
    assert list(differences(output_of("DescribeStateMachine"), described, "it")) == []


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({"status": "ASLEEP"}, "it.status is 'ASLEEP', none of "),
        ({"startDate": "2026"}, "it.startDate is '2026', no timestamp"),
        ({"redriveCount": True}, "it.redriveCount is True, no integer"),
        ({"error": None}, "it.error is None, no string"),
        ({"novelty": 1}, "it.novelty is unknown"),
        ({"inputDetails": {"included": 1}}, "it.inputDetails.included is 1, no boolean"),
    ],
)
def test_each_difference_is_told_with_its_place(changed: Json, difference: str):
    (told,) = differences(output_of("DescribeExecution"), {**_EXECUTION, **changed}, "it")

    assert told.startswith(difference)


def test_what_is_missing_is_told():
    assert list(differences(output_of("StartExecution"), {"executionArn": "e"}, "it")) == ["it.startDate is missing"]
