"""Wire: the recorded cases over HTTP, against `statebox dev` and its local action host, in real time."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from statebox.asl.jsontext import Json, read_json

RUNNER: Final = "run_cases.py"
_ANYWHERE: Final = ("--listen", "127.0.0.1:0", "--actions-listen", "127.0.0.1:0")
# More than there are cases.
_SHOWN: Final = 10_000


class NotStarted(click.ClickException):
    """`statebox dev` ended before it served anything."""


def run_over_the_wire(
    place: Path, only: Sequence[str], *, endpoint: str | None, actions: str | None, parallel: int
) -> Sequence[Mapping[str, Json]]:
    """Run the cases that have one of `only` in their id, category or kind; one result for each, also those left out.

    Prints the runner's own table and each mismatch. A result has id, kind, category, ok, ok_strict, why, seconds and,
    when it was left out, `skipped`. Without an endpoint a `statebox dev` is started for it. Raises NotStarted.
    """
    chosen = _choose(read_json((place / "cases.json").read_bytes()), only)
    if not chosen:
        click.echo(f"no recorded case has {' or '.join(only)} in its id, category or kind")
        return []
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder, contextlib.ExitStack() as parts:
        if endpoint is None:
            endpoint, actions = parts.enter_context(_dev(Path(folder)))
        results = Path(folder) / "results.json"
        words = [f"--cases={place / 'cases.json'}", f"--compare={place}", f"--endpoint={endpoint}", f"--json={results}"]
        words += [f"--parallel={parallel}", f"--show={_SHOWN}"]
        words += [f"--actions={actions}"] if actions else []
        words += [f"--only=^({'|'.join(map(re.escape, chosen))})$"] if only else []
        ended = subprocess.run([sys.executable, place / RUNNER, *words], check=False)
        if ended.returncode:
            raise click.ClickException(
                f"{RUNNER} ended with {ended.returncode}: the daemon was gone, or did not answer"
            )
        return read_json(results.read_bytes())


def _choose(cases: Sequence[Mapping[str, Json]], only: Sequence[str]) -> list[str]:
    named = {case["id"]: f"{case['id']} {case['category']} {case['kind']}" for case in cases}
    return [id for id, text in named.items() if not only or any(part in text for part in only)]


@contextlib.contextmanager
def _dev(folder: Path) -> Generator[tuple[str, str]]:
    """A `statebox dev` of its own: its endpoint, and that of its action host, which the runner puts the functions into.

    Its log stays in a file, and its end is shown when it ends too early.
    """
    (folder / "actions").mkdir()
    words = ["dev", "--json", "--data", folder / "data", "--actions", folder / "actions", *_ANYWHERE]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "statebox.cli.main", *words], stdout=subprocess.PIPE, stderr=log
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise NotStarted(f"statebox dev ended at once:\n{(folder / 'log').read_text()[-2000:]}")
            told = read_json(line)
            yield told["endpoint"], told["actions"]["url"]
            if process.poll() is not None:
                click.echo(f"statebox dev has ended meanwhile:\n{(folder / 'log').read_text()[-2000:]}")
        finally:
            process.send_signal(signal.SIGTERM)
