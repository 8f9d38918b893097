"""Actions and packages that clients put on the local host."""

from __future__ import annotations

from pathlib import Path

import pytest

from statebox.asl.jsontext import Json
from statebox.openwhisk.local.limits import HostLimits
from tests.openwhisk.conftest import StartHost
from tests.openwhisk.rest import Rest, python

ECHO = "def main(params):\n    return {'got': params}\n"


async def test_an_action_is_created_updated_and_deleted(rest: Rest):
    created = await rest.put("actions/hello", python(ECHO, parameters=[{"key": "a", "value": 1}]), overwrite=False)
    assert (created["version"], created["publish"]) == ("0.0.1", False)
    assert {"key": "provide-api-key", "value": False} in created["annotations"]
    assert {"key": "exec", "value": created["exec"]["kind"]} in created["annotations"]

    again = await rest.send("PUT", "actions/hello", python(ECHO))
    assert (again.status, again.body["error"]) == (409, "resource already exists")

    annotations = [{"key": "web-export", "value": True}]
    updated = await rest.put("actions/hello", {"annotations": annotations, "limits": {"timeout": 1000, "memory": 128}})
    assert (updated["version"], updated["limits"]["timeout"], updated["limits"]["memory"]) == ("0.0.2", 1000, 128)
    assert updated["parameters"] == [{"key": "a", "value": 1}]
    assert updated["exec"] == created["exec"]
    assert {"key": "web-export", "value": True} in updated["annotations"]

    lessened = await rest.put("actions/hello", {"delAnnotations": ["web-export"], "parameters": [], "publish": True})
    assert (lessened["parameters"], lessened["publish"]) == ([], True)
    assert "web-export" not in {entry["key"] for entry in lessened["annotations"]}
    assert lessened["limits"]["timeout"] == 1000

    named = await rest.put("actions/hello", python(ECHO, version="2.0.0"))
    assert named["version"] == "2.0.0"
    assert (await rest.delete("actions/hello"))["name"] == "hello"
    assert (await rest.send("GET", "actions/hello")).status == 404
    assert (await rest.send("DELETE", "actions/hello")).status == 404


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({}, 400, "the action's exec is missing"),
        ({"exec": {"code": ""}}, 400, "missing required field `kind`"),
        ({"exec": {"kind": "python:3"}}, 400, "the action's code is missing"),
        (
            {"exec": {"kind": "cobol:85", "code": "x"}},
            400,
            "The specified runtime 'cobol:85' is not supported by this platform. Valid values are: python:3",
        ),
        ({"exec": {"kind": "nodejs:20", "code": "x"}}, 400, "The specified runtime 'nodejs:20' is not supported"),
        (python("x", limits={"timeout": 99}), 400, "less than the minimum of 100 milliseconds"),
        (python("x", limits={"timeout": 300_001}), 400, "larger than the maximum of 300000 milliseconds"),
        (python("x", limits={"memory": 64}), 400, "less than the minimum of 128 megabytes"),
        (python("x", limits={"memory": "much"}), 400, "Expected `int | null`, got `str`"),
        (python("x", parameters={"a": 1}), 400, "Expected `array | null`, got `object`"),
        ({"exec": {"kind": "sequence"}}, 400, "A sequence has 1 to 50 components."),
        ({"exec": {"kind": "sequence", "components": ["/_/none"]}}, 404, "does not exist"),
        ({"exec": {"kind": "sequence", "components": ["/other/none"]}}, 404, "does not exist"),
        ({"exec": {"kind": "sequence", "components": ["/a/b/c/d"]}}, 400, "not the name of an action"),
        (python("x" * 2000), 413, "The code is larger than allowed"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_an_action_that_cannot_be_is_refused(start_host: StartHost, body: Json, status: int, error: str):
    async with Rest(await start_host(HostLimits(code_bytes=1000))) as rest:
        answer = await rest.send("PUT", "actions/hello", body)
        assert answer.status == status
        assert error in answer.body["error"]


async def test_names_that_openwhisk_does_not_allow_are_refused(rest: Rest):
    assert (await rest.send("PUT", "actions/-x", python(ECHO))).status == 400
    assert (await rest.send("PUT", "packages/-x", {})).status == 400


async def test_packages_hold_actions_and_their_parameters(rest: Rest):
    assert (await rest.send("PUT", "actions/math/echo", python(ECHO))).status == 404
    package = await rest.put("packages/math", {"parameters": [{"key": "a", "value": "p"}, {"key": "b", "value": "p"}]})
    assert (package["name"], package["version"], package["actions"]) == ("math", "0.0.1", [])
    assert (await rest.send("PUT", "packages/math", {})).status == 409
    await rest.put(
        "actions/math/echo", python(ECHO, parameters=[{"key": "b", "value": "a"}, {"key": "c", "value": "a"}])
    )

    answer = await rest.post("actions/math/echo?blocking=true&result=true", {"c": "call"})
    assert answer.body == {"got": {"a": "p", "b": "a", "c": "call"}}
    assert [action["name"] for action in (await rest.get("packages/math"))["actions"]] == ["echo"]
    assert [action["name"] for action in await rest.get("actions/math/")] == ["echo"]
    assert (await rest.send("GET", "actions/none/")).status == 404

    changed = await rest.put("packages/math", {"annotations": [{"key": "x", "value": 1}], "publish": True})
    assert (changed["version"], changed["publish"], len(changed["parameters"])) == ("0.0.2", True, 2)
    assert (await rest.send("DELETE", "packages/math")).status == 409
    await rest.delete("actions/math/echo")
    await rest.delete("packages/math")
    assert (await rest.send("GET", "packages/math")).status == 404
    assert (await rest.send("DELETE", "packages/math")).status == 404
    binding = {"binding": {"namespace": "_", "name": "other"}}
    assert (await rest.send("PUT", "packages/bound", binding)).status == 400


async def test_parameters_of_a_final_action_cannot_be_overridden(rest: Rest):
    final = {"annotations": [{"key": "final", "value": True}], "parameters": [{"key": "a", "value": 1}]}
    await rest.put("actions/echo", python(ECHO, **final))
    assert (await rest.post("actions/echo?blocking=true&result=true", {"b": 2})).body == {"got": {"a": 1, "b": 2}}
    answer = await rest.post("actions/echo", {"a": 2})
    assert (answer.status, answer.body["error"]) == (
        400,
        "Request defines parameters that are not allowed (e.g., reserved properties).",
    )


async def test_parameters_that_are_too_large_together_are_refused(rest: Rest):
    await rest.put("actions/echo", python(ECHO, parameters=[{"key": "a", "value": "x" * 600_000}]))
    assert (await rest.post("actions/echo", {"b": "x" * 600_000})).status == 413


async def test_what_clients_put_survives_a_restart_when_there_is_a_folder_for_it(start_host: StartHost, tmp_path: Path):
    data = tmp_path / "data"
    for _ in range(2):
        host = await start_host(data=data)
        async with Rest(host) as rest:
            await rest.put("packages/my pkg", {"parameters": [{"key": "a", "value": {"deep": [1]}}]})
            await rest.put("actions/my%20pkg/echo", python(ECHO, limits={"timeout": 1234}))
            await rest.put("actions/gone", python(ECHO))
            await rest.delete("actions/gone")
        await host.stop()
    async with Rest(await start_host(data=data)) as rest:
        entity = await rest.get("actions/my%20pkg/echo")
        assert (entity["version"], entity["limits"]["timeout"]) == ("0.0.2", 1234)
        answer = await rest.post("actions/my%20pkg/echo?blocking=true&result=true")
        assert answer.body == {"got": {"a": {"deep": [1]}}}
        assert [action["name"] for action in await rest.get("actions")] == ["echo"]


async def test_trouble_on_the_hosts_own_side_is_an_internal_error(
    start_host: StartHost, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    data = tmp_path / "data"
    host = await start_host(data=data)
    data.write_text("in the way")
    async with Rest(host) as rest:
        answer = await rest.send("PUT", "actions/echo", python(ECHO))
        assert (answer.status, answer.body["error"]) == (500, "There was an internal server error.")
        assert (await rest.send("GET", "actions/echo")).status == 404
    assert "failed to serve PUT /api/v1/namespaces/_/actions/echo" in caplog.text
