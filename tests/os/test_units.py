"""The systemd units: accepted by systemd's own checks, closed as far as they can be, with an example that is true."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from statebox.config import load, options
from tests.programs import need_program

UNITS = Path(__file__).parents[2] / "systemd"
# 0 is closed, 10 is open; what remains is that the daemon needs the network.
HIGHEST_EXPOSURE = 2.0

unit = pytest.mark.parametrize("name", ["statebox.service", "statebox@.service"])


def installed(name: str, folder: Path) -> Path:
    """A copy of the unit that runs programs which are there: systemd-analyze wants to see them."""
    text = (UNITS / name).read_text()
    for command in ("ExecStart=/opt/statebox/bin/statebox serve", "ExecReload=/bin/kill -HUP $MAINPID"):
        assert command in text
        text = text.replace(command, f"{command.partition('=')[0]}=/bin/true")
    copy = folder / name
    copy.write_text(text)
    return copy


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [need_program("systemd-analyze"), "--no-pager", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "SYSTEMD_LOG_LEVEL": "info"},
    )


@unit
def test_systemd_finds_nothing_wrong_with_it(name: str, tmp_path: Path):
    done = analyze("verify", "--man=no", installed(name, tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@unit
def test_it_is_closed_as_far_as_it_can_be(name: str, tmp_path: Path):
    done = analyze("security", "--offline=true", installed(name, tmp_path))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) <= HIGHEST_EXPOSURE


def test_an_instance_is_the_service_with_a_name_a_user_and_a_shared_port():
    """The two units are kept alike by hand; this says where they differ."""
    single, instance = (
        {line for line in (UNITS / name).read_text().splitlines() if line and not line.startswith("#")}
        for name in ("statebox.service", "statebox@.service")
    )
    assert single - instance == {
        "Description=statebox: durable state machines for OpenWhisk",
        "Environment=STATEBOX_NAME=%H",
    }
    assert instance - single == {
        "Description=statebox: durable state machines for OpenWhisk (%i)",
        "Environment=STATEBOX_NAME=%H-%i STATEBOX_REUSE_PORT=true",
        "EnvironmentFile=-/etc/statebox/%i.env",
        "User=statebox",
    }


def test_the_daemon_may_drain_before_systemd_kills_it():
    allowed = re.search(r"^TimeoutStopSec=(\d+)$", (UNITS / "statebox.service").read_text(), re.MULTILINE)
    assert allowed is not None
    assert float(allowed[1]) > load({}, {}, default_file=Path("/nonexistent")).daemon.drain_seconds


def test_the_credentials_that_the_unit_names_are_secrets_of_the_configuration():
    named = re.findall(r"LoadCredential=(\S+?):", (UNITS / "statebox.service").read_text())
    assert named
    assert set(named) <= {option.key for option in options() if option.secret}


def test_the_example_loads_as_it_is():
    assert load({}, {}, UNITS / "statebox.toml") == load({}, {}, default_file=Path("/nonexistent"))


def test_the_example_shows_each_option_with_its_default(tmp_path: Path):
    """Every commented assignment is one option; where there is a default, it is the one shown."""
    text = re.sub(r"^#([a-z_]+ = )", r"\1", (UNITS / "statebox.toml").read_text(), flags=re.MULTILINE)
    shown = tomllib.loads(text)

    assert {f"{section}.{name}" for section, entries in shown.items() for name in entries} == {
        option.key for option in options()
    }
    defaults = {setting.key: setting.value for setting in load({}, {}, default_file=Path("/nonexistent")).describe()}
    for option in options():
        if defaults[option.key] != "-":
            example = shown[option.section][option.name]
            assert option.read(example, tmp_path) == option.default, option.key
