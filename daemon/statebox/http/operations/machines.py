"""The operations on machines: those that this daemon knows by name, and what is wrong with a definition."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from statebox.asl.jsontext import Json
from statebox.engine.diagnosis import diagnose
from statebox.engine.names import execution_id, machine_name
from statebox.http.operations.members import Arn, Definition, IncludedData, PageSize, PageToken, page_size
from statebox.http.protocol import Call, Operation
from statebox.http.shapes import ALL_DATA, date, read_event_page_token, write_page_token
from statebox.http.validation import Request


class ListStateMachines(Request, frozen=True):
    """From where on."""

    max_results: PageSize = 0
    next_token: PageToken | None = None


async def list_state_machines(call: Call, ask: ListStateMachines) -> Json:
    """The named machines of this daemon, by name."""
    limit = page_size(ask.max_results)
    names = call.service.machines.names()
    first = 0 if ask.next_token is None else read_event_page_token(ask.next_token)
    shown: dict[str, Json] = {
        "stateMachines": [
            {
                "stateMachineArn": call.service.place.machine_arn(name),
                "name": name,
                "type": "STANDARD",
                "creationDate": date(call.up_since_ms),
            }
            for name in names[first : first + limit]
        ]
    }
    if first + limit < len(names):
        shown["nextToken"] = write_page_token(first + limit)
    return shown


class DescribeStateMachine(Request, frozen=True):
    """A machine, by ARN or name."""

    state_machine_arn: Arn
    included_data: IncludedData = ALL_DATA


async def describe_state_machine(call: Call, ask: DescribeStateMachine) -> Json:
    """A named machine of this daemon."""
    name = machine_name(ask.state_machine_arn)
    text = call.service.definition_named(name).text
    return {
        **_machine_shown(call, name, text, ask.included_data),
        "status": "ACTIVE",
        "type": "STANDARD",
        "creationDate": date(call.up_since_ms),
    }


class DescribeStateMachineForExecution(Request, frozen=True):
    """An execution, by ARN or id."""

    execution_arn: Arn
    included_data: IncludedData = ALL_DATA


async def describe_state_machine_for_execution(call: Call, ask: DescribeStateMachineForExecution) -> Json:
    """The definition that an execution is pinned to, which was current when it started."""
    execution = await call.service.describe_execution(execution_id(ask.execution_arn))
    text = await call.service.describe_definition(execution.id)
    return {
        **_machine_shown(call, execution.machine, text, ask.included_data),
        "updateDate": date(execution.started_ms),
    }


def _machine_shown(call: Call, name: str, definition: str, included: str) -> dict[str, Json]:
    place = call.service.place
    return {
        "stateMachineArn": place.machine_arn(name),
        "name": name,
        "definition": definition if included == ALL_DATA else "{}",
        "roleArn": place.role_arn(),
        "loggingConfiguration": {"level": "OFF", "includeExecutionData": False},
        "tracingConfiguration": {"enabled": False},
    }


class ValidateStateMachineDefinition(Request, frozen=True):
    """A definition, and how many findings to show at the most."""

    definition: Definition
    type: Literal["STANDARD", "EXPRESS"] | None = None
    severity: Literal["ERROR", "WARNING"] = "ERROR"
    max_results: Annotated[int, Meta(ge=0, le=100)] = 0


async def validate_state_machine_definition(call: Call, ask: ValidateStateMachineDefinition) -> Json:
    """Everything that is wrong with a definition, and with WARNING also what it hardly means."""
    valid, found = await diagnose(
        call.service.machines, ask.definition, express=ask.type == "EXPRESS", warn=ask.severity == "WARNING"
    )
    limit = page_size(ask.max_results)
    return {"result": "OK" if valid else "FAIL", "diagnostics": found[:limit], "truncated": len(found) > limit}


MACHINES: Final = (
    Operation(ListStateMachines, list_state_machines),
    Operation(DescribeStateMachine, describe_state_machine),
    Operation(DescribeStateMachineForExecution, describe_state_machine_for_execution),
    Operation(ValidateStateMachineDefinition, validate_state_machine_definition),
)
