"""One run of one action: on a process of the pool, within its limits, and how it ended."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import mkdtemp

import msgspec

from statebox.asl.jsontext import Json, write_json
from statebox.openwhisk.activation import Ending, is_list, is_object
from statebox.openwhisk.local.background import Background
from statebox.openwhisk.local.entities import Action
from statebox.openwhisk.local.guard import Guard
from statebox.openwhisk.local.limits import HostLimits
from statebox.openwhisk.local.pool import Pool
from statebox.openwhisk.local.process import ActionProcess, Exhausted, ProcessEnded, TimeLimitExceeded
from statebox.openwhisk.local.runtimes import Runtimes
from statebox.openwhisk.local.unpack import LoadFailed, unpack

_CRASHED = "The action did not produce a valid response and exited unexpectedly."
_EXHAUSTED = "The action exhausted its memory and was aborted."
_MIB = 1024 * 1024


class Outcome(msgspec.Struct, frozen=True):
    """How a run ended. `load_ms` is set when a process was started for it, `wait_ms` is how long it waited for one."""

    ending: Ending
    result: Json
    logs: list[str] = []
    timed_out: bool = False
    load_ms: int | None = None
    wait_ms: int = 0
    run_ms: int = 0


class Runner:
    """Runs actions. `folder` is for temporary files, `host_url` tells the host's address once it has one."""

    def __init__(
        self,
        runtimes: Runtimes,
        limits: HostLimits,
        background: Background,
        guard: Guard,
        folder: Path,
        host_url: Callable[[], str],
        auth: str,
        environment: Mapping[str, str],
    ) -> None:
        self._runtimes = runtimes
        self._limits = limits
        self._background = background
        self._guard = guard
        self._folder = folder
        self._host_url = host_url
        self._auth = auth
        self._environment = environment
        self._closing = False
        self.pool = Pool(self._start, limits, background)

    async def run(self, action: Action, parameters: Json, activation: str, transaction: str) -> Outcome:
        """Run an action to its end, whatever that is."""
        asked = time.monotonic()
        try:
            place = await self.pool.acquire(action)
        except (LoadFailed, OSError) as error:
            message = f"Initialization has failed due to: {error}"
            return Outcome(Ending.DEVELOPER_ERROR, {"error": message})
        except TimeLimitExceeded:
            message = f"The action exceeded its time limits of {action.timeout_ms} milliseconds during initialization."
            return Outcome(Ending.DEVELOPER_ERROR, {"error": message}, timed_out=True)
        except ProcessEnded as error:
            message = _EXHAUSTED if isinstance(error, Exhausted) else _CRASHED
            return Outcome(Ending.DEVELOPER_ERROR, {"error": message})
        began = time.monotonic()
        load_ms, place.load_ms = place.load_ms, None
        environment = {
            "__OW_ACTIVATION_ID": activation,
            "__OW_TRANSACTION_ID": transaction,
            "__OW_DEADLINE": str(time.time_ns() // 1_000_000 + action.timeout_ms),
        }
        try:
            outcome = await self._ask(place.process, action, {"value": parameters, "env": environment})
        finally:
            self.pool.release(place)
        return msgspec.structs.replace(
            outcome,
            logs=place.process.logs,
            load_ms=load_ms,
            wait_ms=round((began - asked) * 1000),
            run_ms=round((time.monotonic() - began) * 1000),
        )

    async def close(self) -> None:
        """End all processes."""
        self._closing = True
        await self.pool.close()

    async def _ask(self, process: ActionProcess, action: Action, request: Json) -> Outcome:
        try:
            reply = await process.ask(write_json(request), action.timeout_ms / 1000)
        except TimeLimitExceeded:
            message = f"The action exceeded its time limits of {action.timeout_ms} milliseconds."
            return Outcome(Ending.DEVELOPER_ERROR, {"error": message}, timed_out=True)
        except Exhausted:
            return Outcome(Ending.DEVELOPER_ERROR, {"error": _EXHAUSTED})
        except ProcessEnded:
            return Outcome(Ending.DEVELOPER_ERROR, {"error": _CRASHED})
        if reply.stop:
            await process.end()
        if reply.failure is not None:
            return Outcome(Ending.DEVELOPER_ERROR, {"error": reply.failure})
        return self._judge(reply.result, reply.size)

    def _judge(self, result: Json, size: int) -> Outcome:
        """What OpenWhisk makes of what an action returned."""
        if size > self._limits.result_bytes:
            limit = self._limits.result_bytes
            message = f"The action produced a response that exceeded the allowed length: {size} > {limit} bytes."
            return Outcome(Ending.APPLICATION_ERROR, {"error": message})
        if is_object(result):
            # The key alone decides, and nothing else is kept.
            if "error" in result:
                return Outcome(Ending.APPLICATION_ERROR, {"error": result["error"]})
            return Outcome(Ending.SUCCESS, result)
        if is_list(result):
            return Outcome(Ending.SUCCESS, result)
        return Outcome(Ending.DEVELOPER_ERROR, {"error": "The action did not return a dictionary or array."})

    async def _start(self, action: Action) -> tuple[ActionProcess, int]:
        """A process that has loaded the action, and how long that took in milliseconds."""
        began = time.monotonic()
        runtime = self._runtimes.of(action.kind)
        if runtime is None:
            raise LoadFailed(f"there is nothing here to run {action.kind} with")
        # Each process has a folder of its own to work in, as it would have a container.
        folder = Path(mkdtemp(dir=self._folder))
        (code := folder / "code").mkdir()
        (work := folder / "work").mkdir()
        try:
            order = await asyncio.to_thread(unpack, action, runtime, code)
            command = runtime.command(action.memory_mb)
            process = await ActionProcess.start(command, self._environment_of(action), work)
        except BaseException:
            self._remove(folder)
            raise
        self._guard.add(process.pid)
        process.when_ended(lambda: self._forget(process.pid, folder))
        try:
            order |= {"main": action.main, "memory": action.memory_mb * _MIB}
            reply = await process.load(order, action.timeout_ms / 1000)
            if reply.failure is not None:
                raise LoadFailed(reply.failure)
        except BaseException:
            await process.end()
            raise
        return process, round((time.monotonic() - began) * 1000)

    def _environment_of(self, action: Action) -> dict[str, str]:
        """What all runs of an action find in their environment."""
        environment = {
            **self._environment,
            "__OW_API_HOST": self._host_url(),
            "__OW_NAMESPACE": action.namespace,
            "__OW_ACTION_NAME": f"/{action.path}",
            "__OW_ACTION_VERSION": action.version,
        }
        if action.annotation("provide-api-key") is True:
            environment["__OW_API_KEY"] = self._auth
        return environment

    def _forget(self, pid: int, folder: Path) -> None:
        self._guard.remove(pid)
        self._remove(folder)

    def _remove(self, folder: Path) -> None:
        # At the end everything goes at once.
        if not self._closing:
            self._background.spawn(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))
