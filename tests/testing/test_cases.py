"""Cases: what a file of cases may say, and how everything that is wrong with it is told."""

from __future__ import annotations

import pytest

from statebox.asl.answers import Asked, Fails, Never, Resumes, Succeeds
from statebox.asl.definition import read
from statebox.asl.jsontext import Json, write_json_text
from statebox.testing.cases import Case, InvalidCases, read_cases
from statebox.testing.differences import differences
from statebox.testing.mocks import Exhausted
from statebox.testing.trial import run_case

ASK: Json = {
    "StartAt": "Work",
    "States": {
        "Work": {
            "Type": "Task",
            "Resource": "openwhisk:work",
            "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 60, "MaxAttempts": 3}],
            "ResultPath": "$.work",
            "Next": "Ask",
        },
        "Ask": {
            "Type": "Task",
            "Resource": "module:suspend",
            "TimeoutSeconds": 86_400,
            "ResultPath": "$.answer",
            "Catch": [{"ErrorEquals": ["States.Timeout"], "ResultPath": "$.late", "Next": "Late"}],
            "Next": "Done",
        },
        "Late": {"Type": "Fail", "Error": "Late"},
        "Done": {"Type": "Succeed"},
    },
}
MACHINE = read(ASK)


def cases(*cases: Json, **more: Json) -> list[Case]:
    return read_cases(write_json_text({"cases": list(cases), **more}), MACHINE, "ask")


def problems(case: Json, **more: Json) -> list[str]:
    (read,) = cases(case, **more)
    return list(run_case(MACHINE, read, name="ask").problems)


def asked(nth: int) -> Asked:
    return Asked("Work", "Work", nth, "openwhisk:work", {}, None, 0, "arn")


def test_mocks_and_answers_carry_a_case_to_its_end():
    case: Json = {
        "input": {"n": 1},
        "mocks": {"Work": {"0-1": {"Throw": {"Error": "Busy"}}, "2": {"Return": "done"}}},
        "answers": {"Ask": {"Return": True, "After": 3600}},
        "expect": {
            "status": "SUCCEEDED",
            "output": {"n": 1, "work": "done", "answer": True},
            "path": ["Work", "Ask", "Done"],
        },
    }

    assert problems(case) == []


def test_what_is_not_as_expected_is_told_place_by_place():
    case: Json = {
        "mocks": {"Work": {"Return": {"a": [1, 2]}}},
        "answers": {"Ask": {"Return": 1}},
        "expect": {"output": {"work": {"a": [1, 3]}, "answer": True, "more": None}, "path": ["Work", "Done"]},
    }

    assert problems(case) == [
        "output.work.a[1]: expected 3, got 2",
        "output.answer: expected true, got 1",
        "output.more: expected null, got nothing",
        'path[1]: expected "Done", got "Ask"',
        'path[2]: expected nothing, got "Done"',
    ]


def test_a_failure_is_compared_by_error_and_cause():
    case: Json = {"mocks": {"Work": {"Return": 1}}, "expect": {"error": "Late"}}

    assert problems(case) == []
    assert problems({**case, "expect": {"error": "Later", "cause": "x"}}) == [
        'error: expected "Later", got "Late"',
        'cause: expected "x", got null',
    ]


def test_a_case_that_expects_nothing_must_succeed():
    assert problems({"mocks": {"Work": {"Return": 1}}}) == ["status: expected SUCCEEDED, got FAILED: Late"]


def test_a_task_without_a_mock_or_called_too_often_fails_its_case():
    assert problems({}) == ["Work calls openwhisk:work, and the case has no mock for it"]
    assert problems({"mocks": {"Work": {"0": {"Throw": {"Error": "Busy"}}}}}) == [
        "Work is called for the 2nd time; its mock has no answer to that"
    ]


def test_a_case_can_be_stopped_and_begin_when_it_likes():
    case: Json = {
        "startTime": "2030-01-31T12:00:00Z",
        "mocks": {"Work": {"Return": 1}},
        "stop": {"After": 7200, "Error": "Enough"},
        "expect": {"status": "ABORTED", "error": "Enough"},
    }
    (read,) = cases(case)

    trial = run_case(MACHINE, read, name="ask")

    assert trial.ok
    assert trial.outcome is not None
    assert trial.outcome.elapsed_ms == 7_200_000
    assert trial.outcome.history[0]["timestamp"] == 1_896_091_200


