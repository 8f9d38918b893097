"""`statebox aws-env`: the variables that AWS's own clients read."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.cli.conftest import Call
from tests.cli.processes import Ended, run

NAMES = ("AWS_ENDPOINT_URL_SFN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION")


def env(tmp_path: Path, *words: str, keys: str = "") -> Ended:
    return run("aws-env", *words, cwd=tmp_path, more={"STATEBOX_ACCESS_KEYS": keys} if keys else {})


def test_a_shell_takes_the_variables_as_they_are_printed(tmp_path: Path):
    printed = env(tmp_path, "--endpoint", "localhost:9000").stdout
    show = "; ".join(f'echo "${name}"' for name in NAMES)

    told = subprocess.run(["sh", "-euc", f"{printed}\n{show}"], capture_output=True, text=True, check=True).stdout

    assert told.split() == ["http://localhost:9000", "statebox", "statebox", "us-east-1", "us-east-1"]


def test_fish_and_programs_get_the_variables_in_their_own_form(tmp_path: Path):
    assert "set -gx AWS_ENDPOINT_URL_SFN http://127.0.0.1:8083\n" in env(tmp_path, "--shell", "fish").stdout

    told = env(tmp_path, "--json").json
    assert (told["AWS_ENDPOINT_URL_SFN"], told["AWS_DISABLE_HOST_PREFIX_INJECTION"]) == (
        "http://127.0.0.1:8083",
        "true",
    )


def test_the_first_of_the_access_keys_is_what_clients_sign_with(tmp_path: Path):
    told = env(tmp_path, "--json", keys="AKIDONE:one/secret+of=mine,AKIDTWO:two").json

    assert (told["AWS_ACCESS_KEY_ID"], told["AWS_SECRET_ACCESS_KEY"]) == ("AKIDONE", "one/secret+of=mine")
    broken = env(tmp_path, keys="nothing")
    assert (broken.exit_code, broken.stdout) == (1, "")
    assert "STATEBOX_ACCESS_KEYS holds no ID:SECRET" in broken.stderr


def test_an_endpoint_that_is_none_is_refused(offline: Call):
    refused = offline("aws-env", "--endpoint", "ftp://x")

    assert refused.exit_code == 2
    assert "neither HOST:PORT nor a URL" in refused.stderr
