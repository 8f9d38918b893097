"""What hostile definitions and data cost a daemon: time, the event loop's lag, memory.

Run: .venv/bin/python -m benchmarks.hostile [WORD]: only the cases with that word in their names.
"""

from __future__ import annotations

import asyncio
import sys

from tests.hostile.cases import CASES, HEADER, measure, open_daemon, row


async def run(word: str) -> None:
    """Measure and print a Markdown table."""
    print(HEADER)
    async with open_daemon() as daemon:
        for case in CASES:
            if word in case.name:
                print(row(case, await measure(daemon, case)), flush=True)


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1] if len(sys.argv) > 1 else ""))
