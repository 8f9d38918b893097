"""The names of nested executions: known, by the task that starts them, before they are started."""

from __future__ import annotations

import uuid
from typing import Final

import msgspec

from statebox.asl.execution import ELSEWHERE, Branch, Execution, OnTask
from statebox.asl.jsontext import Json, is_object
from statebox.asl.lines import DataNeeded
from statebox.engine.errors import ServiceError
from statebox.engine.names import check_name, execution_id, machine_name

_NAMES: Final = uuid.UUID("b7c1a0de-52f3-5e64-8f0a-94d1c2e7a3b5")


def name_for(arguments: Json, attempt_id: str) -> Json:
    """The name of what a task's attempt starts: as the task says, else always the same for the attempt."""
    name = arguments.get("Name") if is_object(arguments) else None
    return str(uuid.uuid5(_NAMES, attempt_id)) if name is None else name


def nested_in(parent: Execution, branch: Branch) -> str | None:
    """The id of the execution that a branch's task starts or has started; None when it can have started none.

    Raises DataNeeded when that stands in data that were not loaded.
    """
    assert isinstance(branch.waiting, OnTask)
    if branch.waiting.reference is not None:
        # Its ARN: it was started.
        return execution_id(branch.waiting.reference)
    arguments = branch.data if branch.arguments is msgspec.UNSET else branch.arguments
    if arguments is ELSEWHERE:
        raise DataNeeded(branch.id)
    if not is_object(arguments):
        return None
    try:
        machine = machine_name(str(arguments.get("StateMachineArn")))
        name = check_name(str(name_for(arguments, f"{parent.uid}-{branch.waiting.event}")))
    except ServiceError:
        return None
    return f"{machine.partition(':')[0]}:{name}"
