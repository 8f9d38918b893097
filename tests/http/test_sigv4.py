"""Signature Version 4: what AWS's own signer signs is served, and nothing that was changed, is old or is another's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from statebox.asl.jsontext import Json, write_json, write_json_text
from statebox.config import Secret
from statebox.embedded import EmbeddedValkey
from statebox.http.guard import check_exposure
from statebox.http.settings import AccessKey, HttpSettings
from tests.http.signing import KEY_ID, SECRET, signed
from tests.http.site import PASSING, Answer, Site, open_site

VIEWER_ID: Final = "AKIDVIEWER"
TOKEN: Final = "a-token-of-good-length"
VIEWER_TOKEN: Final = "one-that-may-only-look"
LIST: Final = "AWSStepFunctions.ListExecutions"
START: Final = "AWSStepFunctions.StartExecution"
BODY: Final = b'{"maxResults": 7}'


@pytest_asyncio.fixture
async def site(valkey: EmbeddedValkey, tmp_path: Path) -> AsyncIterator[Site]:
    """A daemon with two key pairs and two tokens, each for an operator and a viewer, that knows the machine `pass`."""
    folder = tmp_path / "machines"
    folder.mkdir()
    (folder / "pass.json").write_text(write_json_text(PASSING))
    async with open_site(
        valkey,
        tmp_path,
        machines=folder,
        access_keys=(Secret(f"{KEY_ID}:{SECRET}"),),
        viewer_access_keys=(Secret(f"{VIEWER_ID}:{SECRET}"),),
        tokens=(Secret(TOKEN),),
        viewer_tokens=(Secret(VIEWER_TOKEN),),
    ) as site:
        yield site


def of(target: str) -> dict[str, str]:
    """The headers of an operation, before they are signed."""
    return {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"}


async def ask(site: Site, target: str = LIST, body: bytes = BODY, **how: Json) -> Answer:
    """An operation, signed."""
    return await site.ask("POST", "/", data=body, headers=signed(site.daemon.url + "/", body, of(target), **how))


def refused(answer: Answer, type: str) -> str:
    """Check that it is this error in AWS's form; returns its message."""
    assert (answer.status, answer.json["__type"]) == (400, type), answer.raw
    assert answer.headers["Content-Type"] == "application/x-amz-json-1.0"
    assert answer.headers["x-amzn-RequestId"]
    return answer.json["message"]


async def test_a_signed_request_is_served(site: Site):
    assert (await ask(site)).json == {"executions": []}
    started = await ask(site, START, b'{"stateMachineArn": "pass", "input": "{\\"\xc3\xbc\\": 1}"}')
    assert started.status == 200
    assert len((await ask(site)).json["executions"]) == 1


async def test_more_headers_may_be_signed_whatever_blanks_they_have(site: Site):
    headers = signed(site.daemon.url + "/", BODY, {**of(LIST), "X-Amz-Meta": "  a   b ", "X-Other": "c"})
    assert (await site.ask("POST", "/", data=BODY, headers=headers)).status == 200


async def test_other_paths_than_the_protocols_can_be_signed_too(site: Site):
    for path, status in (
        ("/healthz", 200),
        ("/healthz?b=2&a=1&c", 200),
        ("/executions/a%20b/c", 404),
        ("/a/../b/", 404),
    ):
        headers = signed(site.daemon.url + path, b"", {}, method="GET")
        assert (await site.ask("GET", path, headers=headers)).status == status, path


async def test_a_body_that_comes_in_pieces_is_signed_as_a_whole(site: Site):
    async def in_pieces() -> AsyncIterator[bytes]:
        yield BODY[:5]
        yield BODY[5:]

    headers = signed(site.daemon.url + "/", BODY, of(LIST))
    async with site.client.post(site.daemon.url + "/", data=in_pieces(), headers=headers) as answer:
        assert answer.status == 200
    headers = signed(site.daemon.url + "/", BODY, of(LIST), with_body=False)
    async with site.client.post(site.daemon.url + "/", data=in_pieces(), headers=headers) as answer:
        assert (await answer.json(content_type=None))["__type"] == "InvalidSignatureException"


# What is not signed so


@pytest.mark.parametrize(
    "how",
    [
        {"secret": SECRET[:-1] + "x"},
        {"with_body": False},
    ],
)
async def test_what_another_secret_signed_or_nobody_did_does_not_match(site: Site, how: dict[str, Json]):
    assert "does not match" in refused(await ask(site, **how), "InvalidSignatureException")