def test_responses_can_be_shared_by_name():
    shared: Json = {"done": {"0": {"Return": 1}}, "yes": {"0": {"Return": True}}}
    case: Json = {"mocks": {"Work": "done"}, "answers": {"Ask": "yes"}}

    assert problems(case, MockedResponses=shared) == []


def test_a_mock_config_file_of_step_functions_local_is_read_as_it_is():
    config: Json = {
        "StateMachines": {
            "ask": {"TestCases": {"HappyPath": {"Work": "Retried", "Ask": "Yes"}, "Late": {"Work": "Retried"}}}
        },
        "MockedResponses": {
            "Retried": {"0-2": {"Throw": {"Error": "Busy", "Cause": "later"}}, "3": {"Return": {"StatusCode": 200}}},
            "Yes": {"0": {"Return": {"approved": True}}},
        },
    }

    happy, late = read_cases(write_json_text(config), MACHINE, "ask")

    assert run_case(MACHINE, happy, name="ask").ok
    assert run_case(MACHINE, late, name="ask").problems == ["status: expected SUCCEEDED, got FAILED: Late"]


def test_branches_are_answered_by_their_path_or_by_the_state():
    machine = read(
        {
            "StartAt": "All",
            "States": {
                "All": {
                    "Type": "Map",
                    "ItemProcessor": {
                        "StartAt": "Ask",
                        "States": {"Ask": {"Type": "Task", "Resource": "module:suspend", "End": True}},
                    },
                    "End": True,
                }
            },
        }
    )
    text = write_json_text(
        {
            "cases": [
                {
                    "input": [1, 2, 3],
                    "answers": {
                        "All[1]/Ask": {"Return": "second"},
                        "Ask": {"0": {"Return": "a"}, "1-2": {"Return": "b"}},
                    },
                    "expect": {"output": ["a", "second", "b"]},
                }
            ]
        }
    )
    (case,) = read_cases(text, machine, "all")

    assert run_case(machine, case, name="all").problems == []


def test_each_kind_of_response_becomes_an_answer():
    (case,) = cases(
        {
            "answers": {
                "Ask": {
                    "0": {"Return": 1, "After": 1.5},
                    "1": {"Throw": {"Error": "E", "Cause": "C"}},
                    "2": {"Resume": True},
                    "3": {"Never": True, "HeartbeatEvery": 2, "After": 9},
                }
            }
        }
    )
    mock = case.answers["Ask"]

    assert mock.answer(asked(0)) == Succeeds(1, after_ms=1500)
    assert mock.answer(asked(1)) == Fails("E", "C")
    assert mock.answer(asked(2)) == Resumes()
    assert mock.answer(asked(3)) == Never(after_ms=9000, heartbeat_every_ms=2000)
    with pytest.raises(Exhausted, match="5th time"):
        mock.answer(asked(4))


def faults(text: str) -> list[str]:
    with pytest.raises(InvalidCases) as refused:
        read_cases(text, MACHINE, "ask")
    return [f"{fault.location}: {fault.words}" for fault in refused.value.faults]


