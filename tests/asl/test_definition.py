"""What a definition is refused for: each finding with AWS's code, its words and its place."""

from __future__ import annotations

import pytest

from statebox.asl.definition import parse, read
from statebox.asl.errors import InvalidDefinition
from statebox.asl.jsontext import Json
from tests.asl.driving import states

PASS = {"Type": "Pass", "End": True}
TASK = {"Type": "Task", "Resource": "module:work", "End": True}


def findings(definition: Json) -> list[str]:
    """What is wrong with a definition, as `message at location`; nothing when it is accepted."""
    try:
        read(definition)
    except InvalidDefinition as refused:
        return [f"{problem.message} at {problem.location}" for problem in refused.problems]
    return []


def of_state(state: Json, **fields: Json) -> list[str]:
    """What is wrong with a state that has these fields beside its own, when it is a machine's only one."""
    return findings(states("A", A={**state, **fields}))


def reading(**config: Json) -> Json:
    """A distributed Map over items that are read from S3 in this way."""
    return {
        "Type": "Map",
        "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {}, "ReaderConfig": config},
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "I",
            "States": {"I": PASS},
        },
        "End": True,
    }


@pytest.mark.parametrize(
    ("definition", "found"),
    [
        (states("A", A={"End": True}), ["The field 'Type' is required at /States/A"]),
        (
            states("A", A={"Type": "Rest", "End": True}),
            [
                "The field 'Type' should have one of these values: "
                "[Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map] at /States/A/Type"
            ],
        ),
        ({"States": {"A": PASS}}, ["These fields are required: [StartAt] at /"]),
        (
            {"StartAt": "A", "States": {}},
            [
                "Value cannot be empty at /States",
                "Missing 'Next' target: A at /StartAt",
                "Workflow has no terminal state at None",
            ],
        ),
        (
            states("Gone", A=PASS),
            ["Missing 'Next' target: Gone at /StartAt", 'State "A" is not reachable. at /States/A'],
        ),
        (
            states("A", A={"Type": "Pass"}),
            [
                "This object should have only one of the following fields: [Next, End] at /States/A",
                "Workflow has no terminal state at None",
            ],
        ),
        (
            states("A", A={"Type": "Pass", "Next": "Gone"}),
            ["Missing 'Next' target: Gone at /States/A/Next", "Workflow has no terminal state at None"],
        ),
        (
            states("A", A={**PASS, "Next": "A"}),
            ["There should only be one of the following fields: [Next, End] at /States/A"],
        ),
    ],
)
def test_structure_is_judged_by_what_was_written(definition: Json, found: list[str]):
    """A state that is wrong in itself is still a place to go to, and still leads on or ends."""
    assert findings(definition) == found


def test_a_state_that_cannot_be_read_is_no_missing_target():
    definition = states("A", A={"Type": "Pass", "Next": "B"}, B={"Type": "Rest", "Next": "C"}, C=PASS)
    assert [finding.rpartition(" at ")[2] for finding in findings(definition)] == ["/States/B/Type"]


def test_a_field_that_a_state_cannot_have_leads_on_all_the_same():
    """AWS says nothing of the state behind it."""
    definition = states("A", A={"Type": "Succeed", "Next": "B"}, B=PASS)
    assert findings(definition) == ["Field 'Next' is not supported at /States/A"]


def test_targets_are_missed_before_ends_are_looked_for_in_any_scope():
    inner = {"StartAt": "I", "States": {"I": {"Type": "Pass", "Next": "Gone"}}}
    definition = states("P", P={"Type": "Parallel", "Branches": [inner], "Next": "Lost"})
    assert findings(definition) == [
        "Missing 'Next' target: Lost at /States/P/Next",
        "Missing 'Next' target: Gone at /States/P/Branches[0]/States/I/Next",
        "Workflow has no terminal state at None",
        "Workflow has no terminal state at None",
    ]


