"""boto3's client of a daemon, for tests that await it; its answers are held against botocore's own model."""

from __future__ import annotations

import asyncio
import importlib
from dataclasses import dataclass
from functools import cache
from typing import Final

import pytest
from botocore.config import Config as BotoConfig
from botocore.exceptions import ClientError

from statebox.asl.jsontext import Json, write_json_text
from tests.aws.shapes import hold
from tests.http.site import PASSING
from tests.waiting import wait_until

ROLE: Final = "arn:aws:iam::000000000000:role/tester"
PLACE: Final = "arn:aws:states:us-east-1:000000000000"
PASS: Final = write_json_text(PASSING)


def machine_arn(name: str) -> str:
    """The ARN of a machine, a version (`name:1`) or an alias (`name:PROD`)."""
    return f"{PLACE}:stateMachine:{name}"


def passing(result: Json) -> str:
    """A definition that gives out this."""
    return write_json_text({"StartAt": "Say", "States": {"Say": {"Type": "Pass", "Result": result, "End": True}}})


@dataclass(frozen=True, slots=True)
class Refused:
    """An error that boto3 raised: its code and what it says."""

    code: str
    message: str


class Sfn:
    """`await sfn.create_state_machine(...)`: each of boto3's methods, in a thread of its own."""

    def __init__(self, url: str) -> None:
        self._client: Json = hold(
            session().client(
                "stepfunctions",
                endpoint_url=url,
                config=BotoConfig(inject_host_prefix=False, retries={"total_max_attempts": 1}),
            )
        )

    async def __call__(self, operation: str, **members: Json) -> Json:
        """Call one of its methods by name. Raises ClientError."""
        answer: dict[str, Json] = await asyncio.to_thread(getattr(self._client, operation), **members)
        del answer["ResponseMetadata"]
        return answer

    async def refused(self, operation: str, **members: Json) -> Refused:
        """Call it, and return the error that it must raise, with the status 400."""
        with pytest.raises(ClientError) as raised:
            await self(operation, **members)
        # botocore has no types.
        response: Json = vars(raised.value)["response"]
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
        return Refused(response["Error"]["Code"], response["Error"]["Message"])

    async def create(self, name: str, definition: str = PASS, **members: Json) -> Json:
        """Create a machine."""
        return await self("create_state_machine", name=name, definition=definition, roleArn=ROLE, **members)

    async def run(self, arn: str, **members: Json) -> Json:
        """Start an execution, and return it once it has ended."""
        arn = (await self("start_execution", stateMachineArn=arn, **members))["executionArn"]

        async def has_ended() -> bool:
            return (await self("describe_execution", executionArn=arn))["status"] != "RUNNING"

        await wait_until(has_ended, f"{arn} to end")
        return await self("describe_execution", executionArn=arn)


@cache
def session() -> Json:
    """Loading the model takes half a second, once; boto3 has no types."""
    boto3: Json = importlib.import_module("boto3")
    return boto3.session.Session("key", "secret", region_name="us-east-1")
