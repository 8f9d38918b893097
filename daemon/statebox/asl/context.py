"""The context object: what `$$` shows of the execution, the machine, the state, its task and its map item."""

from __future__ import annotations

from statebox.asl.execution import Execution
from statebox.asl.jsontext import Json
from statebox.asl.moment import timestamp


def context_object(
    execution: Execution,
    state: str,
    entered_ms: int,
    retries: int | None,
    token: str | None,
    item: tuple[int, Json, str | None] | None,
) -> Json:
    """Build it, keys in AWS's order. `retries` is None for states that cannot be retried.

    `item` is (index, value, key); the key is None but for a member of an object that is iterated over.
    """
    about_state: Json = {"Name": state, "EnteredTime": timestamp(entered_ms)}
    if retries is not None:
        about_state["RetryCount"] = retries
    about_execution: Json = {
        "Id": execution.arn,
        "Input": execution.input,
        "StartTime": timestamp(execution.started_ms),
        "Name": execution.name,
        "RoleArn": execution.role_arn,
    }
    if ":express:" not in execution.arn:
        about_execution["RedriveCount"] = execution.redrives
        if execution.redriven_ms is not None:
            about_execution["RedriveTime"] = timestamp(execution.redriven_ms)
    context: Json = {
        "Execution": about_execution,
        "StateMachine": {"Id": execution.machine_arn, "Name": execution.machine},
        "State": about_state,
    }
    if token is not None:
        context["Task"] = {"Token": token}
    return context if item is None else with_item(context, item)


def with_item(context: Json, item: tuple[int, Json, str | None]) -> Json:
    """A context object that shows a map item: (index, value, key)."""
    index, value, key = item
    about_item: Json = {"Index": index}
    if key is not None:
        about_item["Key"] = key
    return {**context, "Map": {"Item": {**about_item, "Value": value}}}
