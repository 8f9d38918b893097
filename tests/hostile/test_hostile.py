"""Whatever a definition or its data try, it ends soon, in little memory, and keeps nobody else waiting."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.hostile.cases import CASES, HEADER, Case, measure, open_daemon, row

# Generous, as machines that run tests are busy; the benchmark of the same cases shows the figures.
MOST_SECONDS = 15.0
MOST_LAG_MS = 1_000.0
MOST_MIB = 512.0

_rows: list[str] = []


@pytest.fixture(scope="module", autouse=True)
def _table() -> Iterator[None]:
    """Show the table of what was measured."""
    yield
    print("\n" + "\n".join([HEADER, *_rows]))  # noqa: T201 - shown with -s


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_hostile_execution_ends_with_a_clear_word(case: Case) -> None:
    async with open_daemon() as daemon:
        cost = await measure(daemon, case)
    _rows.append(row(case, cost))
    assert re.search(case.ends, cost.outcome)
    assert cost.seconds < MOST_SECONDS
    assert cost.lag_ms < MOST_LAG_MS
    assert max(cost.daemon_mib, cost.worker_mib) < MOST_MIB
