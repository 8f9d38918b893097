"""What tests of the command line may ask for: a daemon for all of them, and a way to call commands in this process."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from statebox.asl.jsontext import Json, read_json, write_json_text
from statebox.cli.main import statebox
from tests.cli.processes import Command, environment

ROOT = Path(__file__).parents[2]
ACTIONS = ROOT / "demo_actions"
INCSQUARE = ROOT / "state_machines" / "incsquare.json"

# Machines that the shared daemon knows by name.
MACHINES: dict[str, Json] = {
    "echo": {"StartAt": "Echo", "States": {"Echo": {"Type": "Pass", "End": True}}},
    "wait": {"StartAt": "Long", "States": {"Long": {"Type": "Wait", "Seconds": 3600, "End": True}}},
    "ask": {
        "StartAt": "Ask",
        "States": {"Ask": {"Type": "Task", "Resource": "module:suspend", "TimeoutSeconds": 3600, "End": True}},
    },
    "ask-twice": {
        "StartAt": "Both",
        "States": {
            "Both": {
                "Type": "Parallel",
                "End": True,
                "Branches": [
                    {"StartAt": name, "States": {name: {"Type": "Task", "Resource": "module:suspend", "End": True}}}
                    for name in ("Left", "Right")
                ],
            }
        },
    },
}


class Dev(msgspec.Struct, frozen=True):
    """A running `statebox dev`: where it is."""

    endpoint: str
    socket: Path

    def redis(self, *words: str) -> str:
        """What its Valkey answers to a command, as one line on the wire, without the sign of its type."""
        with socket.socket(socket.AF_UNIX) as wire:
            wire.settimeout(30)
            wire.connect(str(self.socket))
            parts = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
            wire.sendall(f"*{len(words)}\r\n{parts}".encode())
            with wire.makefile("r") as answers:
                return answers.readline().strip()[1:]


@pytest.fixture(scope="session")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    """A daemon for all tests, with the demo's actions and with MACHINES."""
    folder = tmp_path_factory.mktemp("dev")
    machines = folder / "machines"
    machines.mkdir()
    for name, definition in MACHINES.items():
        (machines / f"{name}.json").write_text(write_json_text(definition))
    words = ("--listen", "127.0.0.1:0", "--actions-listen", "127.0.0.1:0", "--actions", ACTIONS, "--machines", machines)
    with Command("dev", "--json", "--data", folder / "data", *words, cwd=folder) as command:
        where = command.json_line()
        yield Dev(where["endpoint"], Path(where["redis"]["socket"]))
        command.send(signal.SIGTERM)
        assert command.ended() == 0, command.stderr


class Called:
    """What a command, called in this process, has printed and how it ended."""

    def __init__(self, result: Result) -> None:
        # Only what the command line means to end with: anything else would be a traceback, or a message about one.
        assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
        self.exit_code = result.exit_code
        self.stdout = result.stdout
        self.stderr = result.stderr

    @property
    def json(self) -> Json:
        """All of stdout, as JSON."""
        assert self.exit_code == 0, self.stderr
        return read_json(self.stdout)

    @property
    def word(self) -> str:
        """All of stdout, which is one line."""
        assert self.exit_code == 0, self.stderr
        (line,) = self.stdout.splitlines()
        return line


Call = Callable[..., Called]


@pytest.fixture
def offline() -> Call:
    """Calls a command that needs no daemon; none is where it would look for one."""

    def call(*words: str | Path, input: str = "") -> Called:
        return _call(words, input, {"STATEBOX_ENDPOINT": "http://127.0.0.1:1"})

    return call


@pytest.fixture
def call(dev: Dev) -> Call:
    """Calls a command that finds the shared daemon."""

    def call(*words: str | Path, input: str = "") -> Called:
        return _call(words, input, {"STATEBOX_ENDPOINT": dev.endpoint})

    return call


def _call(words: tuple[str | Path, ...], input: str, more: dict[str, str]) -> Called:
    hidden = {"STATEBOX_TOKEN": None}
    runner = CliRunner(env={**environment(), **more, **hidden})
    return Called(runner.invoke(statebox, [str(word) for word in words], input=input, prog_name="statebox"))