@pytest.mark.parametrize(
    ("config", "messages"),
    [
        ({"InputType": "CSV"}, ["The field 'CSVHeaderLocation' is required"]),
        ({"InputType": "CSV", "ManifestType": "S3_INVENTORY"}, ["The field 'CSVHeaderLocation' is required"]),
        ({"InputType": "CSV", "CSVHeaderLocation": "GIVEN"}, ["These fields are required: [CSVHeaders]"]),
        ({"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a"]}, []),
        ({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}, []),
        ({"InputType": "JSON", "CSVHeaderLocation": "FIRST_ROW"}, ["Field 'CSVHeaderLocation' is not supported"]),
        ({"InputType": "JSON", "ManifestType": "ATHENA_DATA"}, ["Field 'ManifestType' is not supported"]),
        (
            {"InputType": "JSONL", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["id"]},
            ["Field 'CSVHeaderLocation' is not supported", "Field 'CSVHeaders' is not supported"],
        ),
        ({"Transformation": "LOAD_AND_FLATTEN"}, ["The field 'InputType' is required"]),
        (
            {"InputType": "JSON", "MaxItems": 1, "MaxItemsPath": "$.n"},
            ["There should only be one of the following fields: [MaxItems, MaxItemsPath]"],
        ),
        ({"MaxItems": 1}, []),
    ],
)
def test_what_a_reader_is_told_must_go_together(config: Json, messages: list[str]):
    place = "/States/A/ItemReader/ReaderConfig"
    assert of_state(reading(**config)) == [f"{message} at {place}" for message in messages]


def test_an_items_pointer_is_a_json_pointer():
    assert of_state(reading(InputType="JSON", ItemsPointer="/data/items")) == []
    assert of_state(reading(InputType="JSON", ItemsPointer="data/items")) == [
        "Invalid input: JSON Pointer expression must start with '/': \"data/items\""
        " at /States/A/ItemReader/ReaderConfig/ItemsPointer"
    ]


def test_a_reader_of_files_finds_out_by_itself_what_it_reads():
    """Only AWS's own readers insist on being told."""
    state = reading(InputType="CSV")
    assert of_state(state, ItemReader={"Resource": "file:orders.csv", "ReaderConfig": {"InputType": "CSV"}}) == []


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"IntervalSeconds": 5, "MaxDelaySeconds": 6}, None),
        ({"IntervalSeconds": 5, "MaxDelaySeconds": 5}, "MaxDelaySeconds must be greater than IntervalSeconds"),
        ({"MaxDelaySeconds": 31_622_401}, "Maximum value is 31622400"),
        ({"BackoffRate": 0.9}, "Minimum value is 1.0"),
        ({"IntervalSeconds": 0}, "Minimum value is 1"),
        ({"MaxAttempts": -1}, "Minimum value is 0"),
        ({"MaxAttempts": 1.5}, "Expected value of type Integer"),
        ({"JitterStrategy": "SOME"}, "Value should be one of the following: [FULL, NONE]"),
    ],
)
def test_the_numbers_of_a_retrier_have_bounds(fields: dict[str, Json], found: str | None):
    told = of_state(TASK, Retry=[{"ErrorEquals": ["X"], **fields}])
    at = f"/States/A/Retry[0]/{[*fields][-1]}"
    assert told == ([] if found is None else [f"{found} at {at}"])


def test_percentages_are_bounded_as_the_decimals_that_they_are():
    """AWS says 100.0."""
    assert of_state(reading(InputType="JSON"), ToleratedFailurePercentage=100.5) == [
        "Maximum value is 100.0 at /States/A/ToleratedFailurePercentage"
    ]
    assert of_state(reading(InputType="JSON"), ToleratedFailurePercentage=-1) == [
        "Minimum value is 0.0 at /States/A/ToleratedFailurePercentage"
    ]


@pytest.mark.parametrize(
    ("language", "other", "catcher"),
    [("JSONPath", "JSONata", {"Output": 1}), ("JSONata", "JSONPath", {"ResultPath": "$.error"})],
)
def test_a_catcher_s_field_of_the_other_language_is_named_as_such(language: str, other: str, catcher: dict[str, Json]):
    catch = [{"ErrorEquals": ["X"], "Next": "A", **catcher}]
    [name] = catcher
    assert of_state(TASK, QueryLanguage=language, Catch=catch) == [
        f"The QueryLanguage is set to '{language}', but field '{name}' is only supported for the '{other}' "
        "QueryLanguage at /States/A/Catch[0]"
    ]


@pytest.mark.parametrize("language", ["JSONPath", "JSONata"])
@pytest.mark.parametrize("assign", [1, "{% 1 %}", ["a"]])
def test_what_a_catcher_or_a_choice_assigns_is_an_object(language: str, assign: Json):
    catch = [{"ErrorEquals": ["X"], "Next": "A", "Assign": assign}]
    where = "Expected value of type [OBJECT] at /States/A/"
    assert of_state(TASK, QueryLanguage=language, Catch=catch) == [f"{where}Catch[0]/Assign"]
    rule: Json = {"Variable": "$.x", "IsNull": True} if language == "JSONPath" else {"Condition": True}
    choice: Json = {"Type": "Choice", "QueryLanguage": language, "Choices": [{**rule, "Next": "B", "Assign": assign}]}
    assert findings(states("A", A=choice, B=PASS)) == [f"{where}Choices[0]/Assign"]


