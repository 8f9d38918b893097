"""`statebox machines publish`, `versions`, `alias`, `aliases`: states of a machine that stay, and names for them."""

from __future__ import annotations

from collections.abc import Sequence

import click

from statebox.asl.jsontext import Json
from statebox.cli.client import Client, Refused, run, short_machine
from statebox.cli.failures import Failure
from statebox.cli.options import reaches_daemon, speaks_json
from statebox.cli.printing import echo_json, print_table, when

_ALL = 100


@click.command("publish")
@click.argument("name")
@click.option("--description", metavar="TEXT", help="What the version is about.")
@click.option("--revision", metavar="ID", help="Only if that is the machine's revision now.")
@speaks_json
@reaches_daemon
def publish(
    name: str, description: str | None, revision: str | None, as_json: bool, endpoint: str, token: str | None
) -> None:
    """Publish a machine as it is now, as its next version."""
    run(_publish(Client(endpoint, token), name, description, revision, as_json))


async def _publish(client: Client, name: str, description: str | None, revision: str | None, as_json: bool) -> None:
    async with client:
        reply = await client.call(
            "AWSStepFunctions.PublishStateMachineVersion",
            stateMachineArn=name,
            description=description,
            revisionId=revision,
        )
    if as_json:
        echo_json(reply)
    else:
        click.echo(short_machine(reply["stateMachineVersionArn"]))


@click.command("versions")
@click.argument("name")
@speaks_json
@reaches_daemon
def versions(name: str, as_json: bool, endpoint: str, token: str | None) -> None:
    """List the versions of a machine, newest first."""
    run(_list(Client(endpoint, token), "Version", name, as_json))


@click.command("aliases")
@click.argument("name")
@speaks_json
@reaches_daemon
def aliases(name: str, as_json: bool, endpoint: str, token: str | None) -> None:
    """List the aliases of a machine."""
    run(_list(Client(endpoint, token), "Alias", name, as_json))


async def _list(client: Client, kind: str, name: str, as_json: bool) -> None:
    plural = {"Version": "Versions", "Alias": "Aliases"}[kind]
    async with client:
        found = await client.all_of(
            f"AWSStepFunctions.ListStateMachine{plural}", f"stateMachine{plural}", stateMachineArn=name
        )
    if as_json:
        echo_json({f"stateMachine{plural}": found})
    elif found:
        rows = [(short_machine(one[f"stateMachine{kind}Arn"]), when(one["creationDate"])) for one in found]
        print_table((kind.upper(), "CREATED"), rows)
    else:
        click.echo("none", err=True)


@click.command(
    "alias",
    epilog="""\b
Examples:
  statebox machines alias order:live --to 3
  statebox machines alias order:live --to 3 --to 4=10      nine in ten executions by version 3, one by version 4
""",
)
@click.argument("name", metavar="NAME:ALIAS")
@click.option(
    "--to",
    "routes",
    metavar="VERSION[=PERCENT]",
    multiple=True,
    required=True,
    help="A version, and how many of a hundred executions it gets: one version or two.  [default: what is left]",
)
@click.option("--description", metavar="TEXT", help="What the alias is for.")
@speaks_json
@reaches_daemon
def alias(
    name: str,
    routes: Sequence[str],
    description: str | None,
    as_json: bool,
    endpoint: str,
    token: str | None,
) -> None:
    """Point an alias to one version or to two; it is made where there is none of that name."""
    machine, colon, word = short_machine(name).partition(":")
    if not colon:
        raise click.BadParameter(f"{name!r} is not NAME:ALIAS", param_hint="NAME:ALIAS")
    run(_alias(Client(endpoint, token), machine, word, read_routes(routes), description, as_json))


def read_routes(texts: Sequence[str]) -> list[tuple[str, int]]:
    """Read VERSION[=PERCENT]s; a version without a percentage gets what the other leaves. Raises click.BadParameter."""
    parts = [text.partition("=") for text in texts]
    if any(not version.isdecimal() or (equals and not weight.isdecimal()) for version, equals, weight in parts):
        raise click.BadParameter(f"{' '.join(texts)} are not VERSION[=PERCENT]", param_hint="--to")
    if sum(not equals for _, equals, _ in parts) > 1:
        raise click.BadParameter("of two versions one must have a percentage", param_hint="--to")
    said = sum(int(weight) for _, _, weight in parts if weight)
    return [(version, int(weight) if equals else _ALL - said) for version, equals, weight in parts]


async def _alias(
    client: Client, machine: str, name: str, routes: Sequence[tuple[str, int]], description: str | None, as_json: bool
) -> None:
    async with client:
        arn: str = (await client.call("AWSStepFunctions.DescribeStateMachine", stateMachineArn=machine))[
            "stateMachineArn"
        ]
        routing: list[Json] = [
            {"stateMachineVersionArn": f"{arn}:{version}", "weight": part} for version, part in routes
        ]
        request: dict[str, Json] = {"routingConfiguration": routing, "description": description}
        await _refuse_unknown_versions(client, machine, {version for version, _ in routes})
        # From here on only the alias can be what is not there.
        try:
            reply = await client.call(
                "AWSStepFunctions.UpdateStateMachineAlias", stateMachineAliasArn=f"{arn}:{name}", **request
            )
        except Refused as refused:
            if refused.type != "ResourceNotFound":
                raise
            reply = await client.call("AWSStepFunctions.CreateStateMachineAlias", name=name, **request)
    if as_json:
        echo_json({"stateMachineAliasArn": f"{arn}:{name}", **reply})
    else:
        click.echo(f"{machine}:{name}")


async def _refuse_unknown_versions(client: Client, machine: str, wanted: set[str]) -> None:
    found = await client.all_of(
        "AWSStepFunctions.ListStateMachineVersions", "stateMachineVersions", stateMachineArn=machine
    )
    known = [one["stateMachineVersionArn"].rpartition(":")[2] for one in reversed(found)]
    unknown = sorted(wanted.difference(known))
    if unknown:
        raise Failure(
            f"{machine} has no version {unknown[0]}; it has {', '.join(known) or 'none'}:"
            " `statebox machines publish` makes the next"
        )
