"""Executions as values, built by hand: what the store is asked to keep."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from hashlib import sha256

import msgspec

from statebox.asl.commands import AwaitCallback
from statebox.asl.execution import Branch, Execution, OnChildren, OnTask, Status
from statebox.asl.history import CODES, HistoryEvent
from statebox.asl.jsontext import Json
from statebox.engine.ownership import Checkpoint, Definition
from statebox.store.keys import shard_of

NOON = 1_700_000_000_000
SECOND = 1000
DAY = 24 * 3600 * SECOND
DEFINITION_TEXT = '{"StartAt":"Wait","States":{"Wait":{"Type":"Task","Resource":"module:suspend","End":true}}}'
DEFINITION = Definition(sha256(DEFINITION_TEXT.encode()).hexdigest(), DEFINITION_TEXT)


def another_definition(text: str) -> Definition:
    return Definition(sha256(text.encode()).hexdigest(), text)


def new_token(shard: int = 0) -> str:
    """A continuation of a shard."""
    return f"{str(uuid.uuid4())[:-3]}{shard:03x}"


def execution(
    name: str = "x",
    machine: str = "m",
    *,
    input: Json = None,
    started_ms: int = NOON,
    shards: int = 1,
    branches: Iterable[Branch] = (),
    next_event: int = 1,
    deadline_ms: int | None = None,
) -> Execution:
    return Execution(
        id=f"{machine}:{name}",
        uid=uuid.uuid4().hex,
        machine=machine,
        name=name,
        arn=f"arn:aws:states:us-east-1:000000000000:execution:{machine}:{name}",
        machine_arn=f"arn:aws:states:us-east-1:000000000000:stateMachine:{machine}",
        role_arn="arn:aws:iam::000000000000:role/statebox",
        shard=shard_of(machine, name, shards),
        input=input,
        started_ms=started_ms,
        now_ms=started_ms,
        next_event=next_event,
        branches={branch.id: branch for branch in branches},
        deadline_ms=deadline_ms,
    )


def branch(id: str = "0", data: Json = None, **fields: Json) -> Branch:
    return Branch(id=id, scope="", state="Wait", data=data, entered_ms=NOON, entered=2, last=3, **fields)


def suspended(token: str, id: str = "0", data: Json = None, *, deadline_ms: int | None = None) -> Branch:
    """A branch that waits for somebody's answer."""
    task = OnTask(3, "module:suspend", NOON, timeout_ms=deadline_ms, token=token, handed_over=True)
    return branch(id, data, waiting=task)


def forked(total: int, items: Json = None) -> Branch:
    """A root whose Map has all its iterations at work."""
    return branch("0", {"n": total}, waiting=OnChildren(3, total, begun=total, running=total), items=items)


def callback(token: str, id: str = "0", *, deadline_ms: int | None = None) -> AwaitCallback:
    return AwaitCallback(f"{id}:3", token, "Wait", NOON, deadline_ms)


def ended(
    execution: Execution, output: Json = "done", *, status: Status = Status.SUCCEEDED, at_ms: int = NOON
) -> Execution:
    """The execution after its end."""
    return msgspec.structs.replace(execution, status=status, output=output, stopped_ms=at_ms, branches={})


def events(first: int, last: int, *, payload: Json = None) -> tuple[HistoryEvent, ...]:
    """History: Pass states that are entered, all with the same payload."""
    code = CODES["PassStateEntered"]
    return tuple(HistoryEvent(id, id - 1, NOON + id, code, (f"S{id}", payload)) for id in range(first, last + 1))


def first_step(execution: Execution, **changes: Json) -> Checkpoint:
    """The checkpoint that starts an execution, with all its branches."""
    everything = frozenset(execution.branches)
    return Checkpoint(execution=execution, changed=everything, reloaded=everything, **changes)


def parked_step(
    execution: Execution, token: str, deadline_ms: int | None = None, *, due_ms: int | None = None
) -> Checkpoint:
    """The checkpoint that starts an execution whose root is suspended, and parks it."""
    return first_step(
        execution,
        opened=(callback(token, deadline_ms=deadline_ms),),
        release=True,
        due_ms=deadline_ms if due_ms is None else due_ms,
    )
