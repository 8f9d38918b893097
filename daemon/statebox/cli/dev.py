"""`statebox dev`: a daemon to develop with, and all that it needs, on this machine alone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
from click.exceptions import Exit

from statebox.cli.lifetime import Signalled, run_to_its_end
from statebox.cli.options import CLIENT_VARIABLES, speaks_json
from statebox.cli.printing import echo_json, print_fields
from statebox.cli.stack import LocalStack, choose_actions, read_address
from statebox.config import Address

# How often files are looked at; a person who saves one has not switched to another window sooner.
_LOOK_SECONDS = 0.5
_DATA = Path(".statebox")
# Where OpenWhisk's own standalone server listens.
_ACTIONS_ADDRESS = "127.0.0.1:3233"


@click.command(
    "dev",
    epilog="""\b
Examples:
  statebox dev
  statebox dev --actions my_actions --machines my_machines
  statebox dev --listen 127.0.0.1:0 --actions-listen 127.0.0.1:0 --data /tmp/try --json

Executions are kept in --data and go on with the next `statebox dev`. Actions are Python and, where node is installed,
JavaScript files; a changed file is read again. Other options of the daemon can be set as for `statebox serve`, with
STATEBOX_* variables (but those for Redis). Ctrl-C or SIGTERM ends it all; nothing is left behind even by kill -9.
""",
)
@click.option(
    "--listen", metavar="HOST:PORT", callback=read_address, help="Where the daemon listens.  [default: 127.0.0.1:8083]"
)
@click.option(
    "--actions",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of actions (*.py, *.js).  [default: ./demo_actions if it is there, else the OpenWhisk of ~/.wskprops]",
)
@click.option(
    "--actions-listen",
    metavar="HOST:PORT",
    callback=read_address,
    default=_ACTIONS_ADDRESS,
    show_default=True,
    help="Where the local action host listens.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=_DATA,
    show_default=True,
    help="Folder that keeps the executions.",
)
@click.option(
    "--machines",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of definitions (NAME.json), for `statebox start NAME`; read again when a file changes.",
)
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="[default: info]")
@speaks_json
def dev(
    listen: Address | None,
    actions: Path | None,
    actions_listen: Address,
    data: Path,
    machines: Path | None,
    log_level: str | None,
    as_json: bool,
) -> None:
    """Run all that is needed on this machine: Valkey, actions and the daemon."""
    data = data.absolute()
    stack = LocalStack(
        data=data,
        actions=choose_actions(actions),
        actions_listen=actions_listen,
        flags={
            "http.listen": None if listen is None else str(listen),
            "daemon.machines": None if machines is None else str(machines),
            "log.level": log_level,
        },
        environment=_environment(os.environ),
    )
    try:
        run_to_its_end(_dev(stack, data, machines, as_json))
    except Signalled as signalled:
        # It is how it ends, not how it fails.
        raise Exit(0) from signalled


async def _dev(stack: LocalStack, data: Path, machines: Path | None, as_json: bool) -> None:
    async with stack:
        if as_json:
            echo_json(
                {
                    "endpoint": stack.endpoint,
                    "redis": {"socket": str(stack.valkey.socket)},
                    "actions": stack.host and {"url": stack.host.url, "auth": stack.host.auth},
                    "data": str(data),
                }
            )
        else:
            print_fields(list(_what_listens(stack, data)))
            click.echo("\nTry, in another terminal:")
            for line in ready_made(stack.endpoint, stack.valkey.socket):
                click.echo(f"  {line}")
            click.echo("\nCtrl-C ends it; executions stay in the data folder and go on with the next `statebox dev`.\n")
        await stack.unless_broken(_follow(stack, machines))


async def _follow(stack: LocalStack, machines: Path | None) -> None:
    """Have the definitions read again whenever a file changed, without end."""
    if machines is None:
        await asyncio.Event().wait()
        return
    known = await asyncio.to_thread(_state_of, machines)
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        found = await asyncio.to_thread(_state_of, machines)
        if found != known:
            known = found
            await stack.daemon.reload()


def _state_of(folder: Path) -> list[tuple[str, int, int]]:
    with contextlib.suppress(FileNotFoundError):  # one that goes while we look is seen the next time
        return sorted((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in folder.glob("*.json"))
    return []


def _what_listens(stack: LocalStack, data: Path) -> Iterator[tuple[str, str]]:
    yield "daemon", stack.endpoint
    if stack.host is not None:
        yield "actions", f"{stack.host.url} (auth {stack.host.auth})"
    yield "redis", f"unix socket {stack.valkey.socket}"
    yield "data", str(data)


def ready_made(endpoint: str, socket: Path) -> Iterator[str]:
    """Commands that work as they stand, but for the ID."""
    redis = f"redis-cli -s {shlex.quote(str(socket))}"
    yield f"curl -X POST '{endpoint}/?input=6'                          # runs the demo machine until it suspends"
    yield f"{redis} TTL 'statebox:{{0}}:continuation:ID'"
    yield f"{redis} PUBLISH resume ID"
    yield f"curl -X POST '{endpoint}/?continuation=ID'                  # another way to resume"
    yield f"statebox list --endpoint {endpoint}"
    yield f'eval "$(statebox aws-env --endpoint {endpoint})"                # for boto3, aws and AWS\'s SDKs'


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The daemon's settings in the environment, without those that are for another Redis, another file, or clients."""
    foreign = ("STATEBOX_CONFIG", *CLIENT_VARIABLES)
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith("STATEBOX_REDIS_") and name not in foreign
    }
