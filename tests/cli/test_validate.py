"""`statebox validate`: all problems at once, each with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from statebox.asl.jsontext import read_json, write_json_text
from tests.cli.conftest import INCSQUARE, ROOT, Call

TWO_PROBLEMS = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "C": {"Type": "Nap"}}}'


def test_what_is_right_passes_bare_and_wrapped(offline: Call, tmp_path: Path):
    bare = tmp_path / "bare.json"
    bare.write_text('{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}')

    told = offline("validate", bare, INCSQUARE)

    assert told.exit_code == 0
    assert told.stdout == ""
    assert "0 problems; 2 of 2 files valid" in told.stderr


def test_the_machines_of_this_repository_are_right(offline: Call):
    assert offline("validate", *sorted((ROOT / "state_machines").glob("*.json"))).exit_code == 0


def test_every_problem_is_a_line_with_its_place(offline: Call, tmp_path: Path):
    file = tmp_path / "wrong.json"
    file.write_text(TWO_PROBLEMS)

    told = offline("validate", file)

    assert told.exit_code == 1
    lines = told.stdout.splitlines()
    assert len(lines) >= 2
    assert any(line.startswith(f"{file}:1:51: ") and line.endswith(" at /States/A/Next") for line in lines)
    assert any(line.startswith(f"{file}:1:71: ") and line.endswith(" at /States/C/Type") for line in lines)


def test_lines_and_columns_are_those_of_the_file_also_inside_of_a_wrapper(offline: Call, tmp_path: Path):
    """Each problem points at the name of the field that it is about."""
    file = tmp_path / "wrapper.json"
    file.write_text(
        """{"statemachine": {
  "good": {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}},
  "bad": {
    "StartAt": "A",
    "States": {
      "A": {"Type": "Succeed"},
      "B": {"Type": "Wait", "Seconds": "x", "End": true}
    }
  }
}}"""
    )

    found = read_json(offline("validate", "--json", file).stdout)["diagnostics"]

    assert {(one["location"], one["line"], one["column"]) for one in found} >= {("/States/B/Seconds", 7, 29)}
    assert all(one["machine"] == "bad" for one in found)


def test_broken_json_is_told_with_line_and_column_as_editors_read_it(offline: Call, tmp_path: Path):
    file = tmp_path / "broken.json"
    file.write_text('{\n  "StartAt": "A"\n  "States": {}\n}')

    told = offline("validate", file)

    assert told.exit_code == 1
    assert told.stdout.startswith(f"{file}:3:3: INVALID_JSON_DESCRIPTION: ")


def test_a_wrapper_is_read_whole_and_its_machines_are_named(offline: Call, tmp_path: Path):
    file = tmp_path / "wrapper.json"
    file.write_text(
        write_json_text(
            {"statemachine": {"good": read_json('{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}'), "bad": {}}}
        )
    )

    told = offline("validate", file)

    assert told.exit_code == 1
    assert all(line.startswith(f"{file}:1:") and ": bad: " in line for line in told.stdout.splitlines())


def test_one_bad_file_does_not_hide_the_others(offline: Call, tmp_path: Path):
    wrong = tmp_path / "wrong.json"
    wrong.write_text(TWO_PROBLEMS)
    latin = tmp_path / "latin.json"
    latin.write_bytes('{"StartAt": "Ä"}'.encode("latin-1"))

    told = offline("validate", tmp_path / "missing.json", wrong, latin, tmp_path, INCSQUARE)

    assert told.exit_code == 1
    assert f"{tmp_path / 'missing.json'}: UNREADABLE_FILE: cannot be read: No such file or directory\n" in told.stdout
    assert f"{latin}:1:14: UNREADABLE_FILE: not UTF-8\n" in told.stdout
    assert "Is a directory" in told.stdout
    assert str(wrong) in told.stdout
    assert "1 of 5 files valid" in told.stderr


def test_a_member_of_a_wrapper_that_nobody_knows_is_a_problem(offline: Call, tmp_path: Path):
    """The seed's endpoint refuses it as well: a slip in `input` would run the machine with another input."""
    file = tmp_path / "wrapper.json"
    file.write_text('{"statemachine": {"a": {"StartAt": "A", "States": {"A": {"Type": "Nap"}}}},\n "inptu": 6}')

    told = offline("validate", file)

    assert told.exit_code == 1
    unknown, nap = told.stdout.splitlines()[:2]
    assert unknown.startswith(f"{file}:2:2: UNKNOWN_MEMBER: Nothing is known about 'inptu' in the wrapper")
    assert nap.startswith(f"{file}:1:58: a: ")


def test_a_field_that_does_not_belong_there_is_pointed_at_itself(offline: Call, tmp_path: Path):
    """Its location is AWS's, the object around it; the column is the field's."""
    file = tmp_path / "wrong.json"
    file.write_text(
        """{"StartAt": "A", "Comments": "",
"QueryLanguage": "JSONata", "States": {
"A": {"Type": "Succeed", "Nxt": "B",
 "InputPath": "$"}}}"""
    )

    lines = offline("validate", file).stdout.splitlines()

    assert [line.removeprefix(f"{file}:").partition(": ")[0] for line in lines] == ["1:18", "3:26", "4:2"]
    assert lines[0].endswith("Field 'Comments' is not supported at /")


def test_constants_that_are_no_json_have_their_place(offline: Call, tmp_path: Path):
    file = tmp_path / "nan.json"
    file.write_text('{"StartAt": "A", "States": {\n"A": {"Type": "Pass", "Result": NaN, "End": true}}}')

    assert offline("validate", file).stdout == (f"{file}:2:33: INVALID_JSON_DESCRIPTION: NaN is not a JSON number\n")


def test_stdin_is_a_file_too(offline: Call):
    told = offline("validate", "-", input="[]")

    assert told.exit_code == 1
    assert told.stdout.startswith("stdin:1:1: ")


def test_programs_get_diagnostics(offline: Call, tmp_path: Path):
    file = tmp_path / "broken.json"
    file.write_text("{,}")

    told = offline("validate", "--json", file)

    assert told.exit_code == 1
    (diagnostic,) = read_json(told.stdout)["diagnostics"]
    assert diagnostic["code"] == "INVALID_JSON_DESCRIPTION"
    assert (diagnostic["file"], diagnostic["line"], diagnostic["column"]) == (str(file), 1, 2)
    assert offline("validate", "--json", INCSQUARE).json == {"result": "OK", "diagnostics": []}


@pytest.mark.parametrize(
    ("text", "machine"),
    [
        ('{"StartAt": "A"}', None),
        ('{"States": {}}', None),
        ('{"Comment": "no states at all"}', None),
        ("[1]", None),
        ('{"statemachine": {"a": {}}}', "a"),
        ('{"a": {"StartAt": "A"}}', "a"),
        ('{"a": {"StartAt": "A"}, "Comment": "x"}', None),
        ('{"statemachine": 3}', None),
    ],
)
def test_wrappers_and_definitions_are_told_apart_by_what_is_in_them(
    offline: Call, tmp_path: Path, text: str, machine: str | None
):
    file = tmp_path / "file.json"
    file.write_text(text)

    diagnostics = read_json(offline("validate", "--json", file).stdout)["diagnostics"]

    assert {diagnostic["machine"] for diagnostic in diagnostics} == {machine}
