"""The server: what is too large, broken, cut off or in the way, and how it stops."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.test_utils import make_mocked_request

from statebox.asl.jsontext import write_json, write_json_text
from statebox.config import Address
from statebox.embedded import EmbeddedValkey
from statebox.engine.errors import ValidationException
from statebox.engine.records import Counts
from statebox.http.messages import read_bytes
from statebox.http.server import HttpServer
from statebox.http.settings import HttpSettings
from tests.http.site import PASSING, SUSPENDING, Site, open_actions, open_site, states
from tests.waiting import wait_until

SLOW = states("Slow", Slow={"Type": "Task", "Resource": "module:slow", "Parameters": {"seconds": 1}, "End": True})


async def in_pieces(size: int) -> AsyncIterator[bytes]:
    """A body whose length nobody is told before."""
    for _ in range(size // 65536):
        yield b" " * 65536


# Bodies


@pytest.mark.parametrize("path", ["/", "/continuations/x", "/api/v1/web/guest/default/statebox"])
async def test_a_body_of_10_mb_is_413_and_the_next_request_is_served(site: Site, path: str):
    for body in (io.BytesIO(bytes(10_000_000)), in_pieces(10_000_000)):
        async with site.client.post(site.daemon.url + path, data=body) as answer:
            assert (answer.status, (await answer.json())["code"]) == (413, "BodyTooLarge")
    assert (await site.run(PASSING)).status == 200


async def test_a_body_of_10_mb_is_413_in_the_protocol_too(site: Site):
    headers = {"X-Amz-Target": "AWSStepFunctions.StartExecution"}
    url = site.daemon.url + "/"
    async with site.client.post(url, data=io.BytesIO(bytes(10_000_000)), headers=headers) as answer:
        assert answer.status == 413
        assert (await answer.json(content_type=None))["__type"] == "BodyTooLarge"


async def test_a_body_may_have_as_many_bytes_as_allowed(valkey: EmbeddedValkey, tmp_path: Path):
    async with open_site(valkey, tmp_path, max_body_bytes=2000) as site:
        assert (await site.ask("POST", "/", data=b'"' + b"x" * 1998 + b'"')).status == 400
        assert (await site.ask("POST", "/", data=b'"' + b"x" * 1999 + b'"')).status == 413


async def test_7_mb_go_in_and_out_unchanged(site: Site):
    text = "ä€𝄞" * 777_777
    body = io.BytesIO(write_json({"statemachine": {"pass": PASSING}, "input": {"text": text}}))
    async with site.client.post(site.daemon.url + "/", data=body) as answer:
        assert (await answer.json())["values"] == {"text": text}


async def test_a_compressed_body_is_refused(site: Site):
    answer = await site.ask("POST", "/", data=b"x", headers={"Content-Encoding": "gzip"})
    assert (answer.status, answer.json["code"]) == (415, "EncodedBody")


# Paths and methods


@pytest.mark.parametrize("path", ["/nothing", "/continuations/", "/executions/a", "/api/v1/web/a/b/other", "/livez/"])
async def test_an_unknown_path_is_404_in_json(site: Site, path: str):
    answer = await site.get(path)
    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/json")
    assert answer.json == {"error": f"There is nothing at {path}", "code": "UnknownPath"}


async def test_a_wrong_method_is_told_the_right_ones(site: Site):
    answer = await site.ask("DELETE", "/continuations/x")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, POST")
    assert answer.json["error"] == "Expected GET, HEAD, POST method, got delete"


# What is no HTTP, and who does not wait for an answer


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /livez HTTP/1.1\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
async def test_garbage_is_answered_with_400_and_leaves_no_trace(
    site: Site, garbage: bytes, caplog: pytest.LogCaptureFixture
):
    reader, writer = await asyncio.open_connection("127.0.0.1", site.daemon.port)
    writer.write(garbage)
    async with asyncio.timeout(10):
        status = await reader.readline()
    writer.close()
    assert status.split()[1:] == [b"400", b"Bad", b"Request"]
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert (await site.get("/livez")).status == 200


async def test_a_body_whose_pieces_do_not_fit_is_the_senders_fault():
    """As aiohttp's parser in Python tells it; the one in C drops the connection instead."""
    payload = aiohttp.StreamReader(BaseProtocol(asyncio.get_running_loop()), limit=2**16)
    payload.set_exception(web.RequestPayloadError("the length of a chunk is no number"))
    request = make_mocked_request("POST", "/", payload=payload)
    with pytest.raises(ValidationException, match="The body cannot be read: the length of a chunk is no number"):
        await read_bytes(request)


async def test_who_is_too_old_for_a_host_header_is_served(site: Site):
    reader, writer = await asyncio.open_connection("127.0.0.1", site.daemon.port)
    writer.write(b"GET /livez HTTP/1.0\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.0 200 ")
    writer.close()


