"""The token with which a list goes on is that of this list alone."""

from __future__ import annotations

from statebox.asl.jsontext import Json
from tests.aws.sfn import Sfn, machine_arn


async def test_a_token_goes_on_with_pages_of_any_size(sfn: Sfn):
    for name in ("a", "b", "c", "d"):
        await sfn.create(name)
    first = await sfn("list_state_machines", maxResults=1)
    second = await sfn("list_state_machines", maxResults=2, nextToken=first["nextToken"])
    rest = await sfn("list_state_machines", nextToken=second["nextToken"])
    listed = [machine["name"] for page in (first, second, rest) for machine in page["stateMachines"]]
    assert listed == ["a", "b", "c", "d", "local"]
    assert "nextToken" not in rest


async def test_a_token_of_another_list_is_refused(sfn: Sfn):
    """Another operation's, another execution's, and that of the same list in another order or by another filter."""
    for name in ("a", "b"):
        await sfn.create(name)
        await sfn("create_activity", name=name)
    one, two = [(await sfn.run(machine_arn("a"), name=name))["executionArn"] for name in ("one", "two")]
    machines = (await sfn("list_state_machines", maxResults=1))["nextToken"]
    events = (await sfn("get_execution_history", executionArn=one, maxResults=1))["nextToken"]
    of_machine = {"stateMachineArn": machine_arn("a"), "maxResults": 1}
    executions = (await sfn("list_executions", **of_machine))["nextToken"]

    others: list[tuple[str, dict[str, Json]]] = [
        ("list_activities", {"nextToken": machines}),
        ("get_execution_history", {"executionArn": two, "nextToken": events}),
        ("get_execution_history", {"executionArn": one, "reverseOrder": True, "nextToken": events}),
        ("list_executions", {**of_machine, "statusFilter": "FAILED", "nextToken": executions}),
        ("list_executions", {"stateMachineArn": machine_arn("b"), "nextToken": executions}),
        ("list_state_machines", {"nextToken": machines[:-1]}),
    ]
    for operation, members in others:
        refused = await sfn.refused(operation, **members)
        assert refused.code == "InvalidToken", operation
        assert refused.message == "Invalid Token: 'Invalid token'"
    assert (await sfn("list_executions", **of_machine, nextToken=executions))["executions"]
    assert (await sfn("get_execution_history", executionArn=one, nextToken=events))["events"][0]["id"] == 2
