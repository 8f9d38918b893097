"""What hostile definitions and data cost a daemon: time, the event loop's lag, memory.

Run: .venv/bin/python -m benchmarks.hostile [WORD]: only the cases with that word in their names. Exit code 1 when one
takes more than it may.
"""

from __future__ import annotations

import asyncio
import sys

from tests.hostile.cases import CASES, HEADER, measure, open_daemon, row


async def run(word: str) -> int:
    """Measure and print a Markdown table, and what exceeds its bounds; gives the exit code."""
    print(HEADER)
    excesses: list[str] = []
    async with open_daemon() as daemon:
        for case in CASES:
            if word in case.name:
                cost = await measure(daemon, case)
                print(row(case, cost), flush=True)
                excesses += (f"{case.name}: {words}" for words in cost.excesses(case))
    print("", *excesses or ["Each is within its bounds."], sep="\n")
    return 1 if excesses else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(run(sys.argv[1] if len(sys.argv) > 1 else "")))
