"""Keeps a contest's report: its section in RESULTS.md, and the plot."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from benchmarks.contest.plot import plot
from benchmarks.contest.report import Contest, report

_BEGIN: Final = "<!-- what `make bench ARGS=peers` writes: begin -->"
_END: Final = "<!-- what `make bench ARGS=peers` writes: end -->"


def write_results(contest: Contest, folder: Path) -> None:
    """Replace the section between the marks, or add it at the end, and draw results.svg."""
    file = folder / "RESULTS.md"
    text = file.read_text()
    section = f"{_BEGIN}\n{report(contest)}\n\n![executions a second](results.svg)\n{_END}\n"
    if _BEGIN in text:
        before, _, rest = text.partition(_BEGIN)
        _, _, after = rest.partition(f"{_END}\n")
        file.write_text(before + section + after)
    else:
        file.write_text(f"{text.rstrip()}\n\n{section}")
    (folder / "results.svg").write_text(plot(contest))
