"""The shelf: a store in memory that keeps an execution as the codec's bytes, and knows it by the steps' facts alone."""

from __future__ import annotations

from collections.abc import Collection

from statebox.asl.commands import AwaitCallback
from statebox.asl.execution import ROOT, Branch, Execution
from statebox.asl.history import HistoryEvent
from statebox.asl.interpreter import Step
from statebox.asl.jsontext import write_json
from statebox.store.chunks import read_chunk, write_chunk
from statebox.store.codec import (
    Texts,
    read_branches,
    read_execution,
    write_data,
    write_head,
    write_record,
    write_state,
)


class Shelf:
    """One execution's fields, history and continuations."""

    def __init__(self, execution: Execution) -> None:
        texts = Texts()
        self.callbacks: dict[str, AwaitCallback] = {}
        self._chunks: list[bytes] = []
        self._fields = {
            b"head": write_head(execution),
            b"input": write_json(execution.input),
            b"state": write_state(execution, texts),
        }
        for branch in execution.branches.values():
            self._fields[b"b:" + branch.id.encode()] = write_record(branch)
            self._fields[b"i:" + branch.id.encode()] = write_data(branch, texts)

    def write(self, step: Step, answered: Collection[str] = ()) -> None:
        """Write what a step says it changed. `answered` are the continuations that somebody has answered."""
        texts = Texts()
        branches = step.execution.branches
        self._fields[b"state"] = write_state(step.execution, texts)
        for id in step.changed:
            self._fields[b"b:" + id.encode()] = write_record(branches[id])
        for id in step.reloaded:
            self._fields[b"i:" + id.encode()] = write_data(branches[id], texts)
        for id in step.removed:
            self._fields.pop(b"b:" + id.encode(), None)
            self._fields.pop(b"i:" + id.encode(), None)
        if step.history:
            self._chunks.append(write_chunk(step.history, texts))
        self.callbacks.update({command.token: command for command in step.opened})
        for token in (*step.closed, *answered):
            self.callbacks.pop(token, None)

    def read(self) -> Execution:
        """The whole execution."""
        return read_execution(self._fields, whole=True)

    def read_some(self, branch: str) -> Execution:
        """The execution with the branches on the way to one, as a claim of a large one loads it."""
        steps = branch.split(".") if branch else [ROOT]
        ways = {".".join(steps[:count]) for count in range(1, len(steps) + 1)} | {ROOT}
        wanted = {f"{kind}:{id}".encode() for id in ways for kind in "bi"}
        fields = {name: value for name, value in self._fields.items() if name[1:2] != b":" or name in wanted}
        return read_execution(fields, whole=False)

    def read_below(self, parent: str) -> dict[str, Branch]:
        """The branches below one."""
        return read_branches(self._fields, parent)

    def history(self) -> list[HistoryEvent]:
        """All events."""
        return [event for chunk in self._chunks for event in read_chunk(chunk)]
