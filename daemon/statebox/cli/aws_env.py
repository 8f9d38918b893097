"""`statebox aws-env`: what AWS's own clients need to be told, to talk to the daemon."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping

import click

from statebox.cli.failures import Failure
from statebox.cli.options import names_daemon, speaks_json
from statebox.cli.printing import echo_json
from statebox.engine.names import Place

# A daemon without access keys takes any, but the clients want to sign with some.
_ANY_KEY = "statebox"
_ACCESS_KEYS = "STATEBOX_ACCESS_KEYS"


@click.command(
    "aws-env",
    epilog="""\b
Examples:
  eval "$(statebox aws-env)" && aws stepfunctions list-state-machines
  statebox aws-env --shell fish | source
  statebox aws-env --endpoint https://states.example.org --json

boto3, the aws command line, Terraform and AWS's other SDKs read these variables. Where STATEBOX_ACCESS_KEYS holds
ID:SECRET, the first such pair is printed as the credentials; else some that a daemon without access keys takes.
AWS_DISABLE_HOST_PREFIX_INJECTION keeps clients from putting "sync-" before the host for StartSyncExecution and
TestState; clients that do not know it have an option of their own (JavaScript: disableHostPrefix: true).
""",
)
@click.option("--shell", type=click.Choice(["sh", "fish"]), default="sh", show_default=True, help="For which shell.")
@speaks_json
@names_daemon
def aws_env(shell: str, as_json: bool, endpoint: str) -> None:
    """Print the variables with which boto3, the aws command line and AWS's SDKs find the daemon."""
    variables = {
        "AWS_ENDPOINT_URL_SFN": endpoint,
        **_credentials(os.environ),
        "AWS_REGION": Place().region,
        # What botocore reads, with which boto3 and the aws command line begin.
        "AWS_DEFAULT_REGION": Place().region,
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
    }
    if as_json:
        echo_json(variables)
        return
    for line in _lines(variables, shell):
        click.echo(line)


def _credentials(environment: Mapping[str, str]) -> dict[str, str]:
    pair = environment.get(_ACCESS_KEYS, "").replace(",", " ").split()
    id, colon, secret = pair[0].partition(":") if pair else (_ANY_KEY, ":", _ANY_KEY)
    if not colon:
        raise Failure(f"{_ACCESS_KEYS} holds no ID:SECRET")
    return {"AWS_ACCESS_KEY_ID": id, "AWS_SECRET_ACCESS_KEY": secret}


def _lines(variables: Mapping[str, str], shell: str) -> Iterator[str]:
    """The commands; one that takes away a token which would go with other credentials comes last."""
    for name, value in variables.items():
        yield f"set -gx {name} {shlex.quote(value)}" if shell == "fish" else f"export {name}={shlex.quote(value)}"
    yield "set -e AWS_SESSION_TOKEN" if shell == "fish" else "unset AWS_SESSION_TOKEN"
