"""Invocations: what OpenWhisk does around a run: parameters merged, sequences followed, records made, limits kept."""

from __future__ import annotations

import time
import uuid
from typing import TextIO

from statebox.asl.jsontext import Json, write_json, write_json_text
from statebox.openwhisk.activation import Ending, is_object
from statebox.openwhisk.local.activations import Activations, make_record
from statebox.openwhisk.local.catalogue import Catalogue
from statebox.openwhisk.local.entities import SEQUENCE, Action
from statebox.openwhisk.local.limits import HostLimits
from statebox.openwhisk.local.refusals import Refusal, too_large
from statebox.openwhisk.local.runs import Outcome, Runner

# A sequence may be part of a sequence, and could be part of itself.
_DEEPEST = 10


class Invocations:
    """Invokes actions. `log`, where there is one, gets a line of JSON for each start and each end of a run."""

    def __init__(
        self, catalogue: Catalogue, runner: Runner, activations: Activations, limits: HostLimits, log: TextIO | None
    ) -> None:
        self._catalogue = catalogue
        self._runner = runner
        self._activations = activations
        self._limits = limits
        self._log = log
        self._in_flight = 0
        self._minute = 0
        self._this_minute = 0

    def admit(self) -> None:
        """Let one more invocation in, which `invoke` has to follow. Raises Refusal when the caller has to wait."""
        allowed = self._limits.concurrent
        if allowed is not None and self._in_flight >= allowed:
            count = self._in_flight + 1
            raise Refusal(429, f"Too many concurrent requests in flight (count: {count}, allowed: {allowed}).")
        allowed = self._limits.per_minute
        minute = int(time.time() // 60)
        if minute != self._minute:
            self._minute, self._this_minute = minute, 0
        self._this_minute += 1
        if allowed is not None and self._this_minute > allowed:
            count = self._this_minute
            raise Refusal(429, f"Too many requests in the last minute (count: {count}, allowed: {allowed}).")
        self._in_flight += 1

    def merge(self, action: Action, payload: dict[str, Json]) -> dict[str, Json]:
        """The parameters of a call: the payload over the action's own over its package's. Raises Refusal."""
        package = self._catalogue.package(action.package).parameters if action.package else ()
        own = {parameter.key: parameter.value for parameter in (*package, *action.parameters)}
        if not own:
            return payload
        if action.annotation("final") is True and not own.keys().isdisjoint(payload):
            raise Refusal(400, "Request defines parameters that are not allowed (e.g., reserved properties).")
        merged = own | payload
        if (size := len(write_json(merged))) > self._limits.payload_bytes:
            raise too_large(size, self._limits.payload_bytes)
        return merged

    async def invoke(self, action: Action, parameters: Json, id: str, transaction: str) -> dict[str, Json]:
        """Run what was admitted, an action or a sequence, to its end, and keep the record that is returned."""
        try:
            return await self._activate(action, parameters, id, transaction, None, 0)
        finally:
            self._in_flight -= 1

    async def _activate(
        self, action: Action, parameters: Json, id: str, transaction: str, cause: str | None, depth: int
    ) -> dict[str, Json]:
        start_ms = self._note("start", action, id, transaction)
        if action.kind == SEQUENCE:
            outcome = await self._follow(action, parameters, id, transaction, depth)
        else:
            outcome = await self._runner.run(action, parameters, id, transaction)
        end_ms = self._note("end", action, id, transaction)
        record = make_record(action, id, outcome, start_ms=start_ms, end_ms=end_ms, cause=cause)
        self._activations.add(record)
        return record

    async def _follow(self, sequence: Action, parameters: Json, id: str, transaction: str, depth: int) -> Outcome:
        """Run the components one after the other, each with the result of the one before, until one fails."""
        children: list[str] = []
        if depth >= _DEEPEST:
            return Outcome(Ending.APPLICATION_ERROR, {"error": "The sequence is too deep."})
        value = parameters
        for name in sequence.components:
            try:
                component = self._catalogue.named(name)
                if is_object(value):
                    value = self.merge(component, value)
            except Refusal as refusal:
                return Outcome(Ending.APPLICATION_ERROR, {"error": f"{name}: {refusal.message}"}, children)
            child = new_id()
            children.append(child)
            record = await self._activate(component, value, child, transaction, id, depth + 1)
            value = record["response"]["result"]
            if not record["response"]["success"]:
                return Outcome(record["response"]["status"], value, children)
        return Outcome(Ending.SUCCESS, value, children)

    def _note(self, event: str, action: Action, id: str, transaction: str) -> int:
        """Write a line to the log; the time of it, in milliseconds."""
        now_ms = time.time_ns() // 1_000_000
        if self._log is not None:
            line: dict[str, Json] = {
                "event": event,
                "action": f"/{action.path}",
                "activation": id,
                "transaction": transaction,
                "time": now_ms,
            }
            # One write per line, past any buffer: what has been logged is there when the host is killed.
            self._log.write(write_json_text(line) + "\n")
            self._log.flush()
        return now_ms


def new_id() -> str:
    """A fresh activation id: 32 hex digits."""
    return uuid.uuid4().hex