@pytest.mark.parametrize(
    "changed",
    [
        {"X-Amz-Target": START},
        {"Content-Type": "text/plain"},
        {"X-Amz-Date": "ONE SECOND LATER"},
        {"Host": "localhost"},
        {"Authorization": "ANOTHER SIGNATURE"},
    ],
)
async def test_a_header_that_was_changed_does_not_match(site: Site, changed: Mapping[str, str]):
    now = datetime.now(UTC)
    headers = signed(site.daemon.url + "/", BODY, of(LIST), at=now)
    for name, value in changed.items():
        match value:
            case "ONE SECOND LATER":
                headers[name] = (now + timedelta(seconds=1)).strftime("%Y%m%dT%H%M%SZ")
            case "ANOTHER SIGNATURE":
                headers[name] = headers[name][:-64] + "0" * 64
            case _:
                headers[name] = value
    message = refused(await site.ask("POST", "/", data=BODY, headers=headers), "InvalidSignatureException")
    assert message.startswith("The request signature we calculated does not match")


@pytest.mark.parametrize("body", [b"", b"{}", BODY + b" "])
async def test_a_body_that_was_changed_does_not_match_whatever_hash_a_header_claims(site: Site, body: bytes):
    url = site.daemon.url + "/"
    for more in ({}, {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}, {"X-Amz-Content-SHA256": "0" * 64}):
        headers = signed(url, BODY, {**of(LIST), **more})
        refused(await site.ask("POST", "/", data=body, headers=headers), "InvalidSignatureException")


async def test_what_must_be_signed_cannot_be_added_later(site: Site):
    headers = signed(site.daemon.url + "/", BODY, {"Content-Type": "application/x-amz-json-1.0"})
    headers["X-Amz-Target"] = LIST
    message = refused(await site.ask("POST", "/", data=BODY, headers=headers), "InvalidSignatureException")
    assert message == "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization."


async def test_a_signature_holds_for_five_minutes_either_way(site: Site):
    now = datetime.now(UTC)
    for minutes in (-4.9, 4.9):
        assert (await ask(site, at=now + timedelta(minutes=minutes))).status == 200
    expired = refused(await ask(site, at=now - timedelta(minutes=6)), "InvalidSignatureException")
    assert expired.startswith("Signature expired: 2")
    assert expired.endswith(" - 5 min.)")
    early = refused(await ask(site, at=now + timedelta(minutes=6)), "InvalidSignatureException")
    assert early.startswith("Signature not yet current: 2")
    assert early.endswith(" + 5 min.)")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"region": "eu-west-1"}, "Credential should be scoped to a valid region, not 'eu-west-1'"),
        ({"service": "sqs"}, "Credential should be scoped to correct service: 'states'."),
    ],
)
async def test_a_credential_for_elsewhere_does_not_count(site: Site, how: dict[str, Json], message: str):
    assert message in refused(await ask(site, **how), "InvalidSignatureException")


async def test_a_credential_of_another_day_does_not_count(site: Site):
    headers = signed(site.daemon.url + "/", BODY, of(LIST))
    day = headers["X-Amz-Date"][:8]
    headers["Authorization"] = headers["Authorization"].replace(f"/{day}/", "/20200101/")
    answer = await site.ask("POST", "/", data=BODY, headers=headers)
    assert "Date in Credential scope does not match" in refused(answer, "InvalidSignatureException")


async def test_a_key_that_nobody_has_is_not_recognised(site: Site):
    message = refused(await ask(site, key_id="AKIDNOBODY"), "UnrecognizedClientException")
    assert message == "The security token included in the request is invalid."


@pytest.mark.parametrize("said", [None, "", "Basic abc", "AWS4"])
async def test_who_does_not_sign_is_told_that_it_is_missing(site: Site, said: str | None):
    headers = of(LIST) if said is None else {**of(LIST), "Authorization": said}
    answer = await site.ask("POST", "/", data=BODY, headers=headers)
    assert refused(answer, "MissingAuthenticationTokenException") == "Missing Authentication Token"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("AWS4-HMAC-SHA256", "'' not a valid key=value pair (missing equal-sign) in Authorization header"),
        ("AWS4-HMAC-SHA256 nonsense", "'nonsense' not a valid key=value pair"),
        ("AWS4-HMAC-SHA256 Credential=a/b/c/d/e", "requires 'SignedHeaders' parameter. Authorization header requires"),
        ("AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0", "exactly 5 slash-delimited elements"),
        ("AWS4-HMAC-SHA256 Credential=\xfc/\xfc/\xfc/\xfc/\xfc, SignedHeaders=\xfc, Signature=\xfc", "is invalid"),
        (f"AWS4-HMAC-SHA256 Credential={KEY_ID}/20200101/us-east-1/states/aws4_request, SignedHeaders=a, Signature=b",
         "Date must be in ISO-8601 'basic format'. Got '20200101'."),
    ],
)  # fmt: skip
async def test_a_signature_that_is_not_whole_is_told_what_it_lacks(site: Site, said: str, message: str):
    headers = {**of(LIST), "X-Amz-Date": "20200101", "Authorization": said}
    answer = await site.ask("POST", "/", data=BODY, headers=headers)
    assert message in answer.json["message"]
    assert answer.status == 400
    assert answer.json["__type"] in ("IncompleteSignatureException", "UnrecognizedClientException")