def test_everything_that_is_wrong_is_told_at_once_with_its_place():
    text = write_json_text(
        {
            "cases": [
                {
                    "nme": "x",
                    "mocks": {
                        "Wrok": {"Return": 1},
                        "Done": {"Return": 1},
                        "Work": {"0": {"Return": 1, "Throw": {}}, "2": {}, "x": {}, "3-2": 1},
                        "Ask": "none",
                    },
                    "answers": {"Ask": {"Return": 1, "After": -1}},
                    "startTime": "noon",
                    "expect": {"status": "DONE", "path": "A", "outptu": 1},
                    "stop": {"After": True},
                },
                3,
                {"name": "same", "expect": 1, "mocks": []},
                {"name": "same"},
            ],
            "extra": 1,
        }
    )

    told = "\n".join(faults(text))

    for place in (
        "/cases[0]/nme: nme means nothing here; there are name",
        "/cases[0]/mocks/Wrok: the machine has no state Wrok",
        "/cases[0]/mocks/Done: Done is no Task",
        "/cases[0]/mocks/Work/0: expected exactly one of",
        "/cases[0]/mocks/Work/x: a turn is",
        "/cases[0]/mocks/Work/3-2: the range",
        "/cases[0]/mocks/Work: turn 1 is missing",
        "/cases[0]/mocks/Ask: there is no none among MockedResponses",
        "/cases[0]/answers/Ask/After: expected a number of seconds",
        "/cases[0]/startTime: expected a timestamp",
        "/cases[0]/expect/status: expected one of RUNNING",
        "/cases[0]/expect/path: expected an array",
        "/cases[0]/expect/outptu: outptu means nothing",
        "/cases[0]/stop/After: expected a number",
        "/cases[1]: a case is an object",
        "/cases[2]/expect: expected an object",
        "/cases[2]/mocks: expected an object",
        "there are two cases same",
        "/extra: extra means nothing",
    ):
        assert place in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not valid JSON"),
        ("[]", 'expected {"cases": [...]}'),
        ("{}", "expected an array of cases"),
        ('{"cases": []}', "/cases: there is no case in it"),
        ('{"cases": {}}', "/cases: expected an array of cases"),
        ('{"StateMachines": {"a": {}, "b": {}}}', "there is no machine ask in it, only a, b"),
        ('{"StateMachines": {"a": {"TestCases": {}}}}', "there is no test case in it"),
        ('{"StateMachines": {}}', "/StateMachines: there is no machine in it"),
        ('{"cases": [{"mocks": {"Work": {}}}]}', "or responses by turn"),
        ('{"cases": [{"mocks": {"Work": []}}]}', "or responses by turn"),
        ('{"cases": [{"answers": {"Ask": {"Never": false}}}]}', "/Ask/Never: expected true"),
        ('{"cases": [{"answers": {"Ask": {"Return": 1, "HeartbeatEvery": 9}}}]}', "needs After: there is no time"),
        ('{"cases": [{"answers": {"Ask": {"Resume": 1}}}]}', "/Ask/Resume: expected true"),
        ('{"cases": [{}], "MockedResponses": {"a": {"Retrun": 1}}}', "/MockedResponses/a/Retrun: a turn is"),
        ('{"cases": [{"mocks": {"Work": "b"}}], "MockedResponses": {"a": [{"Return": 1}]}}', "there are a"),
        ('{"cases": [{"mocks": {"Work": {"Throw": 1}}}]}', "/Throw: expected an object"),
        ('{"cases": [{"mocks": {"Work": {"Never": true, "HeartbeatEvery": 0}}}]}', "expected more than 0 seconds"),
        ('{"cases": [{"mocks": {"Work": {"0": {"Return": 1}, "0-1": {"Return": 1}}}}]}', "turn 0 is there twice"),
    ],
)
def test_a_file_that_is_no_file_of_cases_is_refused(text: str, told: str):
    assert any(told in fault for fault in faults(text))


@pytest.mark.parametrize(
    ("case", "told"),
    [
        (
            {"mocks": {"Wrok": {"Return": 1}}},
            "/cases[0]/mocks/Wrok: the machine has no state Wrok; it has All, Work, Ask, Done",
        ),
        ({"mocks": {"All": {"Return": 1}}}, "/cases[0]/mocks/All: All reads and writes no files"),
        (
            {"mocks": {"Work": {"Resume": True}}},
            "/cases[0]/mocks/Work: Work waits for no answer, so it cannot be resumed",
        ),
        (
            {"answers": {"Work": {"Return": 1}}},
            "/cases[0]/answers/Work: Work waits for no answer: what it returns stands under mocks",
        ),
        ({"answers": {"Done": {"Return": 1}}}, "/cases[0]/answers/Done: Done waits for no answer: it is no Task"),
        (
            {"answers": {"Al[0]/Ask": {"Return": 1}}},
            "/cases[0]/answers/Al[0]/Ask: the machine has no Map or Parallel Al",
        ),
        (
            {"answers": {"All/0]/Ask": {"Return": 1}}},
            "/cases[0]/answers/All/0]/Ask: the machine has no state All/0]/Ask",
        ),
        ({"answers": {"All[0]/Aks": {"Return": 1}}}, "/cases[0]/answers/All[0]/Aks: the machine has no state Aks"),
    ],
)
def test_what_no_state_would_ever_ask_for_is_refused(case: Json, told: str):
    """Else a slip in a name would go unseen: nobody would ask for that mock."""
    ask: Json = {"Type": "Task", "Resource": "module:suspend", "Next": "Done"}
    work: Json = {"Type": "Task", "Resource": "openwhisk:work", "Next": "Ask"}
    inner: Json = {"StartAt": "Work", "States": {"Work": work, "Ask": ask, "Done": {"Type": "Succeed"}}}
    machine = read({"StartAt": "All", "States": {"All": {"Type": "Map", "ItemProcessor": inner, "End": True}}})

    with pytest.raises(InvalidCases) as refused:
        read_cases(write_json_text({"cases": [case]}), machine, "all")

    (fault,) = refused.value.faults
    assert f"{fault.location}: {fault.words}".startswith(told)


