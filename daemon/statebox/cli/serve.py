"""`statebox serve`: the daemon on a Redis of one's own, as systemd and people start it."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import click
from click.exceptions import Exit

from statebox.cli.flags import Configured, configuration
from statebox.cli.lifetime import Signalled, on_signals, run_to_its_end
from statebox.cli.options import speaks_json
from statebox.cli.printing import echo_json, print_table
from statebox.cli.troubles import explained
from statebox.config import DEFAULT_FILE, Config, options
from statebox.daemon import Daemon
from statebox.logs import set_up_logging
from statebox.systemd import Notifier

_SECRETS = ", ".join(option.key for option in options() if option.secret)


@click.command(
    "serve",
    cls=Configured,
    epilog=f"""Each flag is also a variable, --redis-url STATEBOX_REDIS_URL, and an option of the TOML file, [redis]
url. A flag wins over a variable, that over the file, that over the default; --show-config says what holds, and from
where.

Secrets have no flag, as others can see command lines. They come from the file, from variables, from files that
variables name, as STATEBOX_REDIS_PASSWORD_FILE, or from systemd's credentials:
{_SECRETS}.

\b
Examples:
  statebox serve
  statebox serve --redis-url redis://redis.internal:6379/2 --name $(hostname)
  statebox serve --redis-url redis+sentinel://s1:26379,s2:26379/mymaster
  statebox serve --redis-url redis+cluster://n1:6379,n2:6379 --redis-shards 12
  statebox serve --config statebox.toml --show-config

SIGTERM and SIGINT: what is in flight gets --drain-seconds, then the exit code is 0; a second one hurries. SIGHUP reads
--machines again. Exit code 78: the configuration is wrong. 69: no Redis, or the address is taken.
""",
)
@click.option(
    "--config",
    "file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"The TOML file; also STATEBOX_CONFIG.  [default: {DEFAULT_FILE} if it is there]",
)
@click.option("--show-config", is_flag=True, help="Print the configuration in force, and where it comes from; no more.")
@speaks_json
def serve(file: Path | None, show_config: bool, as_json: bool, **flags: object) -> None:
    """Run the daemon on a Redis of your own."""
    with explained():
        config = configuration(flags, file)
    if show_config:
        _show(config, as_json)
        return
    set_up_logging(config.log.level, config.log.format, os.environ)
    try:
        # SIGHUP is for reading again what changed, also where it comes too early for that.
        run_to_its_end(_serve(config, as_json), signal.SIGINT, signal.SIGTERM)
    except Signalled as signalled:
        # It is how it ends, not how it fails.
        raise Exit(0) from signalled


async def _serve(config: Config, as_json: bool) -> None:
    on_signals(lambda _: None, signal.SIGHUP)
    daemon = Daemon(config, home=Path.home(), notifier=Notifier.from_environment(os.environ))
    with explained(config.http.listen):
        async with daemon:
            on_signals(lambda _: daemon.reload_soon(), signal.SIGHUP)
            if as_json:
                echo_json({"endpoint": daemon.url})
            await asyncio.Event().wait()


def _show(config: Config, as_json: bool) -> None:
    settings = list(config.describe())
    if as_json:
        echo_json({one.key: {"value": one.value, "origin": one.origin} for one in settings})
    else:
        print_table(("OPTION", "VALUE", "FROM"), [(one.key, one.value, one.origin) for one in settings])
