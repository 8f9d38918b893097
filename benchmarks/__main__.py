"""Run the benchmarks by name, all of them where none is named, and print their tables."""

from __future__ import annotations

import argparse
import platform
import sys

from benchmarks import lateness, maps, memory, suspended, timers

BENCHMARKS = {
    "lateness": lateness.main,
    "maps": maps.main,
    "memory": memory.main,
    "suspended": suspended.main,
    "timers": timers.main,
}


def main() -> None:
    """Read the names and run them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BENCHMARKS)}")
    names: list[str] = parser.parse_args().names
    if unknown := [name for name in names if name not in BENCHMARKS]:
        parser.error(f"nothing is called {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    print(f"Python {platform.python_version()} on {platform.machine()}, {platform.system()} {platform.release()}\n")
    for name in names or BENCHMARKS:
        print(f"### {name}\n")
        sys.argv = [name]
        BENCHMARKS[name]()
        print()


if __name__ == "__main__":
    main()
