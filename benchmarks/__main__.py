"""Run the benchmarks by name, all of them where none is named, and print their tables."""

from __future__ import annotations

import argparse
import platform
import sys

from benchmarks import lateness, maps, memory, starts, suspended, timers
from benchmarks.contest import compare

BENCHMARKS = {
    "lateness": lateness.main,
    "maps": maps.main,
    "memory": memory.main,
    "starts": starts.main,
    "suspended": suspended.main,
    "timers": timers.main,
    "peers": compare.full,
}
# Runs only where it is named: what it measures is part of another one.
SHORT_FORMS = {"quick": compare.quick}


def main() -> None:
    """Read the names and run them."""
    parser = argparse.ArgumentParser(description=__doc__)
    every = BENCHMARKS | SHORT_FORMS
    parser.add_argument("names", nargs="*", help=f"of {', '.join(every)}")
    names: list[str] = parser.parse_args().names
    if unknown := [name for name in names if name not in every]:
        parser.error(f"nothing is called {', '.join(unknown)}; there are {', '.join(every)}")
    print(f"Python {platform.python_version()} on {platform.machine()}, {platform.system()} {platform.release()}\n")
    for name in names or BENCHMARKS:
        print(f"### {name}\n")
        sys.argv = [name]
        every[name]()
        print()


if __name__ == "__main__":
    main()