def test_a_way_leads_through_names_with_slashes_and_brackets():
    ask: Json = {"Type": "Task", "Resource": "module:suspend", "End": True}
    inner: Json = {
        "Type": "Map",
        "ItemProcessor": {"StartAt": "a/b", "States": {"a/b": ask}},
        "End": True,
    }
    outer: Json = {"Type": "Parallel", "Branches": [{"StartAt": "M[0]/", "States": {"M[0]/": inner}}], "End": True}
    machine = read({"StartAt": "All [x]", "States": {"All [x]": outer}})
    answers: Json = {"All [x][0]/M[0]/[1]/a/b": {"Return": "second"}, "a/b": {"Return": "any"}}
    case: Json = {"input": [1, 2], "answers": answers, "expect": {"output": [["any", "second"]]}}

    (found,) = read_cases(write_json_text({"cases": [case]}), machine, "all")

    assert run_case(machine, found, name="all").problems == []


def test_heartbeats_come_until_the_deadline_where_nobody_ever_answers():
    ask: Json = {"Type": "Task", "Resource": "module:suspend", "TimeoutSeconds": 3600, "HeartbeatSeconds": 60}
    machine = read({"StartAt": "Ask", "States": {"Ask": {**ask, "End": True}}})
    never: Json = {"Never": True, "HeartbeatEvery": 50}
    text = write_json_text({"cases": [{"answers": {"Ask": never}, "expect": {"error": "States.Timeout"}}]})

    (case,) = read_cases(text, machine, "ask")

    trial = run_case(machine, case, name="ask")
    assert trial.problems == []
    assert trial.outcome is not None
    assert trial.outcome.elapsed_ms == 3_600_000


def test_broken_json_has_its_line_and_column_too():
    with pytest.raises(InvalidCases) as refused:
        read_cases('{"cases": [\n  {"name": "x",}\n]}', MACHINE, "ask")

    (fault,) = refused.value.faults
    assert fault.position is not None
    assert (fault.position.line, fault.position.column) == (2, 16)
    assert fault.words == "not valid JSON: Expecting property name enclosed in double quotes"


def test_an_error_that_was_not_expected_says_its_cause():
    case: Json = {"mocks": {"Work": {"Throw": {"Error": "Broken", "Cause": "no disk"}}}, "expect": {"error": "Late"}}

    assert problems(case) == ['error: expected "Late", got "Broken": no disk']


def test_a_reader_that_brings_no_array_fails_its_map_and_one_without_a_mock_its_case():
    child: Json = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    processor: Json = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **child}
    reader: Json = {"Resource": "file:orders.csv"}
    state: Json = {"Type": "Map", "ItemReader": reader, "ItemProcessor": processor, "End": True}
    machine = read({"StartAt": "All", "States": {"All": state}})
    text = '{"cases": [{"mocks": {"All": {"Return": 7}}, "expect": {"error": "States.ItemReaderFailed"}}]}'

    (case,) = read_cases(text, machine, "all")

    trial = run_case(machine, case, name="all")
    assert trial.problems == []
    assert trial.outcome is not None
    assert trial.outcome.cause == "Attempting to map over non-iterable node."
    (unmocked,) = read_cases('{"cases": [{}]}', machine, "all")
    assert run_case(machine, unmocked, name="all").problems == [
        "All reads its items (ItemReader), and the case has no mock for it"
    ]


def test_faults_have_lines_and_columns():
    with pytest.raises(InvalidCases) as refused:
        read_cases('{"cases": [\n  {"nme": 1}\n]}', MACHINE, "ask")

    (fault,) = refused.value.faults
    assert fault.position is not None
    assert (fault.position.line, fault.position.column) == (2, 4)


def test_only_so_many_differences_are_told():
    told = differences(list(range(30)), [])

    assert len(told) == 21
    assert told[-1] == ": and more"
    assert differences("a" * 500, 1)[0].endswith("a…, got 1")


def test_true_is_not_one_but_one_is_one():
    assert differences(1, True) == [": expected 1, got true"]
    assert differences(1, 1.0) == []
