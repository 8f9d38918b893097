"""`statebox actions`: the local action host alone, an OpenWhisk for one machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

import click
from click.exceptions import Exit

from statebox.cli.lifetime import Signalled, run_to_its_end
from statebox.cli.options import speaks_json
from statebox.cli.printing import echo_json, print_fields
from statebox.cli.stack import read_address, start_action_host
from statebox.config import Address
from statebox.logs import set_up_logging


@click.command(
    "actions",
    epilog="""\b
Examples:
  statebox actions demo_actions
  export WHISK_APIHOST=http://127.0.0.1:3233 WHISK_AUTH=<the auth it prints>
  curl -u "$WHISK_AUTH" -H 'Content-Type: application/json' -d '{"value": 6}' \\
    "$WHISK_APIHOST/api/v1/namespaces/_/actions/increment?blocking=true&result=true"

It serves OpenWhisk's REST API, for wsk, the npm client openwhisk and statebox serve. FILE.py is the action FILE with
its function main(params), FILE.js likewise where node is installed; a folder in the folder is a package. Changed files
are read again. What clients put is kept in --data. Ctrl-C or SIGTERM ends it, and all actions with it.
""",
)
@click.argument(
    "folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="[FOLDER]"
)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    default="127.0.0.1:3233",
    show_default=True,
    callback=read_address,
    help="Where to listen; this machine only, as it runs any code for who is let in.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that keeps the actions which clients put.  [default: kept until it ends]",
)
@speaks_json
def actions(folder: Path | None, listen: Address, data: Path | None, as_json: bool) -> None:
    """Run the local action host alone: OpenWhisk's API for a folder of files."""
    set_up_logging("info", "auto", os.environ)
    try:
        run_to_its_end(_actions(folder, listen, data, as_json))
    except Signalled as signalled:
        # It is how it ends, not how it fails.
        raise Exit(0) from signalled


async def _actions(folder: Path | None, listen: Address, data: Path | None, as_json: bool) -> None:
    async with contextlib.AsyncExitStack() as parts:
        host = await start_action_host(parts, folder, listen, data, "--listen")
        if as_json:
            echo_json({"url": host.url, "auth": host.auth})
        else:
            print_fields([("url", host.url), ("auth", host.auth)])
        await asyncio.Event().wait()
