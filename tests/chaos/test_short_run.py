"""A short chaos: as `make chaos`, for seconds instead of minutes."""

from __future__ import annotations

from pathlib import Path

from chaos.plan import Plan
from chaos.report import written
from chaos.run import run


async def test_a_short_chaos_leaves_no_violation_and_breaks_everything_at_least_once(tmp_path: Path):
    """Its report is the message when it does."""
    report = await run(Plan(seed=1, seconds=14, executions=110, settle_seconds=60), tmp_path)
    assert not report.violations, written(report)
    assert not report.missing, written(report)
