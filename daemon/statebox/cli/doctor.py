"""`statebox doctor`: whether a daemon with this configuration would find what it needs, and what to do where not."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import click
import msgspec
from click.exceptions import Exit

from statebox.cli.failures import EX_FAILED
from statebox.cli.flags import Configured, configuration
from statebox.cli.options import speaks_json
from statebox.cli.printing import echo_json
from statebox.cli.troubles import explained
from statebox.config import Config
from statebox.engine.checkup import Finding, Level
from statebox.openwhisk.checkup import check_openwhisk
from statebox.store.checkup import check_redis
from statebox.wiring import openwhisk_of, store_settings

_COLORS = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


@click.command(
    "doctor",
    cls=Configured,
    epilog="""It takes the configuration as `statebox serve` does, from flags, STATEBOX_*, and the TOML file, and
changes nothing. What Redis does not tell this user is said to be unknown.

\b
Examples:
  statebox doctor
  statebox doctor --redis-url redis://redis.internal:6379/2 --json

Exit code 1 when something fails.
""",
)
@click.option(
    "--config",
    "file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The TOML file, as for serve.",
)
@speaks_json
def doctor(file: Path | None, as_json: bool, **flags: object) -> None:
    """Check Redis and OpenWhisk as the daemon's configuration names them."""
    with explained():
        config = configuration(flags, file)
        found = asyncio.run(_check(config, as_json))
    if as_json:
        echo_json({"findings": [msgspec.to_builtins(one) for one in found]})
    if any(one.level is Level.FAIL for one in found):
        raise Exit(EX_FAILED)


async def _check(config: Config, as_json: bool) -> Sequence[Finding]:
    found: list[Finding] = []
    async for finding in _findings(config):
        found.append(finding)
        if not as_json:
            _print(finding)
    return found


async def _findings(config: Config) -> AsyncIterator[Finding]:
    settings = store_settings(config, "doctor")
    async for finding in check_redis(settings.redis, settings.shards):
        yield finding
    yield await check_openwhisk(openwhisk_of(config, os.environ, Path.home()))


def _print(finding: Finding) -> None:
    level = click.style(f"{finding.level:4}", fg=_COLORS[finding.level])
    click.echo(f"{level}  {finding.subject}: {finding.words}")
    if finding.remedy is not None:
        click.echo(f"      {finding.remedy}")