async def test_a_signature_without_a_date_is_not_whole(site: Site):
    headers = signed(site.daemon.url + "/", BODY, of(LIST))
    del headers["X-Amz-Date"]
    answer = await site.ask("POST", "/", data=BODY, headers=headers)
    assert "either a 'X-Amz-Date' or a 'Date' header" in refused(answer, "IncompleteSignatureException")


# Roles


async def test_a_viewer_looks_and_does_not_write(site: Site):
    """Whether it signs or has a token; outside of the protocol it may GET."""
    for target, body in (
        (LIST, b"{}"),
        ("AWSStepFunctions.DescribeStateMachine", b'{"stateMachineArn": "pass"}'),
        ("AWSStepFunctions.ValidateStateMachineDefinition", write_json({"definition": write_json_text(PASSING)})),
        ("Statebox.ListSetAside", b"{}"),
    ):
        assert (await ask(site, target, body, key_id=VIEWER_ID)).status == 200, target
    for target in (START, "AWSStepFunctions.GetActivityTask", "AWSStepFunctions.Nothing", "Statebox.StartDefinition"):
        operation = target.partition(".")[2]
        message = refused(await ask(site, target, b"{}", key_id=VIEWER_ID), "AccessDeniedException")
        assert message.startswith(f"User: {VIEWER_ID} is not authorized to perform: ")
        assert operation in message
    bearer = {"Authorization": f"Bearer {VIEWER_TOKEN}"}
    assert (await site.ask("GET", "/healthz", headers=bearer)).status == 200
    for path in ("/", "/continuations/x", "/api/v1/web/guest/default/statebox"):
        answer = await site.ask("POST", path, json={}, headers=bearer)
        assert (answer.status, answer.json["code"]) == (403, "AccessDeniedException"), path


async def test_an_operator_does_both_by_key_and_by_token(site: Site):
    body = b'{"stateMachineArn": "pass"}'
    assert (await ask(site, START, body)).status == 200
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert (await site.ask("POST", "/", data=body, headers={**of(START), **bearer})).status == 200


async def test_a_viewer_whose_signature_is_wrong_is_not_told_what_it_may_do(site: Site):
    answer = await ask(site, START, b"{}", key_id=VIEWER_ID, secret="another secret")
    refused(answer, "InvalidSignatureException")


# Development


async def test_without_keys_any_signature_does(valkey: EmbeddedValkey, tmp_path: Path):
    async with open_site(valkey, tmp_path) as site:
        hows: list[dict[str, Json]] = [
            {},
            {"secret": "test", "key_id": "test"},
            {"at": datetime(2020, 1, 1, tzinfo=UTC)},
        ]
        for how in hows:
            assert (await ask(site, **how)).status == 200


async def test_with_tokens_only_a_signature_does_not_do(valkey: EmbeddedValkey, tmp_path: Path):
    async with open_site(valkey, tmp_path, tokens=(Secret(TOKEN),)) as site:
        answer = await ask(site)
        assert (answer.status, answer.json["__type"]) == (401, "TokenRequired")


def test_beyond_this_machine_a_key_does_as_well_as_a_token():
    key = AccessKey(KEY_ID, SECRET)
    check_exposure(HttpSettings(host="0.0.0.0", access_keys=(key,)))
    check_exposure(HttpSettings(host="0.0.0.0", viewer_tokens=(VIEWER_TOKEN,)))
    assert SECRET not in repr(HttpSettings(access_keys=(key,)))


# The host prefix


async def test_the_prefix_that_aws_clients_put_before_the_host_is_served(valkey: EmbeddedValkey, tmp_path: Path):
    async with open_site(valkey, tmp_path, allowed_hosts=("states.example",)) as site:
        for host in ("sync-localhost:8083", "sync-127.0.0.1", "sync-states.example:443"):
            answer = await site.ask("POST", "/", data=BODY, headers={**of(LIST), "Host": host})
            assert answer.status == 200, host
        for more in (
            {"Host": "sync-evil.example"},
            {"Host": "sync-states.example", "Origin": "http://sync-states.example"},
        ):
            assert (await site.ask("POST", "/", data=BODY, headers={**of(LIST), **more})).status == 403, more
        assert (await site.ask("GET", "/healthz", headers={"Host": "sync-states.example"})).status == 403