@pytest.mark.parametrize("name", ["Variable", "StringEquals", "Not"])
def test_a_condition_has_no_rule_beside_it(name: str):
    rule = {"Condition": "{% true %}", name: "x", "Next": "B"}
    choice = {"Type": "Choice", "QueryLanguage": "JSONata", "Choices": [rule]}
    assert findings(states("A", A=choice, B=PASS)) == [
        f"The QueryLanguage is set to 'JSONata', but field '{name}' is only supported for the 'JSONPath' QueryLanguage"
        " at /States/A/Choices[0]"
    ]


def test_a_rule_has_no_condition():
    """What a rule of JSONPath would need is not asked for on top."""
    choice = {"Type": "Choice", "Choices": [{"Condition": True, "Next": "B"}]}
    assert findings(states("A", A=choice, B=PASS)) == [
        "The QueryLanguage is set to 'JSONPath', but field 'Condition' is only supported for the 'JSONata' "
        "QueryLanguage at /States/A/Choices[0]"
    ]


@pytest.mark.parametrize("items", ["x", {"a": 1}, 5, None])
def test_the_items_of_a_map_are_an_array_or_an_expression(items: Json):
    processor = {"StartAt": "I", "States": {"I": PASS}}
    loop = {"Type": "Map", "QueryLanguage": "JSONata", "ItemProcessor": processor, "End": True}
    assert of_state(loop, Items=[]) == of_state(loop, Items=[1, "{% 2 %}"]) == of_state(loop, Items="{% [1] %}") == []
    assert of_state(loop, Items=items) == ["Expected value of type [ARRAY] at /States/A/Items"]


@pytest.mark.parametrize(
    ("state", "field"),
    [
        ({"Type": "Wait"}, "Seconds"),
        ({"Type": "Wait"}, "Timestamp"),
        (TASK, "TimeoutSeconds"),
        (TASK, "HeartbeatSeconds"),
        (TASK, "Credentials"),
        ({"Type": "Map", "ItemProcessor": {"StartAt": "I", "States": {"I": PASS}}}, "MaxConcurrency"),
        ({"Type": "Map", "ItemProcessor": {"StartAt": "I", "States": {"I": PASS}}}, "Items"),
    ],
)
def test_a_broken_expression_is_told_once(state: dict[str, Json], field: str):
    """And not as a number or a text that it is not either."""
    assert of_state({**state, "QueryLanguage": "JSONata", "End": True}, **{field: "{% %}"}) == [
        f"Unexpected end of expression at /States/A/{field}"
    ]


def test_a_broken_condition_is_told_once():
    choice = {"Type": "Choice", "QueryLanguage": "JSONata", "Choices": [{"Condition": "{% %}", "Next": "B"}]}
    assert findings(states("A", A=choice, B=PASS)) == ["Unexpected end of expression at /States/A/Choices[0]/Condition"]


def test_the_older_name_of_a_map_s_item_selector_is_of_jsonpath_alone():
    loop = {"Type": "Map", "Parameters": {}, "ItemProcessor": {"StartAt": "I", "States": {"I": PASS}}, "End": True}
    assert of_state(loop) == []
    assert of_state(loop, QueryLanguage="JSONata") == [
        "The QueryLanguage is set to 'JSONata', but field 'Parameters' is only supported for the 'JSONPath' "
        "QueryLanguage at /States/A"
    ]


@pytest.mark.parametrize(
    ("text", "words", "column"),
    [
        (
            "not a definition",
            "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or "
            "'false')",
            4,
        ),
        (
            '{"StartAt": yes}',
            "Unrecognized token 'yes': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or "
            "'false')",
            16,
        ),
        (
            '{"StartAt": "A" "States": {}}',
            "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries",
            17,
        ),
    ],
)
def test_a_text_that_is_no_json_is_refused_in_jackson_s_words(text: str, words: str, column: int):
    with pytest.raises(InvalidDefinition) as refused:
        parse(text)
    [problem] = refused.value.problems
    source = f'[Source: (String)"{text}"; line: 1, column: {column}]'
    assert (problem.code, problem.location) == ("INVALID_JSON_DESCRIPTION", source)
    assert problem.message == f"{words}\n at {source}"


def test_of_a_long_text_only_the_beginning_is_shown():
    with pytest.raises(InvalidDefinition) as refused:
        parse("no" + " " * 600)
    [problem] = refused.value.problems
    assert problem.location is not None
    assert problem.location.endswith('"[truncated 102 chars]; line: 1, column: 3]')
