"""The npm package @aws-sdk/client-sfn, as it is published, on the daemon."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from statebox.asl.jsontext import Json, read_json
from statebox.config import Secret
from statebox.embedded import EmbeddedValkey
from tests.http.signing import KEY_ID, SECRET
from tests.http.site import Site, open_site
from tests.programs import need_node_modules, need_program

FOLDER = Path(__file__).with_name("npm")


async def run(url: str, key_id: str, secret: str) -> Json:
    """What the client was answered."""
    need_node_modules(FOLDER)
    process = await asyncio.create_subprocess_exec(
        *(str(need_program("node")), str(FOLDER / "client.js"), url, key_id, secret),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return read_json(out)


async def test_the_client_for_javascript_creates_starts_pages_and_tries(site: Site):
    told = await run(site.daemon.url, "any", "any")

    assert told["isDate"] is True
    assert (told["end"]["status"], told["end"]["output"]) == ("SUCCEEDED", '{"n":1}')
    assert told["events"] == ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]
    assert (told["sync"]["status"], told["sync"]["output"]) == ("SUCCEEDED", '{"n":2}')
    assert (told["tried"]["status"], told["tried"]["output"]) == ("SUCCEEDED", '{"n":3}')
    assert (told["missing"]["name"], told["missing"]["known"]) == ("ExecutionDoesNotExist", True)
    assert (told["invalid"]["name"], told["invalid"]["known"]) == ("InvalidDefinition", True)


async def test_what_it_signs_is_verified(valkey: EmbeddedValkey, tmp_path: Path):
    async with open_site(valkey, tmp_path, access_keys=(Secret(f"{KEY_ID}:{SECRET}"),)) as site:
        assert (await run(site.daemon.url, KEY_ID, SECRET))["end"]["status"] == "SUCCEEDED"

        with pytest.raises(AssertionError, match="InvalidSignatureException"):
            await run(site.daemon.url, KEY_ID, SECRET[:-1])
