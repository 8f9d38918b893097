"""`statebox machines`: the machines that a daemon keeps, by name: created, changed, shown and deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from statebox.asl.jsontext import Json
from statebox.cli.client import Client, Refused, definition_refused, run, short_machine
from statebox.cli.definitions import Named, read_definition
from statebox.cli.failures import Failure
from statebox.cli.findings import findings_in
from statebox.cli.options import reaches_daemon, speaks_json
from statebox.cli.printing import cut, echo_json, print_fields, print_table, when
from statebox.cli.versions import alias, aliases, publish, versions

# AWS's clients must name one; here it is only shown.
_ROLE = "arn:aws:iam::000000000000:role/statebox"


@click.group(
    "machines",
    epilog="""\b
Examples:
  statebox machines create order.json --publish
  statebox machines update order order-2.json --publish
  statebox machines alias order:live --to 1=90 --to 2=10
  statebox start order:live --input '{"n": 1}'
  statebox machines delete order:live
  statebox machines list --json | jq -r '.stateMachines[].name'
""",
)
def machines() -> None:
    """Create, change, show and delete machines, their versions and aliases.

    They are kept in Redis, and every daemon there knows them at once. NAME is a machine's name or ARN, NAME:3 its
    version 3, NAME:live its alias live.
    """


@machines.command("list")
@speaks_json
@reaches_daemon
def list_machines(as_json: bool, endpoint: str, token: str | None) -> None:
    """List all machines."""
    run(_list(Client(endpoint, token), as_json))


async def _list(client: Client, as_json: bool) -> None:
    async with client:
        found = await client.all_of("AWSStepFunctions.ListStateMachines", "stateMachines")
    if as_json:
        echo_json({"stateMachines": found})
    elif found:
        print_table(
            ("NAME", "TYPE", "CREATED"), [(one["name"], one["type"], when(one["creationDate"])) for one in found]
        )
    else:
        click.echo("none", err=True)


@machines.command("create")
@click.argument("file")
@click.option("--name", help="The machine's name.  [default: the file's]")
@click.option("--type", type=click.Choice(["standard", "express"]), default="standard", show_default=True)
@click.option("--role", metavar="ARN", default=_ROLE, help="The role that it is shown with.")
@click.option("--publish", is_flag=True, help="Publish it as version 1.")
@click.option("--description", metavar="TEXT", help="What the version is about; with --publish.")
@click.option("--tag", "tags", metavar="KEY=VALUE", multiple=True, help="A tag; as many as there are.")
@speaks_json
@reaches_daemon
def create(
    file: str,
    name: str | None,
    type: str,
    role: str,
    publish: bool,
    description: str | None,
    tags: Sequence[str],
    as_json: bool,
    endpoint: str,
    token: str | None,
) -> None:
    """Create a machine from a definition, bare or in the seed's wrapper. FILE may be - for stdin.

    Creating the same again changes nothing; another definition under the same name is refused.
    """
    found = read_definition(file, None)
    request: dict[str, Json] = {"name": name or found.name, "definition": found.text, "roleArn": role}
    request |= {"type": type.upper(), "publish": publish, "versionDescription": description}
    request |= {"tags": [_tag(text) for text in tags]} if tags else {}
    run(_write(Client(endpoint, token), "CreateStateMachine", request, found, as_json))


@machines.command("update")
@click.argument("name")
@click.argument("file", required=False)
@click.option("--role", metavar="ARN", help="The role that it is shown with.")
@click.option("--publish", is_flag=True, help="Publish it as the next version.")
@click.option("--description", metavar="TEXT", help="What the version is about; with --publish.")
@speaks_json
@reaches_daemon
def update(
    name: str,
    file: str | None,
    role: str | None,
    publish: bool,
    description: str | None,
    as_json: bool,
    endpoint: str,
    token: str | None,
) -> None:
    """Give a machine another definition; executions that run go on with theirs. FILE may be - for stdin."""
    found = None if file is None else read_definition(file, None)
    request: dict[str, Json] = {"stateMachineArn": name, "definition": found and found.text, "roleArn": role}
    # False is not the same as nothing: a description without --publish is refused.
    request |= {"publish": publish or None, "versionDescription": description}
    run(_write(Client(endpoint, token), "UpdateStateMachine", request, found, as_json))


async def _write(client: Client, operation: str, request: dict[str, Json], found: Named | None, as_json: bool) -> None:
    async with client:
        try:
            reply = await client.call(f"AWSStepFunctions.{operation}", **request)
        except Refused as refused:
            if refused.type == "StateMachineAlreadyExists":
                raise Failure(f"{refused.message}: `statebox machines update` gives it another definition") from None
            if found is None or not refused.problems:
                raise
            # The daemon saw the definition alone; here is the file that it was read from.
            lines = [finding.line() for finding in findings_in(found, refused.problems)]
            raise Failure(definition_refused(lines)) from None
    if as_json:
        echo_json(reply)
    else:
        arn: str = reply.get("stateMachineVersionArn") or reply.get("stateMachineArn") or request["stateMachineArn"]
        click.echo(short_machine(arn))


@machines.command("describe")
@click.argument("name")
@speaks_json
@reaches_daemon
def describe(name: str, as_json: bool, endpoint: str, token: str | None) -> None:
    """Show a machine, a version (NAME:3) or an alias (NAME:live)."""
    run(_describe(Client(endpoint, token), name, as_json))


async def _describe(client: Client, name: str, as_json: bool) -> None:
    async with client:
        if _kind(name) == "Alias":
            shown = await client.call("AWSStepFunctions.DescribeStateMachineAlias", stateMachineAliasArn=name)
        else:
            shown = await client.call("AWSStepFunctions.DescribeStateMachine", stateMachineArn=name)
    if as_json:
        echo_json(shown)
    else:
        print_fields(list(_described(shown)))


def _described(shown: Json) -> Iterator[tuple[str, str]]:
    yield "arn", shown.get("stateMachineAliasArn") or shown["stateMachineArn"]
    for label, member in (("type", "type"), ("status", "status"), ("revision", "revisionId"), ("role", "roleArn")):
        if shown.get(member) is not None:
            yield label, shown[member]
    yield "created", when(shown["creationDate"])
    if shown.get("description"):
        yield "about", shown["description"]
    for route in shown.get("routingConfiguration") or ():
        yield "routes", f"{route['weight']} % to {short_machine(route['stateMachineVersionArn'])}"
    if "definition" in shown:
        yield "definition", cut(" ".join(shown["definition"].split()))


@machines.command("delete")
@click.argument("name")
@reaches_daemon
def delete(name: str, endpoint: str, token: str | None) -> None:
    """Delete a machine, a version (NAME:3) or an alias (NAME:live).

    A machine goes with its versions and aliases, once its last execution has ended.
    """
    run(_delete(Client(endpoint, token), name))


async def _delete(client: Client, name: str) -> None:
    kind = _kind(name)
    async with client:
        named: dict[str, Json] = {f"stateMachine{kind}Arn": name}
        await client.call(f"AWSStepFunctions.DeleteStateMachine{kind}", **named)


def _kind(name: str) -> str:
    """What a name is of, as the operations are called: of a version, of an alias, or of a machine itself."""
    qualifier = short_machine(name).partition(":")[2]
    if not qualifier:
        return ""
    return "Version" if qualifier.isdecimal() else "Alias"


def _tag(text: str) -> dict[str, Json]:
    key, equals, value = text.partition("=")
    if not equals:
        raise click.BadParameter(f"{text!r} is not KEY=VALUE")
    return {"key": key, "value": value}


for _command in (publish, versions, alias, aliases):
    machines.add_command(_command)
