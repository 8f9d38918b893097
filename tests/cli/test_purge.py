"""`statebox purge`: executions that have ended go when somebody wants it, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from statebox.asl.jsontext import Json
from tests.cli.conftest import Call


@pytest.fixture
def machine(call: Call, tmp_path: Path) -> str:
    """A machine of this test's own with three executions that have ended well and one that has failed."""
    file = tmp_path / "one.json"
    file.write_text('{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}')
    bad = tmp_path / "bad.json"
    bad.write_text('{"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "Oh"}}}')
    name = "purged-" + tmp_path.name.replace("_", "-")[-20:]
    for n in range(3):
        assert call("start", file, "--machine", name, "--name", f"good{n}").exit_code == 0
    assert call("start", bad, "--machine", name, "--name", "bad").exit_code == 0
    return name


def left(call: Call, machine: str) -> list[str]:
    found: list[Json] = call("list", "--machine", machine, "--json").json["executions"]
    return sorted(one["name"] for one in found)


def test_a_dry_run_says_how_many_there_are_and_forgets_none(call: Call, machine: str):
    told = call("purge", machine, "--dry-run")

    assert (told.exit_code, told.stdout) == (0, "4 executions would be forgotten\n")
    assert left(call, machine) == ["bad", "good0", "good1", "good2"]


def test_those_of_one_status_go_and_the_others_stay(call: Call, machine: str):
    told = call("purge", machine, "--status", "failed", "--yes")

    assert (told.exit_code, told.stdout) == (0, "1 execution forgotten\n")
    assert left(call, machine) == ["good0", "good1", "good2"]
    assert call("history", f"{machine}:bad").exit_code == 1


def test_those_of_one_machine_go_for_programs_too(call: Call, machine: str):
    assert call("purge", machine, "--yes", "--json").json == {"executions": 4, "dryRun": False}
    assert left(call, machine) == []


def test_what_ended_just_now_is_not_old(call: Call, machine: str):
    assert call("purge", machine, "--older-than", "1h", "--yes").stdout == "0 executions forgotten\n"
    assert len(left(call, machine)) == 4


def test_nothing_is_forgotten_where_nobody_can_be_asked(call: Call, machine: str):
    refused = call("purge", machine)

    assert refused.exit_code == 2
    assert "say --yes" in refused.stderr
    assert len(left(call, machine)) == 4


def test_an_execution_that_runs_is_not_forgotten(call: Call):
    id = call("start", "ask", "--name", "not-purged").word

    assert call("purge", "ask", "--yes").exit_code == 0
    assert call("describe", id, "--json").json["status"] == "RUNNING"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "say --all"),
        (["m", "--all"], "say --all"),
        (["--all", "--older-than", "7", "--yes"], "no span of time"),
        (["--all", "--status", "running", "--yes"], "running"),
    ],
)
def test_what_is_not_clear_is_refused(offline: Call, words: list[str], why: str):
    refused = offline("purge", *words)

    assert refused.exit_code == 2
    assert why in refused.stderr
