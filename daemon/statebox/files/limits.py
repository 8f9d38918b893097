"""How much one file may hold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLimits:
    """Bounds for one file, and for how many are worked on at a time.

    All items of a Map are in memory at once. When a text is parsed, its arrays and objects take memory and time, much
    more than its bytes do: `brackets` bounds the opening ones in a JSON text, before it is parsed. Each row of a CSV
    has all columns, whatever is written there: `cells` bounds rows times columns. Results are written piece by piece:
    their bound is there for the disk's sake.
    """

    read_bytes: int = 8 * 1024 * 1024
    items: int = 100_000
    brackets: int = 500_000
    cells: int = 2_000_000
    written_bytes: int = 1024 * 1024 * 1024
    at_once: int = 2
