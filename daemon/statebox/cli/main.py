"""The command `statebox`: which subcommands there are, and how everything that goes wrong in them comes to its end."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from statebox import __version__
from statebox.cli.failures import EX_FAILED, EX_INTERRUPTED, system_words

# Section by section, as the help shows them: the name, where under statebox.cli the command is, its line of help.
# A module is imported when its command is called, so that `statebox --help` and shell completion stay fast.
_SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Try and develop": {
        "demo": ("demo:demo", "See the whole way once: run, suspend in Redis, resume, finish."),
        "dev": ("dev:dev", "Run all that is needed on this machine: Valkey, actions and the daemon."),
        "run": ("run:run", "Run a definition and watch it until it ends."),
        "validate": ("validate:validate", "List everything that is wrong with definitions, without a daemon."),
        "test": ("test:test", "Run a definition against cases with mocked tasks, days in milliseconds."),
        "actions": ("actions:actions", "Run the local action host alone: OpenWhisk's API for a folder of files."),
    },
    "Work with a daemon": {
        "start": ("start:start", "Start an execution and print its id."),
        "list": ("executions:list_executions", "List executions, newest first."),
        "describe": ("executions:describe", "Show one execution: status, input, output, what it waits for."),
        "history": ("history:history", "Show the events of an execution, also while they happen."),
        "resume": ("resume:resume", "Answer a suspended execution."),
        "answer": ("answer:answer", "Answer a state of an execution, also before it is asked for."),
        "test-state": ("test_state:test_state", "Try one state of a definition alone, with each step of its data."),
        "stop": ("executions:stop", "Stop an execution."),
        "redrive": ("redrive:redrive", "Let an execution that failed go on from where it failed."),
        "retry": ("executions:retry", "Let an execution that was set aside go on."),
        "machines": ("machines:machines", "Create, change, show and delete machines, their versions and aliases."),
        "aws-env": ("aws_env:aws_env", "Print the variables with which AWS's own clients find the daemon."),
        "purge": ("purge:purge", "Forget executions that have ended."),
    },
    "Production": {
        "serve": ("serve:serve", "Run the daemon on a Redis of your own."),
        "doctor": ("doctor:doctor", "Check what a daemon needs: Redis, its settings and rights, OpenWhisk."),
    },
}
_COMMANDS = {name: entry for commands in _SECTIONS.values() for name, entry in commands.items()}


class _Commands(click.Group):
    """The subcommands, each imported when it is wanted."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the sections."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, function = _COMMANDS[cmd_name][0].partition(":")
        command: object = getattr(importlib.import_module(f"statebox.cli.{module}"), function)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click has it; an unknown command is told what it may have meant."""
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(_COMMANDS)}"
            ctx.fail(f"there is no command {args[0]}; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The sections of the help, without importing anything."""
        for section, commands in _SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(name, line) for name, (_, line) in commands.items()], col_max=12)


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    epilog="""\b
Begin with:
  statebox demo                                  see it work once
  statebox dev                                   a daemon to play with, on this machine only
  statebox run state_machines/incsquare.json --input 6

Commands that talk to a daemon find it at --endpoint, else STATEBOX_ENDPOINT, else http://127.0.0.1:8083.
Exit codes: 0 done, 1 failed or refused, 2 wrong usage, 69 the daemon (or Redis) is not there, 130 interrupted.
""",
)
@click.version_option(__version__, prog_name="statebox", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error that nobody foresaw.")
def statebox(debug: bool) -> None:
    """Run Amazon States Language machines durably on Redis; their tasks call Apache OpenWhisk actions."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    code = _run(list(sys.argv[1:] if arguments is None else arguments))
    try:
        sys.stdout.flush()
    except OSError:
        # The interpreter flushes once more when it exits, and would complain as well.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(code)


def _run(words: list[str]) -> int:
    try:
        returned: object = statebox.main(args=words, prog_name="statebox", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as failure:
        failure.show()
        return failure.exit_code
    except (click.Abort, KeyboardInterrupt):
        return EX_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone, as in `statebox list | head`, and needs no words.
        return EX_FAILED
    except OSError as error:
        click.echo(f"statebox: {error.filename or 'the output cannot be written'}: {system_words(error)}", err=True)
        return EX_FAILED
    except Exception as error:
        if "--debug" in words[:1]:
            raise
        click.echo(
            f"statebox: unexpected {type(error).__name__}{_place(error)}: {error}\n"
            "This is a fault of statebox; `statebox --debug ...` shows where it comes from.",
            err=True,
        )
        return EX_FAILED
    # With standalone_mode off click returns the code of an Exit, which --help and some of our commands raise.
    return returned if isinstance(returned, int) else 0


def _place(error: BaseException) -> str:
    """Where an error came from, as ` (file.py:12)`."""
    trace = error.__traceback__
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    return f" ({Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno})"


if __name__ == "__main__":
    main()
