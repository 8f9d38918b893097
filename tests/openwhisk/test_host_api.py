"""The REST API of the local host: entities, calls, records, and who may ask at all."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from statebox.asl.jsontext import read_json
from statebox.openwhisk.config import Basic
from statebox.openwhisk.local.host import GUEST_AUTH, ActionHost
from statebox.openwhisk.local.limits import HostLimits
from tests.openwhisk.conftest import StartHost, Write
from tests.openwhisk.rest import Rest, python
from tests.waiting import wait_until

ECHO = "def main(params):\n    print('here')\n    return {'got': params}\n"
FAIL = "def main(params):\n    return {'error': 'boom'}\n"


async def test_the_host_says_what_it_is_and_what_it_allows(rest: Rest):
    about = await rest.get("/")
    assert (about["description"], about["api_paths"]) == ("OpenWhisk", ["/api/v1"])
    assert about["limits"]["max_action_duration"] == 300_000
    assert list(about["runtimes"]) == ["python"]
    assert (await rest.get("/api/v1"))["api_version_path"] == "v1"
    assert await rest.get("/api/v1/namespaces") == ["guest"]
    assert await rest.get("/api/v1/namespaces/") == ["guest"]
    limits = await rest.get("limits")
    assert (limits["concurrentInvocations"], limits["allowedKinds"][1]) == (1000, "python:default")


@pytest.mark.parametrize("path", ["/", "/api/v1", "/api/v1/namespaces", "/api/v1/namespaces/_/actions/x", "/nowhere"])
async def test_nothing_is_answered_without_the_right_key(rest: Rest, path: str):
    for wrong in ("Basic d3Jvbmc6a2V5", "Bearer x", "Basic", ""):
        answer = await rest.send("GET", path, headers={"Authorization": wrong})
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
        assert answer.body["error"] == "The supplied authentication is invalid."


async def test_the_key_is_the_standalone_guests_unless_another_is_given(host: ActionHost, start_host: StartHost):
    assert host.auth == GUEST_AUTH
    async with Rest(await start_host(auth="some:body", namespace="ours")) as rest:
        assert await rest.get("/api/v1/namespaces") == ["ours"]


async def test_another_namespace_is_not_ones_own(rest: Rest):
    answer = await rest.send("GET", "/api/v1/namespaces/theirs/actions")
    assert answer.status == 403
    assert answer.body["error"] == "The supplied authentication is not authorized to access 'theirs'."
    assert await rest.get("/api/v1/namespaces/guest/actions") == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example.com"},
        {"Host": "127.0.0.1.evil.example.com:80"},
        {"Host": "192.168.0.1"},
        {"Host": "[bad"},
        {"Origin": "https://evil.example.com"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
    ],
    ids=str,
)
async def test_a_web_page_of_another_origin_is_refused_even_with_the_key(rest: Rest, headers: dict[str, str]):
    answer = await rest.send("GET", "actions", headers=headers)
    assert answer.status == 403


async def test_a_request_in_the_hosts_own_name_is_served(host: ActionHost, rest: Rest):
    for name in ("localhost:1", "127.0.0.1", "[::1]:80"):
        assert (await rest.send("GET", "actions", headers={"Host": name})).status == 200
    assert (await rest.send("GET", "actions", headers={"Origin": host.url})).status == 200


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.0.1"])
def test_the_host_listens_on_this_machine_only(address: str):
    with pytest.raises(ValueError, match="does not listen on"):
        ActionHost(host=address)


async def test_a_port_that_is_taken_is_an_error_and_nothing_is_left_behind(host: ActionHost):
    with pytest.raises(OSError, match="address already in use"):
        await ActionHost(port=host.port).start()


async def test_the_host_can_listen_on_ipv6_and_be_named_localhost():
    async with ActionHost(host="::1", node=None) as host, Rest(host) as rest:
        assert host.url == f"http://[::1]:{host.port}"
        assert await rest.get("/api/v1/namespaces") == ["guest"]
    async with ActionHost(host="localhost", node=None) as host, Rest(host) as rest:
        assert await rest.get("/api/v1/namespaces") == ["guest"]
    assert repr(host) == "<ActionHost not started>"


async def test_the_request_id_is_the_transaction_id_and_comes_back(rest: Rest, write: Write):
    write("env.py", "import os\ndef main(p): return {'id': os.environ['__OW_TRANSACTION_ID']}\n")
    path = "actions/env?blocking=true&result=true"
    answer = await rest.send("POST", path, {}, {"X-Request-ID": "mine"})
    assert (answer.body, answer.headers["X-Request-ID"]) == ({"id": "mine"}, "mine")
    for given in ("sid_taken", ""):
        answer = await rest.send("POST", path, {}, {"X-Request-ID": given})
        assert answer.body["id"] == answer.headers["X-Request-ID"] != given
    refused = await rest.send("GET", "actions/none", headers={"X-Request-ID": "mine"})
    assert refused.body == {"error": "The requested resource does not exist.", "code": "mine"}


async def test_a_blocking_call_answers_with_the_record_and_the_logs_are_in_the_one_that_is_kept(
    rest: Rest, write: Write
):
    write("echo.py", ECHO)
    answer = await rest.post("actions/echo?blocking=true", {"n": 1})
    record = answer.body
    assert answer.status == 200
    assert answer.headers["x-openwhisk-activation-id"] == record["activationId"]
    assert record["response"] == {"status": "success", "success": True, "result": {"got": {"n": 1}}}
    assert (record["namespace"], record["name"], record["version"], record["logs"]) == ("guest", "echo", "0.0.1", [])
    annotations = {entry["key"]: entry["value"] for entry in record["annotations"]}
    assert annotations["path"] == "guest/echo"
    assert annotations["timeout"] is False
    assert annotations["initTime"] > 0
    kept = await rest.get(f"activations/{record['activationId']}")
    assert [line[31:] for line in kept["logs"]] == ["stdout: here"]
    assert kept | {"logs": []} == record
    assert await rest.get(f"activations/{record['activationId']}/result") == record["response"]
    warm = (await rest.post("actions/echo?blocking=true")).body
    assert "initTime" not in {entry["key"] for entry in warm["annotations"]}


async def test_only_the_result_can_be_asked_for(rest: Rest, write: Write):
    write("echo.py", ECHO)
    write("fail.py", FAIL)
    write("two.py", "def main(p): return [1, 2]\n")
    write("crash.py", "def main(p): return 7\n")
    answer = await rest.post("actions/echo?blocking=true&result=true", {"n": 1})
    assert (answer.status, answer.body) == (200, {"got": {"n": 1}})
    answer = await rest.post("actions/fail?blocking=true&result=true")
    assert (answer.status, answer.body) == (502, {"error": "boom"})
    answer = await rest.post("actions/crash?blocking=true&result=true")
    assert (answer.status, answer.body) == (502, {"error": "The action did not return a dictionary or array."})
    for only in ("true", "false"):
        answer = await rest.post(f"actions/two?blocking=true&result={only}")
        assert (answer.status, answer.body) == (200, [1, 2])
    answer = await rest.post("actions/fail?blocking=true")
    assert (answer.status, answer.body["response"]["status"]) == (502, "application error")


async def test_a_call_that_is_not_blocking_is_accepted_at_once(rest: Rest, write: Write):
    write("echo.py", ECHO)
    answer = await rest.post("actions/echo")
    id = answer.body["activationId"]
    assert (answer.status, answer.headers["x-openwhisk-activation-id"]) == (202, id)

    async def is_there() -> bool:
        return (await rest.send("GET", f"activations/{id}")).status == 200

    await wait_until(is_there, "the record appears")


async def test_a_call_may_come_without_a_body(rest: Rest, write: Write):
    write("echo.py", ECHO)
    answer = await rest.send("POST", "actions/echo?blocking=true&result=true")
    assert answer.body == {"got": {}}


@pytest.mark.parametrize(
    ("query", "body", "headers", "status"),
    [
        ("", b"{broken", {}, 400),
        ("", b"[1]", {}, 400),
        ("", b'{"n": NaN}', {}, 400),
        ("", b"n=1", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ("?blocking=true&timeout=0", b"{}", {}, 400),
        ("?blocking=true&timeout=60001", b"{}", {}, 400),
        ("?blocking=true&timeout=soon", b"{}", {}, 400),
    ],
)
async def test_a_call_that_is_malformed_is_refused(
    rest: Rest, write: Write, query: str, body: bytes, headers: dict[str, str], status: int
):
    write("echo.py", ECHO)
    answer = await rest.send("POST", f"actions/echo{query}", body, headers)
    assert answer.status == status
    assert answer.body.keys() == {"error", "code"}


async def test_a_sequence_hands_results_on_and_is_one_activation_with_its_parts(rest: Rest, write: Write):
    write("inc.py", "def main(p): return {'n': p['n'] + p.get('by', 1)}\n")
    write("fail.py", FAIL)
    await rest.put(
        "actions/by2", python("def main(p): return {'n': p['n'] + p['by']}", parameters=[{"key": "by", "value": 2}])
    )
    entity = await rest.put("actions/seq", {"exec": {"kind": "sequence", "components": ["/_/inc", "/guest/by2"]}})
    assert entity["exec"] == {"kind": "sequence", "components": ["/guest/inc", "/guest/by2"]}
    answer = await rest.post("actions/seq?blocking=true", {"n": 1})
    assert answer.body["response"]["result"] == {"n": 4}
    record = await rest.get(f"activations/{answer.body['activationId']}")
    children = [await rest.get(f"activations/{id}") for id in record["logs"]]
    assert [child["name"] for child in children] == ["inc", "by2"]
    assert {child["cause"] for child in children} == {record["activationId"]}

    await rest.put("actions/seq", {"exec": {"kind": "sequence", "components": ["/_/inc", "/_/fail", "/_/inc"]}})
    answer = await rest.post("actions/seq?blocking=true", {"n": 1})
    assert (answer.status, answer.body["response"]["result"]) == (502, {"error": "boom"})
    assert len((await rest.get(f"activations/{answer.body['activationId']}"))["logs"]) == 2


async def test_a_sequence_whose_part_is_gone_or_that_is_part_of_itself_fails(rest: Rest, write: Write):
    write("inc.py", "def main(p): return p\n")
    await rest.put("actions/gone", python(ECHO))
    await rest.put("actions/seq", {"exec": {"kind": "sequence", "components": ["inc", "gone"]}})
    await rest.delete("actions/gone")
    answer = await rest.post("actions/seq?blocking=true&result=true")
    assert answer.body == {"error": "/guest/gone: The requested resource does not exist."}
    await rest.put("actions/seq", {"exec": {"kind": "sequence", "components": ["seq"]}})
    assert (await rest.post("actions/seq?blocking=true&result=true")).body == {"error": "The sequence is too deep."}


async def test_listings_come_in_pages(rest: Rest, write: Write):
    for n in range(35):
        write(f"a{n}.py", ECHO)
    assert len(await rest.get("actions")) == 30
    assert len(await rest.get("actions?limit=0")) == 35
    assert len(await rest.get("actions?limit=20&skip=20")) == 15
    assert await rest.get("actions?count=true") == {"actions": 35}
    assert (await rest.send("GET", "actions?limit=201")).status == 400
    assert (await rest.send("GET", "actions?skip=-1")).status == 400
    assert "code" not in str(await rest.get("actions"))


async def test_activations_are_listed_by_name_and_time(rest: Rest, write: Write):
    write("echo.py", ECHO)
    write("math/echo.py", ECHO)
    write("fail.py", FAIL)
    for name in ("echo", "math/echo", "fail"):
        await rest.post(f"actions/{name}?blocking=true", {"n": 1})
    listed = await rest.get("activations")
    assert [entry["name"] for entry in listed] == ["fail", "echo", "echo"]
    assert [entry["statusCode"] for entry in listed] == [1, 0, 0]
    assert "response" not in listed[0]
    assert len(await rest.get("activations?name=echo")) == 2
    assert len(await rest.get("activations?name=math/echo")) == 1
    assert len(await rest.get("activations?name=none")) == 0
    assert (await rest.get("activations?docs=true&limit=1"))[0]["response"]["result"] == {"error": "boom"}
    start_ms = listed[0]["start"]
    assert len(await rest.get(f"activations?since={start_ms + 1}")) == 0
    assert len(await rest.get(f"activations?since={start_ms}")) >= 1
    assert len(await rest.get("activations?upto=1")) == 0
    assert await rest.get("activations?count=true&skip=1") == {"activations": 2}
    assert (await rest.send("GET", "activations/short")).status == 400
    assert (await rest.send("GET", f"activations/{'0' * 32}")).status == 404
    assert (await rest.send("GET", f"activations/{'0' * 32}/logs")).status == 404


async def test_only_as_many_records_are_kept_as_there_is_room_for(start_host: StartHost, write: Write):
    write("echo.py", ECHO)
    async with Rest(await start_host(HostLimits(activations=3))) as rest:
        ids = [(await rest.post("actions/echo?blocking=true")).body["activationId"] for _ in range(5)]
        assert [entry["activationId"] for entry in await rest.get("activations")] == ids[:1:-1]
    async with Rest(await start_host(HostLimits(activation_bytes=10_000))) as rest:
        for _ in range(5):
            await rest.post("actions/echo?blocking=true", {"text": "x" * 4_000})
        assert len(await rest.get("activations")) == 2


async def test_what_the_host_does_not_have_is_said(rest: Rest):
    for path in ("triggers", "triggers/t1", "rules", "rules/r1"):
        answer = await rest.send("PUT", path, {})
        assert (answer.status, answer.body["error"]) == (501, "The local action host has no triggers and no rules.")
    assert (await rest.send("GET", "/nowhere")).status == 404
    answer = await rest.send("PATCH", "actions/x")
    assert (answer.status, answer.headers["Allow"]) == (405, "DELETE,GET,HEAD,POST,PUT")


async def test_each_start_and_end_is_a_line_in_the_log_when_one_is_wanted(
    start_host: StartHost, write: Write, tmp_path: Path
):
    write("echo.py", ECHO)
    log = tmp_path / "invocations.jsonl"
    log.write_text('{"event":"before"}\n')
    async with Rest(await start_host(invocation_log=log)) as rest:
        answer = await rest.send("POST", "actions/echo?blocking=true", {}, {"X-Request-ID": "attempt-1"})
    lines = [read_json(line) for line in log.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["before", "start", "end"]
    for line in lines[1:]:
        assert line | {"event": "", "time": 0} == {
            "event": "",
            "action": "/guest/echo",
            "activation": answer.body["activationId"],
            "transaction": "attempt-1",
            "time": 0,
        }


async def test_a_body_without_a_length_is_measured_while_it_is_read(host: ActionHost, write: Write):
    write("echo.py", ECHO)

    async def chunks():
        for _ in range(30):
            yield b" " * 100_000

    url = f"{host.url}/api/v1/namespaces/_/actions/echo"
    headers = {"Authorization": Basic(host.auth).header}
    async with aiohttp.ClientSession() as session, session.post(url, data=chunks(), headers=headers) as answer:
        assert answer.status == 413


async def test_a_body_without_end_is_not_read_to_its_end(start_host: StartHost):
    host = await start_host(HostLimits(code_bytes=1000, payload_bytes=1000))

    async def chunks():
        for _ in range(30):
            yield b" " * 1_000

    url = f"{host.url}/api/v1/namespaces/_/actions/echo"
    headers = {"Authorization": Basic(host.auth).header}
    async with aiohttp.ClientSession() as session, session.put(url, data=chunks(), headers=headers) as answer:
        assert answer.status == 413
        assert (await answer.json()).keys() == {"error", "code"}
