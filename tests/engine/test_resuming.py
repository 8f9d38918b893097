"""Messages of the `resume` channel: every daemon hears each, and large ones are sent on once."""

from __future__ import annotations

import msgspec
import pytest

from statebox.asl.execution import Status
from statebox.asl.jsontext import write_json
from statebox.embedded import EmbeddedValkey
from statebox.engine.resuming import Resuming
from tests.engine.running import ASK, daemon_on, ended, start, tokens
from tests.servers import ask

LARGE = "x" * 100_000


class Stats(msgspec.Struct):
    """Of what a server says about itself."""

    total_net_input_bytes: int


def bytes_sent_to(server: EmbeddedValkey) -> int:
    """What it has received so far."""
    return msgspec.convert(ask(server, "INFO", "stats"), Stats).total_net_input_bytes


async def test_a_large_answer_is_sent_to_redis_by_one_daemon_only(valkey: EmbeddedValkey):
    """The others ask first, and find that it was answered."""
    async with daemon_on(valkey) as one, daemon_on(valkey) as other:
        id = await start(one, {"Ask": {**ASK, "OutputPath": "$.length", "End": True}}, {})
        [token] = await tokens(one, id)
        message = write_json({"continuation": token, "output": {"text": LARGE, "length": 1}})

        await Resuming(one.service, dice=lambda: 0.0).act_on(message)
        assert (await ended(one, id)).output == 1
        before = bytes_sent_to(valkey)
        await Resuming(other.service, dice=lambda: 0.0).act_on(message)

        assert bytes_sent_to(valkey) - before < len(LARGE) / 2


async def test_an_answer_that_is_not_taken_is_logged_with_what_it_was_for(
    valkey: EmbeddedValkey, caplog: pytest.LogCaptureFixture
):
    token = "f3546760-0ef0-4357-854f-d750e44bf000"
    async with daemon_on(valkey) as daemon:
        with caplog.at_level("INFO", "statebox.engine.resuming"):
            await Resuming(daemon.service).act_on(token.encode())

    assert f"resume: {token}: The token is not known" in caplog.text


async def test_a_continuation_that_somebody_has_broken_ends_no_daemon(
    valkey: EmbeddedValkey, caplog: pytest.LogCaptureFixture
):
    """All of them hear the message, so that it would end them all."""
    async with daemon_on(valkey) as daemon:
        id = await start(daemon, {"Ask": {**ASK, "End": True}}, {})
        [token] = await tokens(daemon, id)
        key = f"statebox:{{0}}:token:{token}"
        ask(valkey, "HSET", key, "status", "answered")

        await Resuming(daemon.service).act_on(token.encode())
        assert f"resume: {token} could not be answered" in caplog.text

        ask(valkey, "HSET", key, "status", "waiting")
        await Resuming(daemon.service).act_on(token.encode())
        assert (await ended(daemon, id)).status is Status.SUCCEEDED


async def test_a_large_answer_with_an_error_ends_the_execution(valkey: EmbeddedValkey):
    async with daemon_on(valkey) as daemon:
        id = await start(daemon, {"Ask": {**ASK, "End": True}}, {})
        [token] = await tokens(daemon, id)

        await Resuming(daemon.service).act_on(
            write_json({"continuation": token, "error": "No", "cause": LARGE[:20_000]})
        )

        execution = await ended(daemon, id)
        assert (execution.status, execution.error) == (Status.FAILED, "No")
