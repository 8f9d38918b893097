"""The daemon's options as flags: for commands that take its configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click

from statebox.asl.jsontext import Json
from statebox.cli.options import CLIENT_VARIABLES
from statebox.config import Address, Config, Option, load, options

_TITLES = {
    "daemon": "The daemon",
    "http": "HTTP",
    "redis": "Redis",
    "openwhisk": "OpenWhisk (what is not set is looked for as wsk does: WHISK_*, __OW_*, ~/.wskprops)",
    "lambda": "Functions of AWS's machines",
    "limits": "How much one execution may be",
    "log": "Logging, to stderr",
}


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


def _parameter(option: Option) -> str:
    """The name under which click hands an option over."""
    return option.key.replace(".", "__")


class Configured(click.Command):
    """A command that has a flag for each option of the daemon's, shown section by section."""

    def __init__(self, *words: Json, **more: Json) -> None:
        super().__init__(*words, **more)
        self.params += [_flag(option) for option in options() if option.flag is not None]

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


def configuration(flags: Mapping[str, object], file: Path | None) -> Config:
    """What the flags of a Configured command, the environment and the file say. Raises ConfigError."""
    told = {option.key: flags.get(_parameter(option)) for option in options()}
    environment = {name: value for name, value in os.environ.items() if name not in CLIENT_VARIABLES}
    return load(told, environment, file)
