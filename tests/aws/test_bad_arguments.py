"""Every operation of AWS's service model is refused its bad arguments in AWS's words, and never fails at them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from statebox.embedded import EmbeddedValkey
from statebox.http.messages import AWS_PREFIX
from statebox.http.operations import OPERATIONS as SERVED
from tests.aws.bad_arguments import OPERATIONS, bad, odd, right
from tests.http.site import Answer, Site, open_site

THERE = [operation for operation in OPERATIONS if AWS_PREFIX + operation in SERVED]


@pytest_asyncio.fixture
async def site(valkey: EmbeddedValkey, tmp_path: Path) -> AsyncIterator[Site]:
    """A daemon that knows nothing yet."""
    async with open_site(valkey, tmp_path) as site:
        yield site


def error(answer: Answer) -> tuple[str, str]:
    """Check that it is an error in AWS's form; returns its type and its message."""
    assert answer.status == 400, answer.raw
    assert answer.headers["Content-Type"] == "application/x-amz-json-1.0"
    assert answer.headers["x-amzn-RequestId"]
    return answer.json["__type"], answer.json["message"]


def test_all_operations_of_aws_are_served():
    assert len(THERE) >= 37


@pytest.mark.parametrize("operation", THERE)
async def test_each_bad_argument_is_refused_for_what_is_wrong_with_it(site: Site, operation: str):
    for case in bad(operation):
        type, message = error(await site.operate(operation, **case.arguments))
        where = f"{operation} {case.at} {str(case.arguments)[:200]}: {message[:300]}"
        assert type == case.type, where
        assert case.said in message, where


@pytest.mark.parametrize("operation", THERE)
async def test_members_that_no_operation_has_are_ignored(site: Site, operation: str):
    """Whatever comes of the operation, which works on nothing that there is, comes of it with them as well."""
    answer = await site.operate(operation, **right(operation), novelty={"of": ["the", "next", 1]})
    assert answer.status in (200, 400), answer.raw
    if answer.status == 400:
        type, message = error(answer)
        assert type != "SerializationException"
        assert "validation error detected" not in message


@pytest.mark.parametrize("operation", THERE)
async def test_no_argument_whatsoever_makes_an_operation_fail(site: Site, operation: str):
    for arguments in odd(operation, 150):
        answer = await site.operate(operation, **arguments)
        assert answer.status in (200, 400), (arguments, answer.raw)
        if answer.status == 400:
            type, message = error(answer)
            assert type not in ("InternalFailure", "UnknownOperationException"), arguments
            assert message, arguments
