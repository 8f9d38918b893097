"""The operations on machines: create, change, look, delete; and what is wrong with a definition."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, to_builtins

from statebox.asl.jsontext import Json
from statebox.engine import ownership
from statebox.engine.diagnosis import diagnose
from statebox.engine.machines import definition_of
from statebox.engine.names import execution_id, whole_machine
from statebox.engine.registry.lifecycle import Settings, create_machine, delete_machine, update_machine
from statebox.engine.registry.machine import Registered, Revision
from statebox.http.operations.members import (
    Arn,
    Definition,
    EncryptionConfiguration,
    IncludedData,
    LoggingConfiguration,
    Name,
    PageSize,
    PageToken,
    StateMachineType,
    Tag,
    TracingConfiguration,
    VersionDescription,
    check_role,
    page_size,
    tags_of,
)
from statebox.http.pages import page_shown, read_name_page_token
from statebox.http.protocol import Call, Operation
from statebox.http.shapes import ALL_DATA, date
from statebox.http.validation import Request


class CreateStateMachine(Request, frozen=True):
    """A definition and what it is to be called. The role is kept and shown, as the context object does."""

    name: Name
    definition: Definition
    role_arn: Arn
    type: StateMachineType = "STANDARD"
    logging_configuration: LoggingConfiguration | None = None
    tracing_configuration: TracingConfiguration | None = None
    encryption_configuration: EncryptionConfiguration | None = None
    tags: tuple[Tag, ...] = ()
    publish: bool = False
    version_description: VersionDescription | None = None


async def create_state_machine(call: Call, ask: CreateStateMachine) -> Json:
    """Create a machine that every daemon knows from then on."""
    registry = call.service.registry
    settings, tags = _settings(ask), tags_of(ask.tags)
    machine = await create_machine(registry, ask.name, ask.type, ask.definition, settings, tags)
    shown: dict[str, Json] = {
        "stateMachineArn": registry.place.machine_arn(machine.name),
        "creationDate": date(machine.created_ms),
    }
    if ask.publish:
        # What it was created as stays version 1, also when the creation is repeated later.
        shown["stateMachineVersionArn"] = registry.place.machine_arn(f"{machine.name}:1")
    return shown


class UpdateStateMachine(Request, frozen=True):
    """A machine, by ARN or name, and what is to be otherwise."""

    state_machine_arn: Arn
    definition: Definition | None = None
    role_arn: Arn | None = None
    logging_configuration: LoggingConfiguration | None = None
    tracing_configuration: TracingConfiguration | None = None
    encryption_configuration: EncryptionConfiguration | None = None
    publish: bool = False
    version_description: VersionDescription | None = None


async def update_state_machine(call: Call, ask: UpdateStateMachine) -> Json:
    """Change a machine: executions that run go on by what they started with."""
    reference = whole_machine(ask.state_machine_arn)
    updated = await update_machine(call.service.registry, reference, _settings(ask))
    machine, shown = updated.machine, dict[str, Json](updateDate=date(updated.at_ms))
    if machine.revision.id is not None:
        shown["revisionId"] = machine.revision.id
    if updated.version is not None:
        arn = call.service.place.machine_arn(f"{machine.name}:{updated.version.number}")
        shown["stateMachineVersionArn"] = arn
    return shown


class DeleteStateMachine(Request, frozen=True):
    """A machine, by ARN or name."""

    state_machine_arn: Arn


async def delete_state_machine(call: Call, ask: DeleteStateMachine) -> Json:
    """Delete a machine, as soon as none of its executions runs."""
    await delete_machine(call.service.registry, whole_machine(ask.state_machine_arn))
    return {}


class ListStateMachines(Request, frozen=True):
    """From where on."""

    max_results: PageSize = 0
    next_token: PageToken | None = None


async def list_state_machines(call: Call, ask: ListStateMachines) -> Json:
    """All machines, by name."""
    limit = page_size(ask.max_results)
    after = None if ask.next_token is None else read_name_page_token(ask.next_token)
    found = await call.service.registry.list(after, limit + 1)

    def listed(machine: Registered) -> Json:
        return {
            "stateMachineArn": call.service.place.machine_arn(machine.name),
            "name": machine.name,
            "type": machine.type,
            "creationDate": date(machine.created_ms),
        }

    return page_shown("stateMachines", found, limit, listed, lambda machine: (machine.name,))


class DescribeStateMachine(Request, frozen=True):
    """A machine, by ARN or name."""

    state_machine_arn: Arn
    included_data: IncludedData = ALL_DATA


async def describe_state_machine(call: Call, ask: DescribeStateMachine) -> Json:
    """A machine as it is now, or a version of it as it is for ever."""
    found = await call.service.registry.find(whole_machine(ask.state_machine_arn))
    machine, version = found.machine, found.version
    number = None if version is None else version.number
    shown = {
        **await _machine_shown(call, machine.name, number, found.definition, found.revision, ask.included_data),
        "status": "DELETING" if machine.deleting else "ACTIVE",
        "type": machine.type,
        "creationDate": date(machine.created_ms if version is None else version.created_ms),
    }
    if version is not None and version.description is not None:
        shown["description"] = version.description
    return shown


class DescribeStateMachineForExecution(Request, frozen=True):
    """An execution, by ARN or id."""

    execution_arn: Arn
    included_data: IncludedData = ALL_DATA


async def describe_state_machine_for_execution(call: Call, ask: DescribeStateMachineForExecution) -> Json:
    """The definition that an execution is pinned to, which was current when it started."""
    execution = await call.service.describe_execution(execution_id(ask.execution_arn))
    text = await call.service.describe_definition(execution.id)
    definition = definition_of(text)
    revision = await call.service.registry.revision_of(execution.machine, execution.version, definition.hash)
    if revision is None:
        # It has been changed or deleted since, or was never registered.
        revision = Revision(definition.hash, execution.role_arn, execution.started_ms)
    included = ask.included_data
    shown: dict[str, Json] = {
        **await _machine_shown(call, execution.machine, execution.version, definition, revision, included),
        "roleArn": execution.role_arn,
        "updateDate": date(revision.since_ms),
    }
    if execution.map_run is not None:
        shown |= {"mapRunArn": execution.map_run, "label": execution.machine.partition("/")[2]}
    return shown


async def _machine_shown(
    call: Call, name: str, version: int | None, definition: ownership.Definition, revision: Revision, included: str
) -> dict[str, Json]:
    qualified = name if version is None else f"{name}:{version}"
    shown: dict[str, Json] = {
        "stateMachineArn": call.service.place.machine_arn(qualified),
        "name": name,
        "definition": definition.text if included == ALL_DATA else "{}",
        "roleArn": revision.role_arn,
        **revision.configuration,
    }
    if revision.id is not None:
        shown["revisionId"] = revision.id
    if included == ALL_DATA and (read := await call.service.machines.variable_references(definition)):
        shown["variableReferences"] = read
    return shown


def _settings(ask: CreateStateMachine | UpdateStateMachine) -> Settings:
    check_role(ask.role_arn)
    return Settings(
        ask.definition,
        ask.role_arn,
        None if ask.logging_configuration is None else to_builtins(ask.logging_configuration),
        None if ask.tracing_configuration is None else to_builtins(ask.tracing_configuration),
        None if ask.encryption_configuration is None else to_builtins(ask.encryption_configuration),
        ask.publish,
        ask.version_description,
    )


class ValidateStateMachineDefinition(Request, frozen=True):
    """A definition, and how many findings to show at the most."""

    definition: Definition
    type: StateMachineType | None = None
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
    Operation(CreateStateMachine, create_state_machine),
    Operation(UpdateStateMachine, update_state_machine),
    Operation(DeleteStateMachine, delete_state_machine),
    Operation(ListStateMachines, list_state_machines),
    Operation(DescribeStateMachine, describe_state_machine),
    Operation(DescribeStateMachineForExecution, describe_state_machine_for_execution),
    Operation(ValidateStateMachineDefinition, validate_state_machine_definition),
)
