"""A daemon that AWS's client for Python talks to."""

from __future__ import annotations

import asyncio
import importlib
from typing import Final

from botocore.config import Config

from statebox.asl.jsontext import Json, write_json_text
from tests.aws.shapes import hold
from tests.http.site import Site
from tests.waiting import wait_until

_ENDED: Final = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


class Caller:
    """Calls operations as boto3 names them; each answer has been through botocore's parser."""

    def __init__(self, site: Site) -> None:
        self.site = site
        # boto3 makes its methods at run time, and has no types.
        boto3: Json = importlib.import_module("boto3")
        self.client: Json = hold(
            boto3.client(
                "stepfunctions",
                endpoint_url=site.daemon.url,
                region_name="us-east-1",
                aws_access_key_id="AKIDEXAMPLE",
                aws_secret_access_key="example",
                config=Config(inject_host_prefix=False, retries={"max_attempts": 1}),
            )
        )

    async def __call__(self, operation: str, **members: Json) -> Json:
        """Call one."""
        method = getattr(self.client, operation)
        return await asyncio.to_thread(lambda: method(**members))

    async def start(self, definition: Json, input: Json = None, machine: str = "m", name: str | None = None) -> str:
        """Start a definition; returns the execution's ARN."""
        more = {} if name is None else {"name": name}
        answer = await self.site.operate(
            "Statebox.StartDefinition",
            definition=write_json_text(definition),
            input=write_json_text(input),
            machine=machine,
            **more,
        )
        assert answer.status == 200, answer.raw
        return answer.json["executionArn"]

    async def ended(self, arn: str) -> Json:
        """Wait until an execution has ended; describes it."""

        async def has_ended() -> bool:
            return (await self("describe_execution", executionArn=arn))["status"] in _ENDED

        await wait_until(has_ended, f"{arn} to end", seconds=20)
        return await self("describe_execution", executionArn=arn)

    async def run(self, definition: Json, input: Json = None, machine: str = "m") -> Json:
        """Start a definition and wait for its end."""
        return await self.ended(await self.start(definition, input, machine))

    async def history(self, arn: str) -> list[str]:
        """The types of all its events."""
        answer = await self("get_execution_history", executionArn=arn, maxResults=1000)
        return [event["type"] for event in answer["events"]]
