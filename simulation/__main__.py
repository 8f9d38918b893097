"""`python -m simulation --seeds 1-1000`: plays seeds on all cores, and says what was violated."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Final

from simulation.breaks import BREAKS, UNBROKEN
from simulation.mirror import Mirror
from simulation.world import Outcome, play

# With another one, sets have another order in each process, and a seed would not do the same twice.
_HASH_SEED: Final = "0"
_AT_ONCE: Final = 20
_BETWEEN_NEWS: Final = 500
_MOST_TRIED: Final = 300


def main() -> int:
    """Play, print, and return the exit status: 1 when something was violated, or a broken build was not caught."""
    if os.environ.get("PYTHONHASHSEED") != _HASH_SEED:
        os.environ["PYTHONHASHSEED"] = _HASH_SEED
        os.execv(sys.executable, [sys.executable, "-m", "simulation", *sys.argv[1:]])
    options = _options()
    if options.mirror is not None:
        return _compare(options.seeds, options.mirror)
    if options.catch:
        return _catch(options.catch)
    if options.all_breaks:
        return _catch_all(options.seeds, options.jobs)
    began = time.monotonic()
    counts: Counter[str] = Counter()
    bad = played = commands = 0
    for outcome in _outcomes(options.seeds, options.broken, options.jobs):
        played += 1
        if played % _BETWEEN_NEWS == 0:
            print(f"{played} seeds, {bad} with violations", file=sys.stderr)
        commands += outcome.commands
        counts.update(outcome.counts)
        if options.traces:
            print(f"seed {outcome.seed}: {outcome.trace}")
        if outcome.violations:
            bad += 1
            print(f"seed {outcome.seed}:", *outcome.violations, sep="\n  ")
            if options.first:
                break
    minutes = (time.monotonic() - began) / 60
    for what, number in sorted(counts.items()):
        print(f"{number:8} {what}")
    print(f"{played} seeds, {commands} commands, {played / minutes:.0f} seeds a minute: {bad} with violations")
    return 1 if bad else 0


def _compare(seeds: range, url: str) -> int:
    """Play with a real Redis beside the simulated one, one seed after the other."""
    different = compared = 0
    for seed in seeds:
        mirror = Mirror(url)
        play(seed, mirror=mirror)
        mirror.close()
        compared += mirror.compared
        different += len(mirror.differences)
        for difference in mirror.differences:
            print(f"seed {seed}: {difference}")
    print(f"{compared} commands compared, {different} differ")
    return 1 if different or not compared else 0


def _catch(pairs: Iterable[str]) -> int:
    """Show for each `NAME=SEED` that the seed catches the broken build, and that the unbroken one passes it.

    Each change of the product plays out otherwise: where the seed does not catch it any more, another one does.
    """
    missed = 0
    for pair in pairs:
        name, _, named = pair.partition("=")
        for seed in (int(named), *range(1, _MOST_TRIED + 1)):
            if play(seed, BREAKS[name]).violations and not play(seed).violations:
                print(f"{name}={seed}")
                break
        else:
            missed += 1
            print(f"{name} was not caught")
    return 1 if missed else 0


def _catch_all(seeds: range, jobs: int) -> int:
    """For each broken build, the first seed that catches it and that the unbroken build passes."""
    missed = 0
    for name in BREAKS:
        for outcome in _outcomes(seeds, name, jobs):
            if outcome.violations and not play(outcome.seed).violations:
                print(f"{name}: seed {outcome.seed}: {outcome.violations[0]}")
                break
        else:
            missed += 1
            print(f"{name}: not caught by seeds {seeds[0]}-{seeds[-1]}")
    return 1 if missed else 0


def _outcomes(seeds: range, broken: str, jobs: int) -> Iterator[Outcome]:
    if jobs == 1:
        yield from (play(seed, BREAKS.get(broken, UNBROKEN)) for seed in seeds)
        return
    chunks = [range(first, min(first + _AT_ONCE, seeds.stop)) for first in range(seeds.start, seeds.stop, _AT_ONCE)]
    with ProcessPoolExecutor(jobs) as pool:
        for outcomes in pool.map(_play_some, chunks, [broken] * len(chunks)):
            yield from outcomes


def _play_some(seeds: Iterable[int], broken: str) -> list[Outcome]:
    return [play(seed, BREAKS.get(broken, UNBROKEN)) for seed in seeds]


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


class _Options(argparse.Namespace):
    seeds: range
    broken: str
    all_breaks: bool
    catch: list[str]
    mirror: str | None
    jobs: int
    traces: bool
    first: bool


def _options() -> _Options:
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("--seeds", type=_seeds, default=range(1, 1001), help="which, as 1-1000 or 17")
    parser.add_argument("--break", dest="broken", choices=[UNBROKEN.name, *BREAKS], default=UNBROKEN.name)
    parser.add_argument(
        "--all-breaks", action="store_true", help="name for each broken build the first seed to catch it"
    )
    parser.add_argument(
        "--catch", nargs="*", default=[], metavar="NAME=SEED", help="show that each is caught, by that seed first"
    )
    parser.add_argument("--mirror", metavar="URL", help="of a Redis, which is emptied and must give the same replies")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processes")
    parser.add_argument("--traces", action="store_true", help="print the trace hash of each seed")
    parser.add_argument("--first", action="store_true", help="stop at the first violation")
    return parser.parse_args(namespace=_Options())


if __name__ == "__main__":
    sys.exit(main())
