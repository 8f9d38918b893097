"""The recorded cases over the wire: which are run, against what, and what they must reach."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from conformance.__main__ import main
from conformance.bars import reached
from conformance.recorded import folder
from statebox.asl.jsontext import Json, write_json_text

# As simple as a runner can be: each case that is chosen agrees when the daemon and its action host answer.
RUNNER = """
import http.client, json, re, sys
told = dict(word.lstrip("-").split("=", 1) for word in sys.argv[1:])
for url in (told["endpoint"], told["actions"]):
    http.client.HTTPConnection(url.removeprefix("http://")).request("GET", "/")
results = [
    {**case, "ok": True, "ok_strict": "loose" not in case["id"], "why": []}
    for case in json.load(open(told["cases"]))
    if re.search(told.get("only", ""), case["id"])
]
json.dump(results, open(told["json"], "w"))
"""


def case(id: str, kind: str, category: str = "some", **more: Json) -> Json:
    return {"id": id, "kind": kind, "category": category, **more}


def conform(place: Path, cases: list[Json], *options: str) -> Result:
    (place / "cases.json").write_text(write_json_text(cases))
    (place / "run_cases.py").write_text(RUNNER)
    return CliRunner().invoke(main, ["--cases", str(place), "--wire", *options])


def test_a_daemon_and_its_action_host_are_started_for_the_cases(tmp_path: Path):
    told = conform(tmp_path, [case("a[1]", "api_error"), case("b", "execution")], "--only", "api_error")

    assert told.exit_code == 0, told.output
    assert "enough  api_error: ok 100.0 %, strict 100.0 % in 1 cases" in told.output
    assert "execution" not in told.output


def test_too_few_that_agree_fail_the_run(tmp_path: Path):
    told = conform(tmp_path, [case("loose", "execution"), case("other", "execution")])

    assert told.exit_code == 1
    assert "TOO FEW execution: ok 100.0 %, strict 50.0 %" in told.output


def test_a_runner_that_breaks_off_is_told(tmp_path: Path):
    told = conform(tmp_path, [{"id": "a", "kind": "execution", "category": "some"}], "--endpoint", "http://127.0.0.1:1")

    assert told.exit_code == 1
    assert "run_cases.py ended with 1" in told.output


def test_no_case_of_that_name_and_no_runner_are_no_failures(tmp_path: Path):
    assert "no recorded case has yours" in conform(tmp_path, [case("a", "execution")], "--only", "yours").output

    (tmp_path / "run_cases.py").unlink()
    told = CliRunner().invoke(main, ["--cases", str(tmp_path), "--wire"])

    assert (told.exit_code, "There is no run_cases.py" in told.output) == (0, True)


def test_executions_are_averaged_over_categories_and_definitions_counted():
    def of(kind: str, category: str, ok: bool, **more: Json) -> Json:
        return {**case("x", kind, category), "ok": ok, "ok_strict": False, **more}

    many = [of("execution", "many", True)] * 9
    few = [of("execution", "few", False), of("execution", "few", False, skipped="why")]
    definitions = [of("rejected_definition", "definition", True), of("validate_definition", "definition", True)]

    executions, validation = reached([*many, *few, *definitions])

    assert (executions.ok, executions.cases, executions.enough) == (50.0, 10, False)
    assert (validation.ok, validation.strict) == (2, 0)
    assert "validation: ok 2 of 2, strict 0 of 2" in str(validation)


@pytest.mark.skipif(not (folder() / "run_cases.py").is_file(), reason="the recordings are not here")
@pytest.mark.parametrize("kind", ["api_error", "validate_definition"])
def test_what_is_refused_and_validated_over_the_wire_is_as_recorded(kind: str):
    told = CliRunner().invoke(main, ["--wire", "--only", kind])

    assert told.exit_code == 0, told.output
    (level,) = [line for line in told.output.splitlines() if "wanted" in line]
    kinds = {"api_error": "ok 100.0 %", "validate_definition": "ok 7 of 7"}
    assert kinds[kind] in level
