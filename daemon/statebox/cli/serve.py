"""`statebox serve`: the daemon on a Redis of one's own, as systemd and people start it."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import click
from click.exceptions import Exit

from statebox.cli.lifetime import Signalled, on_signals, run_to_its_end
from statebox.cli.options import CLIENT_VARIABLES, speaks_json
from statebox.cli.printing import echo_json, print_table
from statebox.cli.troubles import explained
from statebox.config import DEFAULT_FILE, Address, Config, Option, load, options
from statebox.daemon import Daemon
from statebox.logs import set_up_logging
from statebox.systemd import Notifier

_TITLES = {
    "daemon": "The daemon",
    "http": "HTTP",
    "redis": "Redis",
    "openwhisk": "OpenWhisk (what is not set is looked for as wsk does: WHISK_*, __OW_*, ~/.wskprops)",
    "limits": "How much one execution may be",
    "log": "Logging, to stderr",
}
_SECRETS = ", ".join(option.key for option in options() if option.secret)


def _parameter(option: Option) -> str:
    """The name under which click hands an option over."""
    return option.key.replace(".", "__")


class _Serve(click.Command):
    """Shows the flags section by section."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The help for all flags."""
        titles = {_parameter(option): _TITLES[option.section] for option in options()}
        records: dict[str, list[tuple[str, str]]] = {title: [] for title in ("Options", *_TITLES.values())}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                records[titles.get(parameter.name or "", "Options")].append(record)
        for title, rows in records.items():
            with formatter.section(title):
                formatter.write_dl(rows, col_max=32)


@click.command(
    "serve",
    cls=_Serve,
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
    told = {option.key: flags.get(_parameter(option)) for option in options()}
    environment = {name: value for name, value in os.environ.items() if name not in CLIENT_VARIABLES}
    with explained():
        config = load(told, environment, file)
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


def _flag(option: Option) -> click.Option:
    """A configured option as a flag; None where it is not given, so that what is said elsewhere holds."""
    declared = [option.flag or "", _parameter(option)]
    if isinstance(option.default, bool):
        return click.Option(declared, is_flag=True, default=None, help=option.help)
    default = "" if option.default in (None, ()) else f"  [default: {_plain(option.default)}]"
    return click.Option(declared, metavar=_metavar(option), help=f"{option.help}{default}")


def _metavar(option: Option) -> str:
    """What stands for the value in the help."""
    for end, word in (("_seconds", "SECONDS"), ("_days", "DAYS"), ("_bytes", "BYTES"), ("_file", "FILE")):
        if option.name.endswith(end):
            return word
    match option.default:
        case Address():
            return "HOST:PORT"
        case int():
            return "N"
        case _:
            return {"machines": "DIR", "files": "DIR", "url": "URL"}.get(option.name, "TEXT")


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


serve.params += [_flag(option) for option in options() if option.flag is not None]
