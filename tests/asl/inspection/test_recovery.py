"""What becomes of the error of a state that is tried: it could be retried, is caught, or fails the state."""

from __future__ import annotations

from statebox.asl.jsontext import Json
from tests.asl.inspection.trying import failing, mocked, task, tried

RETRY: Json = [
    {"ErrorEquals": ["Other"]},
    {"ErrorEquals": ["Busy"], "IntervalSeconds": 3, "BackoffRate": 2, "MaxAttempts": 2},
]
CATCH: Json = [
    {"ErrorEquals": ["Other"], "Next": "A"},
    {"ErrorEquals": ["States.ALL"], "Next": "B", "ResultPath": "$.error", "Assign": {"seen.$": "$.Error"}},
]


def test_a_retry_tells_which_retrier_it_is_and_how_long_it_would_wait():
    said = tried(task(Retry=RETRY), mock=failing("Busy", "why"), stateConfiguration={"retrierRetryCount": 1})
    assert (said["status"], said["error"], said["cause"]) == ("RETRIABLE", "Busy", "why")
    assert "output" not in said
    assert said["inspectionData"]["errorDetails"] == {"retryIndex": 1, "retryBackoffIntervalSeconds": 6}


def test_a_retrier_without_attempts_left_lets_the_state_fail():
    said = tried(task(Retry=RETRY), mock=failing("Busy"), stateConfiguration={"retrierRetryCount": 2})
    assert (said["status"], said["inspectionData"]["errorDetails"]) == ("FAILED", {"retryIndex": 1})


def test_a_catcher_tells_where_the_error_goes_on_and_with_what():
    said = tried(task(Catch=CATCH), input={"n": 1}, mock=failing("Busy", "why"))
    assert (said["status"], said["nextState"]) == ("CAUGHT_ERROR", "B")
    assert said["output"] == {"n": 1, "error": {"Error": "Busy", "Cause": "why"}}
    assert said["inspectionData"]["errorDetails"] == {"catchIndex": 1}
    assert said["inspectionData"]["variables"] == {"seen": "Busy"}


def test_without_retry_and_catch_there_are_no_details():
    said = tried(task(), mock=failing("Busy"))
    assert (said["status"], said["error"]) == ("FAILED", "Busy")
    assert "errorDetails" not in said["inspectionData"]


def test_the_runtime_error_is_caught_by_nobody():
    state = task(Parameters={"a.$": "$.none"}, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "B"}])
    assert tried(state, mock=mocked({}))["status"] == "FAILED"


def test_an_expression_that_fails_is_caught():
    catch: Json = [{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "B", "Output": "{% $states.errorOutput %}"}]
    state = task(Arguments="{% $none %}", Output="{% 1 %}", Catch=catch, QueryLanguage="JSONata")
    said = tried(state, mock=mocked({}))
    assert (said["status"], said["nextState"]) == ("CAUGHT_ERROR", "B")
    assert "returned nothing" in said["output"]["Cause"]


def test_an_output_that_cannot_be_made_is_caught_as_well():
    catch: Json = [{"ErrorEquals": ["States.ALL"], "Next": "B"}]
    state = task(Output="{% $states.result.none %}", Catch=catch, QueryLanguage="JSONata")
    assert tried(state, mock=mocked({}))["status"] == "CAUGHT_ERROR"


def test_a_fail_state_fails_with_its_error_and_cause():
    assert tried({"Type": "Fail", "Error": "E", "Cause": "c"}, input={}, level="INFO") == {
        "status": "FAILED",
        "error": "E",
        "cause": "c",
    }
