"""The npm package @aws-sdk/client-sfn, as it is published, on the daemon."""

from __future__ import annotations

import asyncio
from pathlib import Path

from statebox.asl.jsontext import read_json
from tests.http.site import Site
from tests.programs import need_node_modules, need_program

FOLDER = Path(__file__).with_name("npm")


async def test_the_client_for_javascript_creates_starts_pages_and_tries(site: Site):
    need_node_modules(FOLDER)
    process = await asyncio.create_subprocess_exec(
        str(need_program("node")),
        str(FOLDER / "client.js"),
        site.daemon.url,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    told = read_json(out)

    assert told["isDate"] is True
    assert (told["end"]["status"], told["end"]["output"]) == ("SUCCEEDED", '{"n":1}')
    assert told["events"] == ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]
    assert (told["sync"]["status"], told["sync"]["output"]) == ("SUCCEEDED", '{"n":2}')
    assert (told["tried"]["status"], told["tried"]["output"]) == ("SUCCEEDED", '{"n":3}')
    assert (told["missing"]["name"], told["missing"]["known"]) == ("ExecutionDoesNotExist", True)
    assert (told["invalid"]["name"], told["invalid"]["known"]) == ("InvalidDefinition", True)
