"""The invoker: serves Task states by calling OpenWhisk actions."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping

import msgspec

from statebox.asl.commands import InvokeTask
from statebox.asl.events import TaskFailed, TaskSubmitted, TaskSucceeded
from statebox.asl.jsontext import write_json
from statebox.engine.ports import Permit
from statebox.openwhisk.activation import Activation, Ending, Submitted
from statebox.openwhisk.call import Call, InvalidCall, Mode
from statebox.openwhisk.calls import read_call
from statebox.openwhisk.client import OpenWhiskClient
from statebox.openwhisk.errors import OpenWhiskError, Refused
from statebox.openwhisk.failures import (
    ACTION_NOT_FOUND,
    LOST,
    Failure,
    failure_of_activation,
    failure_of_error,
    surely_not_started,
)
from statebox.openwhisk.functions import accepted
from statebox.openwhisk.patience import Patience, jittered
from statebox.openwhisk.replies import Action

# For an action that cannot be asked about: the longest time limit that OpenWhisk gives.
_LONGEST_LIMIT_MS = 300_000

# Their answers come from outside.
_ANSWERED = (Mode.CALLBACK, Mode.WAIT_AND_CALLBACK)

Outcome = TaskSucceeded | TaskFailed | TaskSubmitted


class OpenWhiskInvoker:
    """Serves `module:<action>`, `openwhisk:<name>[.sync|.waitForTaskToken]`, Lambda's ARNs and lambda:invoke.

    The attempt's id goes with each call as X-Request-ID, so an action can tell a repeated call by its
    `__OW_TRANSACTION_ID`. There is no way to cancel a run in OpenWhisk: a cancelled invoke abandons it.
    """

    def __init__(
        self,
        client: OpenWhiskClient,
        patience: Patience | None = None,
        fraction: Callable[[], float] = random.random,
        renamed: Mapping[str, str] = {},
    ) -> None:
        self._client = client
        self._patience = patience or Patience()
        self._fraction = fraction
        # Names of functions -> names of actions.
        self._renamed = renamed

    async def invoke(self, task: InvokeTask, permit: Permit | None = None) -> Outcome:
        """Do the task: see engine.ports.Invoker. Never raises for what goes wrong with the call."""
        try:
            call = read_call(task, self._client.namespace, self._renamed)
        except InvalidCall as error:
            return TaskFailed(task.id, error.error, str(error), task.reference)
        try:
            if task.reference is None:
                return await self._submit(task, call, permit)
            # A callback has nothing to poll for: its answer comes from outside.
            if call.mode in _ANSWERED:
                return _submitted(task, task.reference)
            return await self._poll(task, call, task.reference)
        except OpenWhiskError as error:
            failure = failure_of_error(error)
            if failure.error == ACTION_NOT_FOUND:
                failure = Failure(failure.error, f"{task.resource}: {failure.cause}")
            failure = call.naming(failure, None)
            return TaskFailed(task.id, failure.error, failure.cause, task.reference)

    async def _submit(self, task: InvokeTask, call: Call, permit: Permit | None) -> Outcome:
        parameters = write_json(call.parameters)
        match await self._until_started(task, call, parameters, permit):
            case Submitted(id) if call.mode is Mode.FORGET:
                return TaskSucceeded(task.id, accepted(id), id)
            case Submitted(id):
                return _submitted(task, id)
            case Activation() as activation:
                ended = _ended(task, call, activation)
                if call.mode is Mode.WAIT_AND_CALLBACK and isinstance(ended, TaskSucceeded):
                    return TaskSubmitted(task.id, activation.id, ended.output)
                return ended

    async def _until_started(
        self, task: InvokeTask, call: Call, parameters: bytes, permit: Permit | None
    ) -> Activation | Submitted:
        """Call the action, again for as long as it was surely not started and there is patience left."""
        waits = self._patience.between_tries()
        while True:
            try:
                return await self._client.invoke(
                    call.action,
                    parameters,
                    request_id=task.attempt_id,
                    blocking=call.mode in (Mode.WAIT, Mode.WAIT_AND_CALLBACK),
                    permit=permit,
                )
            except OpenWhiskError as error:
                wait_s = next(waits, None)
                if wait_s is None or not surely_not_started(error):
                    raise
                await asyncio.sleep(self._wait_s(wait_s, error))

    async def _poll(self, task: InvokeTask, call: Call, id: str) -> Outcome:
        """Ask for the record until it is there. Trouble with asking is no reason to stop: the run goes on."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        longest_s: float | None = None
        trouble: OpenWhiskError | None = None
        for pause_s in self._patience.between_polls():
            try:
                activation = await self._client.activation(id)
                if activation is not None:
                    return _ended(task, call, activation)
                trouble = None
                if longest_s is None:
                    longest_s = self._longest_poll_s(await self._client.action(call.action))
            except OpenWhiskError as error:
                if isinstance(error, Refused) and error.status in (400, 401, 403):
                    raise
                trouble = error
            wait_s = self._wait_s(pause_s, trouble)
            longest = self._longest_poll_s(None) if longest_s is None else longest_s
            if loop.time() + wait_s - began > longest:
                break
            await asyncio.sleep(wait_s)
        failure = Failure(LOST, f"there is no record of activation {id} of {call.action} in the time it could take")
        if trouble is not None:
            failure = failure_of_error(trouble)
        failure = call.naming(failure, None)
        return TaskFailed(task.id, failure.error, failure.cause, id)

    def _wait_s(self, wait_s: float, error: OpenWhiskError | None) -> float:
        wait_s = jittered(wait_s, self._fraction())
        if isinstance(error, Refused) and error.retry_after_s is not None:
            return max(wait_s, min(error.retry_after_s, self._patience.retry_cap_s))
        return wait_s

    def _longest_poll_s(self, action: Action | None) -> float:
        """How long to poll for an action: None when it is not known (any more)."""
        if action is None:
            return self._patience.longest_poll_s(_LONGEST_LIMIT_MS)
        # OpenWhisk does not hold a sequence to its own limit, but each component to that component's.
        limit_ms = max(action.timeout_ms, action.components * _LONGEST_LIMIT_MS)
        return self._patience.longest_poll_s(limit_ms)


def _submitted(task: InvokeTask, id: str) -> TaskSubmitted:
    return TaskSubmitted(task.id, id, {"activationId": id})


def _ended(task: InvokeTask, call: Call, activation: Activation) -> TaskSucceeded | TaskFailed:
    if activation.ending is not Ending.SUCCESS:
        failure = call.naming(failure_of_activation(activation), activation)
        return TaskFailed(task.id, failure.error, failure.cause, activation.id)
    if activation.result is msgspec.UNSET:
        cause = f"activation {activation.id} of {call.action} succeeded, and OpenWhisk kept no result of it"
        failure = call.naming(Failure(LOST, cause), activation)
        return TaskFailed(task.id, failure.error, failure.cause, activation.id)
    return TaskSucceeded(task.id, call.reading(activation), activation.id)
