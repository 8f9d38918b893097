"""Which invoker serves which Resource."""

from __future__ import annotations

import re
from collections.abc import Sequence

from statebox.asl.commands import InvokeTask
from statebox.asl.errors import RUNTIME
from statebox.asl.events import TaskFailed, TaskSubmitted, TaskSucceeded
from statebox.engine.ports import Invoker, Permit


class Resources:
    """An invoker that passes each task on to the first one whose pattern its Resource begins with."""

    def __init__(self, served: Sequence[tuple[str, Invoker]]) -> None:
        self._served = tuple((re.compile(pattern), invoker) for pattern, invoker in served)

    async def invoke(
        self, task: InvokeTask, permit: Permit | None = None
    ) -> TaskSucceeded | TaskFailed | TaskSubmitted:
        """Call the resource; one that nobody serves fails the task, which no retry can mend."""
        for pattern, invoker in self._served:
            if pattern.match(task.resource):
                return await invoker.invoke(task, permit)
        return TaskFailed(task.id, RUNTIME, f"No part of this daemon serves the resource {task.resource}")
