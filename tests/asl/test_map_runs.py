"""Map runs: what a distributed Map's ResultWriter is given, and how its history tells of failures."""

from __future__ import annotations

import pytest

from statebox.asl.answers import Answer, Asked, Fails, Succeeds
from statebox.asl.definition import read
from statebox.asl.driver import Outcome, drive
from statebox.asl.errors import InvalidDefinition
from statebox.asl.jsontext import Json
from statebox.asl.walk import new_execution
from tests.asl.driving import states

WORK: Json = {"Type": "Task", "Resource": "openwhisk:work", "End": True}
TO_FILE: Json = {"Resource": "file:out"}
FAMILY = "arn:aws:states:us-east-1:000000000000"


def a_map(**fields: Json) -> Json:
    """A distributed Map over the input, whose items are worked on by a task."""
    processor = {**states("Work", Work=WORK), "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
    return {"Type": "Map", "ItemProcessor": processor, "End": True, **fields}


class Work:
    """Doubles items, fails the negative ones after a second, and keeps what the writer was asked to write."""

    def __init__(self) -> None:
        self.written: Json = None

    def __call__(self, asked: Asked) -> Answer:
        if asked.resource == "statebox:writeResult":
            self.written = asked.arguments
            return Succeeds("written")
        if asked.arguments < 0:
            return Fails("Negative", "less than nought", after_ms=1000)
        return Succeeds([asked.arguments, [asked.arguments * 2]])


def run(items: Json, **fields: Json) -> tuple[Outcome, Json]:
    work = Work()
    outcome = drive(read(states("M", M=a_map(**fields))), new_execution(items), tasks=work)
    return outcome, work.written


def chain(outcome: Outcome) -> list[tuple[int, int, str]]:
    return [(event["id"], event["previousEventId"], event["type"]) for event in outcome.history]


def test_a_writer_is_given_a_record_of_each_execution_as_step_functions_describes_it():
    _, written = run([3], ResultWriter=TO_FILE)
    [record] = written["Records"]
    name = record["Name"]
    assert record == {
        "ExecutionArn": f"{FAMILY}:execution:machine/M:{name}",
        "Input": "3",
        "InputDetails": {"Included": True},
        "Name": name,
        "Output": "[3,[6]]",
        "OutputDetails": {"Included": True},
        "RedriveCount": 0,
        "RedriveStatus": "NOT_REDRIVABLE",
        "RedriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
        "StartDate": "2026-01-01T00:00:00.000Z",
        "StateMachineArn": f"{FAMILY}:stateMachine:machine/M",
        "Status": "SUCCEEDED",
        "StopDate": "2026-01-01T00:00:00.000Z",
    }


@pytest.mark.parametrize("transformation", ["NONE", "COMPACT", "FLATTEN"])
def test_the_record_of_a_failed_item_is_written_whatever_is_wanted_of_the_others(transformation: str):
    writer = {**TO_FILE, "WriterConfig": {"Transformation": transformation, "OutputType": "JSON"}}
    _, written = run([-1], ResultWriter=writer, ToleratedFailureCount=1)
    [record] = written["Records"]
    assert {name: value for name, value in record.items() if name not in ("ExecutionArn", "Name")} == {
        "Cause": "less than nought",
        "Error": "Negative",
        "Input": "-1",
        "InputDetails": {"Included": True},
        "RedriveCount": 0,
        "RedriveStatus": "REDRIVABLE_BY_MAP_RUN",
        "StartDate": "2026-01-01T00:00:00.000Z",
        "StateMachineArn": f"{FAMILY}:stateMachine:machine/M",
        "Status": "FAILED",
        "StopDate": "2026-01-01T00:00:01.000Z",
    }
    assert written["Results"] == []


def test_outputs_alone_need_no_records():
    _, written = run([1], ResultWriter={**TO_FILE, "WriterConfig": {"Transformation": "COMPACT"}})
    assert (written["Results"], written["Records"]) == ([[1, [2]]], [])


@pytest.mark.parametrize(
    ("transformation", "expected"), [("COMPACT", [[1, [2]], [2, [4]]]), ("FLATTEN", [1, [2], 2, [4]])]
)
def test_a_writer_without_a_place_gives_the_output_its_form(transformation: str, expected: Json):
    outcome, written = run([1, 2], ResultWriter={"WriterConfig": {"Transformation": transformation}})
    assert (outcome.output, written) == (expected, None)


def test_a_writer_without_a_place_shows_failed_items_as_records():
    outcome, _ = run([-1, 1], ResultWriter={"WriterConfig": {"Transformation": "COMPACT"}}, ToleratedFailureCount=1)
    assert (outcome.output[0]["Status"], outcome.output[1]) == ("FAILED", [1, [2]])


def test_a_writer_without_a_place_hands_records_on_when_nothing_is_to_be_transformed():
    outcome, _ = run([1], ResultWriter={"WriterConfig": {"Transformation": "NONE"}})
    assert [(record["Input"], record["Output"]) for record in outcome.output] == [("1", "[1,[2]]")]


@pytest.mark.parametrize("writer", [{}, {"Parameters": {"Path": "x"}}, {"Parameters": {}, "WriterConfig": {}}])
def test_a_writer_needs_a_place_or_a_form(writer: Json):
    with pytest.raises(InvalidDefinition, match="The field 'Resource' is required"):
        read(states("M", M=a_map(ResultWriter=writer)))


def test_a_reader_may_say_how_listed_objects_become_items():
    config: Json = {"InputType": "CSV", "Transformation": "LOAD_AND_FLATTEN", "CSVHeaderLocation": "FIRST_ROW"}
    reader: Json = {"Resource": "arn:aws:states:::s3:listObjectsV2", "ReaderConfig": config}
    read(states("M", M=a_map(ItemReader=reader)))


def test_a_reader_may_name_the_kind_of_its_manifest():
    config: Json = {"InputType": "MANIFEST", "ManifestType": "S3_INVENTORY"}
    read(states("M", M=a_map(ItemReader={"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": config})))


def test_a_map_whose_reader_failed_has_not_failed_while_it_is_retried():
    """MapStateFailed comes once, when nothing more is tried."""
    retry = [{"ErrorEquals": ["States.ItemReaderFailed"], "MaxAttempts": 1}]
    machine = read(states("M", M=a_map(ItemReader={"Resource": "file:in"}, Retry=retry)))
    outcome = drive(machine, new_execution({}), tasks=lambda _: Fails(None, "no such file"))
    assert chain(outcome)[2:] == [
        (3, 2, "MapStateStarted"),
        (4, 3, "MapRunStarted"),
        (5, 4, "MapRunFailed"),
        (6, 5, "MapStateStarted"),
        (7, 6, "MapRunStarted"),
        (8, 7, "MapRunFailed"),
        (9, 8, "MapStateFailed"),
        (10, 9, "ExecutionFailed"),
    ]


def test_a_run_has_one_arn_whether_its_items_were_read_or_there():
    """The one of its event is the one that the results are written under."""

    def work(asked: Asked) -> Answer:
        return Succeeds([1] if asked.resource == "statebox:readItems" else asked.arguments)

    machine = read(states("M", M=a_map(ItemReader={"Resource": "file:in"}, ResultWriter=TO_FILE)))
    outcome = drive(machine, new_execution({}), tasks=work)
    [started] = [event for event in outcome.history if event["type"] == "MapRunStarted"]
    assert outcome.output["MapRunArn"] == started["mapRunStartedEventDetails"]["mapRunArn"]


def echo(asked: Asked) -> Answer:
    return Succeeds(asked.arguments)


@pytest.mark.parametrize(
    "how",
    [
        {"ItemsPath": "$.o"},
        {"QueryLanguage": "JSONata", "Items": "{% $states.input.o %}"},
        {"QueryLanguage": "JSONata", "Items": {"a": 1, "b": "{% 1 + 1 %}"}},
    ],
)
def test_a_distributed_map_iterates_over_the_members_of_an_object(how: Json):
    outcome = drive(read(states("M", M=a_map(**how))), new_execution({"o": {"a": 1, "b": 2}}), tasks=echo)
    assert outcome.output == [{"Key": "a", "Value": 1}, {"Key": "b", "Value": 2}]


def test_the_item_of_a_member_of_an_object_has_its_key():
    fields: Json = {"ItemsPath": "$.o", "ItemSelector": {"item.$": "$$.Map.Item"}}
    outcome = drive(read(states("M", M=a_map(**fields))), new_execution({"o": {"a": 1}}), tasks=echo)
    assert outcome.output == [{"item": {"Index": 0, "Key": "a", "Value": 1}}]


def test_an_inline_map_iterates_over_arrays_alone():
    inline = {**states("P", P={"Type": "Pass", "End": True})}
    fields: Json = {"QueryLanguage": "JSONata", "Items": "{% {'a': 1} %}"}
    machine = read(states("M", M={**a_map(**fields), "ItemProcessor": inline}))
    assert drive(machine, new_execution({})).error == "States.QueryEvaluationError"


READER: Json = {"Resource": "file:in", "Arguments": {}}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"ItemReader": {**READER, "Arguments": {"Path": "{% $no %}"}}}, "ItemReader/Arguments/Path"),
        ({"ItemReader": {**READER, "ReaderConfig": {"MaxItems": "{% $no %}"}}}, "ItemReader/ReaderConfig/MaxItems"),
        ({"ItemBatcher": {"MaxItemsPerBatch": "{% $no %}"}}, "ItemBatcher/MaxItemsPerBatch"),
        ({"ItemBatcher": {"BatchInput": {"a": "{% $no %}"}}}, "ItemBatcher/BatchInput/a"),
        ({"ResultWriter": {"Resource": "file:out", "Arguments": "{% $no %}"}}, "ResultWriter/Arguments"),
    ],
)
def test_an_expression_is_told_with_its_place_in_the_state(fields: Json, expected: str):
    machine = read(states("M", M=a_map(QueryLanguage="JSONata", **fields)))
    outcome = drive(machine, new_execution([1]), tasks=echo)
    [failed] = [event for event in outcome.history if event["type"] == "EvaluationFailed"]
    assert failed["evaluationFailedEventDetails"]["location"] == expected


