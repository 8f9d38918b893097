"""Who may ask: not the pages that a browser shows, and only with a token where tokens are set."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from statebox.config import Address, Secret
from statebox.embedded import EmbeddedValkey
from statebox.http.guard import RemoteWithoutToken, check_exposure
from statebox.http.settings import HttpSettings
from tests.http.site import Site, open_site

# Every endpoint there is; the guard stands before all of them.
ENDPOINTS = [
    ("POST", "/"),
    ("POST", "/api/v1/web/guest/default/statebox"),
    ("GET", "/continuations/x"),
    ("POST", "/continuations/x"),
    ("GET", "/executions/a/b"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/healthz"),
    ("GET", "/nothing/here"),
]
TOKEN = "a-token-of-good-length"


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
async def test_a_page_elsewhere_reaches_no_endpoint(site: Site, method: str, path: str):
    """By a name of its own that points here, from its origin, or by what the browser says of it."""
    for headers in (
        {"Host": "evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        answer = await site.ask(method, path, headers=headers)
        assert (answer.status, answer.json["code"]) == (403, "ForeignRequest"), headers


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:9", "LOCALHOST.", "127.0.0.1", "127.8.9.10:80", "[::1]:8083", "[::ffff:127.0.0.1]"],
)
async def test_this_machine_may_be_called_by_each_of_its_names(site: Site, host: str):
    assert (await site.get("/livez", Host=host)).status == 200


@pytest.mark.parametrize(
    "host", ["localhost.evil.example", "evil.example:8083", "10.0.0.1", "127.0.0.1.nip.io", "a@localhost", "[::1", ""]
)
async def test_other_names_are_foreign(site: Site, host: str):
    assert (await site.get("/livez", Host=host)).status == 403


async def test_an_origin_is_foreign_unless_it_is_this_server(site: Site):
    """Another port of this machine is another server, whose pages may be anybody's."""
    port = site.daemon.port
    for origin, status in (
        (f"http://127.0.0.1:{port}", 200),
        ("http://127.0.0.1:1", 403),
        (f"http://localhost:{port}", 403),
        (f"file://127.0.0.1:{port}", 403),
    ):
        assert (await site.get("/livez", Origin=origin)).status == status, origin
    for kind, status in (("same-origin", 200), ("none", 200), ("cross-site", 403)):
        assert (await site.get("/livez", **{"Sec-Fetch-Site": kind})).status == status, kind


async def test_names_can_be_allowed(valkey: EmbeddedValkey, tmp_path: Path):
    async with open_site(valkey, tmp_path, allowed_hosts=("Statebox.example", "fd00::1")) as site:
        for host in ("statebox.example", "statebox.example:443", "STATEBOX.example", "[fd00:0::1]:80"):
            assert (await site.get("/livez", Host=host)).status == 200
        # A proxy may say its own address as Host, and the browser the name that it was called by.
        assert (await site.get("/livez", Origin="https://statebox.example")).status == 200
        assert (await site.get("/livez", Host="other.example")).status == 403


async def test_refusals_in_the_protocol_are_in_its_form(site: Site):
    headers = {"X-Amz-Target": "AWSStepFunctions.ListExecutions", "Origin": "https://evil.example"}
    answer = await site.ask("POST", "/", json={}, headers=headers)
    assert (answer.status, answer.json["__type"]) == (403, "ForeignRequest")


# Tokens


async def test_with_tokens_every_endpoint_but_the_probes_wants_one(valkey: EmbeddedValkey, tmp_path: Path):
    async with open_site(valkey, tmp_path, tokens=(Secret(TOKEN), Secret("another-token-beside-it"))) as site:
        for method, path in ENDPOINTS:
            answer = await site.ask(method, path)
            if path in ("/livez", "/readyz"):
                assert answer.status == 200
                continue
            assert (answer.status, answer.json["code"]) == (401, "TokenRequired"), path
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        for token in (TOKEN, "another-token-beside-it"):
            assert (await site.get("/healthz", Authorization=f"Bearer {token}")).status == 200


@pytest.mark.parametrize("said", ["", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer \xfc"])
async def test_what_is_no_token_is_refused(valkey: EmbeddedValkey, tmp_path: Path, said: str):
    async with open_site(valkey, tmp_path, tokens=(Secret(TOKEN),)) as site:
        assert (await site.get("/healthz", Authorization=said)).status == 401
        assert (await site.get(f"/healthz?token={TOKEN}")).status == 401


async def test_the_protocol_is_told_of_a_missing_token_in_its_form(valkey: EmbeddedValkey, tmp_path: Path):
    async with open_site(valkey, tmp_path, tokens=(Secret(TOKEN),)) as site:
        answer = await site.operate("ListExecutions")
        assert (answer.status, answer.json["__type"]) == (401, "TokenRequired")


def test_tokens_are_not_shown():
    assert TOKEN not in repr(HttpSettings(tokens=(TOKEN,)))


# Where to listen


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "statebox.example"])
def test_beyond_this_machine_a_token_is_needed(host: str):
    with pytest.raises(RemoteWithoutToken, match="set a token, or say --allow-remote-without-token"):
        check_exposure(HttpSettings(host=host))
    check_exposure(HttpSettings(host=host, tokens=(TOKEN,)))
    check_exposure(HttpSettings(host=host, allow_remote_without_token=True))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_on_this_machine_none_is_needed(host: str):
    check_exposure(HttpSettings(host=host))


async def test_a_server_that_listens_everywhere_is_served_under_the_address_it_was_reached_at(
    valkey: EmbeddedValkey, tmp_path: Path
):
    """No page can have that address as its name."""
    address = _other_address()
    if address is None:
        pytest.skip("this machine has only its loopback address")
    async with open_site(valkey, tmp_path, listen=Address("0.0.0.0", 0), allow_remote_without_token=True) as site:
        url = f"http://{address}:{site.daemon.port}/livez"
        async with site.client.get(url) as answer:
            assert answer.status == 200
        async with site.client.get(url, headers={"Host": "192.0.2.77"}) as answer:
            assert answer.status == 403


def _other_address() -> str | None:
    """An address of this machine that is not its loopback one; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        found = str(probe.getsockname()[0])
    return None if found.startswith("127.") else found
