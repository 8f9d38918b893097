"""HTTP/1.1 as servers speak it on a bad day: what is an answer, what is none, and which connection is used again."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from statebox.asl.jsontext import Json
from statebox.engine.errors import LeaseLost
from statebox.openwhisk.activation import Activation
from statebox.openwhisk.client import OpenWhiskClient
from statebox.openwhisk.config import Bearer, InvalidOpenWhiskConfig, OpenWhiskConfig
from statebox.openwhisk.errors import Lost, Refused
from statebox.openwhisk.names import ActionName
from tests.openwhisk.conftest import Connect
from tests.openwhisk.raw import Line, Raw, headed, plain, raw_server, said
from tests.waiting import wait_until

INC = ActionName("_", None, "inc")
LARGE = 65 << 20
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(said(1)), said(1))


@pytest_asyncio.fixture
async def raw() -> AsyncIterator[Raw]:
    async with raw_server() as running:
        yield running


@pytest_asyncio.fixture
async def client(raw: Raw, connect: Connect) -> OpenWhiskClient:
    return await connect(raw.config())


async def call(client: OpenWhiskClient, request_id: str = "x") -> Json:
    """Call the action; the `value` of its result."""
    ended = await client.invoke(INC, b"{}", request_id=request_id)
    assert isinstance(ended, Activation)
    return ended.result["value"]


async def test_a_request_is_what_it_must_be_and_no_byte_more(raw: Raw, connect: Connect):
    raw.will(plain(1))
    client = await connect(raw.config(), extra_logging=True)
    await client.invoke(ActionName("ns", "my pkg", "inc"), b'{"n":1}', request_id="attempt-1")
    head, _, body = raw.requests[0].partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    assert first == "POST /api/v1/namespaces/ns/actions/my%20pkg/inc?blocking=true&result=false HTTP/1.1"
    names = " ".join(line.partition(": ")[0] for line in lines)
    assert names == (
        "Host Authorization Accept Accept-Encoding User-Agent X-OW-EXTRA-LOGGING"
        " Content-Type X-Request-ID Content-Length"
    )
    assert lines[0] == f"Host: localhost:{raw.port}"
    assert {"X-Request-ID: attempt-1", "Content-Length: 7"} <= set(lines)
    assert body == b'{"n":1}'


async def test_calls_one_after_the_other_share_a_connection(raw: Raw, client: OpenWhiskClient):
    raw.will(plain(1), plain(2), plain(3))
    assert [await call(client) for _ in range(3)] == [1, 2, 3]
    assert raw.connections == 1


async def test_calls_at_the_same_time_have_a_connection_each_and_these_are_used_again(
    raw: Raw, client: OpenWhiskClient
):
    raw.will(plain(1))
    for _ in range(2):
        await asyncio.gather(*(call(client) for _ in range(3)))
    assert raw.connections == 3


async def test_an_answer_may_come_byte_by_byte_and_its_time_is_from_byte_to_byte(raw: Raw, connect: Connect):
    answer = b"HTTP/1.1 200\r\n\r\n" + said(1)

    async def drip(line: Line) -> None:
        await line.request()
        for at in range(12):
            await line.send(answer[at : at + 1])
            await asyncio.sleep(0.1)
        await line.send(*(answer[at : at + 1] for at in range(12, len(answer))))

    raw.serve = drip
    # In all it takes longer than this.
    assert await call(await connect(raw.config(), blocking_timeout_s=0.8)) == 1


async def test_an_answer_that_stops_in_its_middle_is_waited_for_no_longer_than_for_its_beginning(
    raw: Raw, connect: Connect
):
    raw.will(plain(1)[:-1])
    with pytest.raises(Lost, match="no answer in time"):
        await call(await connect(raw.config(), blocking_timeout_s=0.1))


@pytest.mark.parametrize(
    ("pieces", "why"),
    [
        ([], "the connection was closed"),
        ([b"HTTP/1.1 20"], "broke off"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nX-Half"], "broke off"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n"], "broke off"),
        ([plain(1)[:-1]], "broke off"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"5\r\n{}"], "broke off"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\n{}\r\n"], "broke off"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"zz\r\n{}\r\n"], "the answer is"),
        ([b"SSH-2.0-OpenSSH_9.7\r\n"], "the answer (is not HTTP|broke off)"),
        ([b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 20_000 + b"\r\n\r\n"], "the answer is not HTTP"),
        ([b"HTTP/1.1 103 Early Hints\r\n\r\n" * 50_000], "does not begin"),
        ([headed(said(1), "Content-Encoding: gzip")], "cannot be unpacked"),
        ([headed(gzip.compress(said(1))[:-9], "Content-Encoding: gzip")], "cannot be unpacked"),
        ([headed(said(1), "Content-Encoding: br")], "an encoding that was not asked for: br"),
        ([headed(gzip.compress(bytes(LARGE), 1), "Content-Encoding: gzip")], "too large"),
        ([b"HTTP/1.1 200 OK\r\n\r\n", bytes(LARGE)], "larger than"),
    ],
)
async def test_what_is_no_whole_answer_leaves_the_outcome_unknown_and_is_not_called_again(
    raw: Raw, client: OpenWhiskClient, pieces: list[bytes], why: str
):
    raw.will_and_close(*pieces)
    with pytest.raises(Lost, match=why):
        await call(client)
    assert len(raw.requests) == 1
    # And the next call has nothing of it.
    raw.will(plain(2))
    assert await call(client) == 2


async def test_a_connection_that_is_reset_is_no_end_of_an_answer(raw: Raw, client: OpenWhiskClient):
    async def serve(line: Line) -> None:
        await line.reader.readuntil(b"\r\n\r\n")
        # Without a length only the end of the connection says that this is all, and this is no good end.
        await line.send(b"HTTP/1.1 200 OK\r\n\r\n" + said(1))
        line.reset()

    raw.serve = serve
    with pytest.raises(Lost):
        await client.invoke(INC, b'{"text":"%b"}' % (b"x" * (16 << 20)), request_id="x")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\n" + said(1),
        b"HTTP/1.0 200 OK\r\n\r\n" + said(1),
        CHUNKED,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x;a=b\r\n%b\r\n0\r\nTrailer: x\r\n\r\n"
        % (len(said(1)), said(1)),
        b"HTTP/1.1 100 Continue\r\n\r\n" + plain(1),
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + plain(1),
        plain(1, "Connection: close"),
        headed(gzip.compress(said(1)), "Content-Encoding: gzip"),
        headed(zlib.compress(said(1)), "Content-Encoding: deflate"),
        headed(zlib.compress(said(1))[2:-4], "Content-Encoding: deflate"),
    ],
)
async def test_every_form_of_an_answer_is_understood_whole_and_in_pieces(raw: Raw, connect: Connect, answer: bytes):
    raw.will_and_close(answer)
    assert await call(await connect(raw.config())) == 1
    raw.will_and_close(*(answer[at : at + 1] for at in range(len(answer))))
    assert await call(await connect(raw.config())) == 1


async def test_a_chunked_answer_leaves_the_connection_for_the_next_call(raw: Raw, client: OpenWhiskClient):
    raw.will(CHUNKED, (CHUNKED[:60], CHUNKED[60:]), (CHUNKED[:-2], CHUNKED[-2:]), plain(2))
    assert [await call(client) for _ in range(4)] == [1, 1, 1, 2]
    assert raw.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        plain(1, "Connection: close"),
        b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(said(1)), said(1)),
        plain(1) + plain(9),
        plain(1) + b"HTTP/1.1 200 OK\r\n",
        CHUNKED + b"HTTP/1.1 200 OK\r\nX-Half",
    ],
    ids=["closes", "http-1.0", "two-answers", "an-answer-and-a-half", "chunked-and-a-half"],
)
async def test_a_connection_that_is_not_to_be_used_again_is_not(raw: Raw, client: OpenWhiskClient, answer: bytes):
    raw.will(answer)
    assert [await call(client), await call(client)] == [1, 1]
    assert raw.connections == 2


@pytest.mark.parametrize("more", [plain(9), b"\0garbage"])
async def test_what_nobody_asked_for_is_never_taken_for_the_next_answer(raw: Raw, client: OpenWhiskClient, more: bytes):
    answered, closed = asyncio.Event(), asyncio.Event()

    async def serve(line: Line) -> None:
        await line.request()
        if raw.connections == 1:
            await line.send(plain(1))
            await answered.wait()
            await line.send(more)
        else:
            await line.send(plain(2))
        await line.gone()
        closed.set()

    raw.serve = serve
    assert await call(client) == 1
    answered.set()
    await asyncio.wait_for(closed.wait(), 5)
    assert await call(client) == 2


async def test_garbage_behind_an_answer_makes_it_doubtful(raw: Raw, client: OpenWhiskClient):
    raw.will(plain(1) + b"\0garbage", plain(2))
    with pytest.raises(Lost, match="the answer is not HTTP"):
        await call(client)
    assert await call(client) == 2
    assert raw.connections == 2


@pytest.mark.parametrize("headers", [b"", b"Upgrade: websocket\r\nConnection: upgrade\r\n"])
async def test_a_switch_to_another_protocol_is_refused_and_ends_the_connection(
    raw: Raw, client: OpenWhiskClient, headers: bytes
):
    raw.will(b"HTTP/1.1 101 Switching Protocols\r\n%b\r\n" % headers, plain(2))
    with pytest.raises(Refused, match="HTTP 101"):
        await call(client)
    assert await call(client) == 2
    assert raw.connections == 2


async def test_a_call_into_a_connection_that_the_server_closes_just_then_is_not_made_again(
    raw: Raw, client: OpenWhiskClient
):
    async def serve(line: Line) -> None:
        raw.requests.append(await line.request())
        await line.send(plain(1))
        raw.requests.append(await line.request())

    raw.serve = serve
    assert await call(client) == 1
    with pytest.raises(Lost, match="the connection was closed"):
        await call(client)
    assert len(raw.requests) == 2


async def test_a_poll_into_a_connection_that_the_server_closes_just_then_is_made_again(
    raw: Raw, client: OpenWhiskClient
):
    async def serve(line: Line) -> None:
        raw.requests.append(await line.request())
        await line.send(plain(1))
        raw.requests.append(await line.request())

    raw.serve = serve
    assert await call(client) == 1
    assert await client.activation("a" * 32) is not None
    assert [request[:4] for request in raw.requests] == [b"POST", b"GET ", b"GET "]
    assert raw.connections == 2


async def test_a_connection_that_the_server_has_closed_is_not_used_again(raw: Raw, client: OpenWhiskClient):
    closed = asyncio.Event()

    async def serve(line: Line) -> None:
        await line.request()
        await line.send(plain(1))
        await line.end()
        closed.set()

    raw.serve = serve
    assert await call(client) == 1
    await asyncio.wait_for(closed.wait(), 5)
    assert await call(client) == 1
    assert raw.connections == 2


async def test_a_cancelled_call_ends_its_connection_and_the_next_one_has_its_own_answer(
    raw: Raw, client: OpenWhiskClient
):
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def serve(line: Line) -> None:
        first = await line.request()
        if b"X-Request-ID: stuck" in first:
            asked.set()
            await go_on.wait()
            await line.send(plain("late"))
            await line.gone()
        else:
            await line.send(plain("own"))
            await line.gone()

    raw.serve = serve
    stuck = asyncio.create_task(call(client, "stuck"))
    await asked.wait()
    stuck.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stuck
    go_on.set()
    assert await call(client) == "own"
    assert raw.connections == 2


async def test_a_call_that_is_under_way_when_the_client_closes_is_lost(raw: Raw):
    async def serve(line: Line) -> None:
        raw.requests.append(await line.request())
        await line.gone()

    raw.serve = serve
    async with OpenWhiskClient(raw.config()) as client:
        running = asyncio.create_task(call(client))
        await wait_until(lambda: len(raw.requests) == 1, "the call arrives")
    with pytest.raises(Lost, match="the connection was given up"):
        await running


async def test_an_answer_that_comes_before_the_request_was_read_counts_and_its_connection_ends(
    raw: Raw, client: OpenWhiskClient
):
    closed = asyncio.Event()

    async def serve(line: Line) -> None:
        await line.reader.readuntil(b"\r\n\r\n")
        await line.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await line.gone()
        closed.set()

    raw.serve = serve
    with pytest.raises(Refused, match="HTTP 413"):
        await client.invoke(INC, b'{"text":"%b"}' % (b"x" * (16 << 20)), request_id="x")
    await asyncio.wait_for(closed.wait(), 5)


async def test_a_large_request_arrives_whole_at_a_server_that_reads_slowly(raw: Raw, connect: Connect):
    body = b'{"text":"%b"}' % (b"x" * (32 << 20))
    arrived = 0

    async def serve(line: Line) -> None:
        nonlocal arrived
        await line.reader.readuntil(b"\r\n\r\n")
        # In all it takes longer than the client waits for a server that does nothing.
        for reads in range(1 << 20):
            arrived += len(await line.reader.read(1 << 20))
            if arrived == len(body):
                break
            if reads < 30:
                await asyncio.sleep(0.05)
        await line.send(plain(1))

    raw.serve = serve
    ended = await (await connect(raw.config(), blocking_timeout_s=0.6)).invoke(INC, body, request_id="x")
    assert isinstance(ended, Activation)
    assert arrived == len(body)


async def test_the_time_for_an_answer_begins_with_its_own_call(raw: Raw, connect: Connect):
    raw.will(plain(1))
    client = await connect(raw.config(), blocking_timeout_s=0.3)
    loop = asyncio.get_running_loop()
    began = loop.time()
    while loop.time() - began < 0.6:
        assert await call(client) == 1
        await asyncio.sleep(0.02)
    assert raw.connections == 1


async def test_a_permit_is_asked_for_with_the_connection_at_hand_and_without_it_nothing_is_sent(
    raw: Raw, client: OpenWhiskClient
):
    raw.will(plain(1))

    async def granted() -> None:
        await wait_until(lambda: raw.connections == 1, "the connection is there first")
        assert not raw.requests

    async def refused() -> None:
        raise LeaseLost

    await client.invoke(INC, b"{}", request_id="x", permit=granted)
    with pytest.raises(LeaseLost):
        await client.invoke(INC, b"{}", request_id="x", permit=refused)
    await call(client)
    assert (len(raw.requests), raw.connections) == (2, 1)


async def test_a_connection_that_closes_while_the_permit_is_asked_for_is_replaced(raw: Raw, client: OpenWhiskClient):
    closed = asyncio.Event()

    async def close_the_first(line: Line) -> None:
        if raw.connections > 1:
            raw.requests.append(await line.request())
            await line.send(plain(1))
            await line.gone()
        await line.end()
        closed.set()

    raw.serve = close_the_first
    permits = 0

    async def slow() -> None:
        nonlocal permits
        permits += 1
        await closed.wait()

    ended = await client.invoke(INC, b"{}", request_id="x", permit=slow)
    assert isinstance(ended, Activation)
    assert (len(raw.requests), permits) == (1, 2)


async def test_calls_over_tls_share_a_connection(certificate: tuple[Path, Path], connect: Connect):
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*certificate)
    async with raw_server(tls) as raw:
        raw.will(plain(1), plain(2))
        client = await connect(raw.config("https"))
        assert [await call(client), await call(client)] == [1, 2]
        assert raw.connections == 1


async def test_what_would_break_out_of_its_line_is_not_sent(raw: Raw, client: OpenWhiskClient):
    raw.will(plain(1))
    with pytest.raises(ValueError, match="visible ASCII"):
        await call(client, "x\r\nX-More: y")
    await client.activation("a\r\nX-More: y")
    assert raw.requests[0].startswith(b"GET /api/v1/namespaces/_/activations/a%0D%0AX-More%3A%20y HTTP/1.1\r\n")
    with pytest.raises(InvalidOpenWhiskConfig, match="control characters"):
        OpenWhiskClient(OpenWhiskConfig(host="h", credentials=Bearer("token\r\nX-More: y")))
