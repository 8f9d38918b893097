"""The operations on aliases: names for versions, between which executions are shared by weight."""

from __future__ import annotations

from typing import Final

from statebox.asl.jsontext import Json
from statebox.engine.errors import InvalidArn, ValidationException
from statebox.engine.names import MachineReference, Place, machine_reference
from statebox.engine.registry.aliases import create_alias, delete_alias, find_alias, list_aliases, update_alias
from statebox.engine.registry.machine import Alias, Route
from statebox.http.operations.members import (
    AliasDescription,
    Arn,
    CharacterRestrictedName,
    PageSize,
    PageToken,
    RoutingConfigurationList,
    page_size,
)
from statebox.http.pages import page_shown, read_dated_page_token
from statebox.http.protocol import Call, Operation
from statebox.http.shapes import date
from statebox.http.validation import Request


class CreateStateMachineAlias(Request, frozen=True):
    """A name, and the versions behind it: these say of which machine."""

    name: CharacterRestrictedName
    routing_configuration: RoutingConfigurationList
    description: AliasDescription | None = None


async def create_state_machine_alias(call: Call, ask: CreateStateMachineAlias) -> Json:
    """Create an alias."""
    reference, routes = _routes(ask.routing_configuration)
    alias = await create_alias(call.service.registry, reference, ask.name, routes, ask.description)
    return {
        "stateMachineAliasArn": call.service.place.machine_arn(f"{reference.name}:{alias.name}"),
        "creationDate": date(alias.created_ms),
    }


class DescribeStateMachineAlias(Request, frozen=True):
    """An alias, by its ARN."""

    state_machine_alias_arn: Arn


async def describe_state_machine_alias(call: Call, ask: DescribeStateMachineAlias) -> Json:
    """An alias."""
    reference = _alias_reference(ask.state_machine_alias_arn)
    return _shown(call.service.place, reference.name, await find_alias(call.service.registry, reference))


class UpdateStateMachineAlias(Request, frozen=True):
    """An alias, by its ARN, and what is to be otherwise."""

    state_machine_alias_arn: Arn
    description: AliasDescription | None = None
    routing_configuration: RoutingConfigurationList | None = None


async def update_state_machine_alias(call: Call, ask: UpdateStateMachineAlias) -> Json:
    """Change an alias; the next execution goes by it."""
    reference = _alias_reference(ask.state_machine_alias_arn)
    routes = None
    if ask.routing_configuration is not None:
        of, routes = _routes(ask.routing_configuration)
        if of.name != reference.name:
            raise ValidationException("Routing configuration must contain versions of the alias's own state machine")
    elif ask.description is None:
        raise ValidationException("Either the description or the routing configuration must be specified")
    alias = await update_alias(call.service.registry, reference, routes, ask.description)
    return {"updateDate": date(alias.updated_ms)}


class DeleteStateMachineAlias(Request, frozen=True):
    """An alias, by its ARN."""

    state_machine_alias_arn: Arn


async def delete_state_machine_alias(call: Call, ask: DeleteStateMachineAlias) -> Json:
    """Delete an alias; its versions stay."""
    await delete_alias(call.service.registry, _alias_reference(ask.state_machine_alias_arn))
    return {}


class ListStateMachineAliases(Request, frozen=True):
    """Whose aliases (a machine's or a version's), and from where on."""

    state_machine_arn: Arn
    next_token: PageToken | None = None
    max_results: PageSize = 0


async def list_state_machine_aliases(call: Call, ask: ListStateMachineAliases) -> Json:
    """Aliases, the newest first."""
    reference = machine_reference(ask.state_machine_arn)
    limit = page_size(ask.max_results)
    after = None if ask.next_token is None else read_dated_page_token(ask.next_token)
    found = await list_aliases(call.service.registry, reference, after, limit + 1)

    def listed(alias: Alias) -> Json:
        arn = call.service.place.machine_arn(f"{reference.name}:{alias.name}")
        return {"stateMachineAliasArn": arn, "creationDate": date(alias.created_ms)}

    return page_shown("stateMachineAliases", found, limit, listed, lambda alias: (alias.created_ms, alias.name))


def _routes(configuration: RoutingConfigurationList) -> tuple[MachineReference, tuple[Route, ...]]:
    """Which machine they belong to, and the routes. Raises ValidationException, InvalidArn."""
    references = [machine_reference(item.state_machine_version_arn) for item in configuration]
    arns = ", ".join(reference.text for reference in references)
    routes: list[Route] = []
    for reference, item in zip(references, configuration, strict=True):
        if reference.version is None:
            raise ValidationException(
                f"Routing configuration must contain state machine version ARNs. Received: [{arns}]"
            )
        routes.append(Route(reference.version, item.weight))
    if len({reference.name for reference in references}) > 1:
        raise ValidationException(
            f"Routing configuration must contain versions of one state machine only. Received: [{arns}]"
        )
    return references[0], tuple(routes)


def _alias_reference(text: str) -> MachineReference:
    reference = machine_reference(text)
    if reference.qualifier is None or reference.version is not None:
        raise InvalidArn(f"Invalid Arn: '{text}' names no alias")
    return reference


def _shown(place: Place, machine: str, alias: Alias) -> Json:
    shown: dict[str, Json] = {
        "stateMachineAliasArn": place.machine_arn(f"{machine}:{alias.name}"),
        "name": alias.name,
        "routingConfiguration": [
            {
                "stateMachineVersionArn": place.machine_arn(f"{machine}:{route.version}"),
                "weight": route.weight,
            }
            for route in alias.routes
        ],
        "creationDate": date(alias.created_ms),
        "updateDate": date(alias.updated_ms),
    }
    if alias.description is not None:
        shown["description"] = alias.description
    return shown


ALIASES: Final = (
    Operation(CreateStateMachineAlias, create_state_machine_alias),
    Operation(DescribeStateMachineAlias, describe_state_machine_alias),
    Operation(UpdateStateMachineAlias, update_state_machine_alias),
    Operation(DeleteStateMachineAlias, delete_state_machine_alias),
    Operation(ListStateMachineAliases, list_state_machine_aliases),
)