def test_a_range_is_told_with_the_name_of_the_field_alone():
    machine = read(states("M", M=a_map(QueryLanguage="JSONata", ItemBatcher={"MaxItemsPerBatch": "{% 0 %}"})))
    cause = drive(machine, new_execution([1]), tasks=echo).cause
    assert cause is not None
    assert cause.endswith(" MaxItemsPerBatch must be between 1 and 99999999 but was: 0")


def test_a_negative_number_of_items_fails_the_reader():
    """And not the state at once, as other numbers out of range do."""
    reader: Json = {"Resource": "file:in", "ReaderConfig": {"MaxItemsPath": "$.most"}}
    outcome = drive(read(states("M", M=a_map(ItemReader=reader))), new_execution({"most": -1}), tasks=echo)
    assert (outcome.error, outcome.cause) == ("States.ItemReaderFailed", "field MaxItems must be positive")
    assert [type for _, _, type in chain(outcome)][-4:] == [
        "MapRunStarted",
        "MapRunFailed",
        "MapStateFailed",
        "ExecutionFailed",
    ]


@pytest.mark.parametrize(("percentage", "expected"), [(-1, "Minimum value is 0.0"), (101, "Maximum value is 100.0")])
def test_bounds_of_percentages_are_told_as_decimals(percentage: int, expected: str):
    with pytest.raises(InvalidDefinition, match=expected):
        read(states("M", M=a_map(ToleratedFailurePercentage=percentage)))


