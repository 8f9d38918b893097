"""Options that many commands have, each said once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar, cast
from urllib.parse import urlsplit

import click

F = TypeVar("F", bound=Callable[..., object])

# What clients read from the environment, which they may share with a daemon; to that it means nothing.
CLIENT_VARIABLES = ("STATEBOX_ENDPOINT", "STATEBOX_TOKEN")
DEFAULT_ENDPOINT = "http://127.0.0.1:8083"


def _read_endpoint(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    return None if value is None else endpoint_of(value)


def names_daemon(function: F) -> F:
    """Give a command `endpoint`."""
    return click.option(
        "--endpoint",
        envvar="STATEBOX_ENDPOINT",
        metavar="URL",
        default=DEFAULT_ENDPOINT,
        show_default=True,
        callback=_read_endpoint,
        help="The daemon, as URL or HOST:PORT; also STATEBOX_ENDPOINT.",
    )(function)


def reaches_daemon(function: F) -> F:
    """Give a command `endpoint` and `token`."""
    return names_daemon(_token(function))


def may_reach_daemon(function: F) -> F:
    """Give a command `endpoint`, None where nobody names one, and `token`."""
    endpoint = click.option(
        "--endpoint",
        envvar="STATEBOX_ENDPOINT",
        metavar="URL",
        callback=_read_endpoint,
        help="The daemon to run it on, as URL or HOST:PORT; also STATEBOX_ENDPOINT. Without: in this process.",
    )
    return endpoint(_token(function))


def _token(function: F) -> F:
    return click.option(
        "--token",
        envvar="STATEBOX_TOKEN",
        metavar="TOKEN",
        help="The daemon's bearer token; better in STATEBOX_TOKEN, as others can see command lines.",
    )(function)


def speaks_json(function: F) -> F:
    """Give a command `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(function)


def answers(function: F) -> F:
    """Give a command `output`, `error` and `cause`, and see to it that they go together."""

    @wraps(function)
    def checked(*words: object, output: str | None, error: str | None, cause: str | None, **more: object) -> object:
        if output is not None and (error is not None or cause is not None):
            raise click.UsageError("--output says that it succeeded, --error that it failed: give one of them")
        if cause is not None and error is None:
            raise click.UsageError("--cause explains an error: give --error NAME as well")
        return function(*words, output=output, error=error, cause=cause, **more)

    for option in (
        click.option("--cause", metavar="TEXT", help="The cause of the error, in words."),
        click.option("--error", metavar="NAME", help="Fail the state with this error instead."),
        click.option(
            "--output", metavar="JSON|@FILE|-", help="The result of the state: JSON, @FILE for a file, - for stdin."
        ),
    ):
        checked = option(checked)
    # It takes what the command takes; only which of it may stand together is decided here.
    return cast("F", checked)


def takes_input(function: F) -> F:
    """Give a command `input`."""
    return click.option(
        "--input",
        metavar="JSON|@FILE|-",
        help="The input: JSON, @FILE for a file, - for stdin. Default: {}; for a definition in the seed's wrapper the"
        " wrapper's input, else 1.",
    )(function)


def endpoint_of(text: str) -> str:
    """An endpoint as a base URL: HOST:PORT means http. Raises click.BadParameter."""
    url = text.strip().rstrip("/")
    if "://" not in url:
        url = f"http://{url}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise click.BadParameter(f"{text!r} is neither HOST:PORT nor a URL as {DEFAULT_ENDPOINT}")
    return url
