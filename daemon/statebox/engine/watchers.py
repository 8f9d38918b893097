"""Watchers: whoever waits here for an execution to park or to end is told when it may have happened."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager


class Watchers:
    """Events by execution id. A notice is a hint: look at the store before you believe it."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}

    def notify(self, id: str) -> None:
        """Wake everybody who watches the execution."""
        for event in self._waiting.get(id, ()):
            event.set()

    def notify_all(self) -> None:
        """Wake everybody: notices may have been missed."""
        for id in list(self._waiting):
            self.notify(id)

    @contextmanager
    def watching(self, id: str) -> Generator[asyncio.Event]:
        """An event that is set whenever the execution may have parked or ended."""
        event = asyncio.Event()
        self._waiting.setdefault(id, set()).add(event)
        try:
            yield event
        finally:
            watching = self._waiting[id]
            watching.discard(event)
            if not watching:
                del self._waiting[id]
