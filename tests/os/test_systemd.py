"""The messages to systemd, as a datagram socket like systemd's hears them."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from statebox.systemd import Notifier


@pytest.fixture(params=["path", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A socket that listens, and its address as NOTIFY_SOCKET names it."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@statebox-{uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(name.replace("@", "\0", 1))
        ear.settimeout(5)
        yield ear, name


def heard(ear: socket.socket) -> list[str]:
    return ear.recv(4096).decode().split("\n")


def test_each_message_arrives(listener: tuple[socket.socket, str]):
    ear, address = listener
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": address})

    notifier.ready("12 running, 40 suspended")
    assert heard(ear) == ["READY=1", "STATUS=12 running, 40 suspended"]
    notifier.status("redis does not answer")
    assert heard(ear) == ["STATUS=redis does not answer"]
    notifier.watchdog()
    assert heard(ear) == ["WATCHDOG=1"]
    notifier.stopping("draining")
    assert heard(ear) == ["STOPPING=1", "STATUS=draining"]
    notifier.extend_timeout(1.5)
    assert heard(ear) == ["EXTEND_TIMEOUT_USEC=1500000"]


def test_a_reload_says_when_it_began(listener: tuple[socket.socket, str]):
    ear, address = listener
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000

    Notifier(address).reloading()

    first, second = heard(ear)
    name, _, value = second.partition("=")
    assert (first, name) == ("RELOADING=1", "MONOTONIC_USEC")
    assert before <= int(value) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def test_a_status_stays_one_line(listener: tuple[socket.socket, str]):
    ear, address = listener
    Notifier(address).status("one\nREADY=1\n\ttwo")
    assert heard(ear) == ["STATUS=one READY=1 two"]


def test_without_systemd_nothing_happens():
    notifier = Notifier.from_environment({})
    notifier.ready("nobody listens")
    assert notifier.watchdog_interval_seconds is None


def test_a_listener_that_went_away_is_logged_and_does_no_harm(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        Notifier(str(tmp_path / "gone")).watchdog()
    assert "systemd was not told WATCHDOG=1" in caplog.text


def test_an_address_of_another_kind_is_logged(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        Notifier("vsock:2:1234").watchdog()
    assert "NOTIFY_SOCKET=vsock:2:1234 is neither a path nor an abstract name" in caplog.text


def test_the_watchdog_is_fed_three_times_as_often_as_it_wants():
    notifier = Notifier.from_environment({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())})
    assert notifier.watchdog_interval_seconds == 10.0


@pytest.mark.parametrize(
    "environment",
    [
        {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "0"},
    ],
)
def test_a_watchdog_that_is_not_for_this_process_is_not_fed(environment: dict[str, str]):
    assert Notifier.from_environment(environment).watchdog_interval_seconds is None
