"""The client: what goes over the wire, and what comes of the answers."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web

from statebox.openwhisk.activation import Activation, Ending, Submitted
from statebox.openwhisk.client import OpenWhiskClient
from statebox.openwhisk.config import Basic, OpenWhiskConfig
from statebox.openwhisk.errors import Lost, Refused, Unreachable
from statebox.openwhisk.names import ActionName
from statebox.openwhisk.replies import Action
from tests.openwhisk.conftest import Connect
from tests.openwhisk.scripted import Scripted, answer, hang_up, record
from tests.waiting import wait_until

INC = ActionName("_", None, "inc")


async def test_a_blocking_call_is_one_post_with_the_parameters_and_the_request_id(server: Scripted, connect: Connect):
    server.will(answer(200, record({"value": 7})))
    client = await connect(server.config)

    activation = await client.invoke(ActionName("ns", "my pkg", "inc"), b'{"value":6}', request_id="attempt-1")

    assert activation == Activation("a" * 32, Ending.SUCCESS, {"value": 7})
    asked = server.asked[0]
    assert asked.method == "POST"
    assert asked.path == "/api/v1/namespaces/ns/actions/my%20pkg/inc?blocking=true&result=false"
    assert asked.body == b'{"value":6}'
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.headers["X-Request-ID"] == "attempt-1"
    assert asked.headers["Authorization"] == Basic("some:body").header
    assert "X-OW-EXTRA-LOGGING" not in asked.headers


async def test_a_call_that_is_not_blocking_is_answered_with_the_activation_id(server: Scripted, connect: Connect):
    server.will(answer(202, {"activationId": "b" * 32}))
    client = await connect(server.config)
    assert await client.invoke(INC, b"{}", request_id="x", blocking=False) == Submitted("b" * 32)
    assert server.asked[0].path == "/api/v1/namespaces/_/actions/inc"


async def test_a_shorter_wait_and_the_storing_of_records_can_be_asked_for(server: Scripted, connect: Connect):
    server.will(answer(202, {"activationId": "b" * 32}))
    client = await connect(server.config, blocking_wait_ms=500, extra_logging=True)
    assert await client.invoke(INC, b"{}", request_id="x") == Submitted("b" * 32)
    assert server.asked[0].query == {"blocking": "true", "result": "false", "timeout": "500"}
    assert server.asked[0].headers["X-OW-EXTRA-LOGGING"] == "on"


async def test_results_arrive_exactly_as_they_were_sent(server: Scripted, connect: Connect):
    text = b'{"big":123456789012345678901234567890,"small":1.10,"zero":0,"null":null,"text":"\\u0000\\ud83d\\ude00"}'
    body = b'{"activationId":"a","response":{"status":"success","success":true,"result":%s}}' % text
    server.will(answer(200, body))
    activation = await (await connect(server.config)).invoke(INC, b"{}", request_id="x")
    assert isinstance(activation, Activation)
    assert activation.result == {
        "big": 123456789012345678901234567890,
        "small": 1.1,
        "zero": 0,
        "null": None,
        "text": "\0😀",
    }


async def test_an_action_that_returns_an_array_is_answered_with_the_bare_array(server: Scripted, connect: Connect):
    server.will(answer(200, [1, 2], {"x-openwhisk-activation-id": "c" * 32}))
    activation = await (await connect(server.config)).invoke(INC, b"{}", request_id="x")
    assert activation == Activation("c" * 32, Ending.SUCCESS, [1, 2])


@pytest.mark.parametrize(
    ("status", "ending"),
    [(502, Ending.APPLICATION_ERROR), (502, Ending.DEVELOPER_ERROR), (500, Ending.INTERNAL_ERROR)],
)
async def test_an_action_that_fails_is_an_activation_too(
    server: Scripted, connect: Connect, status: int, ending: Ending
):
    annotations = [{"key": "kind", "value": "python:3"}, {"key": "timeout", "value": True}]
    server.will(answer(status, record({"error": "boom"}, ending, annotations=annotations)))
    activation = await (await connect(server.config)).invoke(INC, b"{}", request_id="x")
    assert activation == Activation("a" * 32, ending, {"error": "boom"}, timed_out=True)


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (400, {"error": "The request content was malformed", "code": "t"}, "The request content was malformed"),
        (404, {"error": "The requested resource does not exist.", "code": "t"}, "does not exist"),
        (500, {"error": "internal", "code": "t"}, "internal"),
        (502, {"error": {"no": "text"}}, '{"error":{"no":"text"}}'),
        (502, b"<html>\n<b>Bad Gateway</b></html>", "<html> <b>Bad Gateway</b></html>"),
        (503, b"", "no explanation was given"),
        (200, b"<html>", "the answer is not JSON: <html>"),
        (200, {"value": 7}, "an activation record was expected"),
        (200, record({}, "no such status"), "an activation record was expected"),
        (202, {"value": 7}, "names no activation"),
        (204, b"", "no explanation was given"),
    ],
)
async def test_any_other_answer_is_a_refusal_that_says_what_was_answered(
    server: Scripted, connect: Connect, status: int, body: object, message: str
):
    server.will(answer(status, body))
    with pytest.raises(Refused) as refused:
        await (await connect(server.config)).invoke(INC, b"{}", request_id="x")
    assert refused.value.status == status
    assert message in refused.value.message


async def test_a_redirect_is_not_followed_as_the_credentials_are_for_this_host(server: Scripted, connect: Connect):
    server.will(answer(301, b"", {"Location": "https://elsewhere/"}))
    with pytest.raises(Refused, match="HTTP 301: it redirects to https://elsewhere/"):
        await (await connect(server.config)).invoke(INC, b"{}", request_id="x")
    assert len(server.asked) == 1


async def test_retry_after_is_read_as_seconds_or_as_a_date(server: Scripted, connect: Connect):
    client = await connect(server.config)
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    for header, least, most in (("7", 7, 7), (date, 25, 30), ("Mon, 01 Jan 2001 00:00:00 GMT", 0, 0)):
        server.will(answer(429, {"error": "slow down"}, {"Retry-After": header}))
        with pytest.raises(Refused) as refused:
            await client.invoke(INC, b"{}", request_id="x")
        assert refused.value.retry_after_s is not None
        assert least <= refused.value.retry_after_s <= most
    server.will(answer(429, {"error": "slow down"}, {"Retry-After": "soon"}))
    with pytest.raises(Refused) as refused:
        await client.invoke(INC, b"{}", request_id="x")
    assert refused.value.retry_after_s is None


async def test_a_host_that_does_not_answer_the_door_is_unreachable(connect: Connect):
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        config = OpenWhiskConfig(host=f"http://127.0.0.1:{taken.getsockname()[1]}", credentials=Basic("a:b"))
        with pytest.raises(Unreachable, match="cannot be reached"):
            await (await connect(config)).invoke(INC, b"{}", request_id="x")


async def test_a_name_that_nobody_knows_is_unreachable(connect: Connect):
    config = OpenWhiskConfig(host="http://no.such.host.invalid", credentials=Basic("a:b"))
    with pytest.raises(Unreachable, match="cannot be reached"):
        await (await connect(config)).ping()


async def test_a_host_that_takes_no_connection_in_time_is_unreachable(connect: Connect):
    with closing(socket.socket()) as full, closing(socket.socket()) as first, closing(socket.socket()) as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        config = OpenWhiskConfig(host=f"http://127.0.0.1:{full.getsockname()[1]}", credentials=Basic("a:b"))
        with pytest.raises(Unreachable, match="cannot be reached"):
            await (await connect(config, connect_timeout_s=0.1)).invoke(INC, b"{}", request_id="x")


async def test_a_connection_that_breaks_after_the_request_leaves_its_outcome_unknown(
    server: Scripted, connect: Connect
):
    server.will(hang_up)
    with pytest.raises(Lost, match="gave no answer, so the action may have run"):
        await (await connect(server.config)).invoke(INC, b"{}", request_id="x")
    assert len(server.asked) == 1


async def test_an_answer_that_does_not_come_in_time_leaves_the_outcome_unknown(server: Scripted, connect: Connect):
    server.silence.clear()
    server.will(answer(200, record({})))
    client = await connect(server.config, blocking_timeout_s=0.1, answer_timeout_s=0.1)
    with pytest.raises(Lost, match=r"no answer in time|Timeout"):
        await client.invoke(INC, b"{}", request_id="x")
    with pytest.raises(Lost, match=r"no answer in time|Timeout"):
        await client.ping()


async def test_no_more_calls_are_in_flight_than_allowed_and_polls_do_not_wait_for_them(
    server: Scripted, connect: Connect
):
    server.silence.clear()
    server.will(answer(200, record({})))
    client = await connect(server.config, in_flight=2)
    calls = [asyncio.create_task(client.invoke(INC, b"{}", request_id=str(n))) for n in range(5)]
    await wait_until(lambda: len(server.asked) == 2, "the first two calls arrive")
    poll = asyncio.create_task(client.activation("a" * 32))
    await wait_until(lambda: len(server.asked) == 3, "the poll arrives beside them")
    assert [asked.headers.get("X-Request-ID") for asked in server.asked] == ["0", "1", None]
    server.silence.set()
    await poll
    await asyncio.gather(*calls)
    assert [asked.headers.get("X-Request-ID") for asked in server.asked] == ["0", "1", None, "2", "3", "4"]


async def test_a_cancelled_call_gives_its_place_back(server: Scripted, connect: Connect):
    server.silence.clear()
    server.will(answer(200, record({})))
    client = await connect(server.config, in_flight=1)
    stuck = asyncio.create_task(client.invoke(INC, b"{}", request_id="stuck"))
    await wait_until(lambda: len(server.asked) == 1, "the call arrives")
    stuck.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stuck
    server.silence.set()
    await client.invoke(INC, b"{}", request_id="next")
    assert server.asked[-1].headers["X-Request-ID"] == "next"


async def test_a_record_that_is_not_there_yet_is_none(server: Scripted, connect: Connect):
    client = await connect(server.config)
    server.will(answer(404, {"error": "The requested resource does not exist.", "code": "t"}))
    assert await client.activation("d" * 32) is None
    server.will(answer(200, record({"value": 7})))
    assert await client.activation("d" * 32) == Activation("a" * 32, Ending.SUCCESS, {"value": 7})
    assert server.asked[0].path == f"/api/v1/namespaces/_/activations/{'d' * 32}"
    server.will(answer(401, {"error": "no"}))
    with pytest.raises(Refused, match="401"):
        await client.activation("d" * 32)


async def test_all_pages_of_actions_are_listed(server: Scripted, connect: Connect):
    def entity(n: int) -> dict[str, object]:
        return {
            "namespace": "ns/pkg" if n % 2 else "ns",
            "name": f"a{n}",
            "version": "0.0.1",
            "limits": {"timeout": 1000},
            "exec": {"binary": False},
            "annotations": [{"key": "exec", "value": "python:3"}],
        }

    def listing(request: web.Request) -> web.Response:
        skip, limit = int(request.query["skip"]), int(request.query["limit"])
        return answer(200, [entity(n) for n in range(450)][skip : skip + limit])(request)

    server.will(listing)
    found = [action async for action in (await connect(server.config)).actions()]
    assert [action.name.action for action in found] == [f"a{n}" for n in range(450)]
    assert found[1] == Action(ActionName("ns", "pkg", "a1"), "0.0.1", "python:3", 1000)
    assert [asked.query["skip"] for asked in server.asked] == ["0", "200", "400"]


async def test_an_action_is_described_without_its_code(server: Scripted, connect: Connect):
    client = await connect(server.config)
    sequence = {"kind": "sequence", "components": ["/_/a", "/_/b"]}
    server.will(answer(200, {"namespace": "ns", "name": "inc", "version": "0.0.3", "exec": sequence}))
    assert await client.action(INC) == Action(ActionName("ns", None, "inc"), "0.0.3", "sequence", 60_000, 2)
    assert server.asked[0].path == "/api/v1/namespaces/_/actions/inc?code=false"
    server.will(answer(404, {"error": "no"}))
    assert await client.action(INC) is None
    server.will(answer(403, {"error": "no"}))
    with pytest.raises(Refused, match="403"):
        await client.action(INC)
    server.will(answer(200, {"name": "inc"}))
    with pytest.raises(Refused, match="the description of an action was expected"):
        await client.action(INC)


async def test_limits_and_namespaces_are_as_openwhisk_says(server: Scripted, connect: Connect):
    client = await connect(server.config)
    server.will(answer(200, {"concurrentInvocations": 30}))
    assert await client.limits() == {"concurrentInvocations": 30}
    server.will(answer(200, ["ns"]))
    assert await client.ping() == ["ns"]
    server.will(answer(401, {"error": "The supplied authentication is invalid"}))
    with pytest.raises(Refused, match="401"):
        await client.limits()
    with pytest.raises(Refused, match="401"):
        await client.ping()
    server.will(answer(200, "neither"))
    with pytest.raises(Refused):
        await client.limits()
    with pytest.raises(Refused):
        await client.ping()


async def test_a_certificate_is_verified_against_the_own_authority_or_not_at_all_when_asked_to(
    certificate: tuple[Path, Path], connect: Connect
):
    cert, key = certificate
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(cert, key)
    app = web.Application()
    app.router.add_get("/api/v1/namespaces", answer_namespaces)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    host = f"localhost:{runner.addresses[0][1]}"

    def config(*, insecure: bool = False, ca_file: Path | None = None) -> OpenWhiskConfig:
        return OpenWhiskConfig(host=host, credentials=Basic("a:b"), insecure=insecure, ca_file=ca_file)

    try:
        assert await (await connect(config(ca_file=cert))).ping() == ["ns"]
        assert await (await connect(config(insecure=True))).ping() == ["ns"]
        with pytest.raises(Unreachable, match="certificate"):
            await (await connect(config())).ping()
    finally:
        await runner.cleanup()


async def answer_namespaces(request: web.Request) -> web.Response:
    return answer(200, ["ns"])(request)


async def test_the_client_shows_where_it_goes_and_not_with_what_key():
    config = OpenWhiskConfig(host="h", credentials=Basic("top:secret"))
    assert repr(OpenWhiskClient(config)) == "<OpenWhiskClient https://h/api/v1/ namespace=_>"
