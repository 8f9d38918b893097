"""`statebox answer`: by machine, name and state, also before anybody asks."""

from __future__ import annotations

import uuid

from statebox.asl.jsontext import read_json
from tests.cli.conftest import Call, Dev
from tests.cli.test_executions import continuations, wait_for_status


def fresh(machine: str) -> str:
    """The id of an execution that is not there yet."""
    return f"{machine}:{uuid.uuid4()}"


def test_what_waits_is_answered(call: Call):
    id = call("start", "ask", "--input", '{"question": "go?"}').word
    continuations(call, id)

    assert call("answer", id, "Ask", "--output", '{"go": true}').word == f"{id} Ask ANSWERED"

    wait_for_status(call, id, "SUCCEEDED")
    assert read_json(call("describe", id, "--json").json["output"]) == {"question": "go?", "go": True}


def test_an_answer_may_come_before_the_start_and_a_second_is_told(call: Call):
    id = fresh("ask")
    kept = call("answer", id, "Ask", "--output", '{"go": true}')
    assert kept.word == f"{id} Ask KEPT"
    assert "nothing waits in Ask now" in kept.stderr

    second = call("answer", id, "Ask")

    assert second.exit_code == 1
    assert "will get an answer that came before" in second.stderr
    assert call("start", "ask", "--name", id.partition(":")[2]).word == id
    wait_for_status(call, id, "SUCCEEDED")


def test_a_branch_of_a_parallel_is_named_by_its_index(call: Call):
    id = fresh("ask-twice")
    shown = call("answer", id, "Both[1]/Right", "--error", "No", "--cause", "thanks", "--json").json
    assert (shown["execution"], shown["status"]) == (id, "KEPT")
    call("start", "ask-twice", "--name", id.partition(":")[2])
    wait_for_status(call, id, "FAILED")
    assert call("describe", id, "--json").json["error"] == "No"


def test_an_answer_may_be_published(call: Call, dev: Dev):
    """By the same address, and once, however many daemons hear it."""
    id = fresh("ask")
    dev.redis("PUBLISH", "resume", f'{{"execution": "{id}", "state": "Ask", "output": {{"by": "redis-cli"}}}}')
    call("start", "ask", "--name", id.partition(":")[2])
    wait_for_status(call, id, "SUCCEEDED")
    assert read_json(call("describe", id, "--json").json["output"]) == {"by": "redis-cli"}


def test_what_cannot_be_meant_is_refused(call: Call):
    for words, said in (
        (("--output", "1", "--error", "No"), "give one of them"),
        (("--cause", "why"), "give --error NAME as well"),
        (("--output", "{"), "--output"),
    ):
        answered = call("answer", "ask:x", "Ask", *words)
        assert answered.exit_code == 2 or "JSON" in answered.stderr
        assert said in answered.stderr
    assert "neither an execution's ARN nor its id" in call("answer", "ask", "Ask").stderr
