"""Replies: what stands in their head, and when they are the last on their connection."""

from __future__ import annotations

import asyncio
from email.utils import parsedate_to_datetime

import pytest

from statebox import __version__
from tests.http.site import Site


async def exchange(site: Site, request: bytes, replies: int = 1) -> list[bytes]:
    """What raw bytes are answered with: the line and headers of each reply, and what stands between them."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.daemon.port)
    try:
        writer.write(request)
        async with asyncio.timeout(10):
            heads = [await reader.readuntil(b"\r\n\r\n") for _ in range(replies)]
    finally:
        writer.close()
        await writer.wait_closed()
    return b"".join(heads).split(b"\r\n")


async def test_a_reply_says_who_made_it_when_and_that_it_is_not_to_be_kept(site: Site):
    answer = await site.get("/livez")
    assert answer.headers["Server"] == f"statebox/{__version__}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Length"] == str(len(answer.raw))
    earlier = parsedate_to_datetime(answer.headers["Date"])
    assert 0 <= (parsedate_to_datetime((await site.get("/livez")).headers["Date"]) - earlier).total_seconds() < 60


@pytest.mark.parametrize(
    ("version", "asked", "told"),
    [
        (b"1.1", b"", None),
        (b"1.1", b"Connection: close\r\n", b"Connection: close"),
        (b"1.0", b"", None),
        (b"1.0", b"Connection: keep-alive\r\n", b"Connection: keep-alive"),
    ],
)
async def test_a_connection_is_kept_as_its_caller_asks(site: Site, version: bytes, asked: bytes, told: bytes | None):
    request = b"GET /livez HTTP/%s\r\nHost: localhost\r\n%s\r\n" % (version, asked)
    status, *headers = await exchange(site, request)
    assert status == b"HTTP/%s 200 OK" % version
    assert [one for one in headers if one.startswith(b"Connection")] == ([] if told is None else [told])


async def test_requests_that_come_at_once_are_answered_in_turn(site: Site):
    one = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    without_body = b"HEAD /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    said = await exchange(site, one + without_body + one, replies=3)
    assert sum(b"200 OK" in line for line in said) == 3
    assert [line for line in said if line.startswith(b"{")] == [b'{"status":"ok"}HTTP/1.1 200 OK']


async def test_no_name_that_was_asked_for_becomes_a_header(site: Site):
    """Not even when it has the line ends in it that would make it one."""
    status, *headers = await exchange(site, b"GET /executions/a/b%0d%0aEvil:%20yes HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert status.split()[1] in (b"400", b"404")
    assert not any(one.startswith(b"Evil") for one in headers)
