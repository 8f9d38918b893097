"""What a branch waits for can be read off it without making its commands, and says the same as they do."""

import pytest

from statebox.asl.commands import InvokeTask, StartChild, StartTimer
from statebox.asl.execution import (
    AnyWaiting,
    Branch,
    ChildEnded,
    OnChild,
    OnChildren,
    OnRetry,
    OnTask,
    OnTimer,
    OnTurn,
)

WAITINGS = [
    None,
    OnTask(1, "openwhisk:a", 0),
    OnTask(1, "openwhisk:a", 0, timeout_ms=5, heartbeat_ms=3, reference="activation"),
    OnTask(1, "module:suspend", 0, heartbeat_ms=3, token="token", handed_over=True),
    OnTask(1, "openwhisk:a.waitForTaskToken", 0, timeout_ms=5, token="token"),
    OnTimer(7),
    OnRetry(8),
    OnChildren(1, 2),
    OnChild(1, "item", "run"),
    OnChild(1, "item", "run", handed_over=True),
    ChildEnded("item", 1, 2),
    OnTurn(),
]


@pytest.mark.parametrize("waiting", WAITINGS, ids=repr)
def test_a_branch_tells_its_deadline_and_whether_it_wants_a_call_as_its_commands_do(
    waiting: AnyWaiting | None,
) -> None:
    branch = Branch(id="0", scope="", state="A", data={}, waiting=waiting)
    commands = list(branch.outstanding("A", "uid"))

    timers = [command.fires_at_ms for command in commands if isinstance(command, StartTimer)]
    assert ([] if branch.deadline_ms is None else [branch.deadline_ms]) == timers
    assert branch.wants_call == any(isinstance(command, InvokeTask | StartChild) for command in commands)
