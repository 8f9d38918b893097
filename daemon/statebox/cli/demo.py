"""`statebox demo`: the whole way once, with everything real: actions, a suspension in Redis, a PUBLISH, the end."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable
from pathlib import Path

import click
import redis.asyncio

from statebox.asl.jsontext import Json, read_json, write_json_text
from statebox.cli.client import Client
from statebox.cli.definitions import read_text
from statebox.cli.failures import Failure
from statebox.cli.lifetime import run_to_its_end
from statebox.cli.options import speaks_json
from statebox.cli.printing import echo_json
from statebox.cli.stack import DEMO_ACTIONS, LocalStack
from statebox.store.keys import Keys

_MACHINE = Path("state_machines/incsquare.json")
_INPUT = 6
# A start of Python or node as a first call may take a while on a busy machine.
_PATIENCE_SECONDS = 60.0
_REDIS_SECONDS = 10.0


@click.command(
    "demo",
    epilog="""It starts a Valkey, the local action host and a daemon on free ports, with temporary data, and ends them
again. It needs the folders demo_actions and state_machines, so run it in a checkout.
The last line on stdout is the final JSON; with --json it is the only one.
""",
)
@speaks_json
def demo(as_json: bool) -> None:
    """See the whole way once: increment 6, square it, suspend in Redis, resume by PUBLISH, increment: 50."""
    root = _checkout()
    stack = LocalStack(
        data=None, actions=root / DEMO_ACTIONS, flags={"http.listen": "127.0.0.1:0", "log.level": "warning"}
    )
    definition = read_text(str(root / _MACHINE)).encode()
    final = run_to_its_end(_demo(stack, definition, _Narrator(silent=as_json)))
    # Only now: whatever the parts still had to say is said, so this is the last line.
    echo_json(final)


class _Narrator:
    """Says what happens, as a reader could do it himself."""

    def __init__(self, *, silent: bool) -> None:
        self._silent = silent

    def __call__(self, words: str) -> None:
        if not self._silent:
            click.echo(words)


async def _demo(stack: LocalStack, definition: bytes, say: _Narrator) -> Json:
    async with stack:
        return await stack.unless_broken(_show_the_way(stack, definition, say))


async def _show_the_way(stack: LocalStack, definition: bytes, say: _Narrator) -> Json:
    async with Client(stack.endpoint) as client, _redis(stack) as database:
        say(f"A daemon at {stack.endpoint}, actions from {DEMO_ACTIONS}/, and a Valkey at {stack.valkey.socket}.")
        say(f"\nRun {_MACHINE.name} with {_INPUT}; it stops where a person has to answer:")
        say(f"  $ curl -H 'Content-Type: application/json' -d @{_MACHINE} '{stack.endpoint}/?input={_INPUT}'")
        reply = await client.post(
            f"/?input={_INPUT}", definition, {"Content-Type": "application/json"}, waits_seconds=_PATIENCE_SECONDS
        )
        suspended = client.read(reply)
        continuation: Json = suspended.get("CONTINUATION")
        if reply.status != 200 or not isinstance(continuation, str):
            raise Failure(f"the demo machine did not suspend: HTTP {reply.status}, {write_json_text(suspended)}")
        say(f"  {write_json_text(suspended)}")

        key = _key(stack, continuation)
        say("\nIt waits in Redis now, and holds no memory and no process; this is how long it still waits, in seconds:")
        say(f"  $ redis-cli -s {shlex.quote(str(stack.valkey.socket))} TTL '{key}'")
        say(f"  {await database.ttl(key)}")

        say("\nResume it:")
        say(f"  $ redis-cli -s {shlex.quote(str(stack.valkey.socket))} PUBLISH resume {continuation}")
        say(f"  {await _publish(database, continuation)}")
        execution = await client.call(
            "Statebox.SettleExecution",
            executionArn=reply.headers["x-statebox-execution-id"],
            seconds=_PATIENCE_SECONDS,
            beyond=continuation,
            waits_seconds=_PATIENCE_SECONDS,
        )
        if execution["status"] != "SUCCEEDED":
            raise Failure(f"the demo machine did not succeed: {write_json_text(execution)}")
        say("\nIt went on and ended:")
        return read_json(execution["output"])


def _redis(stack: LocalStack) -> redis.asyncio.Redis:
    return redis.asyncio.Redis(
        unix_socket_path=str(stack.valkey.socket),
        decode_responses=True,
        socket_timeout=_REDIS_SECONDS,
        socket_connect_timeout=_REDIS_SECONDS,
    )


async def _publish(database: redis.asyncio.Redis, message: str) -> int:
    """Publish on the channel that daemons listen on; how many heard it."""
    # redis-py leaves the types of its further arguments open.
    publish: Callable[[str, str], Awaitable[int]] = getattr(database, "publish")  # noqa: B009
    return await publish("resume", message)


def _key(stack: LocalStack, continuation: str) -> str:
    """The key whose TTL is the time that a continuation has left."""
    settings = stack.daemon.config.redis
    return f"{Keys(settings.prefix, settings.shards).of_token(continuation).base}continuation:{continuation}"


def _checkout() -> Path:
    """The folder that has the demo's actions and machine: here, or where this package is developed. Raises Failure."""
    for root in (Path(), Path(__file__).parents[3]):
        if (root / DEMO_ACTIONS).is_dir() and (root / _MACHINE).is_file():
            return root
    raise Failure(f"there is no {DEMO_ACTIONS}/ with {_MACHINE} here: run the demo in a checkout of statebox")
