"""The help: there at once, complete, and of use to somebody who has read nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import pytest

from tests.cli.conftest import Call

COMMANDS = [
    *("demo", "dev", "run", "validate", "test", "actions"),
    *("start", "list", "describe", "history", "resume", "stop", "redrive", "retry"),
    *("machines", "aws-env", "purge", "test-state"),
    *("serve", "doctor"),
]

HEAVY = ("aiohttp", "asyncio", "msgspec", "redis", "statebox.asl", "statebox.config")


def test_the_help_names_every_command_and_where_to_begin(offline: Call):
    told = offline("--help")

    assert told.exit_code == 0
    for name in COMMANDS:
        assert f"\n  {name} " in told.stdout
    assert "statebox demo" in told.stdout


def test_the_help_loads_nothing_that_takes_its_time():
    script = f"""
import sys
from statebox.cli.main import main
try:
    main(["--help"])
finally:
    print(*(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr)
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert ended.stderr.split() == []
    assert ended.stdout.startswith("Usage: statebox")


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_says_what_it_does_and_how_to_use_it(offline: Call, name: str):
    told = offline(name, "--help")

    assert told.exit_code == 0
    assert told.stdout.startswith(f"Usage: statebox {name} ")
    assert "--json" in told.stdout
    # Prose is folded to the terminal, examples cannot be.
    assert max(map(len, told.stdout.splitlines())) <= 100


def test_the_version_is_told(offline: Call):
    assert offline("--version").word.startswith("statebox ")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["rum"], "there is no command rum; did you mean run?"),
        (["xyzzy"], "there is no command xyzzy; there are demo, dev, run"),
        (["list", "--nope"], "No such option '--nope'"),
        (["resume"], "Missing argument 'ID'"),
        (["list", "--limit", "0"], "0 is not in the range x>=1"),
        (["list", "--status", "sleeping"], "'sleeping' is not one of"),
    ],
)
def test_wrong_usage_is_told_in_words_and_with_exit_code_2(offline: Call, words: Sequence[str], expected: str):
    told = offline(*words)

    assert told.exit_code == 2
    assert expected in told.stderr
    assert told.stdout == ""
