"""Actions from a folder: which files are actions, under which names, and what happens when they change."""

from __future__ import annotations

import logging
import os

import pytest

from statebox.asl.jsontext import Json
from statebox.openwhisk.local.host import ActionHost
from tests.openwhisk.conftest import Write
from tests.openwhisk.rest import Rest

ACTION = "def main(params):\n    return {'from': 'python'}\n"
NODE = "const main = () => ({ from: 'node' });\n"


def paths(listing: list[Json]) -> set[str]:
    return {f"{entry['namespace']}/{entry['name']}" for entry in listing}


def annotation(entity: Json, key: str) -> Json:
    return next((entry["value"] for entry in entity["annotations"] if entry["key"] == key), None)


async def test_files_are_actions_and_folders_are_packages(rest: Rest, write: Write):
    for name in ("inc.py", "math/square.py", "math/cube.py", "with space.py", "notes.txt", "_hidden.py", ".dot.py"):
        write(name, ACTION)
    write("math/deeper/none.py", ACTION)
    write("__pycache__/inc.py", ACTION)
    assert paths(await rest.get("actions")) == {
        "guest/inc",
        "guest/with space",
        "guest/math/square",
        "guest/math/cube",
    }
    assert paths(await rest.get("actions/math/")) == {"guest/math/square", "guest/math/cube"}
    assert [package["name"] for package in await rest.get("packages")] == ["math"]
    assert sorted(action["name"] for action in (await rest.get("packages/math"))["actions"]) == ["cube", "square"]
    answer = await rest.post("actions/with%20space?blocking=true&result=true")
    assert answer.body == {"from": "python"}


async def test_an_action_says_which_file_it_comes_from(rest: Rest, write: Write):
    file = write("inc.py", ACTION)
    entity = await rest.get("actions/inc")
    assert annotation(entity, "file") == str(file)
    assert annotation(entity, "exec") == entity["exec"]["kind"]
    assert entity["exec"]["code"] == ACTION
    assert (entity["version"], entity["limits"]["timeout"]) == ("0.0.1", 60_000)
    assert "code" not in (await rest.get("actions/inc?code=false"))["exec"]


async def test_a_changed_file_is_a_new_version(rest: Rest, write: Write):
    file = write("inc.py", ACTION)
    assert (await rest.post("actions/inc?blocking=true&result=true")).body == {"from": "python"}
    write("inc.py", "def main(params):\n    return {'from': 'the second'}\n")
    assert (await rest.post("actions/inc?blocking=true&result=true")).body == {"from": "the second"}
    assert (await rest.get("actions/inc"))["version"] == "0.0.2"
    # The same size, and another time.
    write("inc.py", "def main(params):\n    return {'from': 'the third!'}\n")
    os.utime(file, ns=(1, 1))
    assert (await rest.post("actions/inc?blocking=true&result=true")).body == {"from": "the third!"}
    assert (await rest.get("actions/inc"))["version"] == "0.0.3"


async def test_a_deleted_file_is_no_action_any_more(rest: Rest, write: Write):
    write("inc.py", ACTION).unlink()
    assert (await rest.send("GET", "actions/inc")).status == 404
    file = write("inc.py", ACTION)
    await rest.get("actions/inc")
    file.unlink()
    assert (await rest.post("actions/inc?blocking=true")).status == 404
    assert await rest.get("actions") == []


async def test_a_file_that_cannot_be_read_is_no_action_and_the_log_says_why(
    rest: Rest, write: Write, caplog: pytest.LogCaptureFixture
):
    write("bad.py", "").write_bytes(b"\xff\xfe")
    with caplog.at_level(logging.WARNING):
        assert (await rest.post("actions/bad")).status == 404
    assert "bad.py is no action" in caplog.text


@pytest.mark.parametrize("name", ["..%2Finc", "math%2F..%2Finc", "%2e%2e/inc", "math/%2e%2e%2finc", "_inc", "in%00c"])
async def test_a_name_cannot_lead_out_of_the_folder(rest: Rest, write: Write, name: str):
    write("math/inc.py", ACTION)
    write("../inc.py", ACTION)
    write("_inc.py", ACTION)
    assert (await rest.send("POST", f"actions/{name}", {})).status in (403, 404)


async def test_where_two_files_give_one_action_the_python_file_is_it_and_says_so(node_host: ActionHost, write: Write):
    write("twin.py", ACTION)
    script = write("twin.js", NODE)
    write("node/twin.js", NODE)
    async with Rest(node_host) as rest:
        assert (await rest.post("actions/twin?blocking=true&result=true")).body == {"from": "python"}
        assert (await rest.post("actions/node/twin?blocking=true&result=true")).body == {"from": "node"}
        listed = {f"{entry['namespace']}/{entry['name']}": entry for entry in await rest.get("actions")}
        assert listed.keys() == {"guest/twin", "guest/node/twin"}
        assert annotation(listed["guest/twin"], "shadows") == str(script)
        (script.parent / "twin.py").unlink()
        assert (await rest.post("actions/twin?blocking=true&result=true")).body == {"from": "node"}


async def test_without_node_its_files_are_no_actions(rest: Rest, write: Write):
    write("twin.js", NODE)
    assert await rest.get("actions") == []
    assert (await rest.post("actions/twin")).status == 404


async def test_what_a_client_puts_hides_the_file_until_it_is_deleted(rest: Rest, write: Write):
    write("inc.py", ACTION)
    code = "def main(params):\n    return {'from': 'a client'}\n"
    entity = await rest.put("actions/inc", {"exec": {"kind": "python:default", "code": code}})
    assert entity["version"] == "0.0.2"
    assert annotation(entity, "file") is None
    assert (await rest.post("actions/inc?blocking=true&result=true")).body == {"from": "a client"}
    assert len(await rest.get("actions")) == 1
    await rest.delete("actions/inc")
    assert (await rest.post("actions/inc?blocking=true&result=true")).body == {"from": "python"}


async def test_a_file_is_not_deleted_by_a_client(rest: Rest, write: Write):
    file = write("math/inc.py", ACTION)
    answer = await rest.send("DELETE", "actions/math/inc")
    assert (answer.status, answer.body["error"]) == (409, f"The action is the file {file}: delete that.")
    answer = await rest.send("DELETE", "packages/math")
    assert (answer.status, answer.body["error"]) == (409, "Package not empty (contains 1 entities).")
    file.unlink()
    answer = await rest.send("DELETE", "packages/math")
    assert (answer.status, answer.body["error"]) == (409, "The package is a folder: delete that.")