async def test_a_request_that_is_cut_off_starts_nothing(site: Site, caplog: pytest.LogCaptureFixture):
    _, writer = await asyncio.open_connection("127.0.0.1", site.daemon.port)
    writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{}")
    await writer.drain()
    writer.transport.abort()
    assert (await site.run(PASSING)).status == 200
    listed = (await site.operate("ListExecutions")).json["executions"]
    assert [one["status"] for one in listed] == ["SUCCEEDED"]
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_an_execution_goes_on_without_the_caller_who_started_it(
    valkey: EmbeddedValkey, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    async with open_actions(tmp_path / "actions") as actions, open_site(valkey, tmp_path, actions=actions) as site:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await site.run(SLOW)
        (one,) = (await site.operate("ListExecutions")).json["executions"]
        id = one["executionArn"].partition(":execution:")[2]
        assert one["status"] == "RUNNING"

        assert (await site.ended(id))["status"] == "SUCCEEDED"
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_wait_ends_some_time_after_its_caller_has_gone(valkey: EmbeddedValkey, tmp_path: Path):
    """Nothing waits for an hour for an execution that takes one, for nobody."""
    slow = states("Slow", Slow={"Type": "Task", "Resource": "module:slow", "Parameters": {"seconds": 30}, "End": True})
    async with open_actions(tmp_path / "actions") as actions, open_site(valkey, tmp_path, actions=actions) as site:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await site.run(slow)
        handlers = [task for task in asyncio.all_tasks() if "_handle_request" in repr(task.get_coro())]
        # One of them is the action host's, for as long as the action takes.
        assert len(handlers) == 2
        await wait_until(lambda: sum(task.done() for task in handlers) == 1, "the handler to end")


# Limits and faults


async def test_unforeseen_faults_are_500_without_a_word_about_their_inside(
    site: Site, caplog: pytest.LogCaptureFixture
):
    class Faulty:
        hints = "off"

        def unready(self) -> Sequence[str]:
            raise RuntimeError("inside")

        async def redis_ok(self) -> bool:
            return True

        async def counts(self) -> Counts:
            raise RuntimeError("inside")

    server = HttpServer(site.daemon.service, HttpSettings(port=0), Faulty())
    await server.start()
    try:
        async with site.client.get(f"http://127.0.0.1:{server.port}/readyz") as answer:
            assert answer.status == 500
            assert await answer.json() == {
                "error": "This daemon failed at the request; its log says how.",
                "code": "InternalError",
            }
    finally:
        await server.stop()
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage() == "GET /readyz failed"
    assert record.exc_info is not None


async def test_a_daemon_at_its_limit_says_when_to_come_back(valkey: EmbeddedValkey, tmp_path: Path):
    machines = tmp_path / "machines"
    machines.mkdir()
    (machines / "pass.json").write_bytes(write_json(PASSING))
    async with (
        open_actions(tmp_path / "actions") as actions,
        open_site(valkey, tmp_path, actions=actions, machines=machines, max_running=1) as site,
    ):
        first = asyncio.ensure_future(site.run(SLOW))

        async def runs() -> bool:
            return bool((await site.operate("ListExecutions", statusFilter="RUNNING")).json["executions"])

        await wait_until(runs, "the first execution to run")
        refused = await site.run(SLOW)
        assert (refused.status, refused.json["code"]) == (429, "TooManyRequests")
        assert refused.headers["Retry-After"] == "1"
        own = await site.operate("Statebox.StartDefinition", definition=write_json_text(PASSING))
        assert (own.status, own.json["__type"]) == (429, "TooManyRequests")
        named = await site.operate("StartExecution", stateMachineArn="pass")
        assert (named.status, named.json["__type"]) == (429, "ThrottlingException")  # which AWS's clients try again
        assert (await first).json == "done"


async def test_an_address_in_use_is_told(site: Site):
    server = HttpServer(site.daemon.service, HttpSettings(port=site.daemon.port), site.daemon)
    with pytest.raises(OSError, match="address already in use"):
        await server.start()


# The end


async def test_whoever_waits_when_the_server_stops_is_told_that_the_execution_goes_on(
    valkey: EmbeddedValkey, tmp_path: Path
):
    slow = states("Slow", Slow={"Type": "Task", "Resource": "module:slow", "Parameters": {"seconds": 30}, "End": True})
    async with open_actions(tmp_path / "actions") as actions, open_site(valkey, tmp_path, actions=actions) as site:
        server = HttpServer(site.daemon.service, HttpSettings(port=0), site.daemon)
        await server.start()
        url = f"http://127.0.0.1:{server.port}/"

        async def run() -> tuple[int, str, str]:
            async with site.client.post(url, json={"statemachine": {"slow": slow}}) as answer:
                said = await answer.json()
                assert answer.headers["Retry-After"] == "1"
                assert answer.headers["x-statebox-execution-id"] == said["execution"]
                return answer.status, said["error"], said["execution"]

        waiting = asyncio.ensure_future(run())

        async def runs() -> bool:
            return bool((await site.operate("ListExecutions", statusFilter="RUNNING")).json["executions"])

        await wait_until(runs, "the execution to run")
        async with asyncio.timeout(3):
            await server.stop()
        status, error, id = await waiting
        assert (status, error) == (503, "This daemon is stopping; the execution goes on")
        assert (await site.execution(id))["status"] == "RUNNING"
        with pytest.raises(aiohttp.ClientConnectionError):
            await site.client.post(url)


async def test_a_server_can_be_stopped_that_was_never_started(site: Site):
    await HttpServer(site.daemon.service, HttpSettings(port=0), site.daemon).stop()


async def test_it_listens_on_ipv6_too(valkey: EmbeddedValkey, tmp_path: Path):
    async with open_site(valkey, tmp_path, listen=Address("::1", 0)) as site:
        assert (await site.run(SUSPENDING)).status == 200
