"""The command line `aws` (version 1, from PyPI), with the variables that `statebox aws-env` prints."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from statebox.asl.jsontext import Json, read_json, write_json_text
from tests.aws.sfn import PASS, ROLE
from tests.cli.processes import environment, run
from tests.http.site import Site

AWS = Path(sys.executable).with_name("aws")


class Aws:
    """`await aws("list-executions", ...)`: one command, and what it printed."""

    def __init__(self, url: str, folder: Path) -> None:
        told = run("aws-env", "--json", "--endpoint", url, cwd=folder).json
        # Nothing of the developer's own accounts.
        inherited = {name: value for name, value in environment().items() if not name.startswith("AWS_")}
        self._environment = {**inherited, **told, "AWS_CONFIG_FILE": os.devnull, "AWS_PAGER": ""}
        self._environment["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull

    async def __call__(self, command: str, *words: str) -> Json:
        """Call one. Raises Refused with what it complained about."""
        process = await asyncio.create_subprocess_exec(
            *(str(AWS), "stepfunctions", command, *words, "--output", "json"),
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        if process.returncode:
            raise RefusedByAws(err.decode().strip())
        return read_json(out) if out.strip() else None


class RefusedByAws(Exception):
    """The command ended with an error."""


async def test_a_machine_is_created_run_looked_at_and_deleted(site: Site, tmp_path: Path):
    aws = Aws(site.daemon.url, tmp_path)
    (tmp_path / "pass.json").write_text(PASS)

    created = await aws(
        *("create-state-machine", "--name", "cli", "--role-arn", ROLE),
        *("--definition", f"file://{tmp_path / 'pass.json'}", "--publish", "--tags", "key=team,value=a"),
    )
    arn: str = created["stateMachineArn"]
    started = await aws("start-execution", "--state-machine-arn", arn, "--name", "one", "--input", '{"n": 1}')
    assert started["executionArn"] == arn.replace(":stateMachine:", ":execution:") + ":one"
    assert isinstance(started["startDate"], float)

    described = await aws("describe-execution", "--execution-arn", started["executionArn"])
    assert (described["status"], described["output"]) == ("SUCCEEDED", '{"n":1}')
    listed = await aws("list-executions", "--state-machine-arn", arn, "--status-filter", "SUCCEEDED")
    assert [one["name"] for one in listed["executions"]] == ["one"]
    # Its own paging: a page for each event, and all of them in the end.
    history = await aws("get-execution-history", "--execution-arn", started["executionArn"], "--page-size", "1")
    assert [event["id"] for event in history["events"]] == [1, 2, 3, 4]
    assert await aws("delete-state-machine", "--state-machine-arn", arn) is None


async def test_what_has_the_prefix_sync_finds_the_daemon_by_the_variables_alone(site: Site, tmp_path: Path):
    aws = Aws(site.daemon.url, tmp_path)
    state = write_json_text({"Type": "Pass", "Result": 1, "End": True})

    tried = await aws("test-state", "--definition", state, "--role-arn", ROLE)
    assert (tried["status"], tried["output"]) == ("SUCCEEDED", "1")

    quick = await aws(
        *("create-state-machine", "--name", "quick", "--type", "EXPRESS"),
        *("--definition", PASS, "--role-arn", ROLE),
    )
    sync = await aws("start-sync-execution", "--state-machine-arn", quick["stateMachineArn"], "--input", '{"n": 2}')
    assert (sync["status"], sync["output"]) == ("SUCCEEDED", '{"n":2}')


async def test_an_error_is_told_by_its_name_and_in_words(site: Site, tmp_path: Path):
    aws = Aws(site.daemon.url, tmp_path)

    with pytest.raises(RefusedByAws, match=r"\(InvalidDefinition\).*Invalid State Machine Definition"):
        await aws("create-state-machine", "--name", "cli", "--role-arn", ROLE, "--definition", "{}")
