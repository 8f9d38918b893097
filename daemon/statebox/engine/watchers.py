"""Watchers: whoever waits here for an execution to park or to end, or for a task, is told when it may have happened."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

from statebox.asl.execution import Execution


def queue_of(activity: str) -> str:
    """What to watch for the tasks of an activity."""
    return f"activity:{activity}"


class Watch(asyncio.Event):
    """Set whenever the execution may have parked or ended; `ended` is its last value where that was written here."""

    ended: Execution | None = None


class Watchers:
    """Watches by execution id. A notice is a hint: look at the store before you believe it."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[Watch]] = {}

    def notify(self, id: str) -> None:
        """Wake everybody who watches the execution."""
        for event in self._waiting.get(id, ()):
            event.set()

    def notify_end(self, execution: Execution) -> None:
        """Wake everybody who watches an execution that has ended: the end is written, and nothing comes after it."""
        for watch in self._waiting.get(execution.id, ()):
            watch.ended = execution
            watch.set()

    def notify_all(self) -> None:
        """Wake everybody: notices may have been missed."""
        for id in list(self._waiting):
            self.notify(id)

    @contextmanager
    def watching(self, id: str) -> Generator[Watch]:
        """A watch on the execution."""
        watch = Watch()
        self._waiting.setdefault(id, set()).add(watch)
        try:
            yield watch
        finally:
            watching = self._waiting[id]
            watching.discard(watch)
            if not watching:
                del self._waiting[id]
