"""`python -m conformance`: runs the recorded cases in virtual time and prints how well the core agrees."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from conformance.mismatches import explain
from conformance.recorded import Recorded, folder, load
from conformance.running import is_wanted, run
from conformance.table import Judged, average, crowded_with_misses, executions_of, lines
from statebox.asl.jsontext import Json


@click.command()
@click.option("--cases", "place", type=click.Path(path_type=Path), help="The folder with cases.json and compare.py.")
@click.option("--only", metavar="SUBSTRING", multiple=True, help="Only cases with this in their id or category.")
@click.option("--diff", is_flag=True, help="Print every mismatch with its differences.")
@click.option("--max-misses", type=int, default=8, show_default=True, help="How many cases may not be ok.")
@click.option(
    "--min-strict",
    type=float,
    default=95.0,
    show_default=True,
    help="How many percent of executions must agree strictly, averaged over categories.",
)
def main(place: Path | None, only: tuple[str, ...], diff: bool, max_misses: int, min_strict: float) -> None:
    """Run the recorded cases; exit code 1 when more of them disagree than may.

    One of a category may not be ok, and none of a category of up to three cases.
    """
    place = place or folder()
    if not (place / "cases.json").is_file():
        click.echo(f"There are no recordings in {place} (STATEBOX_CONFORMANCE names another folder): nothing was run.")
        return
    began = time.perf_counter()
    judged = _judge(load(place), only)
    for line in lines(judged):
        click.echo(line)
    for one in judged:
        if not one.strict:
            click.echo(f"\n{'strict only' if one.ok else 'NOT OK'}: {one.case['id']} ({one.case['category']})")
            for line in explain(one.case, one.actual, one.result) if diff else ():
                click.echo(f"    {line}")
    misses = sum(not one.ok for one in judged)
    strict = average(executions_of(judged))[1]
    click.echo(f"\n{len(judged)} cases in {time.perf_counter() - began:.1f} s; {misses} not ok, {strict:.1f} % strict")
    # A part of the cases says nothing about averages and categories.
    crowded = [] if only else crowded_with_misses(judged)
    for category in crowded:
        click.echo(f"too many that are not ok for one category: {category}")
    if crowded or misses > max_misses or (not only and strict < min_strict):
        sys.exit(1)


def _judge(recorded: Recorded, only: tuple[str, ...]) -> list[Judged]:
    judged: list[Judged] = []
    for case in recorded.cases:
        named = f"{case['id']} {case['category']}"
        if is_wanted(case) and (not only or any(part in named for part in only)):
            judged.append(_judge_one(recorded, case))
    return judged


def _judge_one(recorded: Recorded, case: Json) -> Judged:
    try:
        actual = run(case)
    except Exception as error:  # noqa: BLE001 -- a case that breaks the core is a mismatch like others, and says so
        broken: dict[str, Json] = {
            "status": "BROKEN",
            "error": type(error).__name__,
            "cause": str(error),
            "history": [],
        }
        return Judged(case, broken, {"ok": False, "ok_strict": False, "status": False})
    return Judged(case, actual, recorded.match(case, actual))


if __name__ == "__main__":
    main()
