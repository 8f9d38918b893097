"""The plot: a panel for each workload, a line for each side, executions a second over concurrency, both logarithmic."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape

from benchmarks.contest.report import Contest

_COLOURS: Final = ("#0072b2", "#d55e00", "#56b4e9", "#009e73", "#cc79a7", "#999999", "#66c2a5", "#e69f00")
_WIDTH, _HEIGHT, _MARGIN, _LEGEND = 300, 220, 45, 24
_WORKLOADS: Final = ("pass10", "task5", "suspend")


def plot(contest: Contest) -> str:
    """The plot as SVG."""
    sides = contest.sides()
    width = (_WIDTH + _MARGIN) * len(_WORKLOADS) + _MARGIN
    height = _HEIGHT + 2 * _MARGIN + _LEGEND * ((len(sides) + 2) // 3)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif"'
        ' font-size="11">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for n, workload in enumerate(_WORKLOADS):
        parts += _panel(contest, workload, sides, _MARGIN + n * (_WIDTH + _MARGIN))
    for n, side in enumerate(sides):
        x = _MARGIN + n % 3 * (width - _MARGIN) // 3
        y = _HEIGHT + 2 * _MARGIN + n // 3 * _LEGEND
        parts.append(f'<rect x="{x}" y="{y - 9}" width="16" height="6" fill="{_colour(n)}"/>')
        parts.append(f'<text x="{x + 22}" y="{y}">{escape(side)}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _colour(n: int) -> str:
    return _COLOURS[n % len(_COLOURS)]


def _panel(contest: Contest, workload: str, sides: Sequence[str], left: float) -> list[str]:
    concurrencies = contest.concurrencies(workload)
    lines = [_line(contest, workload, side) for side in sides]
    rates = [rate for line in lines for _, rate in line if rate > 0]
    if not rates:
        return []
    low, high = math.floor(math.log10(min(rates))), math.ceil(math.log10(max(rates)))
    high = max(high, low + 1)
    bottom = _MARGIN + _HEIGHT
    widest = max(math.log10(max(concurrencies)), 1.0)

    def x(concurrency: int) -> float:
        return left + math.log10(concurrency) / widest * (_WIDTH - 20)

    def y(rate: float) -> float:
        return bottom - (math.log10(rate) - low) / (high - low) * _HEIGHT

    title = {"suspend": "resumes"}.get(workload, workload)
    drawn = [f'<text x="{left}" y="{_MARGIN - 14}" font-size="14">{title} a second, by concurrency</text>']
    for power in range(low, high + 1):
        at = y(10**power)
        drawn.append(f'<line x1="{left}" x2="{left + _WIDTH - 20}" y1="{at:.1f}" y2="{at:.1f}" stroke="#dddddd"/>')
        drawn.append(f'<text x="{left - 4}" y="{at + 4:.1f}" text-anchor="end">{10**power:,}</text>')
    drawn += [f'<text x="{x(one):.1f}" y="{bottom + 16}" text-anchor="middle">{one:,}</text>' for one in concurrencies]
    for n, line in enumerate(lines):
        points = [(x(concurrency), y(rate)) for concurrency, rate in line if rate > 0]
        path = " ".join(f"{across:.1f},{up:.1f}" for across, up in points)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{_colour(n)}" stroke-width="2"/>')
        drawn += [f'<circle cx="{across:.1f}" cy="{up:.1f}" r="3" fill="{_colour(n)}"/>' for across, up in points]
    return drawn


def _line(contest: Contest, workload: str, side: str) -> list[tuple[int, float]]:
    found = ((one, contest.cells(side, workload, one)) for one in contest.concurrencies(workload))
    return [(one, statistics.median(m.cell.outcome.per_second for m in cells)) for one, cells in found if cells]
