"""Whatever a definition or its data try, it ends soon, in little memory, and keeps nobody else waiting."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from statebox.daemon import Daemon
from tests.hostile.cases import CASES, HEADER, Case, measure, open_daemon, row

# Generous, as machines that run tests are busy; the benchmark of the same cases takes the bounds as they are.
PATIENCE = 5.0

_rows: list[str] = []


@pytest.fixture(scope="module", autouse=True)
def _table() -> Iterator[None]:
    """Show the table of what was measured."""
    yield
    print("\n" + "\n".join([HEADER, *_rows]))  # noqa: T201 - shown with -s


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def daemon() -> AsyncIterator[Daemon]:
    """One for all, as it must stand all; evaluations get less time than usual, so that this takes less."""
    async with open_daemon(evaluation_seconds=2.0) as opened:
        yield opened


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_hostile_execution_ends_with_a_clear_word(daemon: Daemon, case: Case) -> None:
    cost = await measure(daemon, case)
    _rows.append(row(case, cost))
    assert cost.excesses(case, PATIENCE) == []
