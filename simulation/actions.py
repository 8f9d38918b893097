"""The actions: an OpenWhisk of our own, which keeps a log and goes on whatever becomes of its callers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from random import Random

import msgspec

from simulation.loop import VirtualLoop
from simulation.machines import BOOM
from statebox.asl.commands import InvokeTask
from statebox.asl.events import TaskFailed, TaskSubmitted, TaskSucceeded
from statebox.asl.jsontext import Json
from statebox.engine.ports import Permit

# After this a blocking call is answered with an activation id (s).
_BLOCKING_SECONDS = 0.4


class Activation(msgspec.Struct, frozen=True):
    """One run of an action: until when, and what came of it (None: it failed)."""

    id: str
    ends: float
    output: Json


class Actions:
    """The host. `look` is told of each call as it begins, before anything comes of it."""

    def __init__(self, loop: VirtualLoop, rng: Random, look: Callable[[InvokeTask, str], None]) -> None:
        self.loop = loop
        self.calls: Counter[str] = Counter()
        self._rng = rng
        self._look = look
        self._activations: dict[str, Activation] = {}

    def begin(self, task: InvokeTask, caller: str) -> Activation:
        """A call has arrived."""
        self._look(task, caller)
        self.calls[task.attempt_id] += 1
        id = f"act-{len(self._activations) + 1}"
        name = task.resource.removeprefix("openwhisk:")
        lasts = 0.5 + 3 * self._rng.random() if name == "slow" else 0.03 * self._rng.random()
        arguments = task.arguments
        output: Json = {**arguments, "n": arguments["n"] + {"inc": 1, "slow": 10, "flaky": 100}.get(name, 0)}
        if name == "flaky" and self._rng.random() < 0.4:
            output = None
        activation = self._activations[id] = Activation(id, self.loop.time() + lasts, output)
        return activation

    def find(self, id: str) -> Activation:
        """The record of an activation."""
        return self._activations[id]


class Caller:
    """The port Invoker of one daemon."""

    def __init__(self, actions: Actions, name: str) -> None:
        self._actions = actions
        self._name = name

    async def invoke(
        self, task: InvokeTask, permit: Permit | None = None
    ) -> TaskSucceeded | TaskFailed | TaskSubmitted:
        """Call the action, or poll for it."""
        if task.reference is not None:
            if task.token is not None:
                return TaskSubmitted(task.id, task.reference, {"activationId": task.reference})
            return await self._ended(task, self._actions.find(task.reference))
        if permit is not None:
            await permit()
        activation = self._actions.begin(task, self._name)
        if task.token is not None or activation.ends - self._actions.loop.time() > _BLOCKING_SECONDS:
            await asyncio.sleep(0.01 if task.token is not None else _BLOCKING_SECONDS)
            return TaskSubmitted(task.id, activation.id, {"activationId": activation.id})
        return await self._ended(task, activation)

    async def _ended(self, task: InvokeTask, activation: Activation) -> TaskSucceeded | TaskFailed:
        await asyncio.sleep(max(0.0, activation.ends - self._actions.loop.time()) + 0.001)
        if activation.output is None:
            return TaskFailed(task.id, BOOM, "it was its turn", activation.id)
        return TaskSucceeded(task.id, activation.output, activation.id)
