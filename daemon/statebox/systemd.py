"""sd_notify(3): tell systemd that the daemon is ready, alive, busy or going. Without systemd, nothing happens."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping

log = logging.getLogger(__name__)


class Notifier:
    """The notification socket of this process, if its parent listens for one.

    A message that cannot be sent is logged and forgotten: the daemon does not stop working because nobody watches.
    """

    def __init__(self, address: str | None, watchdog_seconds: float | None = None) -> None:
        self._address = _socket_name(address) if address else None
        self.watchdog_seconds = watchdog_seconds

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Notifier:
        """Read NOTIFY_SOCKET, and WATCHDOG_USEC where WATCHDOG_PID is this process or not set."""
        watched = environment.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
        microseconds = environment.get("WATCHDOG_USEC", "")
        watchdog = int(microseconds) / 1e6 if watched and microseconds.isdigit() and int(microseconds) > 0 else None
        return cls(environment.get("NOTIFY_SOCKET"), watchdog)

    @property
    def watchdog_interval_seconds(self) -> float | None:
        """How often to call `watchdog`: a third of what systemd allows, so that one late call is no death."""
        return None if self.watchdog_seconds is None else self.watchdog_seconds / 3

    def ready(self, status: str) -> None:
        """Everything works: the start is complete, or a reload is."""
        self._send("READY=1", _status(status))

    def status(self, status: str) -> None:
        """Say in one line what goes on; `systemctl status` shows it."""
        self._send(_status(status))

    def watchdog(self) -> None:
        """Still alive."""
        self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """A reload begins; `ready` ends it."""
        # Type=notify-reload wants to know that this answers the SIGHUP which it sent, and not an earlier one.
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self, status: str) -> None:
        """The daemon is on its way out."""
        self._send("STOPPING=1", _status(status))

    def extend_timeout(self, seconds: float) -> None:
        """Ask for at least so many seconds from now on for the start or the stop that goes on."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * 1e6)}")

    def _send(self, *lines: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            log.warning("systemd was not told %s: %s", lines[0], error)


def _socket_name(address: str) -> str | None:
    """A path, or a name in the abstract namespace, which is written with an @ and begins with a zero byte."""
    if address.startswith("@"):
        return "\0" + address[1:]
    if address.startswith("/"):
        return address
    log.warning("NOTIFY_SOCKET=%s is neither a path nor an abstract name: systemd will not be told anything", address)
    return None


def _status(words: str) -> str:
    # A line end would begin another assignment.
    return f"STATUS={' '.join(words.split())}"
