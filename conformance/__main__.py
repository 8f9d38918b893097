"""`python -m conformance`: runs the recorded cases, in the core and over the wire, and prints how well they agree."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from conformance.bars import reached
from conformance.mismatches import explain
from conformance.recorded import Recorded, folder, load
from conformance.running import is_wanted, run
from conformance.table import Judged, average, crowded_with_misses, executions_of, lines
from conformance.wire import RUNNER, run_over_the_wire
from statebox.asl.jsontext import Json


@click.command()
@click.option("--cases", "place", type=click.Path(path_type=Path), help="The folder with cases.json and compare.py.")
@click.option("--core", "way", flag_value="core", help="Only in virtual time, against the core.")
@click.option("--wire", "way", flag_value="wire", help="Only in real time, over HTTP, against `statebox dev`.")
@click.option("--only", metavar="SUBSTRING", multiple=True, help="Only cases with this in their id, category or kind.")
@click.option("--diff", is_flag=True, help="Print the core's mismatches with their differences.")
@click.option("--max-misses", type=int, default=8, show_default=True, help="How many cases of the core may not be ok.")
@click.option(
    "--min-strict",
    type=float,
    default=95.0,
    show_default=True,
    help="How many percent of the core's executions must agree strictly, averaged over categories.",
)
@click.option("--endpoint", metavar="URL", help="Over the wire: a daemon that runs, in place of a new `statebox dev`.")
@click.option("--actions", metavar="URL", help="Over the wire: the OpenWhisk of that daemon.")
@click.option("--parallel", type=int, default=16, show_default=True, help="Over the wire: how many cases at a time.")
def main(
    place: Path | None,
    way: str | None,
    only: tuple[str, ...],
    diff: bool,
    max_misses: int,
    min_strict: float,
    endpoint: str | None,
    actions: str | None,
    parallel: int,
) -> None:
    """Run the recorded cases, in the core and over the wire; exit code 1 when more of them disagree than may.

    \b
    Examples:
      python -m conformance --core --diff --only map
      python -m conformance --wire --only test_state
      python -m conformance --wire --only api_error --endpoint http://127.0.0.1:8083 --actions http://127.0.0.1:3233
    """
    place = place or folder()
    if not (place / "cases.json").is_file():
        click.echo(f"There are no recordings in {place} (STATEBOX_CONFORMANCE names another folder): nothing was run.")
        return
    good = way == "wire" or _core(place, only, diff, max_misses, min_strict)
    if way != "core":
        good &= _wire(place, only, endpoint, actions, parallel)
    if not good:
        sys.exit(1)


def _core(place: Path, only: tuple[str, ...], diff: bool, max_misses: int, min_strict: float) -> bool:
    """Whether enough cases agree; of a category one may not be ok, and none of a category of up to three cases."""
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
    return not (crowded or misses > max_misses or (not only and strict < min_strict))


def _wire(place: Path, only: tuple[str, ...], endpoint: str | None, actions: str | None, parallel: int) -> bool:
    """Whether each kind of case reaches its bar over HTTP; a part of the cases has none to reach."""
    if not (place / RUNNER).is_file():
        click.echo(f"There is no {RUNNER} in {place}: nothing was run over the wire.")
        return True
    results = run_over_the_wire(place, only, endpoint=endpoint, actions=actions, parallel=parallel)
    levels = list(reached(results))
    for level in levels:
        click.echo(str(level))
    return bool(only) or all(level.enough for level in levels)


def _judge(recorded: Recorded, only: tuple[str, ...]) -> list[Judged]:
    judged: list[Judged] = []
    for case in recorded.cases:
        named = f"{case['id']} {case['category']} {case['kind']}"
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
