"""How a command fails: in words that name the place and the remedy, and with an exit code that programs can use."""

from __future__ import annotations

import errno
import os
from typing import IO

import click

EX_FAILED = 1
EX_USAGE = 2
EX_UNAVAILABLE = 69  # sysexits.h
EX_MISCONFIGURED = 78  # sysexits.h; the unit tells systemd not to try again then
# As shells have it: 128 and the number of the signal.
EX_INTERRUPTED = 130
EX_TERMINATED = 143


class Failure(click.ClickException):
    """The command cannot do what it was asked for."""

    exit_code = EX_FAILED

    def show(self, file: IO[str] | None = None) -> None:
        """Say so on stderr."""
        click.echo(f"statebox: {self.format_message()}", file=file, err=file is None)


class Unavailable(Failure):
    """What the command needs cannot be reached, or is not ready; the same command may work later.

    `maybe_done` says that the request may have been carried out all the same: only its answer is missing.
    """

    exit_code = EX_UNAVAILABLE

    def __init__(self, message: str, *, maybe_done: bool = False) -> None:
        super().__init__(message)
        self.maybe_done = maybe_done


class Misconfigured(Failure):
    """What the daemon was told cannot work, and would not the next time either."""

    exit_code = EX_MISCONFIGURED


def problem_line(code: str, message: str, location: str | None) -> str:
    """One problem of a definition, for people."""
    return f"{code}: {message}" + (f" at {location}" if location else "")


def system_words(error: OSError) -> str:
    """Why the system refused, in its own words: others put the whole call into them."""
    number = error.errno or 0
    # A name that cannot be resolved has a number of another kind.
    return os.strerror(number) if number in errno.errorcode else error.strerror or str(error)


def plural(noun: str, count: int) -> str:
    """The noun as it goes with a count."""
    return noun if count == 1 else f"{noun}s"
