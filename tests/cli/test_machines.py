"""`statebox machines`: a machine from its creation to its end, with its versions and aliases."""

from __future__ import annotations

from pathlib import Path

import pytest

from statebox.asl.jsontext import write_json_text
from statebox.cli.versions import read_routes
from tests.cli.conftest import Call
from tests.cli.test_executions import wait_for_status


def definition(tmp_path: Path, name: str, says: str) -> Path:
    file = tmp_path / f"{name}.json"
    states = {"Say": {"Type": "Pass", "Result": says, "End": True}}
    file.write_text(write_json_text({"StartAt": "Say", "States": states}))
    return file


def said(call: Call, id: str) -> str:
    wait_for_status(call, id, "SUCCEEDED")
    return call("describe", id, "--json").json["output"]


def test_a_machine_is_created_started_changed_and_deleted(call: Call, tmp_path: Path):
    assert call("machines", "create", definition(tmp_path, "greet", "hello"), "--tag", "team=a").word == "greet"
    assert "\ngreet " in call("machines", "list").stdout

    shown = call("machines", "describe", "greet").stdout
    assert "status      ACTIVE\n" in shown
    assert '"Result":"hello"' in shown
    assert said(call, call("start", "greet").word) == '"hello"'

    assert call("machines", "update", "greet", definition(tmp_path, "other", "bye")).word == "greet"
    assert said(call, call("start", "greet").word) == '"bye"'

    assert call("machines", "delete", "greet").exit_code == 0
    refused = call("machines", "describe", "greet")
    assert (refused.exit_code, "greet" in refused.stderr) == (1, True)


def test_a_definition_that_is_refused_is_told_with_lines_and_columns(call: Call, tmp_path: Path):
    file = tmp_path / "broken.json"
    file.write_text('{"StartAt": "Nowhere",\n "States": {"A": {"Type": "Nap"}}}')

    refused = call("machines", "create", file)

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert f"{file}:2:" in refused.stderr


def test_the_same_name_is_created_once(call: Call, tmp_path: Path):
    create = ("machines", "create", "--name", "once")

    assert call(*create, definition(tmp_path, "one", "1")).word == "once"
    assert call(*create, definition(tmp_path, "one", "1")).word == "once"
    refused = call(*create, definition(tmp_path, "two", "2"))
    assert (refused.exit_code, "State Machine Already Exists" in refused.stderr) == (1, True)
    assert "`statebox machines update`" in refused.stderr


def test_tags_and_files_that_are_none_are_refused(call: Call, tmp_path: Path):
    refused = call("machines", "create", definition(tmp_path, "tagged", "1"), "--tag", "team")
    assert (refused.exit_code, "'team' is not KEY=VALUE" in refused.stderr) == (2, True)

    assert call("machines", "create", tmp_path / "nothing.json").exit_code == 1


def test_versions_stay_as_they_were_and_an_alias_parts_the_executions(call: Call, tmp_path: Path):
    call("machines", "create", definition(tmp_path, "versioned", "one"), "--publish")
    assert call("machines", "update", "versioned", definition(tmp_path, "second", "two"), "--publish").exit_code == 0
    assert call("machines", "publish", "versioned", "--description", "the same").word == "versioned:2"

    versions = call("machines", "versions", "versioned").stdout.splitlines()
    assert [line.split()[0] for line in versions] == ["VERSION", "versioned:2", "versioned:1"]
    assert said(call, call("start", "versioned:1").word) == '"one"'
    assert "the machine has no version or alias '3'" in call("start", "versioned:3").stderr

    assert call("machines", "alias", "versioned:live", "--to", "1").word == "versioned:live"
    assert said(call, call("start", "versioned:live").word) == '"one"'
    assert (
        call("machines", "alias", "versioned:live", "--to", "1=0", "--to", "2", "--description", "now").exit_code == 0
    )
    assert said(call, call("start", "versioned:live").word) == '"two"'
    shown = call("machines", "describe", "versioned:live").stdout
    assert "routes   100 % to versioned:2\n" in shown
    assert "about    now\n" in shown
    assert "versioned:live" in call("machines", "aliases", "versioned").stdout

    refused = call("machines", "delete", "versioned:2")
    assert (refused.exit_code, "must not be referenced by an alias" in refused.stderr) == (1, True)
    for name in ("versioned:live", "versioned:2"):
        assert call("machines", "delete", name).exit_code == 0
    assert "none" in call("machines", "aliases", "versioned").stderr
    assert [
        one["stateMachineVersionArn"][-1]
        for one in call("machines", "versions", "versioned", "--json").json["stateMachineVersions"]
    ] == ["1"]


def test_an_alias_for_a_version_that_is_not_there_is_told_which_are(call: Call, tmp_path: Path):
    call("machines", "create", definition(tmp_path, "few", "one"), "--publish")
    to_nowhere = ("machines", "alias", "few:live", "--to", "1=90", "--to", "2=10")

    assert "few has no version 2; it has 1:" in call(*to_nowhere).stderr
    call("machines", "alias", "few:live", "--to", "1")
    refused = call(*to_nowhere)
    assert (refused.exit_code, "few has no version 2; it has 1:" in refused.stderr) == (1, True)


@pytest.mark.parametrize(
    ("words", "routes"),
    [(("3",), [("3", 100)]), (("3", "4=10"), [("3", 90), ("4", 10)]), (("3=25", "4=75"), [("3", 25), ("4", 75)])],
)
def test_a_version_without_a_percentage_gets_what_is_left(words: tuple[str, ...], routes: list[tuple[str, int]]):
    assert read_routes(words) == routes


@pytest.mark.parametrize("words", [("--to", "x"), ("--to", "1=ten"), ("--to", "1", "--to", "2"), ()])
def test_routes_that_cannot_be_read_are_wrong_usage(offline: Call, words: tuple[str, ...]):
    assert offline("machines", "alias", "versioned:live", *words).exit_code == 2


def test_an_alias_needs_a_name(offline: Call):
    assert "is not NAME:ALIAS" in offline("machines", "alias", "versioned", "--to", "1").stderr
