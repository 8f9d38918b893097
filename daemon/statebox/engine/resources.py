"""Which invoker serves which Resource."""

from __future__ import annotations

from collections.abc import Sequence

from statebox.asl.commands import InvokeTask
from statebox.asl.errors import RUNTIME
from statebox.asl.events import TaskFailed, TaskSubmitted, TaskSucceeded
from statebox.engine.ports import Invoker, Permit


class Resources:
    """An invoker that passes each task on to the first one registered under a prefix of its Resource."""

    def __init__(self, served: Sequence[tuple[str, Invoker]]) -> None:
        self._served = tuple(served)

    async def invoke(
        self, task: InvokeTask, permit: Permit | None = None
    ) -> TaskSucceeded | TaskFailed | TaskSubmitted:
        """Call the resource; one that nobody serves fails the task, which no retry can mend."""
        for prefix, invoker in self._served:
            if task.resource.startswith(prefix):
                return await invoker.invoke(task, permit)
        return TaskFailed(task.id, RUNTIME, f"No part of this daemon serves the resource {task.resource}")
