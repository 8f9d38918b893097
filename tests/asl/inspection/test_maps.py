"""Maps that are tried: what they iterate over, and failures that they bear."""

from __future__ import annotations

import pytest

from statebox.asl.jsontext import Json, write_json_text
from tests.asl.inspection.trying import failing, mocked, refused, tried

CSV: Json = {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}


def map_state(mode: str = "INLINE", **fields: Json) -> Json:
    """A Map over states that pass their input on."""
    config: Json = {"Mode": mode, **({"ExecutionType": "STANDARD"} if mode == "DISTRIBUTED" else {})}
    inside: Json = {"StartAt": "In", "States": {"In": {"Type": "Pass", "End": True}}, "ProcessorConfig": config}
    return {"Type": "Map", "ItemProcessor": inside, "End": True, **fields}


def test_it_shows_each_step_to_the_inputs_of_its_iterations():
    state = map_state(
        "DISTRIBUTED",
        ItemsPath="$.items",
        ItemSelector={"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value"},
        ItemBatcher={"MaxItemsPerBatch": 2},
        MaxConcurrency=4,
        ToleratedFailurePercentage=50,
    )
    data = tried(state, input={"items": ["a", "b"]}, mock=mocked([1]))["inspectionData"]
    selected = [{"i": 0, "v": "a"}, {"i": 1, "v": "b"}]
    assert data["afterItemsPath"] == ["a", "b"]
    assert data["afterItemSelector"] == selected
    assert data["afterItemBatcher"] == [{"Items": selected}]
    assert (data["maxConcurrency"], data["toleratedFailurePercentage"]) == (4, 50.0)
    assert data["afterResultPath"] == [1]


def test_what_is_no_array_fails_it_before_anything_else():
    said = tried(map_state(ItemsPath="$$.Execution.Input"), input={"a": 1}, mock=mocked([]))
    assert said["cause"] == 'Reference path "$.Execution.Input" must point to array.'
    assert said["inspectionData"] == {"input": {"a": 1}, "afterInputPath": {"a": 1}}


def test_more_failures_than_it_bears_fail_it_and_others_do_not():
    state = map_state("DISTRIBUTED", ToleratedFailureCount=1)
    exceeded = "States.ExceedToleratedFailureThreshold"
    for failed, status in ((1, "SUCCEEDED"), (2, "FAILED")):
        said = tried(
            state, input=[1, 2, 3], mock=mocked([1, 1, 1]), stateConfiguration={"mapIterationFailureCount": failed}
        )
        assert (said["status"], said.get("error")) == (status, exceeded if status == "FAILED" else None)


def test_of_percent_it_bears_as_many():
    state = map_state("DISTRIBUTED", ToleratedFailurePercentage=34)
    for failed, status in ((1, "SUCCEEDED"), (2, "FAILED")):
        configuration = {"mapIterationFailureCount": failed}
        said = tried(state, input=[1, 2, 3], mock=mocked([1]), stateConfiguration=configuration)
        assert said["status"] == status


def test_more_failures_than_iterations_are_refused():
    said = refused(map_state(), input=[1, 2], mock=mocked([1]), stateConfiguration={"mapIterationFailureCount": 3})
    assert said == (
        "ValidationException: Map iteration failure count must be less than or equal to the number of Map iterations"
    )


def test_what_a_reader_brings_can_be_given():
    state = map_state(
        "DISTRIBUTED",
        ItemReader={"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key.$": "$.key"}},
        ItemSelector={"n.$": "$$.Map.Item.Value"},
    )
    given = {"mapItemReaderData": write_json_text([1, 2])}
    said = tried(state, input={"key": "k"}, mock=mocked([0]), stateConfiguration=given)
    assert said["inspectionData"]["afterItemSelector"] == [{"n": 1}, {"n": 2}]
    assert tried(state, input={"key": "k"}, mock=mocked([0]))["output"] == [0]


@pytest.mark.parametrize(
    ("config", "text", "items"),
    [
        ({"InputType": "JSON", "ItemsPointer": "/a"}, '{"a":[1,2]}', [1, 2]),
        ({"InputType": "JSON"}, '{"k":1}', [{"Key": "k", "Value": 1}]),
        ({"InputType": "JSONL"}, "1\n\n2\n", [1, 2]),
        (CSV, "a,b\n1\n", [{"a": "1", "b": ""}]),
        ({"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["h"]}, "1\n2", [{"h": "1"}, {"h": "2"}]),
        ({**CSV, "CSVDelimiter": "PIPE", "MaxItems": 1}, "h|i\n1|2\n3|4", [{"h": "1", "i": "2"}]),
    ],
)
def test_what_a_reader_brings_is_given_as_the_file_has_it(config: Json, text: str, items: Json):
    reader: Json = {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": config}
    state = map_state("DISTRIBUTED", ItemReader=reader, ItemSelector={"v.$": "$$.Map.Item.Value"})
    said = tried(state, input={}, mock=mocked([0]), stateConfiguration={"mapItemReaderData": text})
    assert said["inspectionData"]["afterItemSelector"] == [{"v": item} for item in items]


def test_a_file_that_cannot_be_read_is_refused():
    reader: Json = {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"}}
    state = map_state("DISTRIBUTED", ItemReader=reader)
    for text in ("{", "1", '{"a":'):
        said = refused(state, input={}, mock=mocked([]), stateConfiguration={"mapItemReaderData": text})
        assert said.startswith("ValidationException: Map item reader data cannot be read: ")


def test_a_mocked_result_is_an_array_unless_a_writer_tells_where_it_is():
    assert refused(map_state(), input=[], mock=mocked({})) == "ValidationException: Mocked result must be an array."
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b", "Prefix": "p"}}
    state = map_state("DISTRIBUTED", ResultWriter=writer)
    assert tried(state, input=[], mock=mocked({"MapRunArn": "r"}))["output"] == {"MapRunArn": "r"}
    assert "must be a JSON object" in refused(state, input=[], mock=mocked([]))


def test_an_error_comes_from_a_state_inside():
    said = tried(map_state(), input=[1], mock=failing("E"), stateConfiguration={"errorCausedByState": "In"})
    assert (said["status"], said["error"]) == ("FAILED", "E")
    other = refused(map_state(), input=[1], mock=failing("E"), stateConfiguration={"errorCausedByState": "Other"})
    assert other.startswith("ValidationException: The state 'Other'")
