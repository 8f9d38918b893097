"""`statebox serve`: what it is told, what it tells, and how it begins and ends."""

from __future__ import annotations

import functools
import signal
import socket
from pathlib import Path

from statebox.embedded import EmbeddedValkey
from tests.cli.conftest import Call
from tests.cli.processes import Command, run, wait_for

SUCCEED = '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}'


def test_what_holds_is_shown_with_where_it_comes_from(tmp_path: Path):
    file = tmp_path / "statebox.toml"
    file.write_text('[http]\nwait_seconds = 5\n[redis]\npassword = "hush"\nprefix = "file"\n')
    more = {"STATEBOX_REDIS_PREFIX": "variable", "STATEBOX_LEASE_SECONDS": "20"}

    shown = run("serve", "--config", file, "--lease-seconds", "30", "--show-config", "--json", cwd=tmp_path, more=more)

    settings = shown.json
    assert settings["daemon.lease_seconds"] == {"value": "30", "origin": "flag --lease-seconds"}
    assert settings["redis.prefix"] == {"value": "variable", "origin": "environment STATEBOX_REDIS_PREFIX"}
    assert settings["http.wait_seconds"] == {"value": "5", "origin": f"{file} [http] wait_seconds"}
    assert settings["redis.password"]["value"] == "***"
    assert settings["http.listen"] == {"value": "127.0.0.1:8083", "origin": "default"}


def test_flags_without_a_value_are_switches(offline: Call):
    plain = offline("serve", "--show-config", "--json").json
    switched = offline("serve", "--show-config", "--json", "--reuse-port").json

    assert plain["http.reuse_port"] == {"value": "false", "origin": "default"}
    assert switched["http.reuse_port"] == {"value": "true", "origin": "flag --reuse-port"}
    assert "http.listen " in offline("serve", "--show-config").stdout


def test_a_wrong_configuration_is_told_with_all_its_problems(offline: Call, tmp_path: Path):
    file = tmp_path / "statebox.toml"
    file.write_text('[http]\nlisten = "0.0.0.0:1"\nwait_second = 5\n')

    told = offline("serve", "--config", file, "--sweep-seconds", "0", "--machines", tmp_path / "missing")

    assert told.exit_code == 78
    assert f"{file} [http] wait_second: there is no such option; did you mean wait_seconds?" in told.stderr
    assert "flag --sweep-seconds: daemon.sweep_seconds = '0' must be from 0.05 to 60" in told.stderr
    assert "there is no folder" in told.stderr
    exposed = offline("serve", "--listen", "0.0.0.0:1")
    assert exposed.exit_code == 78
    assert "needs a token" in exposed.stderr


def test_it_lives_as_systemd_wants_it_to(valkey: EmbeddedValkey, offline: Call, tmp_path: Path):
    """It tells when it is ready, reads its machines again on SIGHUP, and ends in order on SIGTERM."""
    machines = tmp_path / "machines"
    machines.mkdir()
    (machines / "old.json").write_text(SUCCEED)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        words = ("--redis-url", valkey.url, "--listen", "127.0.0.1:0", "--machines", machines, "--log-format", "text")
        more = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "STATEBOX_TOKEN": "a client's"}
        with Command("serve", "--json", *words, cwd=tmp_path, more=more) as serve:
            endpoint = ("--endpoint", serve.json_line()["endpoint"])
            told = manager.recv(4096)
            assert b"READY=1" in told
            assert offline("start", "old", *endpoint).exit_code == 0

            (machines / "new.json").write_text(SUCCEED)
            (machines / "old.json").unlink()
            serve.send(signal.SIGHUP)
            wait_for(lambda: offline("start", "new", *endpoint).exit_code == 0, "the new machine", lambda: serve.stderr)
            assert offline("start", "old", *endpoint).exit_code == 1
            (machines / "new.json").write_text("{}")
            (machines / "other.json").write_text('{"StartAt": "A", "States": {"A": {"Type": "Nap"}}}')
            serve.send(signal.SIGHUP)
            serve.says("the machines were not read again: new: ")
            serve.says("other: SCHEMA_VALIDATION_FAILED: ")
            serve.says("`statebox validate FILE` shows lines and columns")
            machines.rename(tmp_path / "elsewhere")
            serve.send(signal.SIGHUP)
            serve.says("The folder of machines cannot be read: ")
            assert offline("start", "new", *endpoint).exit_code == 0

            serve.send(signal.SIGTERM)
            assert serve.ended() == 0
            assert b"STOPPING=1" in b"".join(iter_messages(manager))
            assert "Traceback" not in serve.stderr
    assert offline("list", *endpoint).exit_code == 69


def test_while_it_waits_for_redis_it_can_be_ended_and_a_reload_does_it_no_harm(tmp_path: Path):
    words = ("--redis-url", f"unix://{tmp_path}/none.sock", "--listen", "127.0.0.1:0")
    with Command("serve", *words, cwd=tmp_path) as serve:
        for signum in (signal.SIGTERM, signal.SIGHUP):
            wait_for(functools.partial(catches, serve.pid, signum), f"{signum.name} to be handled")
        serve.send(signal.SIGHUP)
        serve.send(signal.SIGTERM)
        assert serve.ended() == 0, serve.stderr
        assert "Traceback" not in serve.stderr


def test_a_redis_that_cannot_be_used_as_told_is_a_wrong_configuration(valkey: EmbeddedValkey, tmp_path: Path):
    words = ("--redis-url", valkey.url, "--listen", "127.0.0.1:0")
    with Command("serve", "--json", *words, cwd=tmp_path) as serve:
        serve.line()
        ended = run("serve", *words, "--redis-shards", "2", cwd=tmp_path)

    assert ended.exit_code == 78
    assert "was first used with 1 shards" in ended.stderr


def catches(pid: int, signum: signal.Signals) -> bool:
    """Whether a process has a handler for a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    return bool(int(status.partition("SigCgt:")[2].split()[0], 16) >> (signum - 1) & 1)


def iter_messages(manager: socket.socket) -> list[bytes]:
    """What has been told to the service manager until now."""
    manager.setblocking(False)
    found: list[bytes] = []
    while True:
        try:
            found.append(manager.recv(4096))
        except BlockingIOError:
            return found
