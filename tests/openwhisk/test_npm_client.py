"""The npm client `openwhisk`, as it is published, on the local action host."""

from __future__ import annotations

import asyncio
import base64
import io
import zipfile
from pathlib import Path

from statebox.asl.jsontext import Json, read_json
from statebox.openwhisk.local.limits import HostLimits
from tests.openwhisk.conftest import StartHost
from tests.programs import need_node_modules, need_program

FOLDER = Path(__file__).with_name("npm")


def annotation(entity: Json, key: str) -> Json:
    return next((entry["value"] for entry in entity["annotations"] if entry["key"] == key), None)


async def test_the_npm_client_creates_calls_and_looks_at_actions(start_host: StartHost):
    need_node_modules(FOLDER)
    node = str(need_program("node"))
    host = await start_host(HostLimits(blocking_wait_ms=1000), node=node)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("index.js", "exports.main = () => ({ from: 'an archive' })")
        writer.writestr("package.json", "{}")
    process = await asyncio.create_subprocess_exec(
        node,
        str(FOLDER / "client.js"),
        host.url,
        host.auth,
        base64.b64encode(archive.getvalue()).decode(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    results = read_json(out)

    assert (results["created"]["version"], results["created"]["namespace"]) == ("0.0.1", "guest")
    assert results["createdAgain"]["statusCode"] == 409
    assert results["updated"]["version"] == "0.0.2"
    assert annotation(results["updated"], "web-export") is True
    assert results["updated"]["limits"]["timeout"] == 5000
    assert [entity["name"] for entity in results["listed"]] == ["hello"]
    assert results["page"] == []
    assert "def main" in results["got"]["exec"]["code"]
    assert "code" not in results["gotWithoutCode"]["exec"]

    assert results["result"] == {"greeting": "Hello World"}
    assert results["record"]["response"]["result"] == {"greeting": "Hello World"}
    assert results["awaited"]["response"] == {
        "status": "success",
        "success": True,
        "result": {"greeting": "Hello later"},
    }
    assert [line[31:] for line in results["logs"]["logs"]] == ["stdout: hello later"]
    assert results["activationResult"]["result"] == {"greeting": "Hello later"}
    assert [entry["activationId"] for entry in results["activations"]] == [
        results["fromText"]["activationId"],
        results["submitted"]["activationId"],
    ]

    assert results["node"] == {"greeting": "Hi World"}
    assert results["zipped"] == {"from": "an archive"}
    assert results["package"]["name"] == "math"
    assert results["inPackage"] == {"n": 42}
    assert [package["name"] for package in results["packages"]] == ["math"]
    assert results["sequence"] == {"n": 4}

    assert results["failed"]["statusCode"] == 502
    assert results["failed"]["error"]["response"]["result"] == {"error": {"code": "E_NO"}}
    assert list(results["slow"]) == ["activationId"]
    assert (results["missing"]["statusCode"], results["refused"]["statusCode"]) == (404, 401)
    assert results["deleted"]["name"] == "hello"
    assert results["gone"]["statusCode"] == 404
    assert results["namespaces"] == ["guest"]
