"""`statebox doctor`: one line for each thing a daemon needs, and an exit code for those who only want to know."""

from __future__ import annotations

from pathlib import Path

import pytest

from statebox.asl.jsontext import Json
from tests.cli.conftest import Call, Dev


def url_of(dev: Dev) -> str:
    return f"unix://{dev.socket}"


def test_it_tells_line_by_line_how_things_are(offline: Call, dev: Dev):
    told = offline("doctor", "--redis-url", url_of(dev))

    lines = told.stdout.splitlines()
    assert told.exit_code == 0, told.stdout
    assert lines[0].startswith("ok    redis: answers at unix:")
    assert "ok    shards: 1, as configured" in lines
    assert "warn  openwhisk: none is configured: every task that calls an action will fail" in lines


def test_programs_get_all_of_it(offline: Call, dev: Dev):
    findings: list[Json] = offline("doctor", "--json", "--redis-url", url_of(dev)).json["findings"]

    assert {one["level"] for one in findings} <= {"ok", "warn"}
    assert findings[-1]["subject"] == "openwhisk"
    assert "statebox actions" in findings[-1]["remedy"]


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_what_fails_is_an_exit_code_and_comes_with_its_remedy(offline: Call, dev: Dev, more: tuple[str, ...]):
    told = offline("doctor", "--redis-url", url_of(dev), "--redis-shards", "3", *more)

    assert told.exit_code == 1
    assert "configure [redis] shards = 1" in told.stdout


def test_a_redis_and_an_openwhisk_that_are_not_there_are_two_failures(offline: Call, tmp_path: Path):
    config = tmp_path / "statebox.toml"
    config.write_text(
        f'[redis]\nurl = "unix://{tmp_path}/no.sock"\n[openwhisk]\napihost = "http://127.0.0.1:1"\nauth = "a:b"\n'
    )

    told = offline("doctor", "--config", config)

    assert told.exit_code == 1
    assert [line[:15] for line in told.stdout.splitlines() if line.startswith("fail")] == [
        "fail  redis: Re",
        "fail  openwhisk",
    ]


def test_a_wrong_configuration_is_told_as_serve_tells_it(offline: Call):
    told = offline("doctor", "--redis-shards", "0")

    assert told.exit_code == 78
    assert "redis.shards" in told.stderr