def test_a_map_run_is_aborted_with_its_state():
    """When another branch fails, the run's end stands before the state's."""
    fail: Json = {"Type": "Fail", "Error": "Bad"}
    branches = [states("M", M=a_map()), states("W", W={"Type": "Wait", "Seconds": 1, "Next": "F"}, F=fail)]
    machine = read(states("P", P={"Type": "Parallel", "Branches": branches, "End": True}))
    outcome = drive(machine, new_execution([1]), tasks=lambda _: Succeeds(1, after_ms=60_000))
    assert chain(outcome)[-4:] == [
        (10, 9, "MapRunAborted"),
        (11, 9, "MapStateAborted"),
        (12, 9, "ParallelStateFailed"),
        (13, 12, "ExecutionFailed"),
    ]


@pytest.mark.parametrize(("tolerated", "status"), [(1, "FAILED"), (2, "SUCCEEDED")])
def test_all_items_of_a_batch_fail_with_it(tolerated: int, status: str):
    """Failures are counted in items, however many executions they are worked on by."""

    def work(asked: Asked) -> Answer:
        return Fails("Bad") if 1 in asked.arguments["Items"] else Succeeds("done")

    machine = read(states("M", M=a_map(ItemBatcher={"MaxItemsPerBatch": 2}, ToleratedFailureCount=tolerated)))
    assert drive(machine, new_execution([1, 2, 3]), tasks=work).status == status


def test_a_map_in_jsonata_has_no_parameters():
    with pytest.raises(InvalidDefinition, match="field 'Parameters' is only supported for the 'JSONPath'"):
        read(states("M", M=a_map(QueryLanguage="JSONata", Parameters={})))
