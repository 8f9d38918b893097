"""What stands in the folder of machines keeps nobody waiting, whatever it is, and one wrong file changes nothing."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from statebox.asl.jsontext import Json, write_json_text
from statebox.config import Address, Config, DaemonConfig, HttpConfig, LimitsConfig, RedisConfig
from statebox.daemon import Daemon
from statebox.embedded import EmbeddedValkey
from statebox.engine.errors import InvalidDefinition
from tests.hostile.cases import Probe

MOST_LAG_MS = 1_000.0


def passing(**fields: Json) -> str:
    state = {"Type": "Pass", "End": True, **fields}
    return write_json_text({"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": state}})


SMALL = passing()
LARGE = passing(Output={f"n{n}": "x" * 100 for n in range(1000)})
# Takes half a minute to parse.
HOSTILE = passing(Output="{% [" + "1," * 480_000 + "1] %}")


@contextlib.asynccontextmanager
async def daemon_with(folder: Path) -> AsyncGenerator[Daemon]:
    """A daemon that reads its machines from a folder, and does not take longer than a second over one."""
    async with EmbeddedValkey() as server:
        config = Config(
            redis=RedisConfig(url=server.url),
            http=HttpConfig(listen=Address("127.0.0.1", 0)),
            daemon=DaemonConfig(machines=folder),
            limits=LimitsConfig(evaluation_seconds=1.0),
        )
        async with Daemon(config, {}) as daemon:
            yield daemon


async def test_a_large_machine_is_checked_in_a_worker_and_runs(tmp_path: Path) -> None:
    (tmp_path / "large.json").write_text(LARGE)
    async with daemon_with(tmp_path) as daemon:
        assert daemon.workers.pids != []
        beginning = await daemon.service.start_execution("large", {})
        execution = await daemon.service.settle(beginning.id, 10)
        assert len(execution.output) == 1000


async def test_small_machines_start_no_process(tmp_path: Path) -> None:
    (tmp_path / "small.json").write_text(SMALL)
    async with daemon_with(tmp_path) as daemon:
        assert (daemon.service.machines.names(), daemon.workers.pids) == (["small"], [])


async def test_a_hostile_file_is_refused_by_name_and_the_machines_stay_as_they_were(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "good.json").write_text(SMALL)
    async with daemon_with(tmp_path) as daemon:
        (tmp_path / "another.json").write_text(SMALL)
        (tmp_path / "hostile.json").write_text(HOSTILE)
        (tmp_path / "wrong.json").write_text("{}")
        (tmp_path / "broken.json").write_text("{ nothing")
        probe = Probe(daemon)
        async with probe:
            with caplog.at_level(logging.ERROR):
                await daemon.reload()
        assert daemon.service.machines.names() == ["good"]
        assert "hostile: INVALID_JSON_DESCRIPTION: Reading it takes too long or too much memory" in caplog.text
        assert "wrong: SCHEMA_VALIDATION_FAILED: These fields are required: [States, StartAt] at /" in caplog.text
        assert "broken: INVALID_JSON_DESCRIPTION: " in caplog.text
        assert caplog.text.count("line: 1, column: 3]") == 1
        assert probe.lag_ms < MOST_LAG_MS

        (tmp_path / "broken.json").unlink()
        (tmp_path / "hostile.json").unlink()
        (tmp_path / "wrong.json").unlink()
        await daemon.reload()
        assert daemon.service.machines.names() == ["another", "good"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (HOSTILE.encode(), "^bad: .*takes too long"),
        (b"{", "^bad: INVALID_JSON_DESCRIPTION: Unexpected end-of-input"),
        (b"\xff", "^bad: .*bad.json cannot be read"),
        (b" " * (3 << 20), "^bad: .*bad.json has more than 2097152 bytes"),
    ],
)
async def test_no_daemon_starts_with_a_file_that_is_wrong(tmp_path: Path, content: bytes, words: str) -> None:
    """And it says which one, and what is wrong with it."""
    (tmp_path / "bad.json").write_bytes(content)
    with pytest.raises(InvalidDefinition, match=words):
        async with daemon_with(tmp_path):
            raise AssertionError("it has started")
