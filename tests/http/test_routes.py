"""Routes: what a path names, to the letter, and by which methods it can be asked."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from statebox.asl.jsontext import write_json
from statebox.http.errors import MethodNotAllowed, UnknownPath
from statebox.http.reply import Reply
from statebox.http.routes import Routes
from tests.http.site import PASSING, Site


async def _show(_: web.BaseRequest, **variables: str) -> Reply:
    return Reply(repr(variables).encode(), 200, {})


ROUTES = Routes(
    {
        "/": {"POST": _show},
        "/things/{thing}": {"GET": _show, "POST": _show},
        "/things/{thing}/parts/{part...}": {"GET": _show},
        "/old/{thing}.json": {"POST": _show},
    }
)


@pytest.mark.parametrize(
    ("method", "path", "variables"),
    [
        ("POST", "/", {}),
        ("POST", "/?x=/things/1", {}),
        ("GET", "/things/1", {"thing": "1"}),
        ("HEAD", "/things/1?x=1", {"thing": "1"}),
        ("GET", "/things/a%20b", {"thing": "a b"}),
        ("GET", "/things/a%2Fb", {"thing": "a/b"}),
        ("GET", "/things/a%252Fb", {"thing": "a%2Fb"}),
        ("GET", "/things/1/parts/2/3", {"thing": "1", "part": "2/3"}),
        ("POST", "/old/1.json", {"thing": "1"}),
    ],
)
async def test_a_path_is_served_with_its_variables(method: str, path: str, variables: dict[str, str]):
    assert (await ROUTES.serve(make_mocked_request(method, path))).body.decode() == repr(variables)


@pytest.mark.parametrize("path", ["/things", "/things/", "/things/1/", "/things/1/parts/", "/old/1_json"])
async def test_what_only_looks_like_a_path_is_none(path: str):
    with pytest.raises(UnknownPath, match=f"There is nothing at {path}"):
        await ROUTES.serve(make_mocked_request("GET", path))


@pytest.mark.parametrize(
    ("method", "path", "allowed", "said"),
    [
        ("DELETE", "/things/1", "GET, HEAD, POST", "Expected GET, HEAD, POST method, got delete"),
        ("GET", "/", "POST", "Expected post method, got get"),
    ],
)
async def test_a_path_without_the_method_tells_those_it_has(method: str, path: str, allowed: str, said: str):
    with pytest.raises(MethodNotAllowed, match=said) as told:
        await ROUTES.serve(make_mocked_request(method, path))
    assert told.value.allowed == allowed


# What is asked first


async def _ask_first(site: Site, size: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.daemon.port)
    writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % size)
    return reader, writer


async def test_who_asks_before_sending_a_body_is_told_to_go_on(site: Site):
    body = write_json({"statemachine": {"pass": PASSING}})
    async with asyncio.timeout(10):
        reader, writer = await _ask_first(site, len(body))
        assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert await reader.readline() == b"\r\n"
        writer.write(body)
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    writer.close()


async def test_a_body_that_would_not_be_read_is_not_asked_for(site: Site):
    async with asyncio.timeout(10):
        reader, writer = await _ask_first(site, 10_000_000)
        assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
    writer.close()


async def test_a_body_can_be_left_out_of_an_answer(site: Site):
    answer = await site.ask("HEAD", "/livez")
    assert (answer.status, answer.headers["Content-Length"], answer.raw) == (200, "15", b"")
